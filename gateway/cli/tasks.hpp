#pragma once

#include "config/settings.hpp"

namespace CLI {
class App;
}

/// The commands that call a running server over HTTP: `task run|ls|get|cancel|retry`,
/// `queue` and `node ls`. They hold no rule of the domain: they ask, and print the
/// answer.
namespace troupe {

/// Adds `task …`, `queue` and `node …` to `app`. The exit code of the command that ran
/// is put into `exit_code` (gateway/cli/run.hpp lists them); what went wrong has been said on
/// standard error by then. `s` and `exit_code` must outlive the parse, and `app` should
/// require exactly one subcommand: a task's input that reads like a command's name would
/// otherwise be taken for one.
void add_client_commands(CLI::App& app, settings& s, int& exit_code);

} // namespace troupe
