#!/bin/sh
# libpqxx 6.4.5-2 with postgresql-15 15.18-0+deb12u1 (Debian 12), a session that an operator ends (pg_terminate_backend).
#
# The server says why it ends a session, libpq has the sentence, and psql shows it. libpqxx reads the client's encoding
# before it words the fault; a connection that is gone has none, and that is what its broken_connection says: whoever
# logs it looks for a fault of encodings. The next transaction fails with a server that takes connections, and the one
# after it is done in a session that has none of the settings made before: no error says so.
#
# Seen:
#   psql is told: FATAL:  terminating connection due to administrator command
#   libpqxx says: Could not obtain client encoding: not connected.
#   asked once more: Connection to database failed
#   and once more, where lock_timeout was 5s: done, lock_timeout 0
. "$(dirname "$0")/common.sh"

version=15.18-0+deb12u1
unpack "postgresql-15=$version" "postgresql-client-15=$version" "libpq5=$version" "libpq-dev=$version" \
  libpqxx-6.4=6.4.5-2 libpqxx-dev=6.4.5-2
libraries=$(echo "$folder"/usr/lib/*-linux-gnu)
serve_postgres
end_session() { sql -c "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '$1'" >/dev/null; }

cat >client.cpp <<'EOF'
#include <cstdlib>
#include <iostream>
#include <pqxx/pqxx>

int main(int, char** argv) {
  pqxx::connection connection{argv[1]};
  {
    pqxx::nontransaction work{connection};
    work.exec("SET lock_timeout = '5s'");
  }
  if (std::system(argv[2]) != 0)
    return 1;
  for (int i = 1; i <= 3; ++i) {
    std::cout << i << ' ';
    try {
      pqxx::nontransaction work{connection};
      const auto rows = work.exec("SHOW lock_timeout");
      std::cout << "done, lock_timeout " << rows[0][0].c_str() << '\n';
    } catch (const pqxx::broken_connection& e) {
      std::cout << e.what() << '\n';
    }
  }
}
EOF
g++ -std=c++17 -Wno-deprecated-declarations -Iusr/include client.cpp -o client -L"$libraries" -lpqxx -lpq \
  -Wl,-rpath,"$libraries"

mkfifo to_psql
PGAPPNAME=by_psql sql <to_psql >by_psql 2>&1 &
exec 9>to_psql
until [ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'by_psql'")" = 1 ]; do sleep 0.1; done
end_session by_psql
echo 'SELECT 1;' >&9
exec 9>&-
until grep -q FATAL by_psql; do sleep 0.1; done
expect 'psql is told' "$(grep FATAL by_psql)" 'FATAL:  terminating connection due to administrator command'

address="host=127.0.0.1 port=$port user=postgres dbname=postgres application_name=by_pqxx"
end="'$bin/psql' -X -q -h 127.0.0.1 -p $port -U postgres -c \"SELECT pg_terminate_backend(pid, 5000) FROM \
pg_stat_activity WHERE application_name = 'by_pqxx'\" postgres >/dev/null"
./client "$address" "$end" >told
expect 'libpqxx says' "$(sed -n 's/^1 //p' told)" 'Could not obtain client encoding: not connected.'
expect 'asked once more' "$(sed -n 's/^2 //p' told)" 'Connection to database failed'
expect 'and once more, where lock_timeout was 5s' "$(sed -n 's/^3 //p' told)" 'done, lock_timeout 0'
exit $changed
