#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

/// The start of a test that needs a program that others wrote. `tool::missing()` is empty,
/// or a sentence that says what is not there: then the test is skipped, which CI does not
/// accept.
#define TROUPE_NEEDS(tool)                                                                                             \
  if (const std::string what_is_missing = tool::missing(); !what_is_missing.empty()) {                                 \
    ASSERT_EQ(std::getenv("CI"), nullptr) << what_is_missing << ", which CI does not accept";                          \
    GTEST_SKIP() << "NOT TESTED: " << what_is_missing;                                                                 \
  }                                                                                                                    \
  static_assert(true)
