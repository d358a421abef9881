#pragma once

#include "persistence/store.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What a store says, as text: so that two of them, or one at two times, can be compared.
namespace troupe {

/// Where to look. Tasks are found by their entries in the rooms of the namespaces.
struct dump_places {
  std::vector<std::string> namespaces;
  std::vector<std::string> users;
};

/// All that a reader shows, a line for each record.
std::string dump_of(store_reader& reader, const dump_places& places);

/// All that a batch was answered.
std::string dump_of(const committed& result);

/// The first line in which two dumps differ, as each has it; empty if they are equal.
std::string first_difference(std::string_view one, std::string_view other);

} // namespace troupe
