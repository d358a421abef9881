#include "config/addresses.hpp"
#include "config/setting_table.hpp"
#include "config/settings.hpp"
#include "config/toml.hpp"
#include "tests/temporary_folder.hpp"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

/// A command line with two subcommands, as main() builds it, and an environment
/// and files that end with the test.
class Settings : public testing::Test {
protected:
  void SetUp() override {
    for (const auto& each : setting_table())
      unsetenv(each.variable().c_str());
    unsetenv("TROUPE_CONFIG");
  }

  void TearDown() override {
    for (const auto& name : variables_)
      unsetenv(name.c_str());
  }

  void set_variable(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    variables_.push_back(name);
  }

  std::string file(const std::string& content, const std::string& name = "troupe.toml") {
    const auto path = folder_.path() / name;
    std::ofstream(path) << content;
    return path.string();
  }

  /// Of a node that others on other hosts link to.
  settings cluster_settings() {
    settings s;
    s.database = "postgres://troupe@db/troupe";
    s.node_host = "10.0.0.1";
    s.node_tls_cert = file("certificate", "node.crt");
    s.node_tls_key = file("key", "node.key");
    s.node_tls_ca = file("authority", "ca.crt");
    return s;
  }

  /// The message of the refusal, or an empty string; `result` holds the settings.
  std::string run(std::vector<std::string> arguments) {
    CLI::App app("test", "troupe");
    app.require_subcommand(1);
    auto* migrate = app.add_subcommand("migrate");
    auto* serve = app.add_subcommand("serve");
    auto* list = app.add_subcommand("task")->add_subcommand("ls");
    result = settings{};
    add_serve_options(*serve, result);
    add_store_options(*migrate, result);
    add_log_options(*migrate, result);
    add_address_options(*list, result);
    std::reverse(arguments.begin(), arguments.end());
    try {
      app.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
      return app.help();
    } catch (const CLI::ParseError& error) {
      EXPECT_NE(error.get_exit_code(), 0);
      return error.what();
    }
    return "";
  }

  settings result;

private:
  temporary_folder folder_;
  std::vector<std::string> variables_;
};

std::filesystem::path packaged_file(const std::string& name) {
  return std::filesystem::path{TROUPE_SOURCE_DIR} / "config" / name;
}

std::filesystem::path example_file() {
  return packaged_file("troupe.example.toml");
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

} // namespace

// -- sources ------------------------------------------------------------------

TEST_F(Settings, AreTheDefaultsWhenNothingIsGiven) {
  EXPECT_EQ(run({"serve"}), "");
  EXPECT_EQ(result, settings{});
}

TEST_F(Settings, ComeFromFlags) {
  EXPECT_EQ(run({"serve",
                 "--http-host",
                 "127.1.2.3",
                 "--http-port=0",
                 "--data-dir",
                 "/d",
                 "--database",
                 "sqlite:/x.db",
                 "--database-password-file",
                 "/p",
                 "--capacity",
                 "1",
                 "--io-threads",
                 "2",
                 "--worker-threads",
                 "3",
                 "--store-readers",
                 "4",
                 "--drain-timeout",
                 "500ms",
                 "--max-recoveries",
                 "0",
                 "--log-level",
                 "trace",
                 "--access-log",
                 "on",
                 "--log-format",
                 "json",
                 "--metrics-host",
                 "[::]",
                 "--metrics-port",
                 "0",
                 "--max-connections",
                 "5",
                 "--max-body-bytes",
                 "64MiB",
                 "--request-timeout",
                 "5m",
                 "--http-allowed-hosts",
                 "Troupe.example, [fd00::7]",
                 "--cors-origins",
                 "https://App.example:443,http://localhost:3000",
                 "--outbound-allow",
                 "127.0.0.1:11434, Tools.internal,[FD00::7]:443,[::1]",
                 "--outbound-ca-file",
                 "/o",
                 "--outbound-connections",
                 "500",
                 "--outbound-per-target",
                 "9",
                 "--secret-key-file",
                 "/s",
                 "--node-name",
                 "n",
                 "--role",
                 "gateway",
                 "--node-host",
                 "node-1.internal",
                 "--node-port",
                 "7070",
                 "--node-links",
                 "off",
                 "--node-tls-cert",
                 "/c",
                 "--node-tls-key",
                 "/k",
                 "--node-tls-ca",
                 "/a",
                 "--lease-time",
                 "1500ms"}),
            "");
  settings expected;
  expected.http_host = "127.1.2.3";
  expected.http_port = 0;
  expected.data_dir = "/d";
  expected.database = "sqlite:/x.db";
  expected.database_password_file = "/p";
  expected.capacity = 1;
  expected.io_threads = 2;
  expected.worker_threads = 3;
  expected.store_readers = 4;
  expected.drain_timeout = 500ms;
  expected.max_recoveries = 0;
  expected.level = log_level::trace;
  expected.format = log_format::json;
  expected.access_log = true;
  expected.metrics_host = "::";
  expected.metrics_port = 0;
  expected.max_connections = 5;
  expected.max_body_bytes = std::size_t{64} * 1024 * 1024;
  expected.request_timeout = 5min;
  expected.http_allowed_hosts = {"troupe.example", "fd00::7"};
  expected.cors_origins = {"https://app.example", "http://localhost:3000"};
  expected.outbound_allow = {"127.0.0.1:11434", "tools.internal", "[fd00::7]:443", "[::1]"};
  expected.outbound_ca_file = "/o";
  expected.outbound_connections = 500;
  expected.outbound_per_target = 9;
  expected.secret_key_file = "/s";
  expected.node_name = "n";
  expected.role = node_role::gateway;
  expected.node_host = "node-1.internal";
  expected.node_port = 7070;
  expected.node_links = false;
  expected.node_tls_cert = "/c";
  expected.node_tls_key = "/k";
  expected.node_tls_ca = "/a";
  expected.lease_time = 1500ms;
  EXPECT_EQ(result, expected);
}

