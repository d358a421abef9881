#include "gateway/live/page_writer.hpp"

#include "actors/background.hpp"
#include "actors/errors.hpp"
#include "gateway/live/gateway_messages.hpp"

namespace troupe {

page_writer_actor::behavior_type page_writer(page_writer_actor::pointer) {
  give_way_to_others();
  return {
    [](const write_page& page) -> caf::result<done> {
      try {
        page.f();
        return done{};
      } catch (...) {
        return to_error(std::current_exception());
      }
    },
  };
}

} // namespace troupe
