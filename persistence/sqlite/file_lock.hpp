#pragma once

#include <filesystem>
#include <string>

/// An exclusive lock between processes, held through a file for as long as the
/// object lives. The kernel drops it with the process, however that ends.
namespace troupe {

class file_lock {
public:
  /// Takes the lock at `path`, creating the file. Throws `std::system_error`:
  /// with `errc::resource_unavailable_try_again` if somebody else holds it.
  explicit file_lock(const std::filesystem::path& path);
  ~file_lock();
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;

private:
  int descriptor_;
};

} // namespace troupe
