#include "history_maker.hpp"

#include "actors/models/context_window.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace troupe::strict {

using nlohmann::json;

namespace {

class history_maker {
public:
  explicit history_maker(std::uint64_t seed) : random_{seed} {}

  made_history make() {
    made_.thinking = static_cast<claude_thinking>(below(5));
    made_.claude.thinks_by_default = made_.thinking == claude_thinking::by_default;
    made_.bot.system_prompt = pick({"Be brief.", "", " \n"});
    choose_tools();
    for (auto tasks = 1 + below(4); tasks > 0; --tasks)
      add_one_task(tasks == 1);
    if (chance(15)) {
      made_.window = 60 + static_cast<std::int64_t>(below(200));
      made_.prefix_kept = false;
    }
    return std::move(made_);
  }

  made_history make(std::span<const voice> speakers) {
    made_.thinking = claude_thinking::interleaved;
    do
      choose_tools();
    while (made_.tools.empty());
    for (const auto who : speakers) {
      calls_made_ = 0;
      add_task(made_, something("Please do"));
      for (auto rounds = 1 + below(2); rounds > 0; --rounds)
        if (const auto intent = answer(who, 1 + below(2))) {
          made_.messages.push_back(*intent);
          add_results(*intent, false);
        }
      if (const auto said = answer(who, 0))
        made_.messages.push_back(*said);
    }
    return std::move(made_);
  }

private:
  // -- chance -------------------------------------------------------------------

  std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
  bool chance(std::size_t percent) { return below(100) < percent; }
  std::string pick(std::initializer_list<const char*> list) { return list.begin()[below(list.size())]; }

  std::string letters(std::size_t length) {
    constexpr std::string_view all = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    std::string text;
    while (text.size() < length)
      text += all[below(all.size())];
    return text;
  }

  /// Different from all others in the thread.
  std::string something(const std::string& what) { return what + " " + std::to_string(++said_) + "."; }

  // -- the bot --------------------------------------------------------------------

  void choose_tools() {
    const std::array<tool_definition, 7> all{{
      {"weather", "Tells the weather.", R"({"type":"object","properties":{"n":{"type":"integer"}}})"},
      {"time", "", ""},
      // makenotion/notion-mcp-server#340
      {"search", "Searches.", R"({"anyOf":[{"required":["a"]},{"required":["b"]}],"properties":{"a":{},"b":{}}})"},
      {"notes__read", "Reads.", R"({"type":"object"})"},
      {"odd", "Has no schema.", "no JSON"},
      {"pick", "", R"({"enum":[1,2]})"},
      {"list", "", R"({"type":["object","null"],"properties":{"of":{"type":"array"}},"not":{}})"},
    }};
    made_.tools.clear();
    for (const auto& tool : all)
      if (chance(60))
        made_.tools.push_back(tool);
    if (chance(15))
      made_.tools.clear();
  }

  void change_bot() {
    if (chance(80))
      return;
    made_.prefix_kept = false;
    if (chance(50))
      made_.bot.system_prompt = something("It is day");
    else
      choose_tools();
  }

  // -- tasks ----------------------------------------------------------------------

  void add_one_task(bool is_last) {
    calls_made_ = 0;
    add_task(made_, chance(80) ? something("Please do") : pick({"", " \n\t", "\xF0\x9F\x98\x80"}));
    const auto who = static_cast<voice>(below(8));
    if (!run(who, below(4)))
      return;
    if (is_last && chance(50) && !made_.messages.back().call_id.empty()) {
      made_.is_open = true;
      return;
    }
    // A user may retry a turn that has no answer.
    while (!end(who) && chance(40) && run(who, below(3)))
      continue;
    if (!is_last)
      change_bot();
  }

  /// Rounds of calls; false if the task failed on the way.
  bool run(voice usual, std::size_t rounds) {
    for (; rounds > 0; --rounds) {
      const auto who = chance(85) ? usual : static_cast<voice>(below(8));
      if (made_.tools.empty()) {
        // Who has no tools makes no calls, but for the odd one; then the history's are named.
        if (who != voice::odd)
          continue;
        made_.prefix_kept = false;
      }
      const auto intent = answer(who, 1 + below(3));
      if (!intent)
        return false;
      made_.messages.push_back(*intent);
      add_results(*intent, rounds == 1);
    }
    return true;
  }

