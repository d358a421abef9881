#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

/// The house: four halls, gateway → actors → persistence → config, each divided into rooms. A room is a folder, and
/// knows those that are listed for it and no other. What stands in a hall itself is its face, but for the few files
/// that put the hall together.
namespace troupe {

namespace {

namespace fs = std::filesystem;
using names = std::set<std::string, std::less<>>;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// What is seen from every room of the actors and of the gateway.
const names below{"config", "persistence", "persistence/values", "persistence/logging", "persistence/rules"};

const std::map<std::string, names, std::less<>> rooms{
  {"config", {}},
  {"persistence/values", {}},
  {"persistence/logging", {"persistence/values"}},
  {"persistence", {"config", "persistence/values"}},
  {"persistence/rules", {"persistence", "persistence/values"}},
  {"persistence/rows", {"persistence", "persistence/values", "persistence/rules"}},
  {"persistence/sqlite",
   {"persistence", "persistence/values", "persistence/logging", "persistence/rules", "persistence/rows"}},
  {"persistence/postgres",
   {"config", "persistence", "persistence/values", "persistence/logging", "persistence/rules", "persistence/rows"}},
  {"persistence/database", {"persistence", "persistence/sqlite", "persistence/postgres"}},

  {"actors/remote", {}},
  {"actors/providers", {"actors/remote"}},
  {"actors/toolbox", {"actors/remote", "actors/providers"}},
  {"actors", {"actors/remote", "actors/toolbox"}},
  {"actors/store", {"actors"}},
  {"actors/broadcast", {"actors"}},
  {"actors/cluster", {"actors", "actors/store", "actors/broadcast"}},
  {"actors/models", {"actors", "actors/remote", "actors/providers", "actors/toolbox"}},
  {"actors/tools", {"actors", "actors/remote", "actors/providers", "actors/toolbox"}},
  {"actors/tasks/rules", {"actors/toolbox"}},
  {"actors/tasks",
   {"actors", "actors/providers", "actors/toolbox", "actors/store", "actors/models", "actors/tasks/rules"}},
  {"actors/node",
   {"actors", "actors/remote", "actors/store", "actors/broadcast", "actors/cluster", "actors/models", "actors/tools",
    "actors/tasks"}},

  {"gateway/asio", {}},
  {"gateway/requests", {}},
  {"gateway/http", {"gateway/requests"}},
  {"gateway/outbound", {"gateway/http", "actors/remote"}},
  {"gateway/forms", {"gateway/requests", "gateway/outbound", "actors", "actors/remote", "actors/toolbox"}},
  {"gateway/rendering", {"gateway/forms", "actors"}},
  {"gateway/questions", {"actors"}},
  {"gateway/live",
   {"gateway/requests", "gateway/http", "gateway/forms", "gateway/rendering", "gateway/questions", "actors",
    "actors/remote"}},
  {"gateway/api",
   {"gateway/requests", "gateway/forms", "gateway/rendering", "gateway/live", "actors/models", "actors/providers"}},
  {"gateway/cli", {"actors/remote"}},
  {"gateway", {"gateway/requests", "gateway/live", "gateway/api", "gateway/cli", "gateway/outbound", "actors/node"}},
};

/// Files that put a hall together, which its face must not know.
const std::map<std::string, std::string, std::less<>> tops{
  {"persistence/database.cpp", "persistence/database"},
  {"actors/node.cpp", "actors/node"},
  {"actors/node.hpp", "actors/node"},
  {"actors/restart_intensity.hpp", "actors/node"},
};

/// Databases, actors and protocols each live in few places.
const std::map<std::string, names, std::less<>> libraries{
  {"sqlite3.h", {"persistence/sqlite"}},
  {"pqxx/", {"persistence/postgres"}},
  {"postgresql/", {"persistence/postgres"}},
  {"caf/",
   {"actors", "actors/store", "actors/broadcast", "actors/cluster", "actors/models", "actors/tools", "actors/tasks",
    "actors/node", "gateway/live", "gateway"}},
  {"boost/",
   {"gateway/asio", "gateway/requests", "gateway/http", "gateway/outbound", "gateway/forms", "gateway/live",
    "gateway/cli", "gateway"}},
  {"CLI/", {"config", "gateway/cli", "gateway"}},
  {"spdlog/", {"persistence/logging", "gateway/requests", "gateway"}},
};

constexpr std::size_t most_sources = 30;

/// The room of a source, by its path below the top.
std::string room_of(const std::string& path) {
  if (const auto top = tops.find(path); top != tops.end())
    return top->second;
  auto folder = path.substr(0, path.rfind('/'));
  while (!rooms.contains(folder) && folder.find('/') != std::string::npos)
    folder.erase(folder.rfind('/'));
  return folder;
}

bool may_know(const std::string& room, const std::string& other) {
  const auto known = rooms.find(room);
  return room == other || (known != rooms.end() && known->second.contains(other))
         || (!room.starts_with("persistence") && room != "config" && below.contains(other));
}

/// The includes in the text of a source that lead where it must not.
std::vector<std::string> misplaced_includes(const std::string& path, const std::string& text) {
  std::vector<std::string> found;
  const auto room = room_of(path);
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("#include "))
      continue;
    const auto name = line.substr(10, line.find_last_of("\">") - 10);
    bool misplaced = line[9] == '"' && !may_know(room, room_of(name));
    for (const auto& [header, allowed] : libraries)
      misplaced |= line[9] == '<' && name.starts_with(header) && !allowed.contains(room);
    if (misplaced)
      found.push_back(line);
  }
  return found;
}

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

