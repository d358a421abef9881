#include "persistence/values/exact_json.hpp"

#include "persistence/values/json_text.hpp"
#include "persistence/values/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <utility>
#include <vector>

namespace troupe {

namespace {

using nlohmann::json;

/// Builds the tree as nlohmann's own handler does, but for numbers that would lose digits.
class exact_reader final : public json::json_sax_t {
public:
  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(json::number_integer_t value) override { return put(value); }
  bool number_unsigned(json::number_unsigned_t value) override { return put(value); }
  bool number_float(json::number_float_t, const std::string& text) override {
    return put(json::binary(std::vector<std::uint8_t>(text.begin(), text.end())));
  }
  bool string(std::string& value) override { return put(std::move(value)); }
  // JSON as text has none.
  bool binary(json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool key(std::string& name) override {
    keys_.back() = std::move(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override { return false; }

  json& tree() noexcept { return tree_; }

private:
  /// Where the next value goes.
  json& place() {
    if (open_.empty())
      return tree_;
    auto& into = *open_.back();
    return into.is_array() ? into.emplace_back() : into[keys_.back()];
  }

  template <class T>
  bool put(T&& value) {
    place() = json(std::forward<T>(value));
    return true;
  }

  bool open(json container) {
    auto& made = place();
    made = std::move(container);
    open_.push_back(&made);
    keys_.emplace_back();
    return true;
  }

  bool close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }

  json tree_;
  // Only the innermost container grows, so those around it stay where they are.
  std::vector<json*> open_;
  std::vector<std::string> keys_;
};

void append(std::string& out, const json& value) {
  switch (value.type()) {
  case json::value_t::object: {
    out += '{';
    bool first = true;
    for (const auto& [name, member] : value.items()) {
      if (!std::exchange(first, false))
        out += ',';
      append_json_string(out, name);
      out += ':';
      append(out, member);
    }
    out += '}';
    return;
  }
  case json::value_t::array: {
    json_array items{out};
    for (const auto& item : value)
      append(items.open(), item);
    return;
  }
  case json::value_t::string: append_json_string(out, value.get_ref<const std::string&>()); return;
  case json::value_t::binary: {
    const auto& digits = value.get_binary();
    out.append(digits.begin(), digits.end());
    return;
  }
  case json::value_t::null:
  case json::value_t::boolean:
  case json::value_t::number_integer:
  case json::value_t::number_unsigned:
  case json::value_t::number_float:
  case json::value_t::discarded: out += value.dump(); return;
  }
}

} // namespace

std::optional<json> parse_exact(std::string_view text, std::size_t max_depth) {
  if (!json_nesting_within(text, max_depth))
    return std::nullopt;
  exact_reader reader;
  if (!json::sax_parse(text, &reader))
    return std::nullopt;
  return std::move(reader.tree());
}

std::optional<json> parse_exact_object(std::string_view text, std::size_t max_depth) {
  auto value = parse_exact(text, max_depth);
  if (!value || !value->is_object())
    return std::nullopt;
  return value;
}

std::string dump_exact(const json& value) {
  std::string out;
  append(out, value);
  return out;
}

bool is_exact_number(const json& value) noexcept {
  return value.is_number() || value.is_binary();
}

std::string exact_text(const json& value) {
  const auto* text = value.get_ptr<const std::string*>();
  return text ? *text : dump_exact(value);
}

} // namespace troupe
