#!/bin/sh
# pgpool2 4.3.5-1+deb12u1 with postgresql-15 15.18-0+deb12u1 (Debian 12), a primary and a standby that lags.
#
# Behind pgpool-II as it comes (streaming replication, load_balance_mode on) a session does not see what it has just
# written: a SELECT that stands alone goes to the standby, however far behind that is, also right after an INSERT of the
# same session. The manual says so of `disable_load_balance_on_write`, whose `transaction` looks after explicit
# transactions only; a program that was made for one server asks and finds nothing, without an error. A comment in front,
# a second statement in the same text, or a PREPARE in SQL keeps the question on the primary.
#
# Seen:
#   the same session, after its INSERT, counts: 0
#   with a comment in front: 1
#   with another statement in front, in the same text: 1
#   prepared in SQL: 1
#   in an explicit transaction that has written nothing: 0
#   SHOW port is that of: the standby
. "$(dirname "$0")/common.sh"

version=15.18-0+deb12u1
unpack "postgresql-15=$version" "postgresql-client-15=$version" pgpool2=4.3.5-1+deb12u1 libpgpool2=4.3.5-1+deb12u1 \
  libmemcached11 libhashkit2
serve_postgres
primary=$port
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

standby=$(free_port)
mkdir -m 700 standby
[ -z "$as_somebody" ] || chown nobody standby
$as_somebody "$bin/pg_basebackup" -D "$folder/standby" -R -c fast --no-sync \
  -d "host=127.0.0.1 port=$primary user=postgres" >&2
$as_somebody "$bin/postgres" -D "$folder/standby" -p "$standby" -c listen_addresses=127.0.0.1 \
  -c unix_socket_directories= >standby.log 2>&1 &
servers="$servers $!"
at() { (port=$1; shift; sql "$@"); }
until at "$standby" -c 'SELECT 1' >/dev/null 2>&1; do sleep 0.1; done

at "$primary" -c 'CREATE TABLE notes(id int)'
until at "$standby" -c 'SELECT count(*) FROM notes' >/dev/null 2>&1; do sleep 0.1; done
at "$standby" -c 'SELECT pg_wal_replay_pause()' >/dev/null
until [ "$(at "$standby" -c 'SELECT pg_get_wal_replay_pause_state()')" = paused ]; do sleep 0.1; done

pool=$(free_port)
cat >pgpool.conf <<END
listen_addresses = '127.0.0.1'
port = $pool
pcp_listen_addresses = '127.0.0.1'
pcp_port = $(free_port)
socket_dir = '$folder'
pcp_socket_dir = '$folder'
pid_file_name = '$folder/pgpool.pid'
logdir = '$folder'
backend_clustering_mode = 'streaming_replication'
sr_check_user = 'postgres'
backend_hostname0 = '127.0.0.1'
backend_port0 = $primary
backend_weight0 = 0
backend_hostname1 = '127.0.0.1'
backend_port1 = $standby
backend_weight1 = 1
END
LD_LIBRARY_PATH=$(echo "$folder"/usr/lib/*-linux-gnu) usr/sbin/pgpool -n -f pgpool.conf -F pcp.conf -a hba.conf \
  >pgpool.log 2>&1 &
pooler=$!
trap 'kill -INT "$pooler" 2>/dev/null || true; wait "$pooler" 2>/dev/null || true; clean' EXIT
until at "$pool" -c 'SELECT 1' >/dev/null 2>&1; do sleep 0.1; done

count='SELECT count(*) FROM notes'
expect 'the same session, after its INSERT, counts' "$(at "$pool" -c 'INSERT INTO notes VALUES(1)' -c "$count")" 0
expect 'with a comment in front' "$(at "$pool" -c "/* mine */ $count")" 1
expect 'with another statement in front, in the same text' "$(at "$pool" -c "SELECT; $count" | tail -1)" 1
expect 'prepared in SQL' "$(at "$pool" -c "PREPARE asked AS $count" -c 'EXECUTE asked')" 1
expect 'in an explicit transaction that has written nothing' "$(at "$pool" -c BEGIN -c "$count" -c COMMIT)" 0
shown=$(at "$pool" -c 'SHOW port')
expect 'SHOW port is that of' "$([ "$shown" = "$standby" ] && echo 'the standby' || echo 'the primary')" 'the standby'
exit $changed
