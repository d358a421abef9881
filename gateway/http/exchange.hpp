#pragma once

#include "gateway/http/server_core.hpp"
#include "gateway/requests/transport.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace troupe {

/// A request on its way through the routes. It may outlive its connection and even
/// the server: what it then asks for is dropped.
class http_exchange final : public exchange {
public:
  http_exchange(std::shared_ptr<server_core> core, std::weak_ptr<http_session> session, http_request request);
  ~http_exchange() override;

  [[nodiscard]] const http_request& request() const override { return request_; }
  void add_header(std::string name, std::string value) override;
  void respond(http_response response) override;
  [[nodiscard]] bool is_gone() const override { return session_.expired(); }
  void start_stream(http_response head) override;
  void write(std::shared_ptr<const std::string> part) override;
  void finish() override;
  [[nodiscard]] std::size_t queued_bytes() const override;
  void tell_when_drained(std::function<void()> drained) override;
  void upgrade(std::shared_ptr<websocket_listener> listener) override;
  void on_disconnect(std::function<void()> gone) override;

private:
  /// What is said if nobody has answered; an EventSource is asked to come back.
  [[nodiscard]] http_response last_word() const;
  [[nodiscard]] http_response complete(http_response response) const;

  std::shared_ptr<server_core> core_;
  std::weak_ptr<http_session> session_;
  http_request request_;
  header_fields added_;
  std::atomic<bool> answered_ = false;
  bool streaming_ = false;
};

} // namespace troupe
