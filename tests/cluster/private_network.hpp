#pragma once

#include "tests/bench/sockets.hpp"

#include <string>

/// A network of the test's own, in which it can cut what runs between addresses of the
/// loopback interface: nodes that are given addresses below 127.0.1.0/24 for their links
/// lose all links, silently, while clients and database at 127.0.0.1 go on. Made of a
/// network namespace, which needs root, and routes that lead nowhere.
namespace troupe {

class private_network {
public:
  /// True if the machine lets this process make one.
  static bool is_allowed();

  /// Moves the calling thread, and everything it starts from now on, into the new
  /// network. Throws std::system_error if it may not.
  private_network();
  /// Moves the calling thread, which must be the same one, back.
  ~private_network();

  private_network(const private_network&) = delete;
  private_network& operator=(const private_network&) = delete;

  /// An address for links: `n` from 1 to 254.
  static std::string link_address(int n);

  /// Nothing goes between link addresses any more; nobody is told.
  void cut_links();
  void heal_links();

  /// Connections to this link address end, at both ends; new ones may be made. Needs a kernel that lets root close them
  /// (CONFIG_INET_DIAG_DESTROY).
  static void reset_links_to(const std::string& address);

private:
  descriptor outside_;
};

} // namespace troupe
