#include "tests/e2e/remote_test.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

/// Secrets in headers of tools and models: refused, or encrypted on disk.
namespace troupe {

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Secrets : public remote_test {
protected:
  void SetUp() override {
    remote_test::SetUp();
    put_model("remote");
  }

  void restart_with_key(char each) {
    const auto file = key_file(std::string(64, each));
    restart({"--secret-key-file", file, "--log-level", "trace"});
  }
  std::string key_file(const std::string& content, mode_t mode = 0600) {
    auto path = keys_.file("key");
    std::filesystem::remove(path);
    std::ofstream{path} << content;
    ::chmod(path.c_str(), mode);
    return path;
  }
  json bot_with(const std::string& header, const std::string& value) {
    return {{"model", "remote"},
            {"tools",
             {{{"type", "http"},
               {"name", "book"},
               {"description", "Books a seat"},
               {"url", provider_.url("/count/book")},
               {"headers", {{header, value}}}},
              {{"type", "mcp"}, {"name", "srv"}, {"url", provider_.url("/mcp")}, {"headers", {{header, value}}}}}}};
  }
  std::string sent(const std::string& path, const std::string& header) {
    const auto all = provider_.requests(path);
    return all.empty() ? "" : all.back().header(header);
  }
  /// Whether any file of the data folder holds the text.
  bool is_stored(const std::string& text) {
    return std::any_of(std::filesystem::directory_iterator{data_dir()}, std::filesystem::directory_iterator{},
                       [&](const auto& entry) {
                         std::ifstream file{entry.path(), std::ios::binary};
                         const std::string content{std::istreambuf_iterator<char>{file}, {}};
                         return content.find(text) != content.npos;
                       });
  }

  temporary_folder keys_;
};

} // namespace

TEST_F(Secrets, AreRefusedWithoutAKey) {
  const auto refused = http().put("/api/v1/bots/clerk", bot_with("Authorization", "Bearer s3cret-of-mine"));
  expect_problem(refused, 422, "invalid_body");
  EXPECT_THAT(refused.body,
              AllOf(HasSubstr("/tools/0/headers/Authorization"), HasSubstr("/tools/1/headers/Authorization"),
                    HasSubstr("${env:NAME}"), HasSubstr("secret_key_file"), Not(HasSubstr("s3cret"))));
  const auto model = http().put("/api/v1/models/m",
                                {{"kind", "openai"}, {"model", "m"}, {"headers", {{"X-Api-Key", "s3cret-of-mine"}}}});
  expect_problem(model, 422, "invalid_body");
  const auto proxy = http().put("/api/v1/bots/clerk", bot_with("Proxy-Authorization", "${env:HOME}"));
  expect_problem(proxy, 422, "invalid_body");
  EXPECT_THAT(proxy.body, HasSubstr("http_proxy"));
}

TEST_F(Secrets, AreEncryptedOnDiskHiddenAndSent) {
  restart_with_key('a');
  ASSERT_EQ(http().put("/api/v1/bots/clerk", bot_with("Authorization", "Bearer s3cret-of-mine")).status, 201U);
  put_model("remote", {{"headers", {{"X-Api-Key", "s3cret-of-mine"}}}});
  EXPECT_FALSE(is_stored("s3cret-of-mine"));
  EXPECT_TRUE(is_stored("${sealed:1:"));
  for (const auto* path : {"/api/v1/bots/clerk", "/api/v1/bots", "/api/v1/models/remote", "/api/v1/models"})
    EXPECT_THAT(http().get(path).body, AllOf(HasSubstr("***"), Not(HasSubstr("sealed")), Not(HasSubstr("s3cret"))));
  const auto task = run_with("clerk", R"(tools=book:{"seat":7};srv__echo:{"text":"hello"})");
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_EQ(sent("/count/book", "authorization"), "Bearer s3cret-of-mine");
  EXPECT_EQ(sent("/mcp", "authorization"), "Bearer s3cret-of-mine");
  EXPECT_EQ(sent("/v1/chat/completions", "x-api-key"), "s3cret-of-mine");
  EXPECT_EQ(http().post("/api/v1/bots/clerk/validate").document().at("errors"), json::array());
  EXPECT_THAT(server().output(), AllOf(HasSubstr("encrypted with the key"), Not(HasSubstr("s3cret"))));
}

TEST_F(Secrets, OfAnotherKeyFailForGoodAndSayWhose) {
  restart_with_key('a');
  ASSERT_EQ(http().put("/api/v1/bots/clerk", bot_with("Authorization", "Bearer s3cret-of-mine")).status, 201U);
  restart_with_key('b');
  const auto task = run_with("clerk", R"(tools=book:{"seat":7})");
  EXPECT_EQ(task.at("status"), "FAILED") << task;
  EXPECT_THAT(task.at("error").get<std::string>(), AllOf(HasSubstr("bot 'clerk'"), HasSubstr("secret_key_file")));
  EXPECT_TRUE(provider_.tool_calls("book").empty());
  EXPECT_THAT(http().post("/api/v1/bots/clerk/validate").body, HasSubstr("bot 'clerk'"));
  restart();
  EXPECT_EQ(run_with("clerk", R"(tools=book:{"seat":7})").at("status"), "FAILED");
  EXPECT_THAT(http().get("/api/v1/bots/clerk").body, AllOf(HasSubstr("***"), Not(HasSubstr("sealed"))));
  restart_with_key('a');
  EXPECT_EQ(run_with("clerk", R"(tools=book:{"seat":7})").at("status"), "COMPLETED");
}

TEST_F(Secrets, KeysThatWillNotDoStopTheStart) {
  const auto start_with_file = [&](const std::string& file) {
    return run_troupe({"serve", "--http-port", "0", "--data-dir", keys_.file("data"), "--secret-key-file", file});
  };
  for (const auto& [content, mode, words] : std::vector<std::tuple<std::string, mode_t, std::string>>{
         {std::string(64, 'a'), 0644, "open to others"}, {"too short", 0600, "openssl rand -base64 32"}}) {
    const auto run = start_with_file(key_file(content, mode));
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_THAT(run.output, AllOf(HasSubstr("secret_key_file"), HasSubstr(words), Not(HasSubstr(content))));
  }
  EXPECT_EQ(start_with_file(keys_.file("none")).exit_code, 2);
}

} // namespace troupe