TEST_F(Settings, ComeFromTheEnvironment) {
  set_variable("TROUPE_HTTP_PORT", "9000");
  set_variable("TROUPE_LOG_LEVEL", "warn");
  EXPECT_EQ(run({"serve"}), "");
  EXPECT_EQ(result.http_port, 9000);
  EXPECT_EQ(result.level, log_level::warn);
}

TEST_F(Settings, ComeFromTheFile) {
  EXPECT_EQ(run({"serve", "--config", file("http_port = 9_001 # free\ndata_dir = \"/a #b, c\"\ndrain_timeout = 7")}),
            "");
  EXPECT_EQ(result.http_port, 9001);
  EXPECT_EQ(result.data_dir, "/a #b, c");
  EXPECT_EQ(result.drain_timeout, 7s);
}

TEST_F(Settings, TakeTheFileThatTheEnvironmentNames) {
  set_variable("TROUPE_CONFIG", file("http_port = 9001"));
  EXPECT_EQ(run({"serve"}), "");
  EXPECT_EQ(result.http_port, 9001);
}

TEST_F(Settings, OfEachNameAreReadFromEachSource) {
  for (const auto& each : setting_table()) {
    // Another valid value than the default, found by trying.
    std::string other;
    for (const auto* candidate : {"127.0.0.9", "sqlite:other.db", "7s", "7", "2KiB", "json", "debug", "worker", "on",
                                  "off", "other", "https://other"}) {
      settings probe;
      if (!each.read(probe, candidate) && probe != settings{}) {
        other = candidate;
        break;
      }
    }
    ASSERT_NE(other, "") << each.key;
    settings expected;
    ASSERT_FALSE(each.read(expected, other));

    EXPECT_EQ(run({"serve", each.flag(), other}), "") << each.key;
    EXPECT_EQ(result, expected) << each.key;
    EXPECT_EQ(run({"serve", "--config", file(each.key + " = \"" + other + "\"")}), "") << each.key;
    EXPECT_EQ(result, expected) << each.key;
    set_variable(each.variable(), other);
    EXPECT_EQ(run({"serve"}), "") << each.key;
    EXPECT_EQ(result, expected) << each.key;
    unsetenv(each.variable().c_str());
  }
}

// -- precedence ---------------------------------------------------------------

TEST_F(Settings, PreferTheFlagToTheEnvironmentToTheFile) {
  const auto config = file("http_port = 1\ncapacity = 1\nio_threads = 1\n");
  set_variable("TROUPE_HTTP_PORT", "2");
  set_variable("TROUPE_CAPACITY", "2");
  EXPECT_EQ(run({"serve", "--http-port", "3", "--config", config}), "");
  EXPECT_EQ(result.http_port, 3);
  EXPECT_EQ(result.capacity, 2);
  EXPECT_EQ(result.io_threads, 1);
}

TEST_F(Settings, TakeAnEmptyVariableAsUnset) {
  set_variable("TROUPE_HTTP_PORT", "");
  EXPECT_EQ(run({"serve", "--config", file("http_port = 1")}), "");
  EXPECT_EQ(result.http_port, 1);
}

TEST_F(Settings, OfOneSubcommandAreNotOverwrittenByAnother) {
  set_variable("TROUPE_DATA_DIR", "/from-environment");
  EXPECT_EQ(run({"serve", "--data-dir", "/from-flag"}), "");
  EXPECT_EQ(result.data_dir, "/from-flag");
  EXPECT_EQ(run({"migrate", "--data-dir", "/from-flag"}), "");
  EXPECT_EQ(result.data_dir, "/from-flag");
}

TEST_F(Settings, ReachOnlyTheSubcommandsThatHaveThem) {
  set_variable("TROUPE_CAPACITY", "wrong");
  EXPECT_EQ(run({"task", "ls", "--http-port", "1"}), "");
  EXPECT_EQ(result.http_port, 1);
  EXPECT_NE(run({"migrate", "--http-port", "1"}), "");
  EXPECT_NE(run({"serve"}), "");
}

TEST_F(Settings, OfTheStoreReachMigrate) {
  EXPECT_EQ(run({"migrate", "--database", "host=db dbname=troupe", "--database-password-file", "/p"}), "");
  EXPECT_EQ(result.database, "host=db dbname=troupe");
  EXPECT_EQ(result.database_password_file, "/p");
}