  /// True if the task is completed, false if it failed or was cancelled.
  bool end(voice who) {
    const auto how = below(100);
    if (how < 60) {
      auto said = how < 55 ? answer(who, 0) : message(message_role::assistant, pick({"", "\n"}));
      if (said)
        made_.messages.push_back(std::move(*said));
      return said.has_value();
    }
    if (how < 75) {
      auto cut = message(message_role::assistant, something("I was about to"));
      cut.interrupted = true;
      made_.messages.push_back(std::move(cut));
    }
    return false;
  }

  message_record message(message_role role, std::string content) const {
    message_record made;
    made.task_id = made_.messages.back().task_id;
    made.role = role;
    made.content = std::move(content);
    return made;
  }

  void add_results(const message_record& intent, bool may_be_lost) {
    const bool lost = may_be_lost && chance(15);
    auto calls = intent.tool_calls;
    if (chance(30))
      std::reverse(calls.begin(), calls.end());
    for (const auto& call : calls) {
      if (lost && chance(50))
        continue;
      auto result = message(message_role::tool, result_text());
      result.call_id = call.call_id;
      result.tool = call.tool;
      made_.messages.push_back(std::move(result));
    }
  }

  std::string result_text() {
    if (chance(50))
      return json(something("It is")).dump();
    return pick(
      {"", "\"\"", "{}", R"({"error":"No such tool."})", R"({"a":[1,2,{"b":null}]})", "no JSON", "\" \"", "7"});
  }

  // -- answers ----------------------------------------------------------------------

  /// What a model answers when it is asked now: with so many calls, or with text.
  std::optional<message_record> answer(voice who, std::size_t calls) {
    const auto body = ask(who);
    const auto reader = provider_of(model_of(who, made_.thinking).kind).reader();
    answer_delta unused;
    for (const auto& event : stream(who, body, calls))
      if (reader->read(event, unused))
        return std::nullopt;
    if (reader->close())
      return std::nullopt;
    const auto& read = reader->answer();
    auto made = message(message_role::assistant, read.text);
    made.origin = model_identity(model_of(who, made_.thinking));
    made.replay = read.replay;
    made.tool_calls = read.calls;
    for (auto& call : made.tool_calls)
      call.call_id = "call_" + std::to_string(++calls_made_);
    if (!kept_.is_null() && (calls > 0 || read.text.find_first_not_of(' ') != std::string::npos))
      made_.kept.push_back({who, std::move(kept_)});
    return made;
  }

  /// The request that is taken.
  json ask(voice who) {
    auto body = json::parse(body_of(made_, who));
    const bool may_refuse = who == voice::claude && !made_.prefix_kept;
    const bool refused = may_refuse && !violations_of(made_, who, body).empty();
    made_.asked.push_back({who, body, refused});
    if (!refused)
      return body;
    const auto learnt = learn({}, {400, bound_elsewhere, body.dump()});
    body = json::parse(body_of(made_, who, learnt.value_or(model_traits{})));
    made_.asked.push_back({who, body, false});
    return body;
  }

  std::vector<sse_event> stream(voice who, const json& body, std::size_t calls) {
    kept_ = nullptr;
    if (who == voice::claude)
      return claude_stream(body, calls);
    if (who == voice::kimi)
      return kimi_stream(calls);
    const auto said = spoken(who, calls);
    if (who == voice::odd)
      return odd_stream_of(said);
    if (who != voice::openrouter)
      return stream_of(said);
    const auto signature = "or-" + letters(8);
    made_.signatures.foreign.insert(signature);
    if (said.reasoning)
      kept_ = json::array({{{"type", "reasoning.text"},
                            {"index", 0},
                            {"text", *said.reasoning},
                            {"format", "anthropic-claude-v1"},
                            {"signature", signature}}});
    return openrouter_stream_of(said, signature);
  }

  spoken_answer spoken(voice who, std::size_t calls) {
    spoken_answer said;
    if (who == voice::deepseek || who == voice::openrouter)
      said.reasoning = reasoning(who);
    if (calls == 0 || chance(40))
      said.text = chance(90) ? something("I say") : pick({"", " "});
    for (std::size_t i = 0; i < calls; ++i)
      said.calls.push_back(call(who, i));
    if (who == voice::gemini && (calls > 0 || chance(30)))
      sign(calls > 0 ? said.calls.front().signature : said.signature);
    if (who == voice::gemini && calls > 0)
      kept_ = {as_object(said.calls.front().arguments), said.calls.front().signature};
    if (who == voice::deepseek && said.reasoning)
      kept_ = *said.reasoning;
    said.cut = calls > 0 && chance(8);
    return said;
  }

