#include "persistence/values/task_name.hpp"

#include <gtest/gtest.h>

#include <string>

namespace troupe {
namespace {

TEST(DefaultTaskName, IsTheFirstLineWithoutDirectives) {
  EXPECT_EQ(default_task_name("Hello\nworld"), "Hello");
  EXPECT_EQ(default_task_name("@delay=100 @pace=5  Count to ten"), "Count to ten");
  EXPECT_EQ(default_task_name("@delay=100\r\nCount"), "Count");
  EXPECT_EQ(default_task_name("\n\n  x  \n"), "x");
  EXPECT_EQ(default_task_name("a\tb"), "a b");
  EXPECT_EQ(default_task_name("@ada what do you think"), "@ada what do you think");
}

TEST(DefaultTaskName, IsNeverEmpty) {
  for (const auto* input : {"", " ", "\n\n", "@delay=5", "@delay=5 @words=3\n\t"})
    EXPECT_EQ(default_task_name(input), "task") << input;
}

TEST(DefaultTaskName, EndsWithAWholeWord) {
  EXPECT_EQ(default_task_name("one two three four five six seven eight nine ten eleven twelve thirteen"),
            "one two three four five six seven eight nine ten eleven");
  const std::string sixty = "012345678 012345678 012345678 012345678 012345678 0123456789";
  ASSERT_EQ(sixty.size(), 60U);
  EXPECT_EQ(default_task_name(sixty), sixty);
  EXPECT_EQ(default_task_name(sixty + " more"), sixty);
  EXPECT_EQ(default_task_name(sixty + "x"), sixty.substr(0, 49));
  EXPECT_EQ(default_task_name(std::string(100, 'x')), std::string(60, 'x'));
}

TEST(DefaultTaskName, CountsCharactersAndCutsNoneApart) {
  std::string faces;
  for (int i = 0; i < 100; ++i)
    faces += "\xf0\x9f\x98\x80";
  EXPECT_EQ(default_task_name(faces).size(), 240U);
}

} // namespace
} // namespace troupe