TEST_F(Settings, LetMigrateUseTheFileOfServe) {
  EXPECT_EQ(run({"migrate", "--config", file("http_port = 1\ndata_dir = '/d'\nlog_format = 'json'")}), "");
  EXPECT_EQ(result.data_dir, "/d");
  EXPECT_EQ(result.format, log_format::json);
  EXPECT_EQ(result.http_port, settings{}.http_port);
  EXPECT_THAT(run({"migrate", "--config", file("http_port = 70000")}), HasSubstr("http_port"));
}

// -- refusals -----------------------------------------------------------------

TEST_F(Settings, RefuseAValueByNameValueSourceAndBounds) {
  const auto sentence = [](const std::string& source) {
    return AllOf(StartsWith("http_port: \"99999\" (from "), HasSubstr(source),
                 HasSubstr("must be a whole number from 0 to 65535"));
  };
  EXPECT_THAT(run({"serve", "--http-port", "99999"}), sentence("--http-port"));
  EXPECT_THAT(run({"serve", "--config", file("\nhttp_port = 99999")}), sentence("troupe.toml line 2"));
  set_variable("TROUPE_HTTP_PORT", "99999");
  EXPECT_THAT(run({"serve"}), sentence("TROUPE_HTTP_PORT"));
}

TEST_F(Settings, RefuseWhatIsOutOfBounds) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> wrong{
    {"--http-host", {"0.0.0.0", "192.168.0.1", "::", "example.com", "", "::ffff:127.0.0.1", "127.0.0.1 ", "128.0.0.1"}},
    {"--http-port", {"-1", "65536", "80x", "", " 80", "8e1", "99999999999999999999"}},
    {"--data-dir", {"", "a\nb"}},
    {"--database",
     {"mysql://h/d", "sqlite:", "sqlite::memory:", "troupe.db", "", "postgres:/h/d", "POSTGRES://h/d", "host db", "=db",
      "postgres://h/d\n"}},
    {"--database-password-file", {"a\nb"}},
    {"--capacity", {"0", "1000001", "-5"}},
    {"--io-threads", {"0", "65"}},
    {"--worker-threads", {"-1", "257"}},
    {"--store-readers", {"0", "65"}},
    {"--drain-timeout", {"-1s", "61m", "1d", "1.5s", "s", "", "3601", "99999999999999999999h"}},
    {"--max-recoveries", {"-1", "1001"}},
    {"--log-level", {"loud", "INFO", ""}},
    {"--log-format", {"xml"}},
    {"--metrics-host", {"", "metrics.internal", "10.0.0", "*", "127.0.0.1:9464"}},
    {"--metrics-port", {"-1", "65536", "none", " 80"}},
    {"--max-connections", {"0", "1000001"}},
    {"--max-body-bytes", {"1023", "65MiB", "1GB", "-1", "18446744073709551615MiB"}},
    {"--request-timeout", {"99ms", "0", "2h"}},
    {"--http-allowed-hosts", {"a:80", "[::1]:80", "*", "http://a", "a b", "0.0.0.0", "[::]", "a,,b", "a,", "a/b"}},
    {"--cors-origins",
     {"app.example", "null", "https://a/", "https://*.a", "https://a,*", "*,*", "https://a,,https://b", "https://a b",
      "https://u@a",
      "https://b\xc3\xbc"
      "cher.example"}},
    {"--outbound-allow",
     {"a b", "a,,b", ",", "a,", "::1", "[::1", "[::1]x", "[127.0.0.1]", "[]", "a:0", "a:65536", "a:", "a:x", "*:80",
      "http://a", "a/b", "0.0.0.0", "*.internal"}},
    {"--outbound-ca-file", {"a\nb"}},
    {"--outbound-connections", {"-1", "1000001", "many"}},
    {"--outbound-per-target", {"0", "100001"}},
    {"--secret-key-file", {"a\nb"}},
    {"--node-name", {"", "a b", "a/b", std::string(65, 'n')}},
    {"--role", {"", "both", "ALL", "all "}},
    {"--node-host", {"", "0.0.0.0", "::", "0::0", "::0.0.0.0", "::ffff:0.0.0.0", "0", "127.1", "a b", "a:1"}},
    {"--node-port", {"-1", "65536", ""}},
    {"--node-links", {"", "true", "ON", "1"}},
    {"--node-tls-cert", {"a\nb"}},
    {"--node-tls-key", {"a\nb"}},
    {"--node-tls-ca", {"a\nb"}},
    {"--access-log", {"", "true", "ON", "1"}},
    {"--lease-time", {"999ms", "601s", "0", ""}},
  };
  ASSERT_EQ(wrong.size(), setting_table().size());
  for (const auto& [flag, values] : wrong) {
    for (const auto& value : values)
      EXPECT_THAT(run({"serve", flag, value}), HasSubstr("must be")) << flag << " " << value;
  }
}

TEST_F(Settings, RefuseAnAddressOthersCouldReachAndSayWhy) {
  EXPECT_THAT(run({"serve", "--http-host", "0.0.0.0"}),
              AllOf(HasSubstr("0.0.0.0"), HasSubstr("no authentication yet")));
  for (const auto* host : {"127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1", "localhost"})
    EXPECT_EQ(run({"serve", "--http-host", host}), "") << host;
}

