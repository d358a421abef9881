#include "actors/providers/think_splitter.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace troupe {
namespace {

struct split {
  std::string text;
  std::string thinking;
  std::string prefix;

  bool operator==(const split&) const = default;
};

void PrintTo(const split& one, std::ostream* out) {
  *out << '[' << one.thinking << "][" << one.text << "][" << one.prefix << ']';
}

split of(const std::vector<std::string>& pieces) {
  think_splitter splitter;
  split all;
  const auto add = [&](const think_splitter::pieces& some) {
    all.text += some.text;
    all.thinking += some.thinking;
  };
  for (const auto& piece : pieces)
    add(splitter.take(piece));
  add(splitter.finish());
  all.prefix = splitter.prefix();
  return all;
}

TEST(ThinkSplitter, TellsThinkingFromTheAnswerHoweverItIsCut) {
  const std::string whole = "\n<think>\nhm</thin> ok</think>\n\n42 <think>";
  const split wanted{"42 <think>", "\nhm</thin> ok", "\n<think>\nhm</thin> ok</think>\n\n"};
  EXPECT_EQ(of({whole}), wanted);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut)
    EXPECT_EQ(of({whole.substr(0, cut), whole.substr(cut)}), wanted) << cut;
  std::vector<std::string> bytes;
  for (const char c : whole)
    bytes.emplace_back(1, c);
  EXPECT_EQ(of(bytes), wanted);
}

TEST(ThinkSplitter, LeavesAloneWhatIsNoThinking) {
  for (const std::string text :
       {"", "a", "<", "<thi", " <b>bold</b>", "<thinking>x", "The tag <think> opens a thought.", "hm</think>42"})
    EXPECT_EQ(of({text}), (split{text, "", ""}));
}

TEST(ThinkSplitter, TakesAllForThinkingThatIsNeverClosed) {
  EXPECT_EQ(of({"<think>hm", " and</th"}), (split{"", "hm and</th", "<think>hm and</th"}));
}

} // namespace
} // namespace troupe
