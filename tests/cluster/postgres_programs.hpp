#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// What PostgreSQL needs to be run by hand, whoever runs it.
namespace troupe {

/// The folder of the newest PostgreSQL that is installed; throws std::runtime_error if there is none.
std::filesystem::path postgres_binaries();

/// The command, run by the user `postgres`: PostgreSQL refuses to run as root. It is sent `last_signal` when the test
/// ends, also if that is killed.
std::vector<std::string> as_postgres(std::vector<std::string> command, const std::string& last_signal = "QUIT");

/// That user may write there.
void give_to_postgres(const std::filesystem::path& folder);

/// A free port that the system gives to nobody by itself, so that it is still free when a server that was stopped is
/// started again.
std::uint16_t lasting_port();

} // namespace troupe
