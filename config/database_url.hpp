#pragma once

#include <optional>
#include <string>

/// Where tasks are stored, as the setting `database` says it. One of
///
/// - `sqlite:<file>`;
/// - a PostgreSQL URI, `postgres://…` or `postgresql://…`;
/// - libpq's keywords, `host=db dbname=troupe user=troupe`.
///
/// The last two are described in PostgreSQL's manual, "Connection Strings". libpq
/// alone takes them apart; here they are told from each other, held to their form
/// and shown without their secrets.
namespace troupe {

/// True for a URI of PostgreSQL and for libpq's keywords, well-formed or not. The
/// latter are known by a word and a `=` at the start.
bool is_postgres(const std::string& url);

/// `url` as it may be shown: `***` stands for its password, and for whatever else
/// libpq takes as a secret. Of a malformed one rather too much is hidden than too
/// little.
std::string redacted_database(const std::string& url);

/// What `url` must be, if it is not: a sentence without its subject. Stricter than
/// libpq, so that no part of a password passes for a host, and so that parameters can
/// be appended: within a user, a password or a value `@` and `?` are written `%40` and
/// `%3F`, nothing follows a URI's last parameter, and a closing quote is followed by a
/// blank. libpq's own syntax errors, which cite passwords, do not arise from what passes.
std::optional<std::string> refuse_database(const std::string& url);

} // namespace troupe