TEST_F(Settings, TakeAnIpv6AddressAsUrlsWriteIt) {
  EXPECT_EQ(run({"serve", "--http-host", "[::1]", "--node-host", "[::1]"}), "");
  EXPECT_EQ(result.http_host, "::1");
  EXPECT_EQ(result.node_host, "::1");
  EXPECT_EQ(run({"task", "ls", "--http-host", "[::1]"}), "");
  EXPECT_EQ(result.http_host, "::1");
  for (const auto* host : {"[127.0.0.1]", "[localhost]", "[::1", "::1]", "[]", "[::1]:80", "[fd00::7]"})
    EXPECT_THAT(run({"serve", "--http-host", host}), HasSubstr("must be a loopback address")) << host;
}

TEST_F(Settings, NameHostsAndOriginsOfPages) {
  EXPECT_EQ(run({"serve", "--cors-origins", "*"}), "");
  EXPECT_THAT(result.cors_origins, testing::ElementsAre("*"));
  EXPECT_EQ(run({"serve", "--cors-origins", "", "--http-allowed-hosts", ""}), "");
  EXPECT_THAT(result.cors_origins, testing::IsEmpty());
  EXPECT_THAT(result.http_allowed_hosts, testing::IsEmpty());
}

TEST_F(Settings, AllowTargetsByNameOrAll) {
  EXPECT_EQ(run({"serve", "--config", file("outbound_allow = \"*\"")}), "");
  EXPECT_THAT(result.outbound_allow, testing::ElementsAre("*"));
  EXPECT_EQ(run({"serve", "--outbound-allow", ""}), "");
  EXPECT_THAT(result.outbound_allow, testing::IsEmpty());
  EXPECT_THAT(run({"serve", "--outbound-allow", "::1"}),
              AllOf(StartsWith("outbound_allow: \"::1\""), HasSubstr("[IPv6]:port")));
  settings s;
  s.outbound_allow = {"a", "b c"};
  EXPECT_THAT(check(s).value_or(""), StartsWith("outbound_allow: \"a,b c\" must be"));
}

TEST_F(Settings, RefuseADatabaseOfAnotherKindAndNameAllForms) {
  EXPECT_THAT(run({"serve", "--database", "mysql://host/db"}),
              AllOf(HasSubstr("sqlite:<file>"), HasSubstr("postgres://"), HasSubstr("postgresql://"),
                    HasSubstr("host=<host> dbname=<database>")));
}

TEST_F(Settings, RefuseADatabaseWithoutItsPassword) {
  for (const auto* url :
       {"mysql://u:s3cret@h/d", "postgres://u:s3c%ret@h/d", "postgres://u:s3cret/s3cret@h/d",
        "postgres://h/d?password=s3cret&s3cret", "user=u password=s3cret s3cret", "user=u password='s3cret"}) {
    const auto refused
      = AllOf(StartsWith("database: \""), HasSubstr("***"), HasSubstr("must be"), Not(HasSubstr("s3c")));
    EXPECT_THAT(run({"serve", "--database", url}), refused);
    EXPECT_THAT(run({"migrate", "--config", file("database = \"" + std::string(url) + "\"")}), refused);
    settings s;
    s.database = url;
    EXPECT_THAT(check(s).value_or(""), refused);
  }
}

TEST_F(Settings, RefuseAnUnknownKeyByName) {
  EXPECT_THAT(run({"serve", "--config", file("http_port = 1\nhttp_prot = 2")}),
              HasSubstr("line 2: unknown setting \"http_prot\""));
  EXPECT_THAT(run({"serve", "--config", file("http-port = 1")}),
              AllOf(HasSubstr("\"http-port\""), HasSubstr("did you mean http_port?")));
  EXPECT_THAT(run({"serve", "--config", file("config = \"x\"")}), HasSubstr("\"config\""));
}

TEST_F(Settings, RefuseAFileThatCannotBeRead) {
  EXPECT_THAT(run({"serve", "--config", "/nonexistent/troupe.toml"}), HasSubstr("/nonexistent/troupe.toml"));
  EXPECT_THAT(run({"serve", "--config", "/"}), HasSubstr("cannot be read"));
  EXPECT_THAT(run({"serve", "--config", file(std::string(1024 * 1024 + 1, '#'))}), HasSubstr("larger than 1 MiB"));
  EXPECT_EQ(run({"serve", "--config", file(std::string(1024 * 1024, '#'))}), "");
}

TEST_F(Settings, RefuseAFlagThatDoesNotExistOrIsGivenTwice) {
  EXPECT_THAT(run({"serve", "--rule", "worker"}), HasSubstr("--rule"));
  EXPECT_THAT(run({"migrate", "--role", "worker"}), HasSubstr("--role"));
  EXPECT_NE(run({"serve", "--http-port", "1", "--http-port", "2"}), "");
  EXPECT_NE(run({"serve", "--http-port"}), "");
}

// -- help ---------------------------------------------------------------------

TEST_F(Settings, AreAllInTheHelpWithDefaultAndVariable) {
  // A wrong environment must not keep anybody from the help.
  set_variable("TROUPE_HTTP_PORT", "wrong");
  const auto help = run({"serve", "--help"});
  for (const auto& each : setting_table())
    EXPECT_THAT(help, AllOf(HasSubstr(each.flag() + " " + each.placeholder), HasSubstr(each.description),
                            HasSubstr(each.bounds + "; default " + each.default_text + "; " + each.variable())));
  EXPECT_THAT(help, HasSubstr("--config FILE"));
}

