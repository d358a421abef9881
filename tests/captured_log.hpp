#pragma once

#include "persistence/logging/log.hpp"
#include "persistence/logging/log_lines.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// What is logged while it lives, of a level and above, as the server would write it.
class captured_log {
public:
  explicit captured_log(logging::level least, logging::style style = logging::style::text)
    : before_{spdlog::default_logger()} {
    auto logger = std::make_shared<spdlog::logger>("captured", sink_);
    logger->set_level(static_cast<spdlog::level::level_enum>(least));
    logger->set_formatter(style == logging::style::json ? make_json_formatter("n") : make_text_formatter());
    logging::set_style(style);
    spdlog::set_default_logger(std::move(logger));
  }
  ~captured_log() {
    logging::set_style(logging::style::text);
    spdlog::set_default_logger(before_);
  }
  captured_log(const captured_log&) = delete;
  captured_log& operator=(const captured_log&) = delete;

  [[nodiscard]] std::string text() const { return sink_->text(); }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::istringstream in{text()};
    for (std::string line; std::getline(in, line);)
      all.push_back(line);
    return all;
  }
  /// The first line that says `what`; empty if there is none.
  [[nodiscard]] std::string line_with(std::string_view what) const {
    for (const auto& line : lines())
      if (line.find(what) != std::string::npos)
        return line;
    return {};
  }

private:
  class memory final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    std::string text() {
      const std::lock_guard lock{mutex_};
      return text_;
    }

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
      spdlog::memory_buf_t line;
      formatter_->format(message, line);
      text_.append(line.data(), line.size());
    }
    void flush_() override {}

  private:
    std::string text_;
  };

  std::shared_ptr<memory> sink_ = std::make_shared<memory>();
  std::shared_ptr<spdlog::logger> before_;
};

} // namespace troupe
