#include "actors/remote/outbound.hpp"

#include "config/ascii.hpp"

#include <algorithm>
#include <array>

namespace troupe {

namespace {

constexpr std::string_view for_proxies = "proxy-";

constexpr std::array<std::string_view, 11> clients_own{
  "host", "content-length", "transfer-encoding", "connection", "upgrade",         "http2-settings",
  "te",   "trailer",        "keep-alive",        "expect",     "accept-encoding",
};

} // namespace

bool is_clients_own_header(std::string_view name) noexcept {
  return equal_but_for_case(name.substr(0, for_proxies.size()), for_proxies)
         || std::any_of(clients_own.begin(), clients_own.end(),
                        [name](std::string_view own) { return equal_but_for_case(name, own); });
}

std::string_view outbound_head::header(std::string_view name) const noexcept {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& one) { return one.first == name; });
  return found == headers.end() ? std::string_view{} : std::string_view{found->second};
}

} // namespace troupe