// -- check --------------------------------------------------------------------

TEST_F(Settings, DeriveWhatIsNotGiven) {
  settings s;
  s.data_dir = "/srv/troupe";
  s.http_host = "localhost";
  s.node_host = "localhost";
  EXPECT_EQ(check(s), std::nullopt);
  EXPECT_EQ(s.database, "sqlite:/srv/troupe/troupe.db");
  EXPECT_EQ(s.http_host, "localhost") << "it is listened on at all of its addresses";
  EXPECT_EQ(s.node_host, "127.0.0.1");
  EXPECT_EQ(s.worker_threads, static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 256u)));
  EXPECT_NE(s.node_name, "");
}

TEST_F(Settings, OfMetricsTakeAnyAddressAndMayBeLeftOut) {
  for (const auto* host : {"0.0.0.0", "::", "10.0.0.1", "localhost", "127.0.0.1"}) {
    EXPECT_EQ(run({"serve", "--metrics-host", host}), "") << host;
    EXPECT_EQ(result.metrics_host, host);
    EXPECT_EQ(result.metrics_port, std::nullopt);
  }
}

TEST_F(Settings, KeepWhatIsGiven) {
  settings s;
  s.database = "sqlite:other.db";
  s.worker_threads = 3;
  s.node_name = "left";
  EXPECT_EQ(check(s), std::nullopt);
  EXPECT_EQ(s.database, "sqlite:other.db");
  EXPECT_EQ(s.worker_threads, 3);
  EXPECT_EQ(s.node_name, "left");
}

TEST_F(Settings, AreCheckedAlsoWhenNobodyParsedThem) {
  settings s;
  s.capacity = 0;
  EXPECT_THAT(check(s).value_or(""), AllOf(HasSubstr("capacity: \"0\""), HasSubstr("1 to 1000000")));
  s = settings{};
  s.drain_timeout = -1s;
  EXPECT_THAT(check(s).value_or(""), HasSubstr("drain_timeout"));
  s = settings{};
  s.data_dir = "";
  EXPECT_THAT(check(s).value_or(""), HasSubstr("data_dir"));
}

// -- a cluster ----------------------------------------------------------------

TEST_F(Settings, OfANodeThatOthersReachAreAllowedWithTls) {
  for (const auto* host : {"10.0.0.1", "fe80::1", "node-1.internal", "3f2a"}) {
    auto s = cluster_settings();
    s.node_host = host;
    EXPECT_EQ(check(s), std::nullopt) << host;
  }
}

TEST_F(Settings, OfANodeThatOthersReachAreRefusedWithoutTlsAndSayWhy) {
  for (const auto* host : {"10.0.0.1", "fe80::1", "node-1.internal", "localhost.localdomain"}) {
    settings s;
    s.database = "postgres:///troupe";
    s.node_host = host;
    EXPECT_THAT(check(s).value_or(""),
                AllOf(StartsWith("node_host: \"" + std::string(host) + "\" must be a loopback address"),
                      HasSubstr("node_tls_cert, node_tls_key and node_tls_ca"), HasSubstr("no authentication")));
  }
  for (const auto* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) {
    settings s;
    s.node_host = host;
    EXPECT_EQ(check(s), std::nullopt) << host;
  }
}

TEST_F(Settings, RefuseAnUnspecifiedNodeHostAlsoWithTls) {
  auto s = cluster_settings();
  s.node_host = "0.0.0.0";
  EXPECT_THAT(check(s).value_or(""), AllOf(StartsWith("node_host: \"0.0.0.0\""), HasSubstr("told")));
}

TEST_F(Settings, TakeAllFilesOfTlsOrNone) {
  for (auto missing : {&settings::node_tls_cert, &settings::node_tls_key, &settings::node_tls_ca}) {
    auto s = cluster_settings();
    s.*missing = "";
    EXPECT_THAT(check(s).value_or(""), AllOf(HasSubstr(" is missing"), HasSubstr("all three or not at all")));
  }
}

TEST_F(Settings, RefuseFilesThatCannotBeRead) {
  for (auto member : {&settings::database_password_file, &settings::outbound_ca_file, &settings::secret_key_file,
                      &settings::node_tls_cert, &settings::node_tls_key, &settings::node_tls_ca}) {
    auto s = cluster_settings();
    s.*member = "/nonexistent/file";
    EXPECT_THAT(check(s).value_or(""), AllOf(HasSubstr("\"/nonexistent/file\""), HasSubstr("No such file")));
    s.*member = "/";
    EXPECT_THAT(check(s).value_or(""), HasSubstr("it is a folder"));
  }
}

TEST_F(Settings, PartTheRolesWithPostgresOnly) {
  for (const auto role : {node_role::gateway, node_role::worker}) {
    settings s;
    s.role = role;
    EXPECT_THAT(check(s).value_or(""), AllOf(StartsWith("role: \"" + std::string(to_string(role)) + "\" needs"),
                                             HasSubstr("one process alone holds a SQLite file")));
    s.database = "dbname=troupe";
    EXPECT_EQ(check(s), std::nullopt);
  }
}

