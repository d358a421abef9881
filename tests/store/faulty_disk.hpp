#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

/// A disk with trouble on order, below SQLite: its file system layer (VFS) with writes
/// and flushes that fail. Everything that is opened while it lives goes through it; one
/// at a time, and closed before it goes.
namespace troupe {

class faulty_disk {
public:
  enum class part : std::uint8_t { writes, flushes, both };

  faulty_disk() {
    plan() = {};
    real() = sqlite3_vfs_find(nullptr);
    shim_ = *real();
    shim_.zName = "troupe-faulty-disk";
    shim_.szOsFile = static_cast<int>(sizeof(file)) + real()->szOsFile;
    shim_.pNext = nullptr;
    shim_.xOpen = open;
    sqlite3_vfs_register(&shim_, 1);
  }
  ~faulty_disk() {
    sqlite3_vfs_unregister(&shim_);
    sqlite3_vfs_register(real(), 1);
  }
  faulty_disk(const faulty_disk&) = delete;
  faulty_disk& operator=(const faulty_disk&) = delete;

  /// After `good` more calls, the next `bad` ones fail as `code`, with `system_error` as
  /// errno; of what a write is to write, a half is written if `half`.
  static void fail(part which, int code, int good, int bad, int system_error = 0, bool half = false) {
    auto& p = plan();
    p.left = -1;
    p.which = which;
    p.code = code;
    p.system_error = system_error;
    p.half = half;
    p.bad = bad;
    p.left = good;
  }
  /// All is well again.
  static void heal() { plan().left = -1; }
  /// How many calls have failed since the last `fail`.
  [[nodiscard]] static int failed() { return plan().failed; }
  static void forget_failed() { plan().failed = 0; }

  static constexpr int for_ever = 1'000'000'000;

private:
  struct file {
    sqlite3_file base;
    sqlite3_file* below;
  };

  struct orders {
    orders() = default;
    orders& operator=(const orders&) {
      left = -1;
      failed = 0;
      return *this;
    }
    /// Calls until the first that fails; -1 if none is to.
    std::atomic<int> left{-1};
    std::atomic<int> bad{0};
    std::atomic<int> failed{0};
    std::atomic<int> code{SQLITE_OK};
    std::atomic<int> system_error{0};
    std::atomic<bool> half{false};
    std::atomic<part> which{part::both};
  };

  static orders& plan() {
    static orders instance;
    return instance;
  }
  static sqlite3_vfs*& real() {
    static sqlite3_vfs* instance = nullptr;
    return instance;
  }
  static sqlite3_file* below(sqlite3_file* f) { return reinterpret_cast<file*>(f)->below; }

  static bool fails(part what) {
    auto& p = plan();
    if (p.left < 0 || (p.which != part::both && p.which != what))
      return false;
    if (p.left > 0) {
      --p.left;
      return false;
    }
    if (p.bad <= 0) {
      p.left = -1;
      return false;
    }
    --p.bad;
    ++p.failed;
    return true;
  }

  static int refusal() {
    errno = plan().system_error;
    return plan().code;
  }

  static int open(sqlite3_vfs*, const char* name, sqlite3_file* opened, int flags, int* out_flags) {
    auto* self = reinterpret_cast<file*>(opened);
    self->below = reinterpret_cast<sqlite3_file*>(self + 1);
    std::memset(self->below, 0, static_cast<std::size_t>(real()->szOsFile));
    const int code = real()->xOpen(real(), name, self->below, flags, out_flags);
    self->base.pMethods = self->below->pMethods ? &methods() : nullptr;
    return code;
  }

  static const sqlite3_io_methods& methods() {
    static const sqlite3_io_methods instance{
      3,
      [](sqlite3_file* f) { return below(f)->pMethods->xClose(below(f)); },
      [](sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
        return below(f)->pMethods->xRead(below(f), to, size, at);
      },
      [](sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
        if (!fails(part::writes))
          return below(f)->pMethods->xWrite(below(f), from, size, at);
        if (plan().half)
          below(f)->pMethods->xWrite(below(f), from, size / 2, at);
        return refusal();
      },
      [](sqlite3_file* f, sqlite3_int64 size) { return below(f)->pMethods->xTruncate(below(f), size); },
      [](sqlite3_file* f, int flags) {
        return fails(part::flushes) ? refusal() : below(f)->pMethods->xSync(below(f), flags);
      },
      [](sqlite3_file* f, sqlite3_int64* size) { return below(f)->pMethods->xFileSize(below(f), size); },
      [](sqlite3_file* f, int level) { return below(f)->pMethods->xLock(below(f), level); },
      [](sqlite3_file* f, int level) { return below(f)->pMethods->xUnlock(below(f), level); },
      [](sqlite3_file* f, int* out) { return below(f)->pMethods->xCheckReservedLock(below(f), out); },
      [](sqlite3_file* f, int op, void* arg) {
        if (op == SQLITE_FCNTL_LAST_ERRNO && failed() > 0) {
          *static_cast<int*>(arg) = plan().system_error;
          return SQLITE_OK;
        }
        return below(f)->pMethods->xFileControl(below(f), op, arg);
      },
      [](sqlite3_file* f) { return below(f)->pMethods->xSectorSize(below(f)); },
      [](sqlite3_file* f) { return below(f)->pMethods->xDeviceCharacteristics(below(f)); },
      [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
        return below(f)->pMethods->xShmMap(below(f), page, size, extend, out);
      },
      [](sqlite3_file* f, int at, int n, int flags) { return below(f)->pMethods->xShmLock(below(f), at, n, flags); },
      [](sqlite3_file* f) { below(f)->pMethods->xShmBarrier(below(f)); },
      [](sqlite3_file* f, int remove) { return below(f)->pMethods->xShmUnmap(below(f), remove); },
      [](sqlite3_file* f, sqlite3_int64 at, int size, void** out) {
        return below(f)->pMethods->xFetch(below(f), at, size, out);
      },
      [](sqlite3_file* f, sqlite3_int64 at, void* page) { return below(f)->pMethods->xUnfetch(below(f), at, page); }};
    return instance;
  }

  sqlite3_vfs shim_{};
};

} // namespace troupe
