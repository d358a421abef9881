#include "actors/tasks/rules/answer_stream.hpp"

#include <gtest/gtest.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;

constexpr answer_stream::clock_time start{};

} // namespace

TEST(AnswerStream, WantsTheFirstTextJournaledAtOnce) {
  answer_stream stream;
  EXPECT_EQ(stream.add("Hello", start), 0ms);
  const auto chunk = stream.take_chunk(start);
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->type, event_type::chat_chunk);
  EXPECT_EQ(chunk->data, R"({"text":"Hello","offset":0})");
}

TEST(AnswerStream, TellsOnlyOneToWait) {
  answer_stream stream;
  EXPECT_TRUE(stream.add("a", start));
  EXPECT_FALSE(stream.add("b", start));
  EXPECT_FALSE(stream.add("c", start + 1h));
  EXPECT_EQ(stream.take_chunk(start + 1h)->data, R"({"text":"abc","offset":0})");
  EXPECT_TRUE(stream.add("d", start + 1h));
}

TEST(AnswerStream, WaitsForTheRestOfTheInterval) {
  answer_stream stream;
  stream.add("a", start);
  stream.take_chunk(start);
  EXPECT_EQ(stream.add("b", start + 20ms), 30ms);
  EXPECT_EQ(stream.take_chunk(start + 50ms)->data, R"({"text":"b","offset":1})");
  EXPECT_EQ(stream.add("c", start + 100ms), 0ms);
}

TEST(AnswerStream, NeverWaitsTooShortForAFractionOfAMillisecond) {
  answer_stream stream;
  stream.add("a", start);
  stream.take_chunk(start);
  const auto now = start + 20'500us;
  const auto wait = stream.add("b", now);
  ASSERT_TRUE(wait);
  EXPECT_GE(now + *wait - start, answer_stream::interval);
}

TEST(AnswerStream, HasNoChunkWithoutNewText) {
  answer_stream stream;
  EXPECT_FALSE(stream.take_chunk(start));
  stream.add("a", start);
  EXPECT_TRUE(stream.take_chunk(start));
  EXPECT_FALSE(stream.take_chunk(start + 1s));
  EXPECT_EQ(stream.text(), "a");
}

TEST(AnswerStream, CountsOffsetsInCodePoints) {
  answer_stream stream;
  stream.add("äß🐻", start);
  stream.take_chunk(start);
  stream.add("\"x\"\n", start);
  EXPECT_EQ(stream.take_chunk(start + 50ms)->data, R"({"text":"\"x\"\n","offset":3})");
  stream.add("!", start);
  EXPECT_EQ(stream.take_chunk(start + 100ms)->data, R"({"text":"!","offset":7})");
  EXPECT_EQ(stream.text(), "äß🐻\"x\"\n!");
}

TEST(AnswerStream, AnEmptyChunkDoesNotDelayTheNextOne) {
  answer_stream stream;
  stream.add("a", start);
  stream.take_chunk(start);
  EXPECT_FALSE(stream.take_chunk(start + 40ms));
  EXPECT_EQ(stream.add("b", start + 45ms), 5ms);
}

} // namespace troupe
