#include "persistence/sqlite/trouble.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <vector>

namespace troupe {
namespace {

/// Enough to find out what was going on.
constexpr std::size_t most_named = 5;

std::string room_on(const std::filesystem::path& file) {
  std::error_code unknown;
  const auto volume = std::filesystem::space(file.parent_path(), unknown);
  if (unknown)
    return {};
  return " (" + std::to_string(volume.available) + " of " + std::to_string(volume.capacity) + " bytes are free)";
}

std::string with_cause(const sqlite_failure& failure) {
  std::string text = failure.what();
  if (failure.system_error != 0)
    text += " (" + std::generic_category().message(failure.system_error) + ")";
  return text;
}

/// The task of an operation that is one of an attempt's writes.
std::optional<uuid> task_of(const operation& op) {
  return std::visit(
    [](const auto& one) -> std::optional<uuid> {
      if constexpr (requires { one.fence.task_id; })
        return one.fence.task_id;
      return std::nullopt;
    },
    op);
}

} // namespace

std::string words_for(const sqlite_failure& failure, const std::filesystem::path& file) {
  const auto trouble = failure.trouble();
  if (!trouble)
    return with_cause(failure);
  switch (*trouble) {
  case store_trouble::disk_full: {
    const auto room = room_on(file);
    return failure.system_error == EDQUOT || failure.system_error == EFBIG
             ? "it may not grow any more: " + std::generic_category().message(failure.system_error) + room
             : "no room is left on its volume" + room;
  }
  case store_trouble::read_only: return "its volume, or the file, takes no writes: " + with_cause(failure);
  case store_trouble::locked: return "another program holds its lock: " + with_cause(failure);
  case store_trouble::damaged: return "it is damaged: " + with_cause(failure);
  case store_trouble::io_error: return "reading or writing it fails: " + with_cause(failure);
  case store_trouble::unreachable: break;
  }
  return with_cause(failure);
}

std::string words_for(std::span<const operation> batch) {
  std::vector<uuid> tasks;
  for (const auto& op : batch)
    if (const auto task = task_of(op); task && std::find(tasks.begin(), tasks.end(), *task) == tasks.end())
      tasks.push_back(*task);
  auto text = std::to_string(batch.size()) + (batch.size() == 1 ? " write" : " writes");
  if (tasks.empty())
    return text;
  text += ", of " + std::to_string(tasks.size()) + (tasks.size() == 1 ? " running task (" : " running tasks (");
  for (std::size_t i = 0; i < std::min(tasks.size(), most_named); ++i)
    text += (i == 0 ? "" : ", ") + tasks[i].to_string();
  return text + (tasks.size() > most_named ? ", …)" : ")");
}

} // namespace troupe
