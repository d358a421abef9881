#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

/// One name, one class: two definitions of a class in namespace `troupe` make one program of
/// undefined behaviour (C++20 [basic.def.odr]), and no linker says so. The compiler does with
/// `-flto -Wodr` where they meet in one link; here no file may define what another one does.
namespace troupe {

namespace {

/// What a C++ source says, word by word: names, numbers as names, and single characters.
/// Comments, texts and preprocessor lines are left out.
class source_words {
public:
  explicit source_words(std::string_view text) : rest_{text} {}

  /// Empty at the end.
  std::string_view next() {
    skip();
    if (rest_.empty())
      return {};
    // 1'000 is one word.
    const bool is_number = std::isdigit(static_cast<unsigned char>(rest_.front())) != 0;
    std::size_t size = 0;
    while (size < rest_.size() && (is_word(rest_[size]) || (is_number && rest_[size] == '\'')))
      ++size;
    return take(std::max<std::size_t>(size, 1));
  }

private:
  static bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

  std::string_view take(std::size_t size) {
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    at_line_start_ = false;
    return taken;
  }

  void skip_behind(std::string_view end, std::size_t from) {
    const auto found = rest_.find(end, from);
    rest_.remove_prefix(found == rest_.npos ? rest_.size() : found + end.size());
  }

  void skip_quoted(char quote) {
    std::size_t i = 1;
    while (i < rest_.size() && rest_[i] != quote)
      i += rest_[i] == '\\' ? 2 : 1;
    rest_.remove_prefix(std::min(i + 1, rest_.size()));
  }

  void skip_raw_text() {
    const auto open = rest_.find('(');
    skip_behind(")" + std::string{rest_.substr(2, open - 2)} + "\"", open);
  }

  void skip_directive() {
    auto end = rest_.find('\n');
    while (end != rest_.npos && end > 0 && rest_[end - 1] == '\\')
      end = rest_.find('\n', end + 1);
    rest_.remove_prefix(std::min(end, rest_.size()));
  }

  void skip() {
    for (; !rest_.empty(); at_line_start_ = false) {
      if (rest_.front() == '\n') {
        rest_.remove_prefix(1);
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
          rest_.remove_prefix(1);
        if (rest_.starts_with('#'))
          skip_directive();
      } else if (rest_.starts_with('#') && at_line_start_) {
        skip_directive();
      } else if (std::isspace(static_cast<unsigned char>(rest_.front())) != 0) {
        rest_.remove_prefix(1);
      } else if (rest_.starts_with("//")) {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (rest_.starts_with("/*")) {
        skip_behind("*/", 2);
      } else if (rest_.starts_with("R\"")) {
        skip_raw_text();
      } else if (rest_.front() == '"' || rest_.front() == '\'') {
        skip_quoted(rest_.front());
      } else {
        return;
      }
    }
  }

  std::string_view rest_;
  bool at_line_start_ = true;
};

/// Finds the classes, structs, unions and enums that a source defines directly in `troupe`.
class definition_finder {
public:
  std::set<std::string> in(std::string_view text) {
    source_words words{text};
    std::vector<std::string> statement;
    for (auto word = words.next(); !word.empty(); word = words.next()) {
      if (word == "{") {
        open(statement);
      } else if (word == "}") {
        if (!scopes_.empty())
          scopes_.pop_back();
      } else if (word != ";") {
        statement.emplace_back(word);
        continue;
      }
      statement.clear();
    }
    return std::move(found_);
  }

private:
  enum class scope { troupe, other };

  /// A brace opens behind the words of `statement`.
  void open(const std::vector<std::string>& statement) {
    const bool is_outermost = scopes_.empty();
    const bool is_in_troupe = scopes_.size() == 1 && scopes_.back() == scope::troupe;
    if (is_in_troupe)
      note(statement);
    const bool opens_troupe = is_outermost && statement == std::vector<std::string>{"namespace", "troupe"};
    scopes_.push_back(opens_troupe ? scope::troupe : scope::other);
  }

