#pragma once

#include "gateway/live/asking.hpp"

/// The routes, a function each: read the request, ask an actor, render the answer.
/// They run on the gateway actor. What cannot be read is thrown (gateway/requests/refused.hpp).
namespace troupe::api {

// -- system.cpp
void get_health(const context_ptr& context);
void get_readiness(const context_ptr& context);
void get_metrics(const context_ptr& context);
void get_openapi(const context_ptr& context);
void get_queue(const context_ptr& context);
void get_nodes(const context_ptr& context);

// -- approvals.cpp
void list_approvals(const context_ptr& context);
void get_task_approvals(const context_ptr& context);
void decide_approval(const context_ptr& context);

// -- budgets.cpp
void get_namespace_budget(const context_ptr& context);
void put_namespace_budget(const context_ptr& context);
void delete_namespace_budget(const context_ptr& context);
void get_bot_budget(const context_ptr& context);

// -- usage.cpp
void get_usage(const context_ptr& context);
void get_thread(const context_ptr& context);

// -- bots.cpp
void list_models(const context_ptr& context);
void get_model(const context_ptr& context);
void put_model(const context_ptr& context);
void delete_model(const context_ptr& context);
void list_bots(const context_ptr& context);
void get_bot(const context_ptr& context);
void put_bot(const context_ptr& context);
void delete_bot(const context_ptr& context);
void validate_bot(const context_ptr& context);

// -- tasks.cpp
void create_task(const context_ptr& context);
void list_tasks(const context_ptr& context);
void get_task(const context_ptr& context);
void delete_task(const context_ptr& context);
void patch_task_status(const context_ptr& context);
void cancel_task(const context_ptr& context);
void retry_task(const context_ptr& context);
void get_task_messages(const context_ptr& context);
void get_thread_messages(const context_ptr& context);
void get_attempts(const context_ptr& context);

// -- execute.cpp
void execute_task(const context_ptr& context);

// -- events.cpp
void get_task_events(const context_ptr& context);
void open_chat(const context_ptr& context);
void open_notifications(const context_ptr& context);
void open_events(const context_ptr& context);

} // namespace troupe::api
