#pragma once

#include <filesystem>
#include <stdlib.h>
#include <string>

/// libfaketime (Debian's package, which `./dev test` unpacks in build/tools): processes that are started while an
/// object lives see another wall clock. Their steady clock stays right, as timers would not fire otherwise.
namespace troupe {

class faketime {
public:
  /// For TROUPE_NEEDS.
  static std::string missing() { return library().empty() ? "libfaketime is missing" : ""; }

  /// `ahead` as libfaketime has it: `+1h`, `-90s`.
  explicit faketime(const std::string& ahead) {
    ::setenv("LD_PRELOAD", library().c_str(), 1);
    ::setenv("FAKETIME", ahead.c_str(), 1);
    ::setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1", 1);
  }
  ~faketime() {
    for (const auto* name : {"LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC"})
      ::unsetenv(name);
  }
  faketime(const faketime&) = delete;
  faketime& operator=(const faketime&) = delete;

private:
  static std::string library() {
    for (const std::string root : {"", TROUPE_SOURCE_DIR "/build/tools"})
      if (const auto file = root + "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
          std::filesystem::exists(file))
        return file;
    return {};
  }
};

} // namespace troupe