  void note(const std::vector<std::string>& statement) {
    static const std::set<std::string> keys{"class", "struct", "union", "enum"};
    std::size_t at = 0;
    // Past `template <class T, …>`, however deep.
    if (!statement.empty() && statement.front() == "template") {
      int depth = 0;
      do {
        ++at;
        depth += at < statement.size() && statement[at] == "<" ? 1 : 0;
        depth -= at < statement.size() && statement[at] == ">" ? 1 : 0;
      } while (at < statement.size() && depth > 0);
      ++at;
    }
    if (at >= statement.size() || !keys.contains(statement[at]))
      return;
    while (at < statement.size() && (keys.contains(statement[at]) || statement[at] == "alignas"))
      ++at;
    // `struct x<int>` specialises, `struct x::y` is of a class, `struct x f()` is a function.
    const auto behind = [&](std::size_t n) { return at + n < statement.size() ? statement[at + n] : std::string{}; };
    const bool is_plain = behind(1).empty() || behind(1) == "final" || (behind(1) == ":" && behind(2) != ":");
    if (at < statement.size() && is_plain)
      found_.insert(statement[at]);
  }

  std::vector<scope> scopes_;
  std::set<std::string> found_;
};

using named_sources = std::vector<std::pair<std::string, std::string>>;

/// Sentences, one for each name that two files define.
std::vector<std::string> doubled_names(const named_sources& sources) {
  std::map<std::string, std::string> home;
  std::vector<std::string> found;
  for (const auto& [file, text] : sources) {
    for (const auto& name : definition_finder{}.in(text)) {
      const auto [first, is_new] = home.emplace(name, file);
      if (!is_new)
        found.push_back(name + " is defined in " + first->second + " and in " + file);
    }
  }
  return found;
}

named_sources product() {
  named_sources all;
  for (const auto* layer : {"config", "persistence", "actors", "gateway"}) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator{TROUPE_SOURCE_DIR + ("/" + std::string{layer})}) {
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp")
        continue;
      std::ostringstream text;
      text << std::ifstream{entry.path()}.rdbuf();
      all.emplace_back(entry.path().lexically_relative(TROUPE_SOURCE_DIR).string(), text.str());
    }
  }
  return all;
}

} // namespace

// Seen in this repository: `sse_parser` was two classes, of 136 and of 112 bytes, in one program.
TEST(Names, AClassOfTwoFilesIsFound) {
  const std::string one = "namespace troupe {\nclass sse_parser {\npublic:\n  int feed();\n};\n}\n";
  const std::string other = "#pragma once\nnamespace troupe {\n/// Reads.\nclass sse_parser final : reader {};\n}";
  EXPECT_THAT(doubled_names({{"a.hpp", one}, {"b.hpp", other}}),
              testing::ElementsAre("sse_parser is defined in a.hpp and in b.hpp"));
}

TEST(Names, EveryKindOfDefinitionIsFound) {
  const std::string text = "namespace troupe {\n"
                           "constexpr int thousand = 1'000;\nstruct a {};\nclass b : public a { struct inner { int x; "
                           "}; };\nenum class c : int { x };\n"
                           "enum d { y };\nunion e { int i; };\ntemplate <class T, std::set<int> S>\nstruct f { };\n"
                           "void g() { struct local {}; }\n"
                           "const char* text = \"} } struct quoted {\"; // } struct comment {\n"
                           "constexpr char brace = '{';\nconst char* raw = R\"x(struct raw { )x\";\n"
                           "#define open struct macro {\n"
                           "struct h final : a {};\n}\nnamespace other {\nstruct i {};\n}\n";
  EXPECT_THAT(definition_finder{}.in(text), testing::ElementsAre("a", "b", "c", "d", "e", "f", "h"));
}

TEST(Names, WhatIsDeclaredOrItsFilesAloneIsNotCounted) {
  const std::string one = "namespace troupe {\nclass a;\nenum class b : int;\nstruct x { int i; };\n"
                          "namespace {\nstruct mine {};\n}\nnamespace wire {\nstruct frame {};\n}\n"
                          "namespace nested::deeper { struct same {}; }\ntemplate <> struct x<int> {};\n"
                          "struct x make() { return {}; }\nstruct x::y { int i; };\n}\n";
  const std::string other = "namespace troupe {\nclass a;\nenum class b : int;\nnamespace {\nstruct mine {};\n}\n"
                            "namespace wire {\nstruct frame {};\n}\nnamespace nested::deeper { struct same {}; }\n}\n";
  EXPECT_THAT(doubled_names({{"a.cpp", one}, {"b.cpp", other}}), testing::IsEmpty());
}

TEST(Names, EachClassOfTheProductIsDefinedInOneFile) {
  const auto sources = product();
  EXPECT_THAT(doubled_names(sources), testing::IsEmpty());
  std::set<std::string> all;
  for (const auto& [file, text] : sources)
    all.merge(definition_finder{}.in(text));
  EXPECT_THAT(all, testing::IsSupersetOf({"sse_parser", "settings", "task_record", "task_status", "outbound_target"}));
}

} // namespace troupe
