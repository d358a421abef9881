# Sourced by each finding: packages and servers in a temporary folder, all of it gone at the end.
set -eu

loopback=$(cd "$(dirname "$0")/.." && pwd)/tests/providers/servers/loopback.cjs
folder=$(mktemp -d)
servers=
changed=0
clean() {
  for server in $servers; do kill "$server" 2>/dev/null || true; done
  cd / && rm -rf "$folder"
}
trap clean EXIT
trap 'exit 1' INT TERM
cd "$folder"

# install <package@version>…: the packages, without the scripts that they would run.
install() {
  echo '{"private": true}' >package.json
  npm install --ignore-scripts --no-audit --no-fund --loglevel=error "$@" >&2
}

# serve <program> [argument…]: runs it on Node.js on a free port of 127.0.0.1, which is in $port from then on.
serve() {
  log=$folder/$(echo "$servers" | wc -w).log
  TROUPE_TEST_PORT=0 node --require "$loopback" "$@" >"$log" 2>&1 &
  servers="$servers $!"
  port=
  while [ -z "$port" ]; do
    kill -0 $! 2>/dev/null || { cat "$log" >&2; exit 1; }
    sleep 0.1
    port=$(sed -n 's/^test server listens on port //p' "$log")
  done
}

# unpack <package=version>…: Debian packages, into the folder.
unpack() {
  apt-get -q download "$@" >&2
  for package in ./*.deb; do dpkg-deb -x "$package" . && rm "$package"; done
}

# serve_postgres: the PostgreSQL 15 that was unpacked, on a free port of 127.0.0.1, which is in $port from then on; its
# programs are in $bin. `sql …` asks it, with the arguments of psql.
serve_postgres() {
  bin=$folder/usr/lib/postgresql/15/bin
  chmod 755 "$folder"
  # It refuses to run as root.
  as_somebody=
  [ "$(id -u)" -ne 0 ] || as_somebody='setpriv --reuid=nobody --regid=nogroup --clear-groups'
  mkdir data
  [ -z "$as_somebody" ] || chown nobody data
  $as_somebody "$bin/initdb" -D "$folder/data" -U postgres -A trust --no-sync >&2
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  $as_somebody "$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories= >log 2>&1 &
  servers="$servers $!"
  until sql -c 'SELECT 1' >/dev/null 2>&1; do sleep 0.1; done
}
sql() { "$bin/psql" -X -q -A -t -F ', ' -h 127.0.0.1 -p "$port" -U postgres "$@" postgres; }

# expect <what> <seen> <as it was>: prints what was seen, and whether that is new.
expect() {
  printf '%s: %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { printf '  CHANGED; it was: %s\n' "$3"; changed=1; }
}