// -- the example file ---------------------------------------------------------

TEST_F(Settings, InTheExampleFileAreTheDefaults) {
  EXPECT_EQ(run({"serve", "--config", example_file().string()}), "");
  EXPECT_EQ(result, settings{});
}

TEST_F(Settings, AreAllInTheExampleFile) {
  // Those that are derived or are nothing stand as comments.
  const auto derived = [](const setting& each) { return each.write(settings{}).empty(); };
  const auto example = content_of(example_file());
  for (const auto& each : setting_table())
    EXPECT_THAT(example, HasSubstr((derived(each) ? "\n# " : "\n") + each.key + " = ")) << each.key;
}

TEST_F(Settings, OfTheClusterExampleAreThoseOfAWorkingNode) {
  EXPECT_EQ(run({"serve", "--config", packaged_file("cluster.example.toml").string()}), "");
  EXPECT_TRUE(is_postgres(result.database));
  EXPECT_EQ(redacted_database(result.database), result.database);
  EXPECT_NE(result.node_port, 0);
  EXPECT_FALSE(is_loopback(result.node_host));
  // Nothing is wrong with it but that the files are not on this host.
  const auto present = cluster_settings();
  result.database_password_file = file("secret", "password");
  result.node_tls_cert = present.node_tls_cert;
  result.node_tls_key = present.node_tls_key;
  result.node_tls_ca = present.node_tls_ca;
  EXPECT_EQ(check(result), std::nullopt);
}

TEST_F(Settings, AreGivenTheTimeToDrainByTheUnitFile) {
  const auto unit = content_of(packaged_file("troupe.service"));
  const std::string key = "\nTimeoutStopSec=";
  const auto at = unit.find(key);
  ASSERT_NE(at, unit.npos);
  const auto first = at + key.size();
  const auto stop = parse_duration(unit.substr(first, unit.find('\n', first) - first));
  ASSERT_TRUE(stop.has_value());
  // Beside the drain, answers in progress are let out and the store is closed.
  EXPECT_GE(*stop, settings{}.drain_timeout + 10s);
}

TEST_F(Settings, AreAllInTheGuideToOperations) {
  const auto guide = content_of(example_file().parent_path() / "OPERATIONS.md");
  for (const auto& each : setting_table())
    EXPECT_THAT(guide, HasSubstr("| `" + each.key + "` | ")) << each.key;
}

// -- databases ----------------------------------------------------------------

TEST(Databases, AreToldApart) {
  for (const auto* url : {"postgres://h/d", "postgresql://", "host=db", "dbname = troupe", " user=u"})
    EXPECT_TRUE(is_postgres(url)) << url;
  for (const auto* url : {"sqlite:a=b", "sqlite:postgres://h", "mysql://h?a=b", "", "=", "troupe.db", "host db=x"})
    EXPECT_FALSE(is_postgres(url)) << url;
}

TEST(Databases, OfEachFormAreTaken) {
  for (const auto* url :
       {"sqlite:troupe.db", "sqlite:/a b/password=x@y", "postgres://", "postgres:///troupe", "postgresql://h:5433/d",
        "postgres://u:p:q%3fr@h/d?a=b", "postgres://u:p%40%2f@h1:1,h2:2/d?sslmode=require&application_name=a%20b",
        "postgres://[::1]:5432/d", "postgres://u@/d?host=/run/postgresql", "host=db",
        "host=db dbname=troupe user=u password='a b\\'c'", "host = db   port= 1 ", "password=a\\ b host="})
    EXPECT_EQ(refuse_database(url), std::nullopt) << url;
}

TEST(Databases, ThatAreMalformedAreRefusedBeforeLibpqCitesThem) {
  for (const auto* url : {"postgres://u:p@q@h/d",
                          "postgres://u:p/q@h/d",
                          "postgres://u:p%q@h/d",
                          "postgres://u:p%4@h/d",
                          "postgres://u:p%00@h/d",
                          "postgres://u:p q@h/d",
                          "postgres://h/d?a",
                          "postgres://h/d?a=b=c",
                          "postgres://h/d?=b",
                          "postgres://h/d?",
                          "postgres://h/d?a=b&",
                          "postgres://u:p?q@h/d",
                          "postgres://h/d?a=b&&c=d",
                          "postgres://h/d?a=b@c",
                          "host=db troupe",
                          "host='db",
                          "host=db =x",
                          "host='a'b",
                          "password=a b host=db",
                          "password='a'host=db",
                          "postgres://u:p@[::1]x",
                          "postgres://u:p@[]",
                          "postgres://u:p@a,[::1"})
    EXPECT_NE(refuse_database(url), std::nullopt) << url;
}

