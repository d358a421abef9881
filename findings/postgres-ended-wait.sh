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
unpack "postgresql-15=$version" "postgresql-client-15=$version"
serve_postgres

sql -c 'CREATE TABLE notes(id int PRIMARY KEY)'
sql -c "ALTER SYSTEM SET synchronous_standby_names = 'nobody'"
sql -c 'SELECT pg_reload_conf()' >/dev/null
until [ "$(sql -c 'SHOW synchronous_standby_names')" = nobody ]; do sleep 0.1; done
(
  PGAPPNAME=first PGOPTIONS='-c statement_timeout=500' sql -c 'INSERT INTO notes VALUES(1)' >told 2>&1 \
    && echo done >outcome || echo 'an error' >outcome
) &
waiting="FROM pg_stat_activity WHERE application_name"
until [ "$(sql -c "SELECT wait_event $waiting = 'first' AND now() - query_start > '1 s'")" = SyncRep ]; do sleep 0.1; done
expect 'past statement_timeout of 500 ms' "$(sql -c "SELECT state, wait_event $waiting = 'first'")" 'active, SyncRep'
expect 'others see' "$(sql -c 'SELECT count(*) FROM notes')" 0
(PGAPPNAME=second sql -c 'INSERT INTO notes VALUES(1) ON CONFLICT DO NOTHING' >/dev/null 2>&1 || true) &
until [ -n "$(sql -c "SELECT wait_event $waiting = 'second' AND wait_event IS NOT NULL")" ]; do sleep 0.1; done
expect 'whoever writes the same key waits for' \
  "$(sql -c "SELECT wait_event_type, wait_event $waiting = 'second'")" 'Lock, transactionid'
sql -c "SELECT pg_terminate_backend(pid, 5000) $waiting = 'first'" >/dev/null
until [ -e outcome ]; do sleep 0.1; done
expect 'its client is told' "$(cat outcome)" 'an error'
expect 'others see, once it was ended' "$(sql -c 'SELECT count(*) FROM notes')" 1
exit $changed
