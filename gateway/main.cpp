#include "config/settings.hpp"
#include "gateway/cli/tasks.hpp"
#include "gateway/serve.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <cstdio>
#include <optional>
#include <string>

/// The composition root: reads the command line and puts the process together.
int main(int argc, char** argv) {
  troupe::settings settings;
  int exit_code = 0;

  CLI::App app{"Troupe: a durable chat-task execution server", "troupe"};
  app.set_version_flag("--version", std::string{"troupe "} + TROUPE_VERSION);
  app.require_subcommand(1);

  // Runs a command once its settings have passed the check.
  const auto checked = [&](int (*command)(const troupe::settings&)) {
    return [&settings, &exit_code, command] {
      if (const auto wrong = troupe::check(settings)) {
        std::fprintf(stderr, "troupe: %s\n", wrong->c_str());
        exit_code = 2;
        return;
      }
      troupe::set_up_log(settings);
      exit_code = command(settings);
    };
  };

  auto* serve = app.add_subcommand("serve", "Run a server");
  troupe::add_serve_options(*serve, settings);
  serve->callback(checked(troupe::serve));

  auto* migrate = app.add_subcommand("migrate", "Bring the database to this version's schema");
  troupe::add_store_options(*migrate, settings);
  troupe::add_log_options(*migrate, settings);
  migrate->callback(checked(troupe::migrate));

  troupe::add_client_commands(app, settings, exit_code);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 prints the help or the error; its own codes say no more than "wrong usage".
    return app.exit(error) == 0 ? 0 : 2;
  }
  return exit_code;
}