TEST(Databases, AreShownWithoutTheirSecrets) {
  const std::vector<std::pair<std::string, std::string>> shown{
    {"postgres://u:pw@h:5432/d", "postgres://u:***@h:5432/d"},
    {"postgresql://u:@h", "postgresql://u:***@h"},
    {"postgres://:pw@h", "postgres://:***@h"},
    {"postgres://u:p:w?x@h/d?sslmode=require", "postgres://u:***@h/d?sslmode=require"},
    {"postgres://u:p@w/x@h/d", "postgres://u:***@h/d"},
    {"postgres://h/d?user=u&password=pw&port=1", "postgres://h/d?user=u&password=***&port=1"},
    {"postgres://h/d?password=pw", "postgres://h/d?password=***"},
    {"postgres://h/d?pass%77ord=pw&a=b", "postgres://h/d?pass%77ord=***&a=b"},
    {"postgres://h/d?password=p&w&a=b", "postgres://h/d?password=***&***&a=b"},
    {"postgres://u:pw@h/d?sslpassword=pw", "postgres://u:***@h/d?sslpassword=***"},
    {"postgres://h:5432/d?password=p@w", "postgres://h:***"},
    {"postgres://h/d?password=p:p@w", "postgres://h/d?***"},
    {"mysql://u:pw@h/d", "mysql://u:***@h/d"},
    {"u:pw@h/d", "u:***@h/d"},
    {"host=h password=pw user=u", "host=h password=*** user=u"},
    {"password = pw", "password = ***"},
    {"password='p w' user='u v'", "password=*** user='u v'"},
    {"password='p\\'w' user=u", "password=*** user=u"},
    {"password=p\\ w user=u", "password=*** user=u"},
    {"PASSWORD=pw", "PASSWORD=***"},
    {"host=h sslpassword=pw", "host=h sslpassword=***"},
    {"password=p w user=u", "password=*** ***"},
    {"password='p w", "***"},
    {"user=u password='p'w", "user=u ***"},
    {"host h password=pw", "host h password=***"},
  };
  for (const auto& [url, expected] : shown) {
    EXPECT_EQ(redacted_database(url), expected);
    EXPECT_EQ(redacted_database(expected), expected);
  }
}

TEST(Databases, ThatHoldNoSecretAreShownAsTheyAre) {
  for (const auto* url :
       {"", "troupe.db", "sqlite:troupe.db", "sqlite:/a:b@c/password=x", "postgres://", "postgres://u@h:5432/d",
        "postgres://h:5432/d?sslmode=require&sslkey=/k", "postgres://[::1]:5432/d", "host=h  user='a b' passfile=/p "})
    EXPECT_EQ(redacted_database(url), url);
}

// -- addresses ----------------------------------------------------------------

TEST(Addresses, OfLocalhostAreTwo) {
  EXPECT_THAT(loopback_addresses("localhost"), testing::ElementsAre("127.0.0.1", "::1"));
  EXPECT_THAT(loopback_addresses("127.0.0.7"), testing::ElementsAre("127.0.0.7"));
}

TEST(Addresses, OfANodeAreThoseThatOthersCanBeTold) {
  for (const auto* host :
       {"127.0.0.1", "10.1.2.3", "::1", "fd00::7", "localhost", "node-1", "a_b.c", "3f2a9c", "0xy", "10.in-addr.arpa"})
    EXPECT_TRUE(is_node_address(host)) << host;
  for (const auto& host : std::vector<std::string>{"0.0.0.0",
                                                   "::",
                                                   "0:0:0:0:0:0:0:0",
                                                   "::ffff:0.0.0.0",
                                                   "",
                                                   "0",
                                                   "0x0",
                                                   "0x",
                                                   "00.0.0.0",
                                                   "127.1",
                                                   "1.2.3.4.5",
                                                   "a..b",
                                                   ".a",
                                                   "a.",
                                                   "-a",
                                                   "a-",
                                                   "a b",
                                                   "a/b",
                                                   "[::1]",
                                                   "a:1",
                                                   "fe80::1%eth0",
                                                   std::string(64, 'a'),
                                                   std::string(254, 'a')})
    EXPECT_FALSE(is_node_address(host)) << host;
}

// -- texts --------------------------------------------------------------------

TEST(Durations, AreReadWithTheirUnits) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("30"), 30s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("0"), 0ms);
  for (const auto* wrong : {"", "s", "-1s", "1.5s", "1 s", "+1", "1d", "1S", "1sm", "18446744073709551615", "8761h"})
    EXPECT_EQ(parse_duration(wrong), std::nullopt) << wrong;
}

TEST(Durations, AreWrittenAsTheyAreRead) {
  for (const auto value : std::vector<std::chrono::milliseconds>{0ms, 1ms, 999ms, 1s, 1500ms, 60s, 90s, 1h, 25h})
    EXPECT_EQ(parse_duration(write_duration(value)), value) << write_duration(value);
  EXPECT_EQ(write_duration(30s), "30s");
  EXPECT_EQ(write_duration(90s), "90s");
  EXPECT_EQ(write_duration(5min), "5m");
}

TEST(Toml, ReadsStringsIntegersAndComments) {
  const auto parsed = parse_toml("\xef\xbb\xbf# c\r\na=1\n\n  b = \"x # \\\"\\\\\\t\\u00e9\\U0001F600\" # c\n"
                                 "c = 'a\\b#'\nd = -1_000\ne = +5#c\nf = 0");
  ASSERT_TRUE(std::holds_alternative<std::vector<toml_entry>>(parsed));
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& entry : std::get<std::vector<toml_entry>>(parsed))
    pairs.emplace_back(entry.key, entry.value);
  EXPECT_THAT(pairs, testing::ElementsAre(std::pair("a", "1"), std::pair("b", "x # \"\\\t\xc3\xa9\xf0\x9f\x98\x80"),
                                          std::pair("c", "a\\b#"), std::pair("d", "-1000"), std::pair("e", "5"),
                                          std::pair("f", "0")));
  EXPECT_EQ(std::get<std::vector<toml_entry>>(parsed).back().line, 8u);
}

