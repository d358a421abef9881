#include "persistence/postgres/row_sql.hpp"
#include "persistence/rows/record_columns.hpp"
#include "persistence/rows/sql_text.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <string>
#include <vector>

/// What follows from the description of a row, by a small one.
namespace troupe {

namespace {

struct size {
  int width = 0;
};

enum class kind : std::uint8_t { plain, fancy };

struct parcel {
  uuid id;
  std::string label;
  size outside;
  kind sort = kind::plain;
  std::optional<timestamp> sent_at;
  bool open = false;
};

} // namespace

template <>
inline constexpr auto columns<parcel> = std::tuple{
  once("id", &parcel::id),
  once("label", &parcel::label).or_null().of_any_length(),
  always("width", &parcel::outside, &size::width),
  later("sort", &parcel::sort).initially("1"),
  later("sent_at", &parcel::sent_at),
  never("open", &parcel::open),
};

namespace {

/// A row whose columns are numbers and texts given in advance.
struct given_row {
  std::deque<std::string> values;

  template <class T>
  T take() {
    const auto value = values.front();
    values.pop_front();
    if constexpr (std::same_as<T, std::string>)
      return value;
    else if constexpr (std::same_as<T, uuid>)
      return uuid::parse(value).value_or(uuid{});
    else if constexpr (std::same_as<T, std::optional<timestamp>>)
      return value.empty() ? T{} : T{timestamp{std::chrono::microseconds{std::stoll(value)}}};
    else
      return static_cast<T>(std::stoi(value));
  }
};

/// Notes what it is given.
struct noted {
  std::vector<std::string>& seen;

  void operator()(const uuid& value) const { seen.push_back(value.to_string()); }
  void operator()(const std::string& value) const { seen.push_back(value); }
  void operator()(std::nullopt_t) const { seen.emplace_back("NULL"); }
  void operator()(bool value) const { seen.emplace_back(value ? "true" : "false"); }
  void operator()(int value) const { seen.push_back(std::to_string(value)); }
  void operator()(kind value) const { seen.push_back(std::to_string(static_cast<int>(value))); }
  void operator()(const std::optional<timestamp>& value) const {
    seen.push_back(value ? std::to_string(value->time_since_epoch().count()) : "NULL");
  }
};

} // namespace

TEST(Columns, AreReadInTheOrderInWhichTheyAreSelected) {
  EXPECT_EQ(select_list<parcel>(), "id, label, width, sort, sent_at, open");
  const auto id = make_uuid();
  given_row row{{id.to_string(), "fragile", "7", "1", "", "1"}};
  const auto read = take_record<parcel>(row);
  EXPECT_TRUE(row.values.empty());
  EXPECT_EQ(read.id, id);
  EXPECT_EQ(read.label, "fragile");
  EXPECT_EQ(read.outside.width, 7);
  EXPECT_EQ(read.sort, kind::fancy);
  EXPECT_EQ(read.sent_at, std::nullopt);
  EXPECT_TRUE(read.open);
}

TEST(Columns, AreSelectedUnderAnAliasAndAsSomethingElseWhereThatIsSaid) {
  EXPECT_EQ(select_list<parcel>("p", {{"sort", "max(p.sort)"}}),
            "p.id, p.label, p.width, max(p.sort), p.sent_at, p.open");
  EXPECT_EQ(long_columns<parcel>("p"), std::vector<std::string>{"p.label"});
}

TEST(Columns, AnInsertHasAParameterForEachValueThatItIsGiven) {
  EXPECT_EQ(insert_statement("parcels", texts_of(columns<parcel>, {beside<int>("number")})),
            "INSERT INTO parcels(number, id, label, width, sort) VALUES(?, ?, ?, ?, 1)");
  std::vector<std::string> seen;
  parcel given;
  given.label = "fragile";
  given.outside.width = 7;
  each_inserted(columns<parcel>, given, noted{seen});
  EXPECT_EQ(seen, (std::vector<std::string>{given.id.to_string(), "fragile", "7"}));
  EXPECT_EQ(seen.size(), count_inserted(columns<parcel>));
}

TEST(Columns, AnEmptyTextIsNullWhereTheColumnSaysSo) {
  std::vector<std::string> seen;
  each_inserted(columns<parcel>, parcel{}, noted{seen});
  EXPECT_EQ(seen.at(1), "NULL");
}

TEST(Columns, AChangeWritesWhatChangesAndNothingElse) {
  std::vector<std::string> seen;
  parcel given;
  given.sort = kind::fancy;
  given.sent_at = timestamp{std::chrono::microseconds{5}};
  each_changed(columns<parcel>, given, noted{seen});
  EXPECT_EQ(seen, (std::vector<std::string>{"0", "1", "5"}));
  EXPECT_EQ(seen.size(), count_changed(columns<parcel>));
  EXPECT_EQ(update_on_conflict(texts_of(columns<parcel>)),
            " DO UPDATE SET width = excluded.width, sort = excluded.sort, sent_at = excluded.sent_at");
}

TEST(Columns, OfAMemberAreColumnsOfTheWhole) {
  struct shipment {
    parcel what;
  };
  constexpr auto whole = within(&shipment::what, columns<parcel>);
  shipment given;
  given.what.label = "fragile";
  std::vector<std::string> seen;
  each_inserted(whole, given, noted{seen});
  EXPECT_EQ(seen.at(1), "fragile");
  EXPECT_EQ(select_list(texts_of(whole)), select_list<parcel>());
}

TEST(Columns, AToolCallIsADocumentAndNoneIsNull) {
  message_record message;
  EXPECT_EQ(to_stored(message.tool_calls), std::nullopt);
  message.tool_calls.emplace_back().call_id = "one";
  EXPECT_EQ(tool_calls_from_document(*to_stored(message.tool_calls)).at(0).call_id, "one");
}

TEST(PgRowSql, AnInsertTakesAnArrayForEachColumnAndMakesOthersOfThem) {
  EXPECT_EQ(pg_insert_rows({.table = "parcels",
                            .columns = texts_of(columns<parcel>),
                            .derived = {{"place", "$1::bigint + u.ordinal"}},
                            .helpers = {beside<std::int64_t>("ordinal")},
                            .values_before = 1}),
            "INSERT INTO parcels(id, label, width, sort, place) SELECT u.id, u.label, u.width, 1, $1::bigint + "
            "u.ordinal FROM unnest($2::uuid[], $3::text[], $4::int[], $5::bigint[]) AS u(id, label, width, ordinal)");
}

TEST(PgRowSql, AChangeMeetsTheRowsThatWereReadOrNone) {
  EXPECT_EQ(pg_change_rows({"parcels", texts_of(columns<parcel>)}, beside<uuid>("id")),
            "WITH met AS (UPDATE parcels t SET rev = t.rev + 1, width = u.width, sort = u.sort, sent_at = u.sent_at "
            "FROM unnest($1::uuid[], $2::int[], $3::int[], $4::smallint[], $5::bigint[]) AS u(id, rev, width, sort, "
            "sent_at) WHERE t.id = u.id AND t.rev = u.rev RETURNING 1) SELECT expect((SELECT count(*) FROM met), "
            "$6::bigint)");
}

TEST(PgRowSql, APutChangesWhatIsThere) {
  const auto sql = pg_put_rows({"parcels", texts_of(columns<parcel>)}, "id");
  EXPECT_TRUE(sql.ends_with(" ON CONFLICT(id) DO UPDATE SET width = excluded.width, sort = excluded.sort, "
                            "sent_at = excluded.sent_at"))
    << sql;
}

} // namespace troupe
