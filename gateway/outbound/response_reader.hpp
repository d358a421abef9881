#pragma once

#include "actors/remote/outbound.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// Told of an answer while it is read.
class response_sink {
public:
  virtual ~response_sink() = default;

  virtual void on_head(outbound_head head) = 0;
  /// A part of the body, which lies where it was received. False stops the reading.
  virtual bool on_part(std::string_view part) = 0;
};

/// Turns the bytes that follow one request into its answer. Beast parses; what stands
/// here is what it would let through, limits, and that interim answers (1xx) are
/// skipped. Parts of the body are passed on from where they lie: nothing is copied or
/// allocated for them. Knows no socket.
class response_reader {
public:
  enum class progress {
    need_more,
    complete,
    /// See `problem`; or the sink wanted no more.
    failed,
  };

  /// `bodiless`: whatever its header says, the answer ends with it (HEAD, CONNECT).
  response_reader(response_sink& sink, bool bodiless, std::size_t max_body);

  response_reader(const response_reader&) = delete;
  response_reader& operator=(const response_reader&) = delete;

  /// Reads on. Not to be called again after another result than `need_more`.
  progress feed(std::string_view bytes);

  /// The connection has ended in due form: `complete` if that is where the answer ends.
  progress finish();

  [[nodiscard]] bool started() const noexcept { return started_; }

  /// For a complete answer: the connection may serve another request.
  [[nodiscard]] bool keep_alive() const { return tidy_ && parser_->keep_alive(); }

  /// What is wrong with the answer, to follow "The answer of … ".
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

private:
  class parser final : public boost::beast::http::basic_parser<false> {
  public:
    explicit parser(response_reader& owner) : owner_{owner} {}

    [[nodiscard]] bool is_interim() const noexcept { return head_.status / 100 == 1; }

    /// Beast asserts that the last chunk comes with its whole end or with none of it.
    [[nodiscard]] bool awaits_last_chunk(std::string_view bytes) const;

  private:
    using error_code = boost::beast::error_code;
    using text = boost::beast::string_view;

    void on_request_impl(boost::beast::http::verb, text, text, int, error_code&) override {}
    void on_response_impl(int code, text, int, error_code&) override { head_.status = static_cast<unsigned>(code); }
    void on_field_impl(boost::beast::http::field, text name, text value, error_code& error) override;
    void on_header_impl(error_code& error) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(text body, error_code& error) override;
    void on_chunk_header_impl(std::uint64_t size, text, error_code&) override { chunk_left_ = size; }
    std::size_t on_chunk_body_impl(std::uint64_t, text body, error_code& error) override;
    void on_finish_impl(error_code&) override {}

    void refuse(std::string problem, error_code& error);

    response_reader& owner_;
    outbound_head head_;
    std::size_t header_bytes_ = 0;
    std::uint64_t chunk_left_ = 0;
  };

  enum class outcome { go_on, need_more, complete, failed };

  void start_parser();
  outcome put(std::string_view bytes, std::size_t& used);
  outcome put_joined(std::string_view& bytes);
  outcome end_message();
  progress keep(std::string_view bytes);
  progress fail(std::string problem);

  response_sink& sink_;
  bool bodiless_;
  std::size_t max_body_;
  std::optional<parser> parser_;
  /// Bytes that mean nothing without those that follow.
  std::string rest_;
  std::string problem_;
  bool started_ = false;
  bool tidy_ = false;
};

} // namespace troupe
