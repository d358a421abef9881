#include "gateway/outbound/addresses/name_query.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <sys/time.h>
#include <utility>

namespace troupe {

namespace {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using boost::system::error_code;

/// Of each name server, the first time; c-ares doubles it for the second round.
constexpr int try_ms = 2000;
constexpr int tries = 2;

error_code to_error(int status) {
  switch (status) {
  case ARES_SUCCESS: return {};
  case ARES_ENODATA:
  case ARES_ENOTFOUND:
  case ARES_EBADNAME:
  case ARES_ENONAME: return asio::error::host_not_found;
  case ARES_ETIMEOUT: return asio::error::timed_out;
  case ARES_ECONNREFUSED: return asio::error::connection_refused;
  case ARES_ENOMEM: return asio::error::no_memory;
  default: return asio::error::host_not_found_try_again;
  }
}

std::optional<asio::ip::address> to_address(const sockaddr* from) {
  if (from->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, from, sizeof v4);
    return asio::ip::address_v4{ntohl(v4.sin_addr.s_addr)};
  }
  if (from->sa_family != AF_INET6)
    return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, from, sizeof v6);
  asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return asio::ip::address_v6{bytes, v6.sin6_scope_id};
}

} // namespace

name_query::name_query(asio::io_context& io, std::string name, std::string servers, callback done)
  : io_{io}, name_{std::move(name)}, servers_{std::move(servers)}, done_{std::move(done)}, timer_{io} {}

name_query::~name_query() {
  if (channel_ != nullptr)
    ares_destroy(channel_);
}

bool name_query::open() {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  // What nsswitch.conf has beside these c-ares does not know.
  std::string lookups = "fb";
  ares_options options{};
  options.timeout = try_ms;
  options.tries = tries;
  options.lookups = lookups.data();
  options.sock_state_cb = &name_query::on_socket;
  options.sock_state_cb_data = this;
  constexpr int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
  return library == ARES_SUCCESS && ares_init_options(&channel_, &options, given) == ARES_SUCCESS
         && (servers_.empty() || ares_set_servers_ports_csv(channel_, servers_.c_str()) == ARES_SUCCESS);
}

void name_query::start(std::chrono::milliseconds limit) {
  end_ = std::chrono::steady_clock::now() + limit;
  if (!open())
    return finish(asio::error::no_memory, {});
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(channel_, name_.c_str(), nullptr, &hints, &name_query::on_answer, this);
  set_timer();
}

// -- what c-ares tells ----------------------------------------------------------------

void name_query::on_socket(void* self, ares_socket_t socket, int readable, int writable) {
  static_cast<name_query*>(self)->watch(socket, readable != 0, writable != 0);
}

void name_query::on_answer(void* self, int status, int, ares_addrinfo* found) {
  addresses all;
  for (const auto* node = found != nullptr ? found->nodes : nullptr; node != nullptr; node = node->ai_next)
    if (const auto address = to_address(node->ai_addr);
        address && std::find(all.begin(), all.end(), *address) == all.end())
      all.push_back(*address);
  if (found != nullptr)
    ares_freeaddrinfo(found);
  static_cast<name_query*>(self)->finish(to_error(status), std::move(all));
}

// -- sockets and time -----------------------------------------------------------------

void name_query::watch(ares_socket_t socket, bool read, bool write) {
  const auto found = sockets_.find(socket);
  if (!read && !write) {
    if (found == sockets_.end())
      return;
    // It is c-ares that closes it.
    found->second->descriptor.release();
    sockets_.erase(found);
    return;
  }
  auto& which = sockets_[socket];
  if (!which)
    which = std::make_shared<watched>(watched{stream_descriptor{io_, socket}});
  which->wants_read = read;
  which->wants_write = write;
  wait(socket, std::shared_ptr{which});
}

void name_query::wait(ares_socket_t socket, const std::shared_ptr<watched>& which) {
  const auto go_on = [this, socket, which, query = weak_from_this()](bool watched::*waits, bool reads) {
    return [this, socket, which, query, waits, reads](const error_code& error) {
      const auto self = query.lock();
      which.get()->*waits = false;
      const auto found = self ? sockets_.find(socket) : sockets_.end();
      // Another socket may have its number by now.
      if (!self || error || found == sockets_.end() || found->second != which)
        return;
      process(reads ? socket : ARES_SOCKET_BAD, reads ? ARES_SOCKET_BAD : socket);
      if (const auto still = sockets_.find(socket); still != sockets_.end() && still->second == which)
        wait(socket, which);
    };
  };
  if (which->wants_read && !std::exchange(which->waits_to_read, true))
    which->descriptor.async_wait(stream_descriptor::wait_read, go_on(&watched::waits_to_read, true));
  if (which->wants_write && !std::exchange(which->waits_to_write, true))
    which->descriptor.async_wait(stream_descriptor::wait_write, go_on(&watched::waits_to_write, false));
}

void name_query::process(ares_socket_t readable, ares_socket_t writable) {
  ares_process_fd(channel_, readable, writable);
  set_timer();
}

void name_query::set_timer() {
  if (!done_)
    return;
  auto wait = end_ - std::chrono::steady_clock::now();
  timeval next{};
  if (ares_timeout(channel_, nullptr, &next) != nullptr)
    wait = std::min<std::chrono::steady_clock::duration>(
      wait, std::chrono::seconds{next.tv_sec} + std::chrono::microseconds{next.tv_usec} + std::chrono::milliseconds{1});
  timer_.expires_after(wait);
  timer_.async_wait([query = weak_from_this()](const error_code& error) {
    const auto self = query.lock();
    if (error || !self || !self->done_)
      return;
    if (std::chrono::steady_clock::now() >= self->end_)
      self->finish(asio::error::timed_out, {});
    else
      self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  });
}

void name_query::finish(const error_code& error, addresses found) {
  auto done = std::exchange(done_, nullptr);
  // At its end a query is told that it was given up.
  if (!done || weak_from_this().expired())
    return;
  timer_.cancel();
  asio::post(io_, [done = std::move(done), error, found = std::move(found)] { done(error, found); });
}

} // namespace troupe
