#include "actors/toolbox/builtin_tools.hpp"
#include "actors/toolbox/calculator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <random>
#include <string>
#include <variant>

namespace troupe {

namespace {

using nlohmann::json;
using testing::HasSubstr;

const timestamp some_time = *parse_rfc3339("2026-01-02T03:04:05.000006Z");

double value_of(const std::string& expression) {
  const auto result = calculate(expression);
  if (const auto* error = std::get_if<calculation_error>(&result)) {
    ADD_FAILURE() << expression << ": " << error->message;
    return 0;
  }
  return std::get<double>(result);
}

/// The error's message; empty if there is none.
std::string error_of(const std::string& expression) {
  const auto result = calculate(expression);
  const auto* error = std::get_if<calculation_error>(&result);
  return error == nullptr ? "" : error->message;
}

std::string call(const std::string& name, const std::string& arguments) {
  const auto outcome = call_builtin_tool(name, arguments, some_time);
  EXPECT_FALSE(outcome.failed) << outcome.result;
  return outcome.result;
}

std::string failing_call(const std::string& name, const std::string& arguments) {
  const auto outcome = call_builtin_tool(name, arguments, some_time);
  EXPECT_TRUE(outcome.failed) << outcome.result;
  const auto object = json::parse(outcome.result);
  EXPECT_EQ(object.size(), 1u);
  return object.at("error").get<std::string>();
}

std::string repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i)
    result += text;
  return result;
}

} // namespace

// -- calculate ----------------------------------------------------------------

TEST(Calculator, FollowsTheUsualPrecedence) {
  EXPECT_DOUBLE_EQ(value_of("(1+2)*3/4"), 2.25);
  EXPECT_DOUBLE_EQ(value_of("1+2*3"), 7);
  EXPECT_DOUBLE_EQ(value_of("2*3^2"), 18);
  EXPECT_DOUBLE_EQ(value_of("10-4-3"), 3);
  EXPECT_DOUBLE_EQ(value_of("100/10/2"), 5);
  EXPECT_DOUBLE_EQ(value_of("7%4*2"), 6);
}

TEST(Calculator, TakesPowersFromTheRightAndBeforeAMinus) {
  EXPECT_DOUBLE_EQ(value_of("2^3^2"), 512);
  EXPECT_DOUBLE_EQ(value_of("-2^2"), -4);
  EXPECT_DOUBLE_EQ(value_of("(-2)^2"), 4);
  EXPECT_DOUBLE_EQ(value_of("2^-1"), 0.5);
}

TEST(Calculator, KnowsUnarySignsDecimalsAndBlanks) {
  EXPECT_DOUBLE_EQ(value_of(" - - 3 "), 3);
  EXPECT_DOUBLE_EQ(value_of("2*-3"), -6);
  EXPECT_DOUBLE_EQ(value_of("+4"), 4);
  EXPECT_DOUBLE_EQ(value_of(".5+1."), 1.5);
  EXPECT_DOUBLE_EQ(value_of("\t1\n+ 2.25"), 3.25);
  EXPECT_DOUBLE_EQ(value_of("-7%4"), -3);
  EXPECT_DOUBLE_EQ(value_of("5.5%2"), 1.5);
}

TEST(Calculator, SaysWhatIsWrong) {
  EXPECT_EQ(error_of("1/0"), "division by zero");
  EXPECT_EQ(error_of("1%(2-2)"), "division by zero");
  EXPECT_EQ(error_of("0^-1"), "division by zero");
  EXPECT_EQ(error_of("(-1)^.5"), "the result is not a real number");
  EXPECT_EQ(error_of("9^9^9"), "the result is out of range");
  EXPECT_EQ(error_of("(1+2"), "expected a closing parenthesis at the end");
  EXPECT_EQ(error_of("1+"), "expected a number at the end");
  EXPECT_EQ(error_of(""), "expected a number at the end");
  EXPECT_EQ(error_of("1 2"), "unexpected character at position 3");
  EXPECT_EQ(error_of("1)"), "unexpected character at position 2");
  EXPECT_EQ(error_of("*1"), "expected a number at position 1");
  for (const std::string wrong : {"nan", "inf", "1e3", "0x10", "1,5", ".", "()", "--", "2**3", "x", "1\xc3\xa9"})
    EXPECT_NE(error_of(wrong), "") << wrong;
}

TEST(Calculator, TakesANumberTooLargeForAnError) {
  EXPECT_EQ(error_of(std::string(400, '9')), "a number is out of range");
}

