#pragma once

#include "persistence/records.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// Secrets that stand in headers of tools and models, encrypted for the store with the key of
/// `secret_key_file`. Pure but for the reading of that file. All nodes of a cluster need the
/// same key: what one has stored another one opens.
namespace troupe {

/// Where a secret stands. It is bound to this place: it can be opened at no other, whoever
/// has copied it there.
struct secret_place {
  std::string_view ns;
  /// `bot` or `model`.
  std::string_view kind;
  std::string_view owner;
  /// A bot's tool; empty for a model.
  std::string_view tool;
  /// Upper and lower case are the same.
  std::string_view header;
};

/// A key, and what it does. AES-256-GCM with a random nonce for each value (NIST SP 800-38D,
/// section 8.2.2), which holds for 2^32 of them.
class secret_box {
public:
  /// `key` is 32 bytes.
  explicit secret_box(std::string key);
  ~secret_box();

  secret_box(const secret_box&) = delete;
  secret_box& operator=(const secret_box&) = delete;

  /// The key of a file: 32 bytes as they are, or in hexadecimal digits, or in base64, with or
  /// without white space around it. A sentence that names the file if it holds none, or if
  /// others than its owner and group can read it, or others than its owner write it.
  static std::variant<std::shared_ptr<const secret_box>, std::string> read(const std::string& file);

  /// The value as it is stored: `${sealed:1:<key id>:<base64>}`, another one each time.
  [[nodiscard]] std::string seal(std::string_view text, const secret_place& place) const;
  /// Nothing if it was sealed with another key, or for another place, or has been changed.
  [[nodiscard]] std::optional<std::string> open(std::string_view sealed, const secret_place& place) const;

  /// Eight hexadecimal digits that tell keys apart and say nothing about them.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }

private:
  std::string key_;
  std::string id_;
};

using secret_box_ptr = std::shared_ptr<const secret_box>;

/// True for what `seal` makes, and for whatever begins like it.
bool is_sealed(std::string_view value) noexcept;
bool has_sealed(const header_list& headers) noexcept;

/// Opens what is sealed in `headers`; the rest stays as it is. Otherwise a sentence that
/// names the place, what is wrong, and what to do. `place.header` is not looked at.
std::optional<std::string> open_headers(header_list& headers, secret_place place, const secret_box* box);

/// The same for all tools of a bot, which must not be stored or shown afterwards.
std::optional<std::string> open_tools(bot_record& bot, const secret_box* box);

} // namespace troupe
