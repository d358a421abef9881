#include "test_certificates.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace troupe::testing {

namespace {

constexpr long one_day = 24 * 60 * 60;

void check(bool is_good) {
  if (!is_good)
    throw std::runtime_error("a certificate for the test cannot be made");
}

ssl_key make_key() {
  ssl_key key{EVP_EC_gen("P-256"), EVP_PKEY_free};
  check(key != nullptr);
  return key;
}

void add_extension(X509& certificate, X509& issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension{
    X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()), X509_EXTENSION_free};
  check(extension && X509_add_ext(&certificate, extension.get(), -1) == 1);
}

ssl_certificate make_certificate(const std::string& name, long number, EVP_PKEY& key) {
  ssl_certificate certificate{X509_new(), X509_free};
  check(certificate != nullptr);
  auto* raw = certificate.get();
  check(X509_set_version(raw, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(raw), number) == 1);
  X509_gmtime_adj(X509_getm_notBefore(raw), -one_day);
  X509_gmtime_adj(X509_getm_notAfter(raw), one_day);
  const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
  check(X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_ASC, text, -1, -1, 0) == 1);
  check(X509_set_pubkey(raw, &key) == 1);
  return certificate;
}

void sign(X509& certificate, const server_identity& issuer) {
  check(X509_set_issuer_name(&certificate, X509_get_subject_name(issuer.certificate.get())) == 1);
  check(X509_sign(&certificate, issuer.key.get(), EVP_sha256()) > 0);
}

} // namespace

test_authority::test_authority() {
  own_.key = make_key();
  own_.certificate = make_certificate("test authority", 1, *own_.key);
  add_extension(*own_.certificate, *own_.certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(*own_.certificate, *own_.certificate, NID_key_usage, "critical,keyCertSign");
  sign(*own_.certificate, own_);
}

server_identity test_authority::issue(const std::string& alternative_name) const {
  server_identity made;
  made.key = make_key();
  made.certificate = make_certificate("test server", 2, *made.key);
  add_extension(*made.certificate, *own_.certificate, NID_subject_alt_name, alternative_name);
  sign(*made.certificate, own_);
  return made;
}

std::string pem(const server_identity& identity) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory{BIO_new(BIO_s_mem()), BIO_free};
  check(memory && PEM_write_bio_X509(memory.get(), identity.certificate.get()) == 1
        && PEM_write_bio_PrivateKey(memory.get(), identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string test_authority::pem() const {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory{BIO_new(BIO_s_mem()), BIO_free};
  check(memory && PEM_write_bio_X509(memory.get(), own_.certificate.get()) == 1);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

} // namespace troupe::testing
