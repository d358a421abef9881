#!/bin/sh
# postgresql-15 15.18-0+deb12u1 (Debian 12), with none of its synchronous_standby_names there.
#
# A COMMIT waits for a synchronous standby without end, past statement_timeout, and nobody sees what it wrote. Whoever
# ends the waiting session (pg_terminate_backend, as after a lost connection) gives its client an error and everybody
# else the row: it is committed on the primary alone, and a failover to a standby undoes what was seen. So "is it there?"
# must not be asked by ending the session that was to write it. PostgreSQL's manual (27.2.8) says that a commit may be
# lost if the primary fails while it waits; that ending the wait shows it, only the log does.
#
# Seen:
#   past statement_timeout of 500 ms: active, SyncRep
#   others see: 0
#   whoever writes the same key waits for: Lock, transactionid
#   its client is told: an error
#   others see, once it was ended: 1
. "$(dirname "$0")/common.sh"

version=15.18-0+deb12u1
apt-get -q download "postgresql-15=$version" "postgresql-client-15=$version" >&2
for package in ./*.deb; do dpkg-deb -x "$package" . && rm "$package"; done
bin=$folder/usr/lib/postgresql/15/bin
chmod 755 "$folder"
# It refuses to run as root.
if [ "$(id -u)" -eq 0 ]; then
  as_somebody='setpriv --reuid=nobody --regid=nogroup --clear-groups'
else
  as_somebody=
fi
mkdir data
[ -z "$as_somebody" ] || chown nobody data
$as_somebody "$bin/initdb" -D "$folder/data" -U postgres -A trust --no-sync >&2
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
$as_somebody "$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
  >log 2>&1 &
servers="$servers $!"
sql() { "$bin/psql" -X -q -A -t -F ', ' -h 127.0.0.1 -p "$port" -U postgres -c "$1" postgres; }
until sql 'SELECT 1' >/dev/null 2>&1; do sleep 0.1; done

sql 'CREATE TABLE notes(id int PRIMARY KEY)'
sql "ALTER SYSTEM SET synchronous_standby_names = 'nobody'"
sql 'SELECT pg_reload_conf()' >/dev/null
until [ "$(sql 'SHOW synchronous_standby_names')" = nobody ]; do sleep 0.1; done
(
  PGAPPNAME=first PGOPTIONS='-c statement_timeout=500' sql 'INSERT INTO notes VALUES(1)' >told 2>&1 \
    && echo done >outcome || echo 'an error' >outcome
) &
waiting="FROM pg_stat_activity WHERE application_name"
until [ "$(sql "SELECT wait_event $waiting = 'first' AND now() - query_start > '1 s'")" = SyncRep ]; do sleep 0.1; done
expect 'past statement_timeout of 500 ms' "$(sql "SELECT state, wait_event $waiting = 'first'")" 'active, SyncRep'
expect 'others see' "$(sql 'SELECT count(*) FROM notes')" 0
(PGAPPNAME=second sql 'INSERT INTO notes VALUES(1) ON CONFLICT DO NOTHING' >/dev/null 2>&1 || true) &
until [ -n "$(sql "SELECT wait_event $waiting = 'second' AND wait_event IS NOT NULL")" ]; do sleep 0.1; done
expect 'whoever writes the same key waits for' \
  "$(sql "SELECT wait_event_type, wait_event $waiting = 'second'")" 'Lock, transactionid'
sql "SELECT pg_terminate_backend(pid, 5000) $waiting = 'first'" >/dev/null
until [ -e outcome ]; do sleep 0.1; done
expect 'its client is told' "$(cat outcome)" 'an error'
expect 'others see, once it was ended' "$(sql 'SELECT count(*) FROM notes')" 1
exit $changed
