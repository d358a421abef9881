#pragma once

#include "gateway/live/gateway_messages.hpp"
#include "gateway/questions/answer_size.hpp"
#include "gateway/questions/long_records.hpp"
#include "gateway/questions/open_questions.hpp"
#include "gateway/questions/read_turns.hpp"

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

/// A gateway's questions to the store's readers. Whoever asks for pages must not keep up
/// those who ask for a record, in any of the places where an answer takes time: pages are
/// read by a reader of their own, what is long is written out by the page writer, and few
/// are on their way at once (gateway/questions/read_turns.hpp).
namespace troupe {

/// For whose sake something is read. Once they are gone it need not be; what changes
/// something has no asker here.
struct asker {
  std::shared_ptr<const exchange> request{};
  std::shared_ptr<const feed> subscriber{};
  std::shared_ptr<const std::atomic<bool>> chat_gone{};

  [[nodiscard]] bool is_gone() const {
    return (request && request->is_gone()) || (subscriber && subscriber->is_over())
           || (chat_gone && chat_gone->load(std::memory_order_relaxed));
  }
};

/// What becomes of an answer that may be long: `text` makes what is sent of it, without
/// touching anything else, and if it is long on another thread; `then` sends that.
template <class Text, class Then>
struct written_as {
  Text text;
  Then then;
};

/// What `on_value` takes; declared only.
namespace answers {

template <class R, class F, class A>
std::decay_t<A> taken_by(R (F::*)(A) const);
template <class R, class F, class A>
std::decay_t<A> taken_by(R (F::*)(A));
template <class F>
auto value_for(const F*) -> decltype(taken_by(&F::operator()));
template <class Text, class Then>
auto value_for(const written_as<Text, Then>*) -> decltype(taken_by(&Text::operator()));

template <class OnValue>
using value = decltype(value_for(static_cast<const OnValue*>(nullptr)));

} // namespace answers

class look_ups {
public:
  explicit look_ups(gateway_actor::pointer self) : self_{self} {}

  void link(services_ptr peers) { peers_ = std::move(peers); }

  /// Readers take turns; none of them is asked for whole pages.
  [[nodiscard]] const reader_actor& next_reader();

  /// Runs `f`, which looks something up for somebody.
  template <class F>
  void read_for(asker whom, F f) {
    asker_ = std::move(whom);
    f();
    asker_ = {};
  }

  /// `on_value` gets the answer, `on_error` any error as the store's. `on_value` is a lambda
  /// that is not generic, or a `written_as` of such.
  template <class Message, class OnValue, class OnError>
  void look_up(Message what, OnValue on_value, OnError on_error) {
    const auto line = kind_of(what);
    const auto asked = std::make_shared<question<Message, OnValue, OnError>>(
      question<Message, OnValue, OnError>{std::move(what), std::move(on_value), std::move(on_error), asker_});
    in_turn(line, asked, [&](std::uint64_t number) { read(line, number, asked); });
  }

  /// Those that were asked before `at` are told `why` they are not answered.
  void refuse_before(open_questions::time_point at, const store_error& why);

  /// Bytes of answers that were given to the I/O thread, and that it has taken.
  void note_given(std::size_t bytes) noexcept { turns_.note_given(bytes); }
  void note_taken(std::size_t bytes);

private:
  using kind = read_turns::kind;

  template <class Message, class OnValue, class OnError>
  struct question {
    Message what;
    OnValue on_value;
    OnError on_error;
    asker whom;
  };

  /// Longer answers are written by the page writer.
  static constexpr std::size_t written_at_once = long_records::long_from;

  template <class T, class... Ts>
  static constexpr bool is_any_of = (std::same_as<T, Ts> || ...);

  /// Whether the answer to a question may be as long as a page.
  template <class Message>
  [[nodiscard]] kind kind_of(const Message& what) const {
    if constexpr (is_any_of<Message, get_task, get_outline, get_room_start>)
      return long_records_.contains(what) ? kind::page : kind::record;
    else if constexpr (std::same_as<Message, get_room_events>)
      return what.most.bytes > feed::short_page.bytes || long_records_.contains(what) ? kind::page : kind::record;
    else if constexpr (is_any_of<Message, get_bot, find_bot, check_bot, get_model, get_budget, get_thread,
                                 get_last_position>)
      return kind::record;
    else
      return kind::page;
  }

