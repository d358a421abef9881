#pragma once

#include "persistence/operations.hpp"
#include "persistence/postgres/connection.hpp"

#include <optional>
#include <string>

/// What a PostgreSQL database must be and allow before anything is done in it. Each
/// demand that is not met is a sentence with the SQL that meets it, as an administrator
/// would run it.
namespace troupe {

/// What the server says of the database, the schema `troupe`, and what this role may do.
struct pg_standing {
  /// Both as SQL writes them, quoted where they need it.
  std::string database;
  std::string role;
  /// `UTF8`, `LATIN1`…
  std::string encoding;
  bool is_standby = false;
  /// Transactions write nothing unless they ask to.
  bool is_read_only = false;
  bool may_create_schema = false;
  bool has_schema = false;
  bool may_use_schema = false;
  bool may_create_in_schema = false;
  /// Something in the schema, made by another role, that this one may not read, write, draw from or call.
  bool lacks_rights = false;
  /// The owner of a table in the schema whose rights this role has not; empty if there is none.
  std::string foreign_owner;
};

pg_standing ask_pg_standing(pg_connection& connection);

/// `unsuitable`, or `unavailable` for a standby, which may be promoted; nothing if a
/// database of this encoding and state will do.
std::optional<store_error> refuse_database(const pg_standing& standing);

/// `unsuitable` if the role can neither find nor make the schema, or not work in it. With
/// `is_current`, nothing is to be made or altered there.
std::optional<store_error> refuse_schema(const pg_standing& standing, bool is_current);

/// `unsuitable` if a pooler hands each transaction to another session: leases, settings, prepared statements and the
/// view of a reader are a session's. `connection` leads to `address`; where nothing stands between, nobody is asked.
std::optional<store_error> refuse_pooler(const std::string& address, pg_connection& connection);

/// The sentence about a database whose text is not UTF-8; nothing if it is.
std::optional<std::string> refuse_encoding(const std::string& encoding, const std::string& database);

} // namespace troupe
