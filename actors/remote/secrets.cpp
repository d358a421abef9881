#include "actors/remote/secrets.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <new>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace troupe {

namespace {

constexpr std::string_view sealed_opening = "${sealed:";
constexpr std::string_view version = "1";
constexpr std::size_t key_bytes = 32;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t id_digits = 8;
constexpr std::size_t longest_file = 4096;

using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) noexcept {
  return reinterpret_cast<unsigned char*>(text.data());
}

bool is_hexadecimal(std::string_view text) noexcept {
  return text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
}

std::string from_hexadecimal(std::string_view text) {
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(digit(text[i]) << 4U | digit(text[i + 1]));
  return bytes;
}

std::string to_base64(std::string_view bytes) {
  // EVP_EncodeBlock writes a final NUL, too.
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  text.resize(
    static_cast<std::size_t>(EVP_EncodeBlock(bytes_of(text), bytes_of(bytes), static_cast<int>(bytes.size()))));
  return text;
}

/// With its padding.
std::optional<std::string> from_base64(std::string_view text) {
  const auto padding = text.size() - std::min(text.find_last_not_of('=') + 1, text.size());
  if (text.empty() || text.size() % 4 != 0 || padding > 2)
    return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const auto size = EVP_DecodeBlock(bytes_of(bytes), bytes_of(text), static_cast<int>(text.size()));
  if (size < 0)
    return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  // One text for the same bytes: the last digit has bits to spare.
  return to_base64(bytes) == text ? std::optional{std::move(bytes)} : std::nullopt;
}

/// What is sealed belongs to this place and no other: each part with its length, so that
/// none runs into the next.
std::string bound_to(const secret_place& place) {
  std::string text = "troupe secret 1";
  std::string header{place.header};
  std::transform(header.begin(), header.end(), header.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  for (const std::string_view part : {place.ns, place.kind, place.owner, place.tool, std::string_view{header}})
    text.append("\n").append(std::to_string(part.size())).append(":").append(part);
  return text;
}

std::string id_of(std::string_view key) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  auto named = "troupe key id\n" + std::string{key};
  if (EVP_Digest(named.data(), named.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    throw std::bad_alloc{};
  OPENSSL_cleanse(named.data(), named.size());
  constexpr std::string_view digits = "0123456789abcdef";
  std::string id;
  for (std::size_t i = 0; i < id_digits / 2; ++i) {
    id += digits[digest[i] >> 4U];
    id += digits[digest[i] & 15U];
  }
  return id;
}

cipher_context make_context() {
  cipher_context context{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
  if (!context)
    throw std::bad_alloc{};
  return context;
}

/// The key's id and the base64 of `${sealed:1:<id>:<base64>}`; nothing for another form.
std::optional<std::pair<std::string_view, std::string_view>> parts_of(std::string_view sealed) noexcept {
  if (!is_sealed(sealed) || !sealed.ends_with('}'))
    return std::nullopt;
  sealed.remove_prefix(sealed_opening.size());
  sealed.remove_suffix(1);
  if (!sealed.starts_with(version) || sealed.size() < version.size() + 1 + id_digits + 1
      || sealed[version.size()] != ':' || sealed[version.size() + 1 + id_digits] != ':')
    return std::nullopt;
  sealed.remove_prefix(version.size() + 1);
  return std::pair{sealed.substr(0, id_digits), sealed.substr(id_digits + 1)};
}

/// A name that a place has for a person.
std::string name_of(const secret_place& place, std::string_view header) {
  std::string text = "The header " + std::string{header} + " of the ";
  if (!place.tool.empty())
    text.append("tool '").append(place.tool).append("' of the ");
  text.append(place.kind).append(" '").append(place.owner).append("' (namespace '").append(place.ns).append("')");
  return text;
}

std::string why_not(std::string_view sealed, const secret_place& place, const secret_box* box) {
  const auto whose = name_of(place, place.header);
  const auto again = "PUT the " + std::string{place.kind} + " again with the value.";
  const auto parts = parts_of(sealed);
  if (!parts)
    return whose + " is encrypted in a form that this version of Troupe does not know: " + again;
  const auto with = " is encrypted with the key " + std::string{parts->first};
  if (box == nullptr)
    return whose + with + ", and this node has none: start it with that secret_key_file, or " + again;
  if (box->id() != parts->first)
    return whose + with + ", and this node's is " + box->id() + ": start it with that secret_key_file, or " + again;
  return whose + " cannot be decrypted: it was changed in the store, or belongs to another place. " + again;
}

std::string refuse_file(const std::string& file, std::string_view why) {
  return "secret_key_file: \"" + file + "\" " + std::string{why};
}

/// Empty for none.
std::string key_in(std::string_view content) {
  if (content.size() == key_bytes && !is_hexadecimal(content))
    return std::string{content};
  constexpr std::string_view white = " \t\r\n";
  const auto first = std::min(content.find_first_not_of(white), content.size());
  content = content.substr(first, content.find_last_not_of(white) + 1 - first);
  if (content.size() == 2 * key_bytes && is_hexadecimal(content))
    return from_hexadecimal(content);
  auto decoded = from_base64(content);
  return decoded && decoded->size() == key_bytes ? *decoded : std::string{};
}

} // namespace

// -- the key ------------------------------------------------------------------------

secret_box::secret_box(std::string key) : key_{std::move(key)}, id_{id_of(key_)} {}

secret_box::~secret_box() {
  OPENSSL_cleanse(key_.data(), key_.size());
}

std::variant<secret_box_ptr, std::string> secret_box::read(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return refuse_file(file, "cannot be read: " + std::generic_category().message(errno) + ".");
  struct stat about {};
  const bool is_known = ::fstat(descriptor, &about) == 0;
  std::string content(longest_file + 1, '\0');
  const auto count = ::read(descriptor, content.data(), content.size());
  ::close(descriptor);
  content.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (!is_known || !S_ISREG(about.st_mode))
    return refuse_file(file, "must be a regular file.");
  if ((about.st_mode & (S_IRWXO | S_IWGRP | S_IXGRP)) != 0)
    return refuse_file(file, "is open to others: have its owner alone read it, as by chmod 0600.");
  auto key = key_in(content);
  OPENSSL_cleanse(content.data(), content.size());
  if (key.empty())
    return refuse_file(file, "must hold 32 bytes, as they are, in hexadecimal digits or in base64; "
                             "`openssl rand -base64 32` makes some.");
  return std::make_shared<const secret_box>(std::move(key));
}

// -- one value ----------------------------------------------------------------------

std::string secret_box::seal(std::string_view text, const secret_place& place) const {
  const auto bound = bound_to(place);
  // The nonce, the text, and the tag.
  std::string sealed(nonce_bytes + text.size() + tag_bytes, '\0');
  auto* nonce = bytes_of(sealed);
  auto* out = nonce + nonce_bytes;
  const auto context = make_context();
  int count = 0;
  const bool done
    = RAND_bytes(nonce, static_cast<int>(nonce_bytes)) == 1
      && EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_), nonce) == 1
      && EVP_EncryptUpdate(context.get(), nullptr, &count, bytes_of(bound), static_cast<int>(bound.size())) == 1
      && EVP_EncryptUpdate(context.get(), out, &count, bytes_of(text), static_cast<int>(text.size())) == 1
      && EVP_EncryptFinal_ex(context.get(), out + text.size(), &count) == 1
      && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag_bytes), out + text.size()) == 1;
  if (!done)
    throw std::bad_alloc{};
  std::string value{sealed_opening};
  value.append(version).append(":").append(id_).append(":").append(to_base64(sealed)).append("}");
  return value;
}

