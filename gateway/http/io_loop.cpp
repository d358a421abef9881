#include "gateway/http/io_loop.hpp"

#include "persistence/logging/log.hpp"
#include "persistence/logging/say.hpp"

#include <boost/asio/post.hpp>

#include <exception>
#include <utility>

namespace troupe {

void run_io(boost::asio::io_context& io, const std::function<void()>& after_fault) {
  bool faulty = false;
  for (;;) {
    try {
      if (std::exchange(faulty, false) && after_fault)
        boost::asio::post(io, after_fault);
      io.run();
      return;
    } catch (const std::exception& thrown) {
      faulty = true;
      say::error("an I/O thread goes on after: {}", logging::type_of(thrown));
    } catch (...) {
      faulty = true;
      say::error("an I/O thread goes on after an unknown exception");
    }
  }
}

} // namespace troupe