TEST(Calculator, BoundsDepthAndLength) {
  EXPECT_DOUBLE_EQ(value_of(repeated("(", 63) + "1" + repeated(")", 63)), 1);
  for (const std::string opening : {"(", "-", "+", "2^", "-(", "1+(", "2^-"})
    EXPECT_EQ(error_of(repeated(opening, 66) + "1"), "the expression is nested too deeply") << opening;
  EXPECT_DOUBLE_EQ(value_of("1" + repeated("+1", 499)), 500);
  EXPECT_THAT(error_of("1" + repeated("+1", 500)), HasSubstr("longer than 1000"));
  EXPECT_THAT(error_of(std::string(200'000, '(')), HasSubstr("longer than 1000"));
}

TEST(Calculator, GivesAFiniteNumberOrAnErrorForAnyText) {
  std::mt19937 engine(5);
  const std::string alphabet = "0123456789..++-*/%^^(()) ";
  for (int round = 0; round < 50000; ++round) {
    std::string expression;
    for (auto n = engine() % 30; n > 0; --n)
      expression += alphabet[engine() % alphabet.size()];
    const auto result = calculate(expression);
    if (const auto* value = std::get_if<double>(&result))
      ASSERT_TRUE(std::isfinite(*value)) << expression;
    else
      ASSERT_FALSE(std::get<calculation_error>(result).message.empty()) << expression;
  }
}

// -- calls --------------------------------------------------------------------

TEST(BuiltinTools, TellTheTimeTheyAreGiven) {
  EXPECT_EQ(call("now", "{}"), R"({"now":"2026-01-02T03:04:05.000006Z"})");
  EXPECT_EQ(call("now", R"({"timezone":"UTC"})"), R"({"now":"2026-01-02T03:04:05.000006Z"})");
  EXPECT_EQ(failing_call("now", R"({"timezone":"Europe/Paris"})"), "timezone must be UTC");
  EXPECT_EQ(failing_call("now", R"({"timezone":1})"), "timezone must be UTC");
  EXPECT_EQ(failing_call("now", R"({"zone":"UTC"})"), "unknown argument zone");
}

TEST(BuiltinTools, CalculateAndShowWholeNumbersAsSuch) {
  EXPECT_EQ(call("calculate", R"({"expression":"(1+2)*3/4"})"), R"({"result":2.25})");
  EXPECT_EQ(call("calculate", R"({"expression":"3*3"})"), R"({"result":9})");
  EXPECT_EQ(call("calculate", R"({"expression":"-0"})"), R"({"result":0})");
  EXPECT_EQ(call("calculate", R"({"expression":"-7/2"})"), R"({"result":-3.5})");
  EXPECT_EQ(json::parse(call("calculate", R"({"expression":"10^300"})")).at("result"), 1e300);
}

TEST(BuiltinTools, ReportAFailedCalculation) {
  EXPECT_EQ(failing_call("calculate", R"({"expression":"1/0"})"), "division by zero");
  EXPECT_THAT(failing_call("calculate", "{}"), HasSubstr("expression"));
  EXPECT_THAT(failing_call("calculate", R"({"expression":5})"), HasSubstr("expression"));
  EXPECT_EQ(failing_call("calculate", R"({"expression":"1","x":2})"), "unknown argument x");
}

TEST(BuiltinTools, RefuseArgumentsThatAreNoObject) {
  for (const std::string wrong : {"", "[]", "1", "null", "{", "{}x", "{\"a\":\"\xff\"}", "\"{}\""})
    EXPECT_THAT(failing_call("now", wrong), HasSubstr("JSON object")) << wrong;
}

TEST(BuiltinTools, RefuseAToolThatDoesNotExist) {
  EXPECT_THAT(failing_call("rm", "{}"), HasSubstr("no tool named rm"));
  // Also where its name is no text.
  EXPECT_THAT(failing_call("\xff\xfe", "{}"), HasSubstr("no tool named"));
}

TEST(BuiltinTools, SurviveArgumentsNestedTooDeeply) {
  constexpr std::size_t deep = 200'000;
  EXPECT_THAT(failing_call("calculate", "{\"expression\":" + std::string(deep, '[') + std::string(deep, ']') + "}"),
              HasSubstr("JSON object"));
  EXPECT_THAT(failing_call("calculate", "{\"expression\":\"" + std::string(deep, '(') + "\"}"), HasSubstr("longer"));
}

TEST(BuiltinTools, DescribeTheirArgumentsByASchema) {
  ASSERT_EQ(builtin_tools().size(), 2u);
  for (const auto& tool : builtin_tools()) {
    EXPECT_EQ(find_builtin_tool(tool.name), &tool);
    EXPECT_FALSE(tool.description.empty());
    const auto schema = json::parse(tool.parameters);
    EXPECT_EQ(schema.at("type"), "object");
    EXPECT_EQ(schema.at("additionalProperties"), false);
  }
  EXPECT_EQ(find_builtin_tool("rm"), nullptr);
}

} // namespace troupe
