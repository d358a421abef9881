#pragma once

#include <boost/asio/io_context.hpp>

#include <functional>

namespace troupe {

/// Runs `io` on this thread until it is stopped or has nothing left to do. What a handler
/// throws, for want of memory above all, is logged and does not end the process: the
/// handler is gone, the others go on. `after_fault` is then run from the loop, to look
/// after what the handler may have left half done.
void run_io(boost::asio::io_context& io, const std::function<void()>& after_fault = {});

} // namespace troupe
