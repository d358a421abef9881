#include "persistence/sqlite/private_files.hpp"

#include "persistence/logging/say.hpp"

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace troupe {
namespace {

constexpr mode_t of_files = 0600;
constexpr mode_t of_folders = 0700;
constexpr mode_t of_others = 0077;

/// What may lie beside a database and belong to it, by the end of its name.
constexpr std::array<std::string_view, 5> endings{"", "-wal", "-shm", "-journal", ".lock"};

[[noreturn]] void fail(const std::filesystem::path& path) {
  throw std::system_error{errno, std::generic_category(), path.string()};
}

bool is_open_to_others(const std::filesystem::path& path) {
  struct ::stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & of_others) != 0;
}

bool belongs_to(const std::filesystem::path& database, const std::filesystem::path& entry) {
  const auto name = entry.filename().string();
  const auto stem = database.filename().string();
  for (const auto ending : endings)
    if (name == stem + std::string{ending})
      return true;
  return false;
}

bool is_for_more_than(const std::filesystem::path& database, const std::filesystem::path& folder) {
  struct ::stat status {};
  if (::stat(folder.c_str(), &status) != 0 || status.st_uid != ::geteuid() || (status.st_mode & S_ISVTX) != 0)
    return true;
  std::error_code error;
  for (std::filesystem::directory_iterator entry{folder, error}, end; !error && entry != end; entry.increment(error))
    if (!belongs_to(database, entry->path()))
      return true;
  return static_cast<bool>(error);
}

/// False, and a line in the log, if it cannot be.
bool change(const std::filesystem::path& path, mode_t mode) {
  if (::chmod(path.c_str(), mode) == 0)
    return true;
  say::warn("{} can be read by other users of this machine, and that cannot be changed: {}", path.string(),
            std::generic_category().message(errno));
  return false;
}

} // namespace

void make_private_folders(const std::filesystem::path& folder) {
  if (folder.empty() || std::filesystem::is_directory(folder))
    return;
  make_private_folders(folder.parent_path());
  // A umask can take more than is wanted, never give.
  if (::mkdir(folder.c_str(), of_folders) == 0 ? ::chmod(folder.c_str(), of_folders) != 0 : errno != EEXIST)
    fail(folder);
}

void make_private(const std::filesystem::path& file) {
  if (::chmod(file.c_str(), of_files) != 0)
    fail(file);
}

void make_private_again(const std::filesystem::path& file) {
  if (!is_open_to_others(file))
    return;
  const auto folder = file.parent_path();
  // The folder first: once the database is private, nobody looks at it again.
  const bool folder_too = is_open_to_others(folder) && !is_for_more_than(file, folder) && change(folder, of_folders);
  bool changed = true;
  for (const auto ending : endings)
    if (const auto one = file.string() + std::string{ending}; is_open_to_others(one))
      changed = change(one, of_files) && changed;
  if (changed)
    say::warn("the database {}{} could be read by other users of this machine; no more (now {})", file.string(),
              folder_too ? " and its folder" : "", folder_too ? "0600 and 0700" : "0600");
}

} // namespace troupe
