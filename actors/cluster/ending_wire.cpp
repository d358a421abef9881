#include "actors/cluster/ending_wire.hpp"

#include "actors/store/store_answers.hpp"

#include <optional>
#include <variant>

namespace troupe {

namespace {

template <class T>
caf::optional<T> to_caf(const std::optional<T>& value) {
  return value ? caf::optional<T>{*value} : caf::none;
}

template <class T>
std::optional<T> to_std(const caf::optional<T>& value) {
  return value ? std::optional{*value} : std::nullopt;
}

void write(end_task_there& out, const cancel_task& how) {
  out.kind = ending_kind::cancel;
  if (how.key) {
    out.key = how.key->key;
    out.fingerprint = how.key->fingerprint;
  }
}

void write(end_task_there& out, const set_task_status& how) {
  out.kind = ending_kind::set_status;
  out.status = how.status;
  out.output = to_caf(how.output);
  out.error = to_caf(how.error);
}

void write(end_task_there& out, const delete_task&) {
  out.kind = ending_kind::remove;
}

} // namespace

end_task_there to_wire(const ending_operation& how, const link_end& from) {
  end_task_there out;
  out.from = from;
  std::visit(
    [&out](const auto& one) {
      out.task = one.id;
      out.at = one.at.time_since_epoch().count();
      write(out, one);
    },
    how);
  return out;
}

ending_operation from_wire(const end_task_there& request) {
  const timestamp at{std::chrono::microseconds{request.at}};
  switch (request.kind) {
  case ending_kind::set_status: {
    set_task_status how;
    how.id = request.task;
    how.status = request.status;
    how.output = to_std(request.output);
    how.error = to_std(request.error);
    how.at = at;
    return how;
  }
  case ending_kind::remove: return delete_task{request.task, at};
  case ending_kind::cancel: break;
  }
  cancel_task how;
  how.id = request.task;
  how.at = at;
  if (request.key)
    how.key = idempotency_key{*request.key, request.fingerprint};
  return how;
}

task_ended_there to_answer(const caf::error& reason, const link_end& from) {
  if (is_passing(reason))
    return {from, ending_result::not_here, 0, {}};
  return {from, ending_result::refused, reason.code(), sentence_of(reason)};
}

caf::error to_refusal(const task_ended_there& answer) {
  return caf::make_error(static_cast<errc>(answer.code), answer.sentence);
}

} // namespace troupe
