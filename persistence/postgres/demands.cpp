#include "persistence/postgres/demands.hpp"

namespace troupe {

namespace {

constexpr const char* question = R"sql(
SELECT quote_ident(d.datname), quote_ident(current_user), pg_encoding_to_char(d.encoding), pg_is_in_recovery(),
       current_setting('transaction_read_only') = 'on',
       has_database_privilege(d.oid, 'CREATE'), n.oid IS NOT NULL,
       coalesce(has_schema_privilege(n.oid, 'USAGE'), false), coalesce(has_schema_privilege(n.oid, 'CREATE'), false),
       EXISTS(SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND CASE c.relkind
                WHEN 'r' THEN NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                               AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
                WHEN 'S' THEN NOT (has_sequence_privilege(c.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'UPDATE'))
                ELSE false END)
         OR EXISTS(SELECT FROM pg_proc p WHERE p.pronamespace = n.oid AND NOT has_function_privilege(p.oid, 'EXECUTE')),
       (SELECT quote_ident(pg_get_userbyid(c.relowner)) FROM pg_class c WHERE c.relnamespace = n.oid
          AND c.relkind = 'r' AND NOT pg_has_role(c.relowner, 'USAGE') LIMIT 1)
FROM pg_database d LEFT JOIN pg_namespace n ON n.nspname = 'troupe' WHERE d.datname = current_database()
)sql";

store_error unsuitable(std::string sentence) {
  return {errc::unsuitable, std::move(sentence)};
}

} // namespace

pg_standing ask_pg_standing(pg_connection& connection) {
  auto rows = connection.run(question);
  pg_standing standing;
  if (!rows.next())
    return standing;
  standing.database = rows.take<std::string>();
  standing.role = rows.take<std::string>();
  standing.encoding = rows.take<std::string>();
  standing.is_standby = rows.take<bool>();
  standing.is_read_only = rows.take<bool>();
  standing.may_create_schema = rows.take<bool>();
  standing.has_schema = rows.take<bool>();
  standing.may_use_schema = rows.take<bool>();
  standing.may_create_in_schema = rows.take<bool>();
  standing.lacks_rights = rows.take<bool>();
  standing.foreign_owner = rows.take<std::string>();
  return standing;
}

std::optional<std::string> refuse_encoding(const std::string& encoding, const std::string& database) {
  if (encoding == "UTF8")
    return std::nullopt;
  // LOCALE 'C' goes with every encoding; the cluster's own locale may not go with UTF-8.
  return "The database " + database + " has the encoding " + encoding
         + ", which cannot hold every text. Name one whose encoding is UTF8; this makes it: CREATE DATABASE troupe "
           "ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;";
}

std::optional<store_error> refuse_database(const pg_standing& standing) {
  if (auto why = refuse_encoding(standing.encoding, standing.database))
    return unsuitable(std::move(*why));
  if (standing.is_standby)
    return store_error{errc::unavailable,
                       "The PostgreSQL server is a standby, where nothing can be written. Name the primary; where "
                       "either may be it, name all hosts and add target_session_attrs=read-write."};
  // It is not switched off here: whoever has set it, maybe because a disk runs full, meant it.
  if (standing.is_read_only)
    return unsuitable("Sessions of the role " + standing.role + " in the database " + standing.database
                      + " may only read: default_transaction_read_only is on, for the role, the database or the "
                        "server. Run: ALTER ROLE "
                      + standing.role + " IN DATABASE " + standing.database
                      + " SET default_transaction_read_only = off;");
  return std::nullopt;
}

namespace {

bool is_direct(pg_connection& connection) {
  auto rows = connection.run("SELECT inet_client_port()");
  rows.next();
  const auto port = rows.take<std::optional<int>>();
  return port && *port > 0 && *port == connection.local_port();
}

int backend_of(pg_connection& connection) {
  auto rows = connection.run("SELECT pg_backend_pid()");
  rows.next();
  return rows.take<int>();
}

/// Two clients whose transactions lie over one another in turn: whichever session a pooler hands out next, the one
/// that was given back first or last, one of them gets the other's.
bool mixes_sessions(const std::string& address) {
  pg_connection a{address, pg_connection::role::reader};
  pg_connection b{address, pg_connection::role::reader};
  b.run("BEGIN");
  const auto first_of_b = backend_of(b);
  a.run("BEGIN");
  const auto first_of_a = backend_of(a);
  a.run("COMMIT");
  b.run("COMMIT");
  for (int turns = 0; turns < 2; ++turns) {
    b.run("BEGIN");
    const auto of_b = backend_of(b);
    a.run("BEGIN");
    const auto of_a = backend_of(a);
    b.run("COMMIT");
    a.run("COMMIT");
    if (of_a != first_of_a || of_b != first_of_b)
      return true;
  }
  return false;
}

} // namespace

std::optional<store_error> refuse_pooler(const std::string& address, pg_connection& connection) {
  if (is_direct(connection) || !mixes_sessions(address))
    return std::nullopt;
  return unsuitable(
    "A pooler that pools transactions stands before the database, and Troupe needs sessions of its own. "
    "Have it pool sessions for this database and user (PgBouncer: pool_mode = session), or name the "
    "server itself.");
}

std::optional<store_error> refuse_schema(const pg_standing& standing, bool is_current) {
  const auto& role = standing.role;
  const auto& database = standing.database;
  if (!standing.has_schema) {
    if (standing.may_create_schema)
      return std::nullopt;
    return unsuitable("The role " + role + " may not create the schema troupe in the database " + database
                      + ". Run there, as its owner or a superuser: CREATE SCHEMA troupe AUTHORIZATION " + role + ";");
  }
  if (!is_current && !standing.foreign_owner.empty())
    return unsuitable(
      "The schema troupe in the database " + database + " has to be brought to this version, and the role " + role
      + " does not own its tables. Run `troupe migrate` once as the role " + standing.foreign_owner + ".");
  if (!standing.may_use_schema || (!is_current && !standing.may_create_in_schema))
    return unsuitable("The role " + role + " may not work in the schema troupe of the database " + database
                      + ". Run there, as the schema's owner or a superuser: GRANT USAGE, CREATE ON SCHEMA troupe TO "
                      + role + ";");
  if (standing.lacks_rights)
    return unsuitable("The role " + role + " may not use all of the schema troupe of the database " + database
                      + ", which another role has made. Run there, as its owner or a superuser: GRANT SELECT, INSERT, "
                        "UPDATE, DELETE ON ALL TABLES IN SCHEMA troupe TO "
                      + role + "; GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA troupe TO " + role
                      + "; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA troupe TO " + role + ";");
  return std::nullopt;
}

} // namespace troupe
