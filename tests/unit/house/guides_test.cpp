#include "gateway/api/openapi.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

/// The documents for people: what they link to is there, and they name all that there is.
namespace troupe {

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const fs::path& source_folder() {
  static const fs::path folder{TROUPE_SOURCE_DIR};
  return folder;
}

std::string content_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream{file}.rdbuf();
  return text.str();
}

/// Without what is shown as code, where a bracket is no link and a # no heading.
std::string prose_of(const std::string& text) {
  std::string prose;
  std::istringstream lines{text};
  bool is_code = false;
  for (std::string line; std::getline(lines, line);) {
    const bool is_fence = line.starts_with("```");
    is_code = is_code != is_fence;
    if (!is_code && !is_fence && !line.starts_with("    ")) {
      prose += line + '\n';
    }
  }
  return prose;
}

/// What a heading is called in a link, by GitHub's rule: small letters, a hyphen for each space, no punctuation.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ') {
      anchor += '-';
    } else if (byte < 0x80 && (std::isalnum(byte) != 0 || c == '-' || c == '_')) {
      anchor += static_cast<char>(std::tolower(byte));
    }
  }
  return anchor;
}

std::vector<std::string> headings_of(const std::string& text) {
  std::vector<std::string> found;
  std::istringstream lines{prose_of(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) {
      found.push_back(line.substr(line.find_first_not_of("# ")));
    }
  }
  return found;
}

/// The targets of links in `text`, a document in `folder`, that are neither elsewhere on the web nor there.
std::vector<std::string> broken_links(const fs::path& folder, const std::string& text) {
  static const std::regex link{R"(\]\(([^)\s#]*)(?:#([^)\s]*))?\))"};
  const auto prose = prose_of(text);
  std::vector<std::string> broken;
  for (std::sregex_iterator at{prose.begin(), prose.end(), link}; at != std::sregex_iterator{}; ++at) {
    const std::string path = (*at)[1];
    const std::string anchor = (*at)[2];
    if (path.find("://") != path.npos) {
      continue;
    }
    const auto target = folder / path;
    bool leads_there = path.empty() || fs::exists(target);
    if (leads_there && !anchor.empty()) {
      const auto headings = headings_of(path.empty() ? text : content_of(target));
      leads_there = std::any_of(headings.begin(), headings.end(),
                                [&](const auto& heading) { return anchor_of(heading) == anchor; });
    }
    if (!leads_there) {
      broken.push_back((*at)[0].str().substr(2));
    }
  }
  return broken;
}

/// All Markdown of the repository but what was built or fetched.
std::vector<fs::path> guides() {
  const std::set<std::string> no_source{".git", "build", "node_modules", "var"};
  std::vector<fs::path> found;
  for (auto at = fs::recursive_directory_iterator{source_folder()}; at != fs::recursive_directory_iterator{}; ++at) {
    if (at->is_directory() && no_source.contains(at->path().filename())) {
      at.disable_recursion_pending();
    } else if (at->path().extension() == ".md") {
      found.push_back(at->path());
    }
  }
  return found;
}

} // namespace

TEST(Guides, ALinkThatLeadsNowhereIsFound) {
  const auto folder = source_folder() / "config";
  EXPECT_THAT(broken_links(folder, "# One `two`: three\n[a](#one-two-three) [b](../README.md#troupe) [c](../actors)"),
              IsEmpty());
  EXPECT_THAT(broken_links(folder, "[of\ntwo lines](gone.md)"), ElementsAre("gone.md)"));
  EXPECT_THAT(broken_links(folder, "# One\n[a](#two) [b](../README.md#gone)"),
              ElementsAre("#two)", "../README.md#gone)"));
  EXPECT_THAT(broken_links(folder, "[a](https://example.com/gone#gone)"), IsEmpty());
  EXPECT_THAT(broken_links(folder, "```sh\n# gone\n```\n    [a](gone)\n[b](#gone)"), ElementsAre("#gone)"));
}

TEST(Guides, LinkToWhatIsThere) {
  const auto all = guides();
  EXPECT_GT(all.size(), 10U);
  for (const auto& guide : all) {
    EXPECT_THAT(broken_links(guide.parent_path(), content_of(guide)), IsEmpty()) << guide;
  }
}

TEST(Guides, BeginWithAReadmeThatIsReadInOneGo) {
  const auto text = content_of(source_folder() / "README.md");
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 200);
}

TEST(Guides, NameEveryPathAndEveryProblem) {
  const auto guide = content_of(source_folder() / "gateway" / "API.md");
  const auto contract = nlohmann::json::parse(openapi_json);
  for (const auto& [path, methods] : contract.at("paths").items()) {
    EXPECT_THAT(guide, HasSubstr(' ' + path + '`')) << path;
  }
  for (const auto& code : contract.at("components").at("schemas").at("ProblemCode").at("enum")) {
    EXPECT_THAT(guide, HasSubstr('`' + code.get<std::string>() + '`')) << code;
  }
}

TEST(Guides, TellOfTheVersionThatThisIs) {
  EXPECT_THAT(content_of(source_folder() / "CHANGELOG.md"), HasSubstr("\n## [" TROUPE_VERSION "] - 20"));
  EXPECT_EQ(nlohmann::json::parse(openapi_json).at("info").at("version"), TROUPE_VERSION);
}

TEST(Guides, ListEveryDecision) {
  const auto index = content_of(source_folder() / "config" / "DECISIONS.md");
  std::size_t decisions = 0;
  for (const auto& guide : guides()) {
    if (guide.filename() != "decisions.md") {
      continue;
    }
    const auto path = fs::relative(guide, source_folder() / "config").generic_string();
    for (const auto& heading : headings_of(content_of(guide))) {
      if (heading.starts_with("20")) {
        ++decisions;
        EXPECT_THAT(index, HasSubstr('(' + path + '#' + anchor_of(heading) + ')')) << guide << ": " << heading;
      }
    }
  }
  EXPECT_GT(decisions, 40U);
}

} // namespace troupe
