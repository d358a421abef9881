#!/bin/sh
# Runs clang-tidy over the sources named on standard input, one a line; called by
# `./dev lint`. A file that was clean is not looked at again until it, a project
# header that it reaches, or the configuration changes. Files that reach one of the
# libraries below are passed over: clang needs up to half a minute for each, or, with
# gcc's standard library, does not get through at all.
set -eu
cache=build/tidy
mkdir -p $cache
# The file and every project file that it includes, however far.
reach() {
  awk -v first="$1" '
    function visit(file,   line, name) {
      if (file in seen) return
      seen[file] = 1
      if ((getline line < file) < 0) return
      print file
      do if (match(line, /^#include "[^"]+"/)) visit(substr(line, 11, RLENGTH - 11))
      while ((getline line < file) > 0)
      close(file)
    }
    BEGIN { visit(first) }'
}

# tidy <file>: silent if clean.
tidy() {
  files=$(reach "$1")
  # shellcheck disable=SC2086 # a list of words on purpose
  {
    if grep -qE '^#include <(caf|boost|gtest|gmock|prometheus)/' $files; then return 0; fi
    key=$cache/$(cat .clang-tidy "$0" $files | sha256sum | cut -c 1-64)
  }
  [ ! -e "$key" ] || return 0
  if ! found=$(clang-tidy --quiet "$1" -- -std=c++20 -I. -idirafter build/tools/usr/include \
    -DTROUPE_VERSION='""' -DTROUPE_BINARY='""' -DTROUPE_SOURCE_DIR='""' 2>/dev/null); then
    printf '%s\n' "$found" >&2
    return 1
  fi
  touch "$key"
}

if [ "${1:-}" = --one ]; then
  tidy "$2"
else
  grep '\.cpp$' | xargs -r -n 1 -P "${JOBS:-1}" sh "$0" --one
fi