  std::optional<std::string> reasoning(voice who) {
    std::optional<std::string> text;
    if (chance(85))
      text = chance(85) ? something("I think") : std::string{};
    auto& known = who == voice::deepseek ? made_.reasoning.own : made_.reasoning.foreign;
    if (who == voice::deepseek || (text && !text->empty()))
      known.insert(text.value_or(""));
    return text;
  }

  void sign(std::string& signature) {
    signature = "Ci" + letters(14);
    made_.signatures.own.insert(signature);
  }

  spoken_call call(voice who, std::size_t place) {
    spoken_call made{id(who, place), pick({"weather", "time", "notes__read"}), arguments()};
    if (who == voice::odd || chance(5))
      made.name = pick({"", "issues.list", "issues/list", "wetter_f\xC3\xBCr_ulm", "weather", "1st",
                        "a_name_that_is_much_longer_than_the_sixty_four_characters_that_providers_take"});
    if (who == voice::odd || chance(5))
      made.arguments = pick({"", "{\"city\":\"Ul", "[1]", "null", "\"Ulm\"", "{}{}", "{\"a\":1}"});
    return made;
  }

  std::string arguments() { return R"({"n":)" + std::to_string(++said_) + R"(,"wei":1000000000000000000001})"; }

  std::string id(voice who, std::size_t place) {
    switch (who) {
    case voice::deepseek: return "call_0" + std::to_string(place) + "_" + letters(24);
    case voice::claude:
    case voice::openrouter: return "toolu_01" + letters(22);
    case voice::gemini: return chance(70) ? "function-call-" + letters(19) : "";
    case voice::mistral: return chance(90) ? letters(9) : "abcdefghi";
    case voice::gpt: return "call_" + letters(24);
    case voice::kimi: return "functions.weather:" + std::to_string(place);
    case voice::odd: break;
    }
    // BerriAI/litellm#16895
    return chance(10) ? "call_ab__thought__" + letters(400)
                      : pick({"", "x", "call_1", "abcdefghi", "chatcmpl-tool-0123456789abcdef0123456789abcdef"});
  }

  /// What is sent of arguments that are no JSON object.
  static std::string as_object(const std::string& text) {
    return json::parse(text, nullptr, false).is_object() ? text : "{}";
  }

  // -- Claude -------------------------------------------------------------------------

  std::vector<sse_event> claude_stream(const json& body, std::size_t calls) {
    const bool asked_to_think = body.contains("thinking");
    const bool begins = body["messages"].back()["content"].front()["type"] != "tool_result";
    auto blocks = json::array();
    switch (made_.thinking) {
    case claude_thinking::none: blocks = claude_blocks(calls, 0, 0); break;
    case claude_thinking::by_budget: blocks = claude_blocks(calls, asked_to_think && begins ? 100 : 0, 0); break;
    case claude_thinking::interleaved:
      blocks = claude_blocks(calls, !asked_to_think ? 0 : begins ? 100 : 70, asked_to_think ? 40 : 0);
      break;
    case claude_thinking::adaptive:
    case claude_thinking::by_default: blocks = claude_blocks(calls, 70, 40); break;
    }
    const bool cut = calls > 0 && chance(8);
    kept_ = blocks;
    if (cut)
      cut_off(blocks);
    made_.claude.answers.push_back({body, kept_});
    return anthropic_stream_of(blocks, cut);
  }

  /// With thinking at the beginning, and between calls, so often in a hundred.
  json claude_blocks(std::size_t calls, std::size_t first, std::size_t between) {
    auto blocks = json::array();
    if (chance(first))
      blocks.push_back(thought("EqRt"));
    if (calls == 0 || chance(50))
      blocks.push_back({{"type", "text"}, {"text", something("I say")}});
    for (std::size_t i = 0; i < calls; ++i) {
      if (i > 0 && chance(between))
        blocks.push_back(thought("EqRt"));
      else if (i > 0 && chance(20))
        blocks.push_back({{"type", "text"}, {"text", something("Then")}});
      blocks.push_back({{"type", "tool_use"},
                        {"id", id(voice::claude, i)},
                        {"name", pick({"weather", "time"})},
                        {"input", {{"n", ++said_}}}});
    }
    return blocks;
  }

  /// Some of it is told to nobody: without its text, or as data alone.
  json thought(const std::string& prefix) {
    if (chance(15))
      return {{"type", "redacted_thinking"}, {"data", prefix + letters(16)}};
    return {
      {"type", "thinking"}, {"thinking", chance(70) ? something("I think") : ""}, {"signature", prefix + letters(16)}};
  }