TEST(Toml, RefusesEverythingElseAndNamesTheLine) {
  using namespace std::string_literals;
  for (const auto& wrong : {"a"s,
                            "a ="s,
                            "= 1"s,
                            "a = b"s,
                            "a = 1 2"s,
                            "a = \"x"s,
                            "a = 'x"s,
                            "a = \"\\q\""s,
                            "a = \"\\u12\""s,
                            "a = \"\\ud800\""s,
                            "a = \"\\u0000\""s,
                            "[t]"s,
                            "a.b = 1"s,
                            "a = [1]"s,
                            "a = 1.5"s,
                            "a = true"s,
                            "a = 1_"s,
                            "a = _1"s,
                            "a = 1__0"s,
                            "a = 01"s,
                            "a = -"s,
                            "a = \"\x01\""s,
                            "a = \"\0\""s,
                            "a = \"\xff\""s,
                            "a = \"\"\"x"s,
                            "a = 0x"s,
                            "a = 99999999999999999999"s,
                            "a = 1\rb = 2"s,
                            "# \x01"s,
                            "[first]"s,
                            "first.b = 1"s,
                            "a = 2026-01-02"s,
                            "a = {b = 1}"s,
                            "b = 1\nb = 2"s}) {
    const auto parsed = parse_toml("first = 1\n" + wrong);
    ASSERT_TRUE(std::holds_alternative<toml_error>(parsed)) << wrong;
    EXPECT_THAT(std::get<toml_error>(parsed).message, StartsWith("line ")) << wrong;
  }
}

// TOML 1.0, "Keys", "String" and "Integer": all of these are one text or one whole number.
TEST(Toml, ReadsAllFormsOfAKeyAStringAndAnInteger) {
  const auto parsed = parse_toml("\"a\" = 1\n'b' = 0x1F\nc = 0o17\nd = 0b101\n"
                                 "e = \"\"\"x # \"y\"\"\"\"\nf = \'\'\'\nx\\\ny\'\'\'\ng = -9223372036854775808");
  ASSERT_TRUE(std::holds_alternative<std::vector<toml_entry>>(parsed)) << std::get<toml_error>(parsed).message;
  std::vector<std::tuple<std::string, std::string, std::size_t>> rows;
  for (const auto& entry : std::get<std::vector<toml_entry>>(parsed))
    rows.emplace_back(entry.key, entry.value, entry.line);
  EXPECT_THAT(rows, testing::ElementsAre(std::tuple("a", "1", 1), std::tuple("b", "31", 2), std::tuple("c", "15", 3),
                                         std::tuple("d", "5", 4), std::tuple("e", "x # \"y\"", 5),
                                         std::tuple("f", "x\\\ny", 6), std::tuple("g", "-9223372036854775808", 9)));
}

TEST(Toml, SaysWhatIsWrongWithWhichKeyOnWhichLine) {
  const auto refusal = [](const std::string& text) {
    const auto parsed = parse_toml(text);
    const auto* error = std::get_if<toml_error>(&parsed);
    return error == nullptr ? std::string{} : error->message;
  };
  EXPECT_EQ(refusal("b = 1\n\n# c\n  b = 2\nc = 3"), "line 4: b was given before, on line 1");
  EXPECT_EQ(refusal("b = 1\r\nb = \"x\"\r\n"), "line 2: b was given before, on line 1");
  EXPECT_EQ(refusal("\"b\" = 1\nb=2"), "line 2: b was given before, on line 1");
  EXPECT_EQ(refusal("z = 1.5\na = true"), "line 1: z: the value must be a whole number or a text in quotes");
  EXPECT_EQ(refusal("a = 1\n[t]\nb = 1"), "line 2: t: settings stand at the top level, not in tables");
  EXPECT_EQ(refusal("a = \"x\\u0000\""), "line 1: a: a text must not hold a NUL character");
  EXPECT_THAT(refusal("a = 1\n\nb = yes\n"),
              StartsWith("line 3: b: the value must be a whole number or a text in quotes ("));
  EXPECT_THAT(refusal("a = 1\nb = \"x"), StartsWith("line 2: b: "));
  EXPECT_THAT(refusal("a\n"), StartsWith("line 1: expected key = value ("));
  EXPECT_THAT(refusal("= 1"), StartsWith("line 1: expected key = value ("));
}

TEST(Toml, NoRefusalShowsATextThatWasGiven) {
  for (const std::string wrong :
       {"postgres://u:s3cret@h/d", "s3cret", "\"s3cret", "\"s3cret\" s3cret", "\"s3cret\\q\"", "trs3cret", "1s3cret"}) {
    const auto parsed = parse_toml("database = " + wrong);
    ASSERT_TRUE(std::holds_alternative<toml_error>(parsed)) << wrong;
    EXPECT_THAT(std::get<toml_error>(parsed).message,
                testing::AllOf(StartsWith("line 1: database: "), testing::Not(HasSubstr("s3cret"))));
  }
}

} // namespace troupe
