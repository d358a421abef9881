#include "gateway/forms/json_guard.hpp"

#include "gateway/forms/body.hpp"
#include "gateway/forms/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

namespace {

using json = nlohmann::json;

/// Line and column of a byte, both from 1; columns count bytes.
std::string place(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto last_break = before.rfind('\n');
  const auto column = before.size() - (last_break == before.npos ? 0 : last_break + 1);
  return "line " + std::to_string(line) + ", column " + std::to_string(std::max<std::size_t>(column, 1));
}

/// The library's reason without its prefix and without the input it repeats:
/// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error
/// while parsing value - invalid literal; last read: '…'".
std::string reason(std::string_view what) {
  if (const auto prefix = what.find(": "); prefix != what.npos)
    what.remove_prefix(prefix + 2);
  if (const auto echo = what.find("; last read: '"); echo != what.npos)
    what = what.substr(0, echo);
  return std::string{what};
}

/// Builds the tree from the parser's events. The library's parser keeps its
/// nesting in a vector and not on the stack, and each event may refuse to go on,
/// so that a bomb ends at the first value past a limit.
class builder final : public nlohmann::json_sax<json> {
public:
  builder(std::string_view text, const json_limits& limits) : text_{text}, limits_{limits} {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }

  bool number_float(number_float_t value, const string_t& written) override {
    // The library falls back to a double for integers beyond 64 bits, which would
    // silently change them: they are kept as text (persistence/values/exact_json).
    if (written.find_first_of(".eE") == written.npos)
      return add(json::binary(std::vector<std::uint8_t>(written.begin(), written.end())));
    return add(value);
  }

  bool string(string_t& value) override {
    if (value.find('\0') != value.npos)
      return refuse("the string" + at_path() + " holds a NUL character (\\u0000), which cannot be stored");
    return add(std::move(value));
  }

  bool binary(binary_t&) override { return refuse("binary values are not JSON"); }

  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (name.find('\0') != name.npos)
      return refuse("a member's name" + at_path() + " holds a NUL character (\\u0000), which cannot be stored");
    const auto [member, is_new] = open_.back()->get_ref<json::object_t&>().try_emplace(std::move(name));
    if (!is_new)
      return refuse("the member " + excerpt(member->first) + at_path() + " is there twice");
    member_ = &member->second;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    constexpr int number_overflow = 406;
    if (error.id == number_overflow)
      return refuse(place(text_, position) + ": the number does not fit a double");
    return refuse(place(text_, position) + ": " + reason(error.what()));
  }

  json& tree() { return tree_; }
  const std::string& error() const { return error_; }

private:
  bool refuse(std::string reason) {
    error_ = std::move(reason);
    return false;
  }

  /// " in /a/0", as a JSON pointer; nothing at the top.
  std::string at_path() const {
    std::string path;
    for (std::size_t i = 0; i + 1 < open_.size(); ++i)
      append_step(path, *open_[i], open_[i + 1]);
    if (path.empty())
      return path;
    return " in " + excerpt(path);
  }

  static void append_step(std::string& path, const json& parent, const json* child) {
    if (path.size() > 100)
      return;
    path += '/';
    if (parent.is_array()) {
      path += std::to_string(parent.size() - 1);
      return;
    }
    for (const auto& [name, value] : parent.get_ref<const json::object_t&>())
      if (&value == child)
        path += name;
  }

  /// Null if the value must not be added.
  json* place_value(json&& value) {
    if (++values_ > limits_.values) {
      refuse("it has more than " + std::to_string(limits_.values) + " values");
      return nullptr;
    }
    if (open_.empty()) {
      tree_ = std::move(value);
      return &tree_;
    }
    auto& parent = *open_.back();
    if (parent.is_array()) {
      auto& items = parent.get_ref<json::array_t&>();
      items.push_back(std::move(value));
      return &items.back();
    }
    *member_ = std::move(value);
    return member_;
  }

  bool add(json&& value) { return place_value(std::move(value)) != nullptr; }

  bool open(json&& container) {
    if (open_.size() >= limits_.depth)
      return refuse("it nests more than " + std::to_string(limits_.depth) + " arrays and objects");
    auto* placed = place_value(std::move(container));
    if (placed == nullptr)
      return false;
    open_.push_back(placed);
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  json_limits limits_;
  json tree_;
  /// The containers around the next value. Their addresses hold: a container grows
  /// only while it is the innermost.
  std::vector<json*> open_;
  /// Where the value of the last key goes.
  json* member_ = nullptr;
  std::size_t values_ = 0;
  std::string error_;
};

} // namespace

parsed<json> read_json(std::string_view text, const json_limits& limits) {
  builder tree{text, limits};
  if (json::sax_parse(text.begin(), text.end(), &tree))
    return std::move(tree.tree());
  return problem{.code = problem_code::invalid_json, .detail = "The JSON cannot be read: " + tree.error() + "."};
}

parsed<json> read_json_object(std::string_view text, const json_limits& limits) {
  auto result = read_json(text, limits);
  const auto* tree = std::get_if<json>(&result);
  if (tree == nullptr || tree->is_object())
    return result;
  std::string detail = "expected an object, got ";
  detail += kind_of(*tree);
  return problem{.code = problem_code::invalid_body,
                 .detail = "The body must be a JSON object.",
                 .errors = {{.pointer = "", .detail = std::move(detail)}}};
}

} // namespace troupe
