#include "config/setting_table.hpp"

#include "config/addresses.hpp"
#include "config/origins.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// -- text and values ----------------------------------------------------------

template <class Integer>
std::optional<Integer> parse_integer(std::string_view text) noexcept {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

struct unit {
  std::string_view suffix;
  std::uint64_t factor;
};

/// A number without sign, followed by one of `units`, of which the last may be
/// empty and must not be a suffix of another one.
template <std::size_t N>
std::optional<std::uint64_t> parse_with_unit(std::string_view text, const std::array<unit, N>& units,
                                             std::uint64_t largest) noexcept {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_integer<std::uint64_t>(text.substr(0, digits));
  const auto found = std::find_if(units.begin(), units.end(),
                                  [suffix = text.substr(digits)](const unit& u) { return u.suffix == suffix; });
  if (!number || found == units.end() || *number > largest / found->factor)
    return std::nullopt;
  return *number * found->factor;
}

template <std::size_t N>
std::string write_with_unit(std::uint64_t value, const std::array<unit, N>& units) {
  const auto found = std::find_if(units.begin(), units.end(),
                                  [value](const unit& u) { return !u.suffix.empty() && value % u.factor == 0; });
  if (value == 0 || found == units.end())
    return std::to_string(value);
  return std::to_string(value / found->factor) + std::string(found->suffix);
}

// The largest first: write_with_unit takes the first that fits.
constexpr std::array<unit, 5> duration_units{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}, {"", 1000}}};
constexpr std::array<unit, 3> byte_units{{{"MiB", 1024 * 1024}, {"KiB", 1024}, {"", 1}}};

bool is_node_name(std::string_view text) noexcept {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-'
           || c == '_';
  };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), allowed);
}

