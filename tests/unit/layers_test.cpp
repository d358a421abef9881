#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

/// The layers: gateway → actors → persistence → config. Each knows those behind it
/// in this line and no other; nothing points back.
namespace troupe {

namespace {

constexpr std::array<std::string_view, 4> layers{"config", "persistence", "actors", "gateway"};

/// What the lower layers must not know of: databases, actors and protocols each live in one place.
struct library_rule {
  std::string_view header;
  std::vector<std::string_view> allowed;
};

const std::vector<library_rule> library_rules{
  {"sqlite3.h", {"persistence"}},
  {"caf/", {"actors", "gateway"}},
  {"boost/", {"gateway"}},
};

std::size_t level_of(std::string_view folder) {
  return static_cast<std::size_t>(std::find(layers.begin(), layers.end(), folder) - layers.begin());
}

/// The includes of a source text in `layer` that run against the layers.
std::vector<std::string> misplaced_includes(std::string_view layer, const std::string& text) {
  std::vector<std::string> found;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("#include ")) {
      continue;
    }
    const std::string_view name = std::string_view{line}.substr(10);
    const auto level = level_of(name.substr(0, name.find('/')));
    bool misplaced = line[9] == '"' && (level > level_of(layer));
    for (const auto& rule : library_rules) {
      misplaced |= line[9] == '<' && name.starts_with(rule.header)
                   && std::find(rule.allowed.begin(), rule.allowed.end(), layer) == rule.allowed.end();
    }
    if (misplaced) {
      found.push_back(line);
    }
  }
  return found;
}

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

} // namespace

TEST(Layers, AnIncludeThatRunsAgainstThemIsFound) {
  EXPECT_EQ(misplaced_includes("config", "#include \"persistence/values/uuid.hpp\"\n").size(), 1U);
  EXPECT_EQ(misplaced_includes("persistence", "#include \"actors/messages.hpp\"\n").size(), 1U);
  EXPECT_EQ(misplaced_includes("actors", "#include \"gateway/requests/problem.hpp\"\n").size(), 1U);
  EXPECT_EQ(misplaced_includes("gateway", "#include \"tests/unit/helper.hpp\"\n").size(), 1U);
  EXPECT_EQ(misplaced_includes("persistence", "#include <caf/actor.hpp>\n").size(), 1U);
  EXPECT_EQ(misplaced_includes("actors", "#include <boost/asio/io_context.hpp>\n").size(), 1U);
  EXPECT_EQ(misplaced_includes("gateway", "#include <sqlite3.h>\n").size(), 1U);
  EXPECT_TRUE(misplaced_includes("gateway", "#include \"config/settings.hpp\"\n#include <vector>\n").empty());
}

TEST(Layers, NoIncludeRunsAgainstThem) {
  for (const auto layer : layers) {
    int files = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator{TROUPE_SOURCE_DIR + ("/" + std::string{layer})}) {
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") {
        continue;
      }
      ++files;
      for (const auto& line : misplaced_includes(layer, read(entry.path()))) {
        ADD_FAILURE() << entry.path() << ": " << line;
      }
    }
    EXPECT_GT(files, 0) << layer;
  }
}

} // namespace troupe
