#include "gateway/questions/open_questions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class OpenQuestions : public testing::Test {
protected:
  std::uint64_t ask(std::chrono::seconds at, int name) {
    return questions_.add(start_ + at, [this, name](const store_error& why) {
      EXPECT_EQ(why.code, errc::unavailable);
      EXPECT_THAT(why.message, HasSubstr("Idempotency-Key"));
      refused_.push_back(name);
    });
  }

  const open_questions::time_point start_{1h};
  open_questions questions_;
  std::vector<int> refused_;
};

TEST_F(OpenQuestions, AreRefusedOnceTheyAreOld) {
  ask(0s, 1);
  ask(1s, 2);
  ask(2s, 3);
  questions_.refuse_before(start_ + 2s, nobody_knows());
  EXPECT_THAT(refused_, ElementsAre(1, 2));
  questions_.refuse_before(start_ + 2s, nobody_knows());
  EXPECT_THAT(refused_, ElementsAre(1, 2)) << "nobody is answered twice";
}

TEST_F(OpenQuestions, ThatWereAnsweredAreNotRefused) {
  const auto answered = ask(0s, 1);
  ask(0s, 2);
  EXPECT_TRUE(questions_.close(answered));
  questions_.refuse_before(start_ + 1s, nobody_knows());
  EXPECT_THAT(refused_, ElementsAre(2));
}

TEST_F(OpenQuestions, ThatWereRefusedHaveNoUseForAnAnswer) {
  const auto refused = ask(0s, 1);
  questions_.refuse_before(start_ + 1s, nobody_knows());
  EXPECT_FALSE(questions_.close(refused));
}

TEST_F(OpenQuestions, MayBeAskedAgainByWhoeverIsRefused) {
  questions_.add(start_, [this](const store_error&) { ask(5s, 7); });
  questions_.refuse_before(start_ + 1s, nobody_knows());
  EXPECT_THAT(refused_, IsEmpty());
  questions_.refuse_before(start_ + 6s, nobody_knows());
  EXPECT_THAT(refused_, ElementsAre(7));
}

} // namespace
} // namespace troupe
