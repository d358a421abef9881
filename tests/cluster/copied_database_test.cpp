#include "tests/cluster/cluster_test.hpp"

#include <gmock/gmock.h>

/// A copy of a database names the original's nodes, and is none of their business.
namespace troupe {

using testing::HasSubstr;

class CopiedDatabase : public cluster_test {
protected:
  node& start_on_copy() {
    nodes().database().copy_to("copied");
    return nodes().add("staging", "all", {{"--database", nodes().database().url_of("copied")}});
  }
};

// Seen: a dump restored within ten seconds. Staging's subscribers were told production's events, and a cancel there
// ended production's task.
TEST_F(CopiedDatabase, LinksToNoNodeOfTheOriginal) {
  start({.all = 2});
  const std::string running = start_task("@words=60 @pace=50").at("id");
  wait_for_status(running, "RUNNING");
  auto& staging = start_on_copy();
  ASSERT_TRUE(eventually([&] { return staging.output().find("does not take a link") != std::string::npos; }))
    << staging.output();
  EXPECT_THAT(staging.output(), HasSubstr("on a copy of this one"));
  EXPECT_EQ(staging.output().find("linked to node"), std::string::npos);
  http_client http{staging.port()};
  http.post("/api/v1/tasks/" + running + "/cancel");
  EXPECT_EQ(wait_for_end_of(running).at("status"), "COMPLETED") << "it was ended through the copy";
  for (auto* one : {&nodes().at("n1"), &nodes().at("n2")})
    EXPECT_EQ(one->output().find("linked to node staging"), std::string::npos);
  staging.kill();
}

} // namespace troupe
