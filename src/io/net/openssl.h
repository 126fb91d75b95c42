#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <string>

namespace spillway {

// Every function that we use of OpenSSL 1.1.1 and newer; what is a macro there goes through the *_ctrl functions.
#define SPILLWAY_OPENSSL_FUNCTIONS(X) \
  X(BIO_ctrl)                         \
  X(BIO_free)                         \
  X(BIO_new)                          \
  X(BIO_new_mem_buf)                  \
  X(BIO_read)                         \
  X(BIO_s_mem)                        \
  X(BIO_write)                        \
  X(CRYPTO_free)                      \
  X(ERR_clear_error)                  \
  X(ERR_peek_last_error)              \
  X(ERR_reason_error_string)          \
  X(EVP_PKEY_free)                    \
  X(OPENSSL_sk_num)                   \
  X(OPENSSL_sk_value)                 \
  X(PEM_read_bio)                     \
  X(PEM_read_bio_PrivateKey)          \
  X(PEM_read_bio_X509)                \
  X(SSL_CTX_check_private_key)        \
  X(SSL_CTX_ctrl)                     \
  X(SSL_CTX_free)                     \
  X(SSL_CTX_get_cert_store)           \
  X(SSL_CTX_new)                      \
  X(SSL_CTX_set_cert_verify_callback) \
  X(SSL_CTX_set_default_verify_paths) \
  X(SSL_CTX_set_options)              \
  X(SSL_CTX_set_verify)               \
  X(SSL_CTX_use_PrivateKey)           \
  X(SSL_CTX_use_certificate)          \
  X(SSL_SESSION_free)                 \
  X(SSL_ctrl)                         \
  X(SSL_do_handshake)                 \
  X(SSL_free)                         \
  X(SSL_get0_param)                   \
  X(SSL_get1_session)                 \
  X(SSL_get_error)                    \
  X(SSL_get_verify_result)            \
  X(SSL_new)                          \
  X(SSL_read)                         \
  X(SSL_set1_host)                    \
  X(SSL_set_bio)                      \
  X(SSL_set_connect_state)            \
  X(SSL_set_hostflags)                \
  X(SSL_set_session)                  \
  X(SSL_set_shutdown)                 \
  X(SSL_shutdown)                     \
  X(SSL_write)                        \
  X(TLS_client_method)                \
  X(X509_NAME_cmp)                    \
  X(X509_STORE_CTX_get0_untrusted)    \
  X(X509_STORE_add_cert)              \
  X(X509_VERIFY_PARAM_set1_ip_asc)    \
  X(X509_free)                        \
  X(X509_get_issuer_name)             \
  X(X509_get_subject_name)            \
  X(X509_verify_cert)                 \
  X(X509_verify_cert_error_string)    \
  X(d2i_X509)                         \
  X(i2d_X509_NAME)

// The OpenSSL that is inside the running node binary. Nothing is linked: a second OpenSSL in the process, of another
// version, would be a hybrid of both.
struct OpenSsl {
  using Find = void* (*)(const char* name);

  // Fills the table. False: *error says, for people, that this runtime lacks it.
  bool Load(Find find, std::string* error);
  // Looks among what the running program exports.
  static void* FindInProcess(const char* name);

// NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration takes none
#define SPILLWAY_DECLARE(name) decltype(&::name) name = nullptr;
  SPILLWAY_OPENSSL_FUNCTIONS(SPILLWAY_DECLARE)
#undef SPILLWAY_DECLARE
};

}  // namespace spillway
