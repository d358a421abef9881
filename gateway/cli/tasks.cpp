#include "gateway/cli/tasks.hpp"

#include "config/setting_table.hpp"
#include "gateway/cli/client.hpp"
#include "gateway/cli/run.hpp"
#include "gateway/cli/terminal.hpp"
#include "gateway/cli/text.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

namespace troupe {

namespace {

constexpr auto tasks_path = "/api/v1/tasks";

/// The most that the server gives at once (design, section 7).
constexpr int largest_page = 500;

std::string task_path(const std::string& id) {
  return std::string{tasks_path} + "/" + percent_encode(id);
}

void print_json(const api_json& document) {
  print(document.dump(2) + "\n");
}

// -- ls -------------------------------------------------------------------------------

struct list_options {
  std::string ns;
  std::string status;
  std::string created_by;
  std::string thread;
  std::string bot;
  int limit = 50;
  bool json = false;
};

/// Page after page until there are `limit`, or all. In the form of one page.
api_json list_tasks(const api_client& client, const list_options& options) {
  api_json list{{"items", api_json::array()}, {"next_cursor", nullptr}};
  auto& items = list["items"];
  std::string cursor;
  for (int left = options.limit; left > 0;) {
    request_target target{tasks_path};
    target.add("namespace", options.ns)
      .add("status", options.status)
      .add("created_by", options.created_by)
      .add("thread_id", options.thread)
      .add("bot", options.bot)
      .add("limit", std::to_string(std::min(left, largest_page)))
      .add("cursor", cursor);
    auto page = client.get(target.text());
    const auto found = page.find("items");
    if (found == page.end() || !found->is_array())
      throw call_error{call_failure::unintelligible,
                       "What answers at " + client.address().url() + " is no Troupe server (its answer is no list)."};
    left -= static_cast<int>(found->size());
    for (auto& item : *found)
      items.push_back(std::move(item));
    cursor = text_member(page, "next_cursor");
    if (cursor.empty())
      list["next_cursor"] = nullptr;
    else
      list["next_cursor"] = cursor;
    if (cursor.empty() || found->empty())
      break;
  }
  return list;
}

void show_list(const api_client& client, const list_options& options) {
  const auto list = list_tasks(client, options);
  if (options.json)
    print_json(list);
  else
    print(render_tasks(list.at("items"), now(), output_width()));
}

// -- one task -----------------------------------------------------------------------

struct task_options {
  std::string id;
  bool json = false;
};

void show_task(const api_client& client, const task_options& options) {
  const auto task = client.get(task_path(options.id));
  if (options.json)
    print_json(task);
  else
    print(render_task(task, now()));
}

/// `POST /tasks/{id}/{verb}`; `what_was_done` begins the sentence about it.
void change_task(const api_client& client, const task_options& options, const std::string& verb,
                 const std::string& what_was_done) {
  const auto task = client.post(task_path(options.id) + "/" + verb);
  if (options.json)
    print_json(task);
  else
    print(what_was_done + " task " + text_member(task, "id") + " (now " + text_member(task, "status") + ").\n");
}

// -- the queue ------------------------------------------------------------------------

/// All namespaces, page after page, in the form of one page. The totals are the last page's.
api_json read_queue(const api_client& client) {
  auto namespaces = api_json::array();
  std::string cursor;
  for (;;) {
    request_target target{"/api/v1/queue"};
    target.add("cursor", cursor);
    auto page = client.get(target.text());
    const auto found = page.find("namespaces");
    if (found == page.end() || !found->is_array())
      throw call_error{call_failure::unintelligible,
                       "What answers at " + client.address().url() + " is no Troupe server (its answer is no queue)."};
    for (auto& row : *found)
      namespaces.push_back(std::move(row));
    cursor = text_member(page, "next_cursor");
    if (cursor.empty() || found->empty()) {
      *found = std::move(namespaces);
      return page;
    }
  }
}

// -- commands -------------------------------------------------------------------------

/// What every command has: a server's address, and an end.
class command_maker {
public:
  command_maker(settings& s, int& result) : settings_{s}, exit_code_{result} {}

  /// `body` runs when the command line is read.
  void finish(CLI::App& sub, std::function<exit_status(const api_client&)> body) const {
    add_address_options(sub, settings_);
    sub.callback([&s = settings_, &result = exit_code_, body = std::move(body)] {
      result = exit_trouble;
      try {
        result = body(api_client{server_address{s.http_host, s.http_port}});
      } catch (const std::exception& error) {
        complain(error.what());
      }
    });
  }

