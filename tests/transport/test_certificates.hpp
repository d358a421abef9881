#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace troupe::testing {

using ssl_key = std::shared_ptr<EVP_PKEY>;
using ssl_certificate = std::shared_ptr<X509>;

/// What a server shows.
struct server_identity {
  ssl_key key;
  ssl_certificate certificate;
};

/// Both as PEM, the certificate first, as servers read them.
std::string pem(const server_identity& identity);

/// An authority for certificates that is made on the spot.
class test_authority {
public:
  test_authority();

  /// `alternative_name` as in `DNS:localhost` or `IP:127.0.0.1`.
  [[nodiscard]] server_identity issue(const std::string& alternative_name) const;

  /// Its own certificate, as PEM.
  [[nodiscard]] std::string pem() const;

private:
  server_identity own_;
};

} // namespace troupe::testing
