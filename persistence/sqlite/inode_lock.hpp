#pragma once

#include <filesystem>
#include <sys/types.h>
#include <utility>

/// An exclusive lock on a file as such, whatever its names are: a symbolic link, a hard
/// link, another way to its folder and a bind mount all lead to the same lock, also from
/// another container, and it stays with the file when that is renamed.
///
/// It is an open file description lock (fcntl(2), F_OFD_SETLK) on one byte of the file
/// that SQLite does not lock, so the two never meet, neither on local file systems nor on
/// NFS, where `flock` would take the whole file and keep SQLite out of it. The kernel
/// drops it with the process, however that ends. Nothing is written to the file.
namespace troupe {

class inode_lock {
public:
  /// Opens `file`, creating it for its owner alone, and takes the lock. Throws
  /// `std::system_error`: with `errc::resource_unavailable_try_again` if somebody else
  /// holds it.
  explicit inode_lock(const std::filesystem::path& file);
  ~inode_lock();
  inode_lock(const inode_lock&) = delete;
  inode_lock& operator=(const inode_lock&) = delete;

  /// The file was not there before.
  [[nodiscard]] bool created_file() const noexcept { return created_; }
  /// How many names the file had when it was opened.
  [[nodiscard]] nlink_t names() const noexcept { return names_; }
  /// `other` leads to this file too.
  [[nodiscard]] bool is_also(const std::filesystem::path& other) const noexcept;

private:
  using identity = std::pair<dev_t, ino_t>;

  void open(const std::filesystem::path& file);
  void take(const std::filesystem::path& file);

  int descriptor_ = -1;
  identity identity_{};
  nlink_t names_ = 0;
  bool created_ = false;
};

} // namespace troupe