  /// Runs `at_once` with the question's number, or has it read when its turn has come.
  template <class Asked, class F>
  void in_turn(kind what, const Asked& asked, F at_once) {
    const auto number = reading_.next_number();
    reading_.add(self_->clock().now(), [this, what, number, asked](const store_error& why) {
      turns_.end(what, number);
      asked->on_error(why);
    });
    if (turns_.try_begin(what)) {
      at_once(number);
      return;
    }
    turns_.wait(what, number, [this, what, number, asked] {
      if (!reading_.is_open(number))
        turns_.end(what, number);
      else if (asked->whom.is_gone())
        end(what, number);
      else
        read(what, number, asked);
    });
  }

  template <class Message, class OnValue, class OnError>
  void read(kind what, std::uint64_t number, const std::shared_ptr<question<Message, OnValue, OnError>>& asked) {
    self_->request(what == kind::page ? peers_->page_reader : next_reader(), caf::infinite, asked->what)
      .then(
        [this, what, number, asked](answers::value<OnValue>& answer) {
          if (reading_.is_open(number))
            take(what, number, asked, answer, asked->on_value);
        },
        [this, what, number, asked](const caf::error& reason) { refuse(what, number, asked->on_error, reason); });
  }

  template <class Asked, class Value, class OnValue>
  void take(kind what, std::uint64_t number, const Asked& asked, Value& answer, OnValue& on_value) {
    end(what, number, measure(asked->what, answer));
    on_value(answer);
    read_on();
  }

  template <class Asked, class Value, class Text, class Then>
  void take(kind what, std::uint64_t number, const Asked& asked, Value& answer, written_as<Text, Then>& on_value) {
    const auto bytes = measure(asked->what, answer);
    if (bytes > written_at_once && what == kind::page)
      return write_out(number, asked, std::move(answer), bytes);
    end(what, number, bytes);
    if (bytes <= written_at_once)
      on_value.then(on_value.text(answer));
    else
      // A record of this length is one among the pages; if too many of those are on their way it is read again.
      in_turn(kind::page, asked, [&](std::uint64_t as_page) { write_out(as_page, asked, std::move(answer), bytes); });
    read_on();
  }

  template <class Asked, class Value>
  void write_out(std::uint64_t number, const Asked& asked, Value answer, std::size_t bytes) {
    using text = decltype(asked->on_value.text(answer));
    const auto made = std::make_shared<std::optional<text>>();
    self_
      ->request(writer_of_pages(), caf::infinite,
                write_page{[made, answer = std::move(answer), asked] { *made = asked->on_value.text(answer); }})
      .then(
        [this, number, bytes, made, asked](const done&) {
          if (!end(kind::page, number, bytes))
            return;
          asked->on_value.then(std::move(**made));
          read_on();
        },
        [this, number, asked](const caf::error& reason) { refuse(kind::page, number, asked->on_error, reason); });
  }

  template <class OnError>
  void refuse(kind what, std::uint64_t number, OnError& on_error, const caf::error& reason) {
    if (!end(what, number))
      return;
    on_error(to_store_error(reason));
    read_on();
  }

  template <class Message, class Value>
  std::size_t measure(const Message& what, const Value& answer) {
    const auto bytes = answer_size(answer);
    if constexpr (is_any_of<Message, get_task, get_room_events>)
      long_records_.note(what, bytes);
    return bytes;
  }

  /// Started once there is something long to write.
  const page_writer_actor& writer_of_pages();

  /// False if the question was refused before.
  bool end(kind what, std::uint64_t number, std::size_t bytes = 0);
  /// Asks what has waited for its turn.
  void read_on();

  gateway_actor::pointer self_;
  services_ptr peers_;
  page_writer_actor page_writer_;
  open_questions reading_;
  read_turns turns_;
  long_records long_records_;
  asker asker_;
  std::size_t next_reader_ = 0;
};

} // namespace troupe
