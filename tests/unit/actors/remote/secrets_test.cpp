#include "actors/remote/secrets.hpp"
#include "tests/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <variant>
#include <vector>

namespace troupe {

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string key = "thirty-two bytes of a test's key";
constexpr secret_place place{"prod", "bot", "ada", "search", "Authorization"};

std::string other_key() {
  auto other = key;
  other[0] = 'x';
  return other;
}

TEST(SecretBox, OpensWhatItHasSealed) {
  const secret_box box{key};
  for (const auto& text : std::vector<std::string>{"", "s3cret", "Bearer ${env:A} x", std::string(4096, 'a'),
                                                   std::string{"\0\xff\n", 3}}) {
    const auto sealed = box.seal(text, place);
    EXPECT_TRUE(is_sealed(sealed));
    EXPECT_THAT(sealed, StartsWith("${sealed:1:" + box.id() + ":"));
    if (!text.empty()) {
      EXPECT_THAT(sealed, Not(HasSubstr(text)));
    }
    EXPECT_EQ(box.open(sealed, place), text);
  }
}

TEST(SecretBox, SealsTheSameAnotherWayEachTime) {
  const secret_box box{key};
  std::set<std::string> all;
  for (int i = 0; i < 100; ++i)
    all.insert(box.seal("s3cret", place));
  EXPECT_EQ(all.size(), 100U);
}

TEST(SecretBox, OpensNothingThatWasMovedToAnotherPlace) {
  const secret_box box{key};
  const auto sealed = box.seal("s3cret", place);
  const std::vector<secret_place> others{
    {"dev", "bot", "ada", "search", "Authorization"},     {"prod", "model", "ada", "search", "Authorization"},
    {"prod", "bot", "eve", "search", "Authorization"},    {"prod", "bot", "ada", "find", "Authorization"},
    {"prod", "bot", "ada", "", "Authorization"},          {"prod", "bot", "ada", "search", "Cookie"},
    {"prod", "bot", "adasearch", "", "Authorization"},    {"pro", "dbot", "ada", "search", "Authorization"},
    {"prod", "bot", "ada\n6:search", "", "Authorization"}};
  for (const auto& other : others)
    EXPECT_EQ(box.open(sealed, other), std::nullopt) << other.ns << other.kind << other.owner << other.tool;
  // A header's name is the same in any case (RFC 9110, section 5.1).
  EXPECT_EQ(box.open(sealed, {"prod", "bot", "ada", "search", "authorization"}), "s3cret");
}

TEST(SecretBox, OpensNothingThatWasChanged) {
  const secret_box box{key};
  const auto sealed = box.seal("s3cret", place);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(box.open(changed, place), std::nullopt) << i;
    EXPECT_EQ(box.open(sealed.substr(0, i), place), std::nullopt) << i;
  }
  EXPECT_EQ(box.open(sealed + "}", place), std::nullopt);
  for (const auto* text : {"", "s3cret", "${sealed:", "${sealed:}", "${sealed:1:}", "${sealed:1::}",
                           "${sealed:2:00000000:AAAA}", "${sealed:1:00000000:}", "${sealed:1:00000000:====}"})
    EXPECT_EQ(box.open(text, place), std::nullopt) << text;
}

TEST(SecretBox, OpensNothingWithAnotherKey) {
  const secret_box box{key};
  const secret_box other{other_key()};
  EXPECT_NE(box.id(), other.id());
  EXPECT_EQ(other.open(box.seal("s3cret", place), place), std::nullopt);
}

// -- the key's file -----------------------------------------------------------------

class SecretKeyFile : public testing::Test {
protected:
  std::string file(std::string_view content, mode_t mode = 0600) {
    const auto path = (folder.path() / "secret.key").string();
    std::filesystem::remove(path);
    std::ofstream{path, std::ios::binary} << content;
    ::chmod(path.c_str(), mode);
    return path;
  }
  static std::string refusal(const std::string& path) {
    auto read = secret_box::read(path);
    const auto* wrong = std::get_if<std::string>(&read);
    return wrong ? *wrong : "";
  }
  static std::string id_in(const std::string& path) {
    auto read = secret_box::read(path);
    const auto* box = std::get_if<secret_box_ptr>(&read);
    return box ? (*box)->id() : std::get<std::string>(read);
  }

  temporary_folder folder;
};

