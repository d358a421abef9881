#include "gateway/http/response_head.hpp"
#include "gateway/requests/problem.hpp"
#include "gateway/requests/request_id.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>

namespace troupe {

using testing::HasSubstr;
using testing::Not;

namespace {

using boost::beast::http::fields;

fields with_ids(const std::vector<std::string>& values) {
  fields headers;
  for (const auto& value : values)
    headers.insert("X-Request-Id", value);
  return headers;
}

} // namespace

TEST(RequestId, IsTheRequestsOwnIfThatIsWellFormed) {
  for (const std::string id : {"a", "A.b_c-9", "01890a5d-ac96-774b-bcce-b302099a8057", "-", "..."})
    EXPECT_EQ(request_id_of(with_ids({id})), id);
  const std::string longest(128, 'x');
  EXPECT_EQ(request_id_of(with_ids({longest})), longest);
  fields headers;
  headers.insert("x-request-ID", "case");
  EXPECT_EQ(request_id_of(headers), "case");
}

TEST(RequestId, IsAFreshOneOtherwise) {
  for (const std::vector<std::string>& values : {std::vector<std::string>{},
                                                 {""},
                                                 {std::string(129, 'x')},
                                                 {"a b"},
                                                 {"a,b"},
                                                 {"a\"b"},
                                                 {"a/b"},
                                                 {"gr\xc3\xbcn"},
                                                 {"a\nb"},
                                                 {"one", "two"},
                                                 {"same", "same"}}) {
    const auto id = request_id_of(with_ids(values));
    EXPECT_TRUE(is_request_id(id)) << id;
    for (const auto& value : values)
      EXPECT_NE(id, value);
  }
}

TEST(RequestId, NoneIsMadeTwice) {
  std::set<std::string> made;
  std::vector<std::string> others;
  std::thread other{[&] {
    for (int i = 0; i < 5000; ++i)
      others.push_back(make_request_id());
  }};
  for (int i = 0; i < 5000; ++i)
    made.insert(make_request_id());
  other.join();
  made.insert(others.begin(), others.end());
  EXPECT_EQ(made.size(), 10'000U);
  // Short enough for a string that allocates nothing.
  for (const auto& id : made)
    EXPECT_LE(id.size(), 15U);
}

TEST(RequestId, StandsInAProblemAndInNoOtherBody) {
  auto refused = to_response({.code = problem_code::not_found, .detail = "No."});
  add_request_id(refused, "r-1");
  EXPECT_TRUE(refused.body.ends_with(R"(,"request_id":"r-1"})")) << refused.body;
  http_response other{200, "application/json", "{}", {}};
  add_request_id(other, "r-1");
  EXPECT_EQ(other.body, "{}");
}

TEST(RequestId, StandsInTheHead) {
  std::string head;
  append_response_head(head, {204, "", "", {}},
                       {.date_line = "Date: x\r\n",
                        .content_length = {},
                        .chunked = false,
                        .keep_alive = true,
                        .http_1_0 = false,
                        .request_id = "r-1"});
  EXPECT_THAT(head, HasSubstr("\r\nX-Request-Id: r-1\r\n"));
}

} // namespace troupe