  /// The same for a body that either does what it should or throws.
  void finish_simple(CLI::App& sub, std::function<void(const api_client&)> body) const {
    finish(sub, [body = std::move(body)](const api_client& client) {
      body(client);
      return exit_ok;
    });
  }

private:
  settings& settings_;
  int& exit_code_;
};

void add_run(CLI::App& task, const command_maker& make) {
  auto& sub = *task.add_subcommand("run", "Create a task, follow it live and print the answer");
  // The options live as long as the command that reads them.
  const auto options = std::make_shared<run_options>();
  const auto timeout = std::make_shared<std::string>();
  sub.add_option("input", options->input, "What the bot shall answer; behind -- if it begins with a dash")->required();
  sub.add_option("--bot", options->bot, "The bot that answers; default is the namespace's `default`")
    ->type_name("NAME");
  sub.add_option("--namespace", options->ns, "The namespace of task and bot; default `default`")->type_name("NAME");
  sub.add_option("--name", options->name, "The task's name; default the beginning of its input")->type_name("TEXT");
  sub.add_option("--thread", options->thread, "The conversation to go on with")->type_name("ID");
  sub.add_option("--created-by", options->created_by, "Who asks")->type_name("TEXT");
  sub.add_flag("--json", options->json, "Print the finished task as JSON instead of the answer");
  auto* wait = sub.add_option("--timeout", *timeout, "Follow no longer than this (500ms, 30s, 5m); the task runs on");
  wait->type_name("DURATION")->check([](const std::string& text) {
    return parse_duration(text) ? std::string{} : "must be a duration such as 500ms, 30s or 5m, not \"" + text + "\"";
  });
  sub.add_flag("--no-wait", options->no_wait, "Print the task's id and leave it to itself")->excludes(wait);
  make.finish(sub, [options, timeout](const api_client& client) {
    if (!timeout->empty())
      options->timeout = parse_duration(*timeout);
    return run_task(client, *options);
  });
}

void add_list(CLI::App& task, const command_maker& make) {
  auto& sub = *task.add_subcommand("ls", "List tasks, newest first");
  const auto options = std::make_shared<list_options>();
  sub.add_option("--namespace", options->ns, "Tasks of this namespace; default `default`")->type_name("NAME");
  sub.add_option("--status", options->status, "PENDING, RUNNING, COMPLETED, FAILED or CANCELLED")
    ->type_name("STATUS")
    ->transform(CLI::Validator{[](std::string& text) {
                                 std::transform(text.begin(), text.end(), text.begin(), [](char c) {
                                   return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
                                 });
                                 return std::string{};
                               },
                               ""});
  sub.add_option("--created-by", options->created_by, "Tasks of this user")->type_name("TEXT");
  sub.add_option("--thread", options->thread, "Tasks of this conversation")->type_name("ID");
  sub.add_option("--bot", options->bot, "Tasks of this bot")->type_name("NAME");
  sub.add_option("--limit", options->limit, "How many at most; default 50")
    ->type_name("COUNT")
    ->check(CLI::Range(1, 1'000'000));
  sub.add_flag("--json", options->json, "Print them as JSON");
  make.finish_simple(sub, [options](const api_client& client) { show_list(client, *options); });
}

/// A command on one task that exists.
void add_by_id(CLI::App& task, const command_maker& make, const std::string& name, const std::string& description,
               std::function<void(const api_client&, const task_options&)> body) {
  auto& sub = *task.add_subcommand(name, description);
  const auto options = std::make_shared<task_options>();
  sub.add_option("id", options->id, "The task's id")->required();
  sub.add_flag("--json", options->json, "Print the task as JSON");
  make.finish_simple(sub, [options, body = std::move(body)](const api_client& client) { body(client, *options); });
}

void add_queue(CLI::App& app, const command_maker& make) {
  auto& sub = *app.add_subcommand("queue", "Show what waits and what runs, by namespace");
  const auto json = std::make_shared<bool>(false);
  sub.add_flag("--json", *json, "Print it as JSON");
  make.finish_simple(sub, [json](const api_client& client) {
    const auto queue = read_queue(client);
    if (*json)
      print_json(queue);
    else
      print(render_queue(queue, output_width()));
  });
}

void add_nodes(CLI::App& app, const command_maker& make) {
  auto& node = *app.add_subcommand("node", "Look at the nodes of the cluster");
  node.require_subcommand(1);
  auto& sub = *node.add_subcommand("ls", "List the nodes with their load and their leases, by name");
  const auto json = std::make_shared<bool>(false);
  sub.add_flag("--json", *json, "Print them as JSON");
  make.finish_simple(sub, [json](const api_client& client) {
    const auto nodes = client.get("/api/v1/nodes");
    if (*json)
      print_json(nodes);
    else
      print(render_nodes(nodes, now(), output_width()));
  });
}

} // namespace

void add_client_commands(CLI::App& app, settings& s, int& exit_code) {
  const command_maker make{s, exit_code};
  auto& task = *app.add_subcommand("task", "Run, list, show, cancel and retry tasks on a running server");
  task.require_subcommand(1);
  add_run(task, make);
  add_list(task, make);
  add_by_id(task, make, "get", "Show one task", show_task);
  add_by_id(task, make, "cancel", "Stop a task; its partial answer is kept",
            [](const auto& client, const auto& options) { change_task(client, options, "cancel", "Cancelled"); });
  add_by_id(task, make, "retry", "Run a failed or cancelled task again",
            [](const auto& client, const auto& options) { change_task(client, options, "retry", "Queued"); });
  add_queue(app, make);
  add_nodes(app, make);
}

} // namespace troupe
