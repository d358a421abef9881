#include "tests/actors/remote_fixture.hpp"

#include <nlohmann/json.hpp>

namespace troupe {

void fake_outbound::call_tools(std::size_t index, const std::vector<std::pair<std::string, std::string>>& wanted) {
  // An event each, as providers stream them: together they may be longer than one may be.
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const nlohmann::json one{{"index", i},
                             {"id", "same"},
                             {"type", "function"},
                             {"function", {{"name", wanted[i].first}, {"arguments", wanted[i].second}}}};
    const auto all = nlohmann::json::array({one});
    event(index, nlohmann::json{{"choices", {{{"index", 0}, {"delta", {{"tool_calls", all}}}}}}}.dump());
  }
  event(index, R"({"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})");
  event(index, "[DONE]");
  end(index);
}

void remote_fixture::put_model_named(std::string name, const std::function<void(model_record&)>& change) {
  put_model op;
  op.model.name = std::move(name);
  op.model.ns = "default";
  op.model.kind = model_kind::openai;
  op.model.base_url = "https://provider.test/v1";
  op.model.model = "gpt-test";
  op.at = wall_clock();
  change(op.model);
  value_of(ask_writer(std::move(op)));
}

} // namespace troupe
