#pragma once

#include <filesystem>

/// Conversations, and secrets of tools, are for the server's own user alone: a database
/// and what lies beside it have mode 0600, and a folder made for them 0700, whatever the
/// umask. SQLite gives its log and its shared memory the database's mode.
namespace troupe {

/// Makes `folder`, and what is missing above it. Throws `std::system_error`.
void make_private_folders(const std::filesystem::path& folder);

/// Mode 0600 for a file that was just made. Throws `std::system_error`.
void make_private(const std::filesystem::path& file);

/// Takes from all others what a version before this one has left open to them: the
/// database `file`, what belongs to it, and its folder. A folder is left as it is if it
/// belongs to another user, is meant for many (the sticky bit), or holds anything else:
/// somebody has made it for more than this. Says in the log what was changed, or could
/// not be. If the database itself is private already, its folder is the operator's affair.
void make_private_again(const std::filesystem::path& file);

} // namespace troupe