  /// The limit of tokens has come in the last call, or in a thought behind it, which then is not signed.
  void cut_off(json& blocks) {
    if (chance(50) && made_.thinking != claude_thinking::none) {
      blocks.push_back({{"type", "thinking"}, {"thinking", "And th"}, {"signature", ""}});
    } else {
      blocks.back()["input"] = pick({"", "{\"n\":1,\"ci"});
      kept_.back()["input"] = json::object();
    }
  }

  std::vector<sse_event> kimi_stream(std::size_t calls) {
    auto blocks = json::array();
    blocks.push_back(thought("kimi"));
    if (calls == 0)
      blocks.push_back({{"type", "text"}, {"text", something("I say")}});
    for (std::size_t i = 0; i < calls; ++i)
      blocks.push_back(
        {{"type", "tool_use"}, {"id", id(voice::kimi, i)}, {"name", "weather"}, {"input", {{"n", ++said_}}}});
    return anthropic_stream_of(blocks, false);
  }

  std::mt19937_64 random_;
  made_history made_;
  /// Of the answer that is being made.
  json kept_;
  int calls_made_ = 0;
  int said_ = 0;
};

} // namespace

std::string_view to_string(voice who) noexcept {
  switch (who) {
  case voice::deepseek: return "DeepSeek";
  case voice::claude: return "Claude";
  case voice::gemini: return "Gemini";
  case voice::mistral: return "Mistral";
  case voice::gpt: return "gpt";
  case voice::openrouter: return "OpenRouter";
  case voice::kimi: return "Kimi";
  case voice::odd: return "odd";
  }
  return {};
}

made_history make_history(std::uint64_t seed, std::span<const voice> speakers) {
  return history_maker{seed}.make(speakers);
}

made_history make_history(std::uint64_t seed) {
  return history_maker{seed}.make();
}

model_record model_of(voice who, claude_thinking thinking) {
  model_record model;
  model.kind = who == voice::claude || who == voice::kimi ? model_kind::anthropic : model_kind::openai;
  const auto set = [&](const char* base_url, const char* name) {
    model.base_url = base_url;
    model.model = name;
  };
  switch (who) {
  case voice::deepseek: set("https://api.deepseek.com", "deepseek-v4-pro"); break;
  case voice::claude: set("https://api.anthropic.com", "claude-opus-4-5"); break;
  case voice::gemini: set("https://generativelanguage.googleapis.com/v1beta/openai", "gemini-3-pro-preview"); break;
  case voice::mistral: set("https://api.mistral.ai/v1", "mistral-large-latest"); break;
  case voice::gpt: set("https://api.openai.com/v1", "gpt-5"); break;
  case voice::openrouter: set("https://openrouter.ai/api/v1", "anthropic/claude-sonnet-4.5"); break;
  case voice::kimi: set("https://api.moonshot.ai/anthropic", "kimi-k2.5"); break;
  case voice::odd: set("http://127.0.0.1:8080/v1", "local"); break;
  }
  if (who != voice::claude)
    return model;
  if (thinking == claude_thinking::by_budget || thinking == claude_thinking::interleaved)
    model.parameters = R"({"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":8000})";
  else if (thinking == claude_thinking::adaptive)
    model.parameters = R"({"thinking":{"type":"adaptive"}})";
  return model;
}

std::string body_of(const made_history& made, const model_record& model, const model_traits& traits) {
  const auto window = fit_window(made.messages, made.bot.system_prompt, 0, made.window);
  return provider_of(model.kind).request({model, made.bot, window, made.tools, traits}, {}).body;
}

std::string body_of(const made_history& made, voice who, const model_traits& traits) {
  return body_of(made, model_of(who, made.thinking), traits);
}

void add_task(made_history& made, std::string input) {
  message_record message;
  if (!made.messages.empty())
    message.task_id = made.messages.back().task_id;
  ++message.task_id.bytes[15];
  message.role = message_role::user;
  message.content = std::move(input);
  made.messages.push_back(std::move(message));
  made.is_open = false;
}

violations violations_of(const made_history& made, voice who, const json& body) {
  switch (who) {
  case voice::deepseek: return violations_for_deepseek(body, made.reasoning);
  case voice::claude: return violations_for_claude(body, made.claude);
  case voice::gemini: return violations_for_gemini(body, made.signatures);
  case voice::mistral: return violations_for_mistral(body);
  case voice::gpt: return violations_for_openai(body);
  case voice::openrouter:
  case voice::kimi:
  case voice::odd: break;
  }
  return {};
}

} // namespace troupe::strict
