#include "gateway/json_log.hpp"

#include "persistence/json_text.hpp"
#include "persistence/time.hpp"

#include <spdlog/details/log_msg.h>
#include <spdlog/formatter.h>

#include <chrono>
#include <string_view>

namespace troupe {

namespace {

class json_formatter final : public spdlog::formatter {
public:
  explicit json_formatter(std::string node) : node_{std::move(node)} {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    std::string line = R"({"at":")";
    line += to_rfc3339(std::chrono::time_point_cast<std::chrono::microseconds>(message.time));
    line += R"(","level":")";
    const auto level = spdlog::level::to_string_view(message.level);
    line.append(level.data(), level.size());
    line += R"(","node":)";
    append_json_string(line, node_);
    line += R"(,"message":)";
    append_json_string(line, std::string_view{message.payload.data(), message.payload.size()});
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

std::unique_ptr<spdlog::formatter> make_json_formatter(std::string node) {
  return std::make_unique<json_formatter>(std::move(node));
}

} // namespace troupe
