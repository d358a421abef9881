#include "tests/simulation/memory/chance_fixture.hpp"
#include "tests/temporary_folder.hpp"

#include <gmock/gmock.h>

#include <array>
#include <sstream>

/// The store in memory answers and shows whatever the one on a disk does.
namespace troupe {

namespace {

using MemoryTwin = chance_fixture;

/// Without what databases may tell differently: whether others' work is ready, what goes by the time of asking, and
/// when the catalog began.
std::string comparable(const std::string& dump) {
  static constexpr std::array free{"committed ", "queue ", "bot ", "model "};
  std::string kept;
  std::istringstream lines{dump};
  for (std::string line; std::getline(lines, line);)
    if (std::none_of(free.begin(), free.end(), [&](const char* prefix) { return line.starts_with(prefix); }))
      kept += line + '\n';
  return kept;
}

} // namespace

TEST_F(MemoryTwin, AnswersAsSqliteDoes) {
  plain = true;
  const temporary_folder folder;
  const auto db = value_of<std::shared_ptr<database>>(open_database("sqlite:" + folder.file("twin.db")));
  const auto writer = value_of<std::unique_ptr<store_writer>>(db->open_writer());
  const auto reader = value_of<std::unique_ptr<store_reader>>(db->open_reader());
  for (int i = 0; i < 400; ++i) {
    const auto one = act();
    const auto twin = dump_of(writer->apply(one.batch));
    ASSERT_EQ(first_difference(comparable(one.answer), comparable(twin)), "") << "batch " << i;
    if (i % 50 == 49) {
      ASSERT_EQ(first_difference(comparable(shown()), comparable(shown_by(*reader))), "") << "behind batch " << i;
    }
  }
}

} // namespace troupe