TEST_F(SecretKeyFile, HoldsThirtyTwoBytesInAnyOfThreeForms) {
  const std::string raw = "\x01\x02\n ABCDEFGHIJKLMNOPQRSTUVWXYZ\xff\xfe";
  ASSERT_EQ(raw.size(), 32U);
  const auto id = secret_box{raw}.id();
  EXPECT_EQ(id_in(file(raw)), id);
  EXPECT_EQ(id_in(file("01020a204142434445464748494a4b4c4d4e4f505152535455565758595afffe\n")), id);
  EXPECT_EQ(id_in(file("01020A204142434445464748494A4B4C4D4E4F505152535455565758595AFFFE")), id);
  EXPECT_EQ(id_in(file(" AQIKIEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFla//4=\r\n")), id);
}

TEST_F(SecretKeyFile, OfAnotherLengthIsRefused) {
  for (const auto& content :
       std::vector<std::string>{"", "\n", "short", std::string(31, 'k'), std::string(33, 'k'), std::string(5000, 'k'),
                                std::string(62, 'a'), std::string(66, 'a'), std::string(32, 'a'), std::string(43, 'A'),
                                "AQIKIEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaAAAAAAAA", std::string(44, '=')}) {
    const auto said = refusal(file(content));
    EXPECT_THAT(said, AllOf(HasSubstr("32 bytes"), HasSubstr("openssl rand -base64 32"))) << content;
    if (content.size() > 4) {
      EXPECT_THAT(said, Not(HasSubstr(content)));
    }
  }
}

TEST_F(SecretKeyFile, OpenToOthersIsRefused) {
  for (const mode_t mode : {0644U, 0604U, 0660U, 0602U, 0666U, 0620U})
    EXPECT_THAT(refusal(file(key, mode)), HasSubstr("open to others")) << mode;
  for (const mode_t mode : {0600U, 0400U, 0640U, 0440U})
    EXPECT_EQ(refusal(file(key, mode)), "") << mode;
}

TEST_F(SecretKeyFile, MustBeAFile) {
  EXPECT_THAT(refusal(folder.path() / "none"), HasSubstr("No such file"));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("regular file"));
  const auto pipe = (folder.path() / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(refusal(pipe), HasSubstr("regular file"));
}

// -- headers ------------------------------------------------------------------------

TEST(SecretHeaders, AreOpenedWhereTheyStand) {
  const secret_box box{key};
  bot_record bot;
  bot.ns = "prod";
  bot.name = "ada";
  auto& tool = bot.tools.emplace_back();
  tool.name = "search";
  tool.headers = {{"Accept", "a"}, {"Authorization", box.seal("Bearer s3cret", place)}, {"Cookie", "in the clear"}};
  auto opened = bot;
  EXPECT_EQ(open_tools(opened, &box), std::nullopt);
  EXPECT_THAT(opened.tools[0].headers,
              testing::ElementsAre(testing::Pair("Accept", "a"), testing::Pair("Authorization", "Bearer s3cret"),
                                   testing::Pair("Cookie", "in the clear")));
}

TEST(SecretHeaders, ThatCannotBeOpenedNameTheirPlaceAndTheKey) {
  const secret_box box{key};
  const secret_box other{other_key()};
  bot_record bot;
  bot.ns = "prod";
  bot.name = "ada";
  auto& tool = bot.tools.emplace_back();
  tool.name = "search";
  tool.headers = {{"Authorization", box.seal("Bearer s3cret", place)}};
  const auto said_with = [&](const secret_box* with, bot_record whose) { return open_tools(whose, with).value_or(""); };
  const auto names_it
    = AllOf(HasSubstr("The header Authorization of the tool 'search' of the bot 'ada' (namespace 'prod')"),
            HasSubstr("PUT the bot again"), Not(HasSubstr("s3cret")));
  EXPECT_THAT(said_with(nullptr, bot), AllOf(names_it, HasSubstr(box.id()), HasSubstr("this node has none")));
  EXPECT_THAT(said_with(&other, bot), AllOf(names_it, HasSubstr(box.id()), HasSubstr(other.id())));
  auto moved = bot;
  moved.name = "eve";
  EXPECT_THAT(said_with(&box, moved), AllOf(HasSubstr("bot 'eve'"), HasSubstr("belongs to another place")));
  auto newer = bot;
  newer.tools[0].headers[0].second = "${sealed:2:whatever}";
  EXPECT_THAT(said_with(&box, newer), AllOf(names_it, HasSubstr("does not know")));
}

} // namespace

} // namespace troupe
