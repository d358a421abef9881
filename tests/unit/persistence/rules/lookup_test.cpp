#include "persistence/rules/lookup.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

namespace {

/// Bots and models as a database would have them, and where they were asked for.
struct small_catalog {
  using key = std::pair<std::string, std::string>;

  std::map<key, bot_record> bots;
  std::map<key, model_record> models;
  std::vector<std::string> asked;

  void add_bot(const std::string& ns, const std::string& name, const std::string& model,
               std::vector<std::string> fallbacks = {}) {
    auto& bot = bots[{ns, name}];
    bot.ns = ns;
    bot.name = name;
    bot.model = model;
    bot.fallback_models = std::move(fallbacks);
  }
  void add_model(const std::string& ns, const std::string& name) {
    auto& model = models[{ns, name}];
    model.ns = ns;
    model.name = name;
  }

  template <class Record>
  std::shared_ptr<const Record> load(const std::map<key, Record>& from, std::string_view ns, std::string_view name) {
    asked.push_back(std::string{ns} + "/" + std::string{name});
    const auto found = from.find({std::string{ns}, std::string{name}});
    return found == from.end() ? nullptr : std::make_shared<const Record>(found->second);
  }
  resolved_bot resolve(std::string_view ns, std::string_view name) {
    return resolve_bot(
      ns, name, [this](std::string_view place, std::string_view bot) { return load(bots, place, bot); },
      [this](std::string_view place, std::string_view model) { return load(models, place, model); });
  }
};

} // namespace

TEST(Lookup, ANameIsLookedForInDefaultLastAndNowhereBehindIt) {
  EXPECT_EQ(looked_up_after("team"), "default");
  EXPECT_EQ(looked_up_after("default"), std::nullopt);
}

TEST(Lookup, ABotOfTheNamespaceIsTakenBeforeOneOfDefault) {
  small_catalog catalog;
  catalog.add_bot("team", "poet", "large");
  catalog.add_bot("default", "poet", "small");
  EXPECT_EQ(catalog.resolve("team", "poet").bot->model, "large");
  EXPECT_EQ(catalog.resolve("other", "poet").bot->model, "small");
}

TEST(Lookup, TheModelsOfABotAreLookedForWhereTheBotIsAndNotWhereItWasAskedFor) {
  small_catalog catalog;
  catalog.add_bot("default", "poet", "large");
  catalog.add_model("team", "large");
  EXPECT_EQ(catalog.resolve("team", "poet").model, nullptr);
  catalog.add_model("default", "large");
  EXPECT_EQ(catalog.resolve("team", "poet").model->ns, "default");
}

TEST(Lookup, EachModelHasItsOwnPlaceAndOneThatIsMissingIsLeftOut) {
  small_catalog catalog;
  catalog.add_bot("team", "poet", "large", {"gone", "small"});
  catalog.add_model("team", "large");
  catalog.add_model("default", "small");
  const auto found = catalog.resolve("team", "poet");
  EXPECT_EQ(found.model->ns, "team");
  ASSERT_EQ(found.fallbacks.size(), 1U);
  EXPECT_EQ(found.fallbacks[0]->ns, "default");
}

TEST(Lookup, WhatIsNotInDefaultIsNotAskedForTwice) {
  small_catalog catalog;
  EXPECT_EQ(catalog.resolve("default", "poet").bot, nullptr);
  EXPECT_EQ(catalog.asked, std::vector<std::string>{"default/poet"});
}

} // namespace troupe