bool has_control_characters(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// -- kinds of settings --------------------------------------------------------

/// What does not depend on a setting's type.
struct heading {
  std::string key;
  setting_group group;
  std::string placeholder;
  std::string description;
};

setting base(heading h) {
  setting result;
  result.key = std::move(h.key);
  result.group = h.group;
  result.placeholder = std::move(h.placeholder);
  result.description = std::move(h.description);
  return result;
}

setting with_default(setting result) {
  result.default_text = result.write(settings{});
  return result;
}

template <class Integer>
setting number(heading h, Integer settings::*member, Integer smallest, Integer largest) {
  auto result = base(std::move(h));
  result.bounds = std::to_string(smallest) + " to " + std::to_string(largest);
  result.read = [=, must = "must be a whole number from "
                           + result.bounds](settings& s, std::string_view text) -> std::optional<std::string> {
    const auto value = parse_integer<Integer>(text);
    if (!value || *value < smallest || *value > largest)
      return must;
    s.*member = *value;
    return std::nullopt;
  };
  result.write = [=](const settings& s) { return std::to_string(s.*member); };
  return with_default(std::move(result));
}

/// A TCP port, or empty for none.
setting optional_port(heading h, std::optional<std::uint16_t> settings::*member) {
  auto result = base(std::move(h));
  result.bounds = "0 to 65535";
  result.read = [=](settings& s, std::string_view text) -> std::optional<std::string> {
    const auto port = parse_integer<std::uint16_t>(text);
    if (!port && !text.empty())
      return "must be a whole number from 0 to 65535";
    s.*member = port;
    return std::nullopt;
  };
  result.write = [=](const settings& s) { return s.*member ? std::to_string(*(s.*member)) : std::string{}; };
  result.default_text = "none";
  return result;
}

setting duration(heading h, milliseconds settings::*member, milliseconds shortest, milliseconds longest) {
  auto result = base(std::move(h));
  result.bounds = write_duration(shortest) + " to " + write_duration(longest);
  result.read
    = [=, must = "must be a duration from " + result.bounds + ", such as 500ms, 30s or 5m (a bare number is seconds)"](
        settings& s, std::string_view text) -> std::optional<std::string> {
    const auto value = parse_duration(text);
    if (!value || *value < shortest || *value > longest)
      return must;
    s.*member = *value;
    return std::nullopt;
  };
  result.write = [=](const settings& s) { return write_duration(s.*member); };
  return with_default(std::move(result));
}

setting bytes(heading h, std::size_t settings::*member, std::size_t smallest, std::size_t largest) {
  auto result = base(std::move(h));
  result.bounds = write_bytes(smallest) + " to " + write_bytes(largest);
  result.read = [=, must = "must be a number of bytes from " + result.bounds + ", such as 65536, 64KiB or 2MiB"](
                  settings& s, std::string_view text) -> std::optional<std::string> {
    const auto value = parse_bytes(text);
    if (!value || *value < smallest || *value > largest)
      return must;
    s.*member = *value;
    return std::nullopt;
  };
  result.write = [=](const settings& s) { return write_bytes(s.*member); };
  return with_default(std::move(result));
}

template <class Enum>
setting choice(heading h, Enum settings::*member, std::vector<Enum> values) {
  auto result = base(std::move(h));
  for (const auto value : values)
    result.bounds += (result.bounds.empty() ? "" : ", ") + std::string(to_string(value));
  result.read
    = [=, must = "must be one of " + result.bounds](settings& s, std::string_view text) -> std::optional<std::string> {
    const auto found = std::find_if(values.begin(), values.end(), [text](Enum v) { return to_string(v) == text; });
    if (found == values.end())
      return must;
    s.*member = *found;
    return std::nullopt;
  };
  result.write = [=](const settings& s) { return std::string(to_string(s.*member)); };
  return with_default(std::move(result));
}

setting text(heading h, std::string settings::*member, std::string bounds, bool (*valid)(const std::string&),
             std::string must) {
  auto result = base(std::move(h));
  result.bounds = std::move(bounds);
  result.read = [=](settings& s, std::string_view value) -> std::optional<std::string> {
    std::string copy(value);
    if (!valid(copy))
      return must;
    s.*member = std::move(copy);
    return std::nullopt;
  };
  result.write = [=](const settings& s) { return s.*member; };
  return with_default(std::move(result));
}

/// The path of a file, or empty for none. Whether there is such a file is for `check`
/// to say: a settings file may be held against its bounds on another host.
setting optional_file(heading h, std::string settings::*member) {
  auto result = text(
    std::move(h), member, "a path", [](const std::string& v) { return !has_control_characters(v); },
    "must be the path of a file");
  result.default_text = "none";
  return result;
}

/// A host with or without a port, or `*`.
bool is_target(std::string_view entry) {
  if (entry == "*")
    return true;
  const bool bracketed = entry.starts_with('[');
  const auto end = std::min(entry.find(bracketed ? ']' : ':'), entry.size());
  const auto host = entry.substr(bracketed ? 1 : 0, bracketed ? end - 1 : end);
  auto rest = entry.substr(end);
  if (bracketed && rest.empty())
    return false;
  rest.remove_prefix(bracketed ? 1 : 0);
  const bool is_v6 = host.find(':') != host.npos;
  const auto port = rest.starts_with(':') ? parse_integer<std::uint16_t>(rest.substr(1)) : std::nullopt;
  return bracketed == is_v6 && is_node_address(std::string(host)) && (rest.empty() || port.value_or(0) > 0);
}

/// The entries of a list, without blanks around them and in lower case.
std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> entries;
  std::string entry;
  for (const char c : text) {
    if (c == ',')
      entries.push_back(std::exchange(entry, {}));
    else if (c != ' ' || !entry.empty())
      entry += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (!entries.empty() || !entry.empty())
    entries.push_back(std::move(entry));
  for (auto& each : entries)
    each.erase(each.find_last_not_of(' ') + 1);
  return entries;
}

std::string join_list(const std::vector<std::string>& entries) {
  std::string text;
  for (const auto& entry : entries)
    text += (text.empty() ? "" : ",") + entry;
  return text;
}

/// Hosts with or without a port, separated by commas.
setting targets(heading h, std::vector<std::string> settings::*member) {
  auto result = base(std::move(h));
  result.bounds = "host, host:port, [IPv6], [IPv6]:port, or * for all; several with commas between";
  result.read = [=](settings& s, std::string_view value) -> std::optional<std::string> {
    auto entries = split_list(value);
    if (!std::all_of(entries.begin(), entries.end(), is_target))
      return "must be hosts with commas between, each as host, host:port, [IPv6] or [IPv6]:port, or * for all";
    s.*member = std::move(entries);
    return std::nullopt;
  };
  result.write = [=](const settings& s) { return join_list(s.*member); };
  result.default_text = "none";
  return result;
}

/// A list whose entries each have a form to be kept in; an entry without one is wrong.
setting list(heading h, std::vector<std::string> settings::*member, std::string bounds,
             std::optional<std::string> (*form)(const std::string&), std::string must) {
  auto result = base(std::move(h));
  result.bounds = std::move(bounds);
  result.read = [=](settings& s, std::string_view value) -> std::optional<std::string> {
    auto entries = split_list(value);
    for (auto& each : entries) {
      auto formed = form(each);
      // `*` stands for all there are, so that nothing stands beside it.
      if (!formed || (*formed == "*" && entries.size() > 1))
        return must;
      each = std::move(*formed);
    }
    s.*member = std::move(entries);
    return std::nullopt;
  };
  result.write = [=](const settings& s) { return join_list(s.*member); };
  result.default_text = "none";
  return result;
}

std::optional<std::string> host_form(const std::string& entry) {
  auto host = without_brackets(entry);
  return is_node_address(host) ? std::optional{std::move(host)} : std::nullopt;
}

std::optional<std::string> origin_form(const std::string& entry) {
  if (entry == "*")
    return entry;
  const auto origin = parse_origin(entry);
  return origin ? std::optional{to_string(*origin)} : std::nullopt;
}

/// An address or a name to listen on; an IPv6 address may have its brackets.
setting host(heading h, std::string settings::*member, std::string bounds, bool (*valid)(const std::string&),
             std::string must) {
  auto result = text(std::move(h), member, std::move(bounds), valid, std::move(must));
  result.read = [read = std::move(result.read)](settings& s, std::string_view value) {
    return read(s, without_brackets(std::string{value}));
  };
  return result;
}

setting on_or_off(heading h, bool settings::*member) {
  auto result = base(std::move(h));
  result.bounds = "on, off";
  result.read = [=](settings& s, std::string_view value) -> std::optional<std::string> {
    if (value != "on" && value != "off")
      return "must be one of on, off";
    s.*member = value == "on";
    return std::nullopt;
  };
  result.write = [=](const settings& s) { return s.*member ? "on" : "off"; };
  return with_default(std::move(result));
}

setting database_url(heading h, std::string settings::*member) {
  auto result = base(std::move(h));
  result.bounds = "sqlite:<file>, postgres://<uri>, postgresql://<uri>, or libpq's host=<host> dbname=<name>";
  result.read = [=](settings& s, std::string_view value) -> std::optional<std::string> {
    std::string copy(value);
    if (auto must = refuse_database(copy))
      return must;
    s.*member = std::move(copy);
    return std::nullopt;
  };
  result.write = [=](const settings& s) { return s.*member; };
  result.redact = redacted_database;
  return with_default(std::move(result));
}

setting derived(std::string how, setting result) {
  result.default_text = std::move(how);
  return result;
}

// -- the table ----------------------------------------------------------------

std::vector<setting> make_table() {
  using enum setting_group;
  return {
    host(
      {"http_host", address, "HOST", "Address to listen on; localhost is both 127.0.0.1 and ::1"}, &settings::http_host,
      "127.0.0.0/8, ::1 or localhost", [](const std::string& v) { return is_loopback(v); },
      "must be a loopback address (127.0.0.0/8, ::1 or localhost): Troupe has no authentication yet, so it does not "
      "listen where others could reach it"),
    number<std::uint16_t>({"http_port", address, "PORT", "TCP port to listen on; 0 takes any free one"},
                          &settings::http_port, 0, 65535),
    text(
      {"data_dir", store, "DIR", "Folder of everything the process keeps; made if it is missing"}, &settings::data_dir,
      "a path", [](const std::string& v) { return !v.empty() && !has_control_characters(v); },
      "must be the path of a folder"),
    derived("sqlite:<data_dir>/troupe.db",
            database_url({"database", store, "URL", "Where tasks are stored"}, &settings::database)),
    optional_file({"database_password_file", store, "FILE", "File whose first line is the password for PostgreSQL"},
                  &settings::database_password_file),
    number({"capacity", engine, "TASKS", "Tasks that run at once; others wait in the queue"}, &settings::capacity, 1,
           1'000'000),
    number({"io_threads", engine, "N", "Threads for network input and output"}, &settings::io_threads, 1, 64),
    number({"worker_threads", engine, "N", "Threads that run actors; 0 takes one per core"}, &settings::worker_threads,
           0, 256),
    number({"store_readers", engine, "N", "Connections that read the database beside the one that writes"},
           &settings::store_readers, 1, 64),
    duration({"drain_timeout", engine, "TIME", "How long a drain lets running tasks go on before it requeues them"},
             &settings::drain_timeout, 0ms, 1h),
    number({"max_recoveries", engine, "N", "How often a task whose process died is taken up again before it fails"},
           &settings::max_recoveries, 0, 1000),
    host(
      {"metrics_host", engine, "HOST",
       "Address of a second listener, for /metrics, /healthz and /readyz alone; with metrics_port"},
      &settings::metrics_host, "an address, or localhost", [](const std::string& v) { return is_listening_address(v); },
      "must be a numeric address of this host, 0.0.0.0 or :: for all of them, or localhost"),
    optional_port({"metrics_port", engine, "PORT", "TCP port of that listener; 0 takes any free one"},
                  &settings::metrics_port),
    number({"max_connections", engine, "N", "Client connections open at once; further ones are refused"},
           &settings::max_connections, 1, 1'000'000),
    bytes({"max_body_bytes", engine, "BYTES", "Largest request body"}, &settings::max_body_bytes, 1024,
          std::size_t{64} * 1024 * 1024),
    duration({"request_timeout", engine, "TIME", "How long the gateway waits for an actor's answer"},
             &settings::request_timeout, 100ms, 1h),
    on_or_off({"access_log", engine, "ON", "A line in the log for each request"}, &settings::access_log),
    list({"http_allowed_hosts", engine, "HOSTS",
          "Names that the Host field of a request may bear beside the addresses of this host and localhost"},
         &settings::http_allowed_hosts, "names or addresses without a port; several with commas between", host_form,
         "must be names or addresses without a port, with commas between; international names as xn--…"),
    list({"cors_origins", engine, "ORIGINS", "Origins whose pages may use the API from a browser"},
         &settings::cors_origins, "https://host, http://host:port, or * alone for all; several with commas between",
         origin_form,
         "must be origins with commas between, each as https://host or http://host:port without a path, or * alone for "
         "all; international names as xn--…"),
    targets(
      {"outbound_allow", engine, "TARGETS",
       "Targets of tools and providers that are reached although they are on this host, in a private network, or on a "
       "port other than 80 and 443"},
      &settings::outbound_allow),
    optional_file({"outbound_ca_file", engine, "FILE",
                   "PEM file of further authorities that certificates of tools and providers may come from"},
                  &settings::outbound_ca_file),
    number({"outbound_connections", engine, "N",
            "Connections to tools and providers at once; 0 takes three quarters of the files that may be open"},
           &settings::outbound_connections, 0, 1'000'000),
    number({"outbound_per_target", engine, "N", "Calls of tools at one host and port at once; others wait"},
           &settings::outbound_per_target, 1, 100'000),
    optional_file({"secret_key_file", engine, "FILE",
                   "File with the 32 bytes (or their hex or base64) that secrets in headers of tools and models are "
                   "encrypted with; the same on all nodes"},
                  &settings::secret_key_file),
    derived(
      "the host's name",
      text(
        {"node_name", engine, "NAME", "This node's name in records, logs and metrics; it must be unique in a cluster"},
        &settings::node_name, "1 to 64 letters, digits, '.', '-', '_'",
        [](const std::string& v) { return is_node_name(v); }, "must be 1 to 64 letters, digits, '.', '-' or '_'")),
    choice({"role", cluster, "ROLE", "What this node does: answer clients, run tasks, or both; all with SQLite"},
           &settings::role, {node_role::all, node_role::gateway, node_role::worker}),
    host(
      {"node_host", cluster, "HOST", "Address to listen on for links from other nodes, and told to them"},
      &settings::node_host, "a loopback address; with TLS any address of this node or a host name",
      [](const std::string& v) { return is_node_address(v); },
      "must be an address or a host name that other nodes reach this one by; not 0.0.0.0 or ::, because it is told to "
      "them"),
    number<std::uint16_t>({"node_port", cluster, "PORT", "TCP port for links from other nodes; 0 takes any free one"},
                          &settings::node_port, 0, 65535),
    on_or_off({"node_links", cluster, "ON", "Link to other nodes; off: they share the database only, which is slower"},
              &settings::node_links),
    optional_file(
      {"node_tls_cert", cluster, "FILE", "PEM file of this node's certificate for links; all three or none"},
      &settings::node_tls_cert),
    optional_file({"node_tls_key", cluster, "FILE", "PEM file of this node's private key for links"},
                  &settings::node_tls_key),
    optional_file({"node_tls_ca", cluster, "FILE", "PEM file of the authority of all nodes' certificates"},
                  &settings::node_tls_ca),
    duration({"lease_time", cluster, "TIME",
              "How long a node's right to run its tasks lasts without renewal; renewed at a third of it"},
             &settings::lease_time, 1s, 10min),
    choice({"log_level", logging, "LEVEL", "Least severe level that is logged"}, &settings::level,
           {log_level::trace, log_level::debug, log_level::info, log_level::warn, log_level::error}),
    choice({"log_format", logging, "FORMAT", "Lines for people or JSON for machines"}, &settings::format,
           {log_format::text, log_format::json}),
  };
}

} // namespace

std::string setting::flag() const {
  auto result = "--" + key;
  std::replace(result.begin(), result.end(), '_', '-');
  return result;
}

std::string setting::variable() const {
  auto result = "troupe_" + key;
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return result;
}

std::string setting::cited(const std::string& value) const {
  return '"' + (redact ? redact(value) : value) + '"';
}

const std::vector<setting>& setting_table() {
  static const auto table = make_table();
  return table;
}

const setting* find_setting(std::string_view key) {
  const auto& table = setting_table();
  const auto found = std::find_if(table.begin(), table.end(), [key](const setting& s) { return s.key == key; });
  return found == table.end() ? nullptr : &*found;
}

std::optional<milliseconds> parse_duration(std::string_view text) noexcept {
  constexpr std::uint64_t year = std::uint64_t{365} * 24 * 3'600'000;
  const auto value = parse_with_unit(text, duration_units, year);
  if (!value)
    return std::nullopt;
  return milliseconds(static_cast<milliseconds::rep>(*value));
}

std::string write_duration(milliseconds value) {
  // A negative value has no valid form; written plainly, `read` refuses it.
  if (value.count() < 0)
    return std::to_string(value.count()) + "ms";
  return write_with_unit(static_cast<std::uint64_t>(value.count()), duration_units);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept {
  return parse_with_unit(text, byte_units, std::numeric_limits<std::uint64_t>::max());
}

std::string write_bytes(std::uint64_t value) {
  return write_with_unit(value, byte_units);
}

} // namespace troupe
