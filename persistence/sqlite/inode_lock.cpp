#include "persistence/sqlite/inode_lock.hpp"

#include "persistence/logging/say.hpp"

#include <cerrno>
#include <fcntl.h>
#include <mutex>
#include <set>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace troupe {
namespace {

/// SQLite locks 512 bytes from 0x40000000 on (its file format, section 1.3.3). This byte
/// is near them, so that whatever numbers a network file system can lock it can lock too.
constexpr off_t locked_byte = 0x40001000;

[[noreturn]] void fail(int reason, const std::filesystem::path& file) {
  throw std::system_error{reason, std::generic_category(), file.string()};
}

/// Files that this process holds. To close any descriptor of a file drops all POSIX locks
/// that the process has on it, among them SQLite's, so one that is held here is not even
/// opened a second time.
struct held_files {
  std::mutex mutex;
  std::set<std::pair<dev_t, ino_t>> files;
};

held_files& held() {
  static held_files instance;
  return instance;
}

/// A kernel without these locks, or a file system that cannot lock at all.
bool means_no_such_lock(int reason) noexcept {
  return reason == EINVAL || reason == ENOSYS || reason == EOPNOTSUPP;
}

} // namespace

inode_lock::inode_lock(const std::filesystem::path& file) {
  const std::lock_guard guard{held().mutex};
  struct ::stat found {};
  if (::stat(file.c_str(), &found) == 0 && held().files.contains({found.st_dev, found.st_ino}))
    fail(EAGAIN, file);
  open(file);
  try {
    take(file);
    held().files.insert(identity_);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

inode_lock::~inode_lock() {
  const std::lock_guard guard{held().mutex};
  held().files.erase(identity_);
  ::close(descriptor_);
}

void inode_lock::open(const std::filesystem::path& file) {
  // Without waiting for anybody, in case it is a pipe.
  constexpr int flags = O_RDWR | O_CLOEXEC | O_NONBLOCK;
  descriptor_ = ::open(file.c_str(), flags);
  if (descriptor_ < 0 && errno == ENOENT) {
    created_ = true;
    // Not exclusively: a symbolic link may lead to where the file is to be.
    descriptor_ = ::open(file.c_str(), flags | O_CREAT, 0600);
  }
  if (descriptor_ < 0)
    fail(errno, file);
}

void inode_lock::take(const std::filesystem::path& file) {
  struct ::stat status {};
  if (::fstat(descriptor_, &status) != 0)
    fail(errno, file);
  if (!S_ISREG(status.st_mode))
    throw std::runtime_error{"it is not a regular file"};
  identity_ = {status.st_dev, status.st_ino};
  names_ = status.st_nlink;
  struct ::flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = locked_byte;
  lock.l_len = 1;
  if (::fcntl(descriptor_, F_OFD_SETLK, &lock) != 0) {
    if (errno == EACCES || errno == EAGAIN)
      fail(EAGAIN, file);
    if (!means_no_such_lock(errno))
      fail(errno, file);
    say::warn("{} cannot be locked as a file here, only by its name: do not let a second process open it by "
              "another one",
              file.string());
  }
}

bool inode_lock::is_also(const std::filesystem::path& other) const noexcept {
  struct ::stat found {};
  return ::stat(other.c_str(), &found) == 0 && identity{found.st_dev, found.st_ino} == identity_;
}

} // namespace troupe
