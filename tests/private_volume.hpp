#pragma once

#include "tests/temporary_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <system_error>
#include <unistd.h>

namespace troupe {

/// A volume of a given size that nobody else sees: a tmpfs in a mount namespace of the
/// test's own, which needs root. The calling thread, and every process that it starts
/// from then on, lives in that namespace until it ends, so nothing is left mounted,
/// however that happens.
class private_volume {
public:
  /// For TROUPE_NEEDS: empty, or what is missing.
  static std::string missing() {
    return enter_namespace() ? "" : "a mount namespace, which needs root, is not allowed here";
  }

  explicit private_volume(std::size_t bytes) {
    if (!enter_namespace())
      throw std::system_error{errno, std::generic_category(), "unshare"};
    mount(bytes, 0);
  }
  ~private_volume() { ::umount2(folder_.path().c_str(), MNT_DETACH); }
  private_volume(const private_volume&) = delete;
  private_volume& operator=(const private_volume&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return folder_.path(); }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] std::uintmax_t free_bytes() const { return std::filesystem::space(path()).available; }

  /// A volume that an operator has made larger.
  void resize(std::size_t bytes) { mount(bytes, MS_REMOUNT); }

  /// Takes all room but `left` bytes; `release` gives it back. More than once: what has
  /// become free meanwhile is taken too.
  void fill(std::uintmax_t left = 0) {
    const int ballast = ::open(ballast_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    // Somebody may be faster, for which there is a next time.
    if (const auto room = free_bytes(); room > left)
      ::posix_fallocate(ballast, ::lseek(ballast, 0, SEEK_END), static_cast<off_t>(room - left));
    ::close(ballast);
  }
  /// Gives `bytes` back, or all.
  void release(std::uintmax_t bytes = UINTMAX_MAX) {
    const auto size = std::filesystem::file_size(ballast_);
    std::filesystem::resize_file(ballast_, size - std::min<std::uintmax_t>(size, bytes));
  }

private:
  static bool enter_namespace() {
    static const bool entered
      = ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    return entered;
  }

  void mount(std::size_t bytes, unsigned long flags) {
    const auto options = "size=" + std::to_string(bytes) + ",mode=0755";
    if (::mount("tmpfs", path().c_str(), "tmpfs", flags, options.c_str()) != 0)
      throw std::system_error{errno, std::generic_category(), "mount"};
  }

  temporary_folder folder_;
  std::filesystem::path ballast_ = folder_.path() / "ballast";
};

} // namespace troupe