/// All sources of the product, by their paths below the top.
std::vector<std::string> sources() {
  std::vector<std::string> found;
  const fs::path top{TROUPE_SOURCE_DIR};
  for (const auto* hall : {"config", "persistence", "actors", "gateway"})
    for (const auto& entry : fs::recursive_directory_iterator{top / hall})
      if (entry.path().extension() == ".cpp" || entry.path().extension() == ".hpp")
        found.push_back(fs::relative(entry.path(), top).string());
  return found;
}

} // namespace

TEST(Rooms, AnIncludeThatLeadsWhereItMustNotIsFound) {
  const auto expect_misplaced = [](const std::string& path, const std::string& line) {
    EXPECT_THAT(misplaced_includes(path, line + "\n"), ElementsAre(line)) << path;
  };
  expect_misplaced("config/settings.cpp", "#include \"persistence/values/uuid.hpp\"");
  expect_misplaced("persistence/rules/run.cpp", "#include \"persistence/sqlite/writer.hpp\"");
  expect_misplaced("persistence/sqlite/tables/queue.cpp", "#include \"persistence/postgres/page.hpp\"");
  expect_misplaced("actors/toolbox/mcp.cpp", "#include \"actors/messages.hpp\"");
  expect_misplaced("actors/messages.hpp", "#include \"actors/node.hpp\"");
  expect_misplaced("actors/tasks/rules/claim_gate.cpp", "#include \"actors/tasks/task_supervisor.hpp\"");
  expect_misplaced("gateway/http/session.cpp", "#include \"gateway/live/lane.hpp\"");
  expect_misplaced("gateway/live/lane.cpp", "#include \"gateway/api/routes.hpp\"");
  expect_misplaced("gateway/api/tasks.cpp", "#include \"tests/unit/helper.hpp\"");
  expect_misplaced("persistence/rules/run.cpp", "#include <sqlite3.h>");
  expect_misplaced("actors/remote/sse.cpp", "#include <caf/actor.hpp>");
  expect_misplaced("actors/tasks/rules/claim_gate.cpp", "#include <caf/actor.hpp>");
  expect_misplaced("actors/store/reader.cpp", "#include <boost/asio/io_context.hpp>");
  EXPECT_THAT(
    misplaced_includes("gateway/api/tasks.cpp", "#include \"gateway/live/gateway_actor.hpp\"\n#include <vector>\n"),
    IsEmpty());
  EXPECT_THAT(misplaced_includes("actors/node.cpp", "#include \"actors/tasks/scheduler.hpp\"\n"), IsEmpty());
}

TEST(Rooms, KnowThoseThatAreListedForThemAndNoOthers) {
  const auto all = sources();
  EXPECT_FALSE(all.empty());
  for (const auto& path : all) {
    EXPECT_TRUE(rooms.contains(room_of(path))) << path << " is in no room";
    for (const auto& line : misplaced_includes(path, read(fs::path{TROUPE_SOURCE_DIR} / path)))
      ADD_FAILURE() << path << ": " << line;
  }
}

TEST(Rooms, HaveNoCircle) {
  // A room comes after all that it knows.
  names placed;
  for (std::size_t before = 1; before != 0;) {
    before = 0;
    for (const auto& [room, known] : rooms)
      if (!placed.contains(room)
          && std::all_of(known.begin(), known.end(), [&](const auto& one) { return placed.contains(one); })) {
        placed.insert(room);
        ++before;
      }
  }
  for (const auto& [room, known] : rooms)
    EXPECT_TRUE(placed.contains(room)) << room << " is in a circle, or knows a room that there is not";
}

TEST(Rooms, AreSmallEnoughToBeSeenAtOnce) {
  std::map<std::string, std::size_t> counts;
  for (const auto& path : sources())
    ++counts[path.substr(0, path.rfind('/'))];
  for (const auto& [folder, count] : counts)
    EXPECT_LE(count, most_sources) << folder;
}

TEST(Rooms, SayWhatTheyAreFor) {
  for (const auto& [room, known] : rooms) {
    const auto folder = fs::path{TROUPE_SOURCE_DIR} / room;
    EXPECT_TRUE(!fs::is_directory(folder) || fs::exists(folder / "README.md")) << room;
  }
}

} // namespace troupe
