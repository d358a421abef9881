#!/bin/sh
# Analyses the sources named on standard input, one a line; called by `./dev lint`. A file that was clean is not looked
# at again until it, a project header that it reaches, or the configuration changes. clang-tidy takes those that it can:
# where a file reaches one of the libraries below it needs up to half a minute, or, with gcc's standard library, does not
# get through at all. Those of the product are cppcheck's, which reads our own text alone. How many nobody looks at is
# said at the end.
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

# check <file>: what cppcheck 2.10 gets wrong itself is left out. It takes the whole of `request(…, std::move(x)).then(…)`
# for the place of the move, a copy that is moved from for one that is not, `x ? "a" : 'b'` for a condition, and gives up
# on literals such as `250ms` and on some lambdas. It is quick, so that it looks again each time.
check() {
  found=$(cppcheck --quiet --enable=warning,performance,portability --std=c++20 --language=c++ -I. \
    --template='{file}:{line}: {message} [{id}]' --suppress=missingIncludeSystem --suppress=accessMoved \
    --suppress=passedByValue --suppress=returnStdMoveLocal --suppress=incorrectStringBooleanError \
    --suppress=incorrectCharBooleanError --suppress=ignoredReturnValue "$1" 2>&1)
  case $found in *'[internalAstError]'* | *'[cppcheckError]'*) echo "$1" >>$cache/given_up ;; esac
  found=$(printf '%s\n' "$found" | grep -vE '\[(internalAstError|cppcheckError)\]$' || true)
  [ -z "$found" ] || { printf '%s\n' "$found" >&2; return 1; }
}

# tidy <file>: silent if clean.
tidy() {
  files=$(reach "$1")
  # shellcheck disable=SC2086 # a list of words on purpose
  {
    checker=tidy
    if grep -qE '^#include <(caf|boost|gtest|gmock|prometheus)/' $files; then checker=cppcheck; fi
    case $checker-$1 in cppcheck-tests/*) echo "$1" >>$cache/passed_over; return 0 ;; esac
    key=$cache/$(cat .clang-tidy "$0" $files | sha256sum | cut -c 1-64)
  }
  [ ! -e "$key" ] || return 0
  if [ $checker = cppcheck ]; then
    check "$1"
    return
  fi
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
  rm -f $cache/passed_over $cache/given_up
  grep '\.cpp$' | xargs -r -n 1 -P "${JOBS:-1}" sh "$0" --one
  count() { cat "$cache/$1" 2>/dev/null | wc -l; }
  echo "lint: not analysed: $(count given_up) sources of the product, $(count passed_over) of the tests" >&2
fi
