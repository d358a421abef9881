#include "persistence/logging/log_lines.hpp"

#include "persistence/logging/log.hpp"
#include "persistence/values/json_text.hpp"
#include "persistence/values/time.hpp"

#include <spdlog/details/log_msg.h>
#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>

#include <chrono>
#include <string_view>

namespace troupe {

namespace {

std::string_view text_of(const spdlog::details::log_msg& message) {
  return {message.payload.data(), message.payload.size()};
}

class clean_message final : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    std::string clean;
    logging::append_clean(clean, text_of(message));
    out.append(clean.data(), clean.data() + clean.size());
  }

  [[nodiscard]] std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<clean_message>();
  }
};

class json_formatter final : public spdlog::formatter {
public:
  explicit json_formatter(std::string node) : node_{std::move(node)} {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto text = text_of(message);
    const bool has_fields = message.source.filename == logging::fields_mark;
    const auto said = has_fields ? static_cast<std::size_t>(message.source.line) : text.size();
    std::string line = R"({"at":")";
    line += to_rfc3339(std::chrono::time_point_cast<std::chrono::microseconds>(message.time));
    line += R"(","level":")";
    const auto level = spdlog::level::to_string_view(message.level);
    line.append(level.data(), level.size());
    line += R"(","node":)";
    append_json_string(line, node_);
    line += R"(,"message":)";
    logging::append_quoted(line, text.substr(0, said));
    // Members already, each with its comma.
    line += text.substr(said);
    line += "}\n";
    out.append(line.data(), line.data() + line.size());
  }

  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<json_formatter>(node_);
  }

private:
  std::string node_;
};

} // namespace

std::unique_ptr<spdlog::formatter> make_text_formatter() {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<clean_message>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%-5l%$ %*");
  return formatter;
}

std::unique_ptr<spdlog::formatter> make_json_formatter(std::string node) {
  return std::make_unique<json_formatter>(std::move(node));
}

} // namespace troupe