std::optional<std::string> secret_box::open(std::string_view sealed, const secret_place& place) const {
  const auto parts = parts_of(sealed);
  auto bytes = parts && parts->first == id_ ? from_base64(parts->second) : std::nullopt;
  if (!bytes || bytes->size() < nonce_bytes + tag_bytes)
    return std::nullopt;
  const auto bound = bound_to(place);
  std::string text(bytes->size() - nonce_bytes - tag_bytes, '\0');
  const auto* nonce = bytes_of(*bytes);
  const auto context = make_context();
  int count = 0;
  const bool done
    = EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_), nonce) == 1
      && EVP_DecryptUpdate(context.get(), nullptr, &count, bytes_of(bound), static_cast<int>(bound.size())) == 1
      && EVP_DecryptUpdate(context.get(), bytes_of(text), &count, nonce + nonce_bytes, static_cast<int>(text.size()))
           == 1
      && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag_bytes),
                             bytes_of(*bytes) + nonce_bytes + text.size())
           == 1
      && EVP_DecryptFinal_ex(context.get(), bytes_of(text) + text.size(), &count) == 1;
  if (!done) {
    OPENSSL_cleanse(text.data(), text.size());
    return std::nullopt;
  }
  return text;
}

// -- headers ------------------------------------------------------------------------

bool is_sealed(std::string_view value) noexcept {
  return value.starts_with(sealed_opening);
}

bool has_sealed(const header_list& headers) noexcept {
  return std::any_of(headers.begin(), headers.end(), [](const auto& one) { return is_sealed(one.second); });
}

std::optional<std::string> open_headers(header_list& headers, secret_place place, const secret_box* box) {
  for (auto& [name, value] : headers) {
    if (!is_sealed(value))
      continue;
    place.header = name;
    auto opened = box == nullptr ? std::nullopt : box->open(value, place);
    if (!opened)
      return why_not(value, place, box);
    value = *std::move(opened);
  }
  return std::nullopt;
}

std::optional<std::string> open_tools(bot_record& bot, const secret_box* box) {
  for (auto& tool : bot.tools)
    if (auto wrong = open_headers(tool.headers, {bot.ns, "bot", bot.name, tool.name, {}}, box))
      return wrong;
  return std::nullopt;
}

} // namespace troupe
