#include "actors/models/api_key.hpp"

#include "actors/toolbox/http_tool.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

namespace troupe {

namespace {

constexpr std::uintmax_t max_key_file = 4096;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view white = " \t\r\n";
  const auto first = text.find_first_not_of(white);
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, text.find_last_not_of(white) - first + 1);
}

std::variant<std::string, key_missing> checked(std::string_view key, const std::string& source) {
  key = trimmed(key);
  if (key.empty())
    return key_missing{"The model's key is missing: " + source + " is empty."};
  if (!std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < '\x7f'; }))
    return key_missing{"The model's key is not usable: " + source + " holds something other than printable ASCII."};
  return std::string{key};
}

} // namespace

std::variant<std::string, key_missing> read_api_key(const model_record& model) {
  if (!model.api_key_env.empty()) {
    const auto source = "the environment variable " + model.api_key_env;
    const auto* value = may_use_env(model.api_key_env) ? std::getenv(model.api_key_env.c_str()) : nullptr;
    if (value == nullptr)
      return key_missing{"The model's key is missing: " + source + " is not set for the server."};
    return checked(value, source);
  }
  if (model.api_key_file.empty())
    return std::string{};
  const auto source = "the file " + model.api_key_file;
  std::error_code error;
  const bool regular = std::filesystem::is_regular_file(model.api_key_file, error);
  const auto size = regular ? std::filesystem::file_size(model.api_key_file, error) : 0;
  std::ifstream file;
  if (regular && !error && size <= max_key_file)
    file.open(model.api_key_file);
  std::string line;
  if (!file.is_open() || !std::getline(file, line))
    return key_missing{"The model's key is missing: " + source + " cannot be read, or is no file of at most 4 KiB."};
  return checked(line, source);
}

} // namespace troupe
