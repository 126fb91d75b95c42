#include "net/tls_context.h"

namespace spillway {
namespace {

// A key that is encrypted is refused: OpenSSL would ask for the password on the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

}  // namespace

std::shared_ptr<TlsContext> TlsContext::Make(const TlsConfig& config, OpenSsl::Find find, std::string* error) {
  std::shared_ptr<TlsContext> made(new TlsContext);
  OpenSsl& ssl = made->ssl_;
  if (!ssl.Load(find, error)) return nullptr;
  ssl.ERR_clear_error();
  made->verify_ = config.verify;
  SSL_CTX* context = made->context_ = ssl.SSL_CTX_new(ssl.TLS_client_method());
  if (context == nullptr || ssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, nullptr) != 1) {
    *error = "TLS cannot be set up: " + made->TakeReason();
    return nullptr;
  }
  ssl.SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  ssl.SSL_CTX_set_verify(context, config.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  ssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_READ_AHEAD, 1, nullptr);
  const char* wrong = nullptr;
  if (config.verify && !made->SetTrust(config.ca)) {
    wrong = "TLS: ca holds no certificate: ";
  } else if (!made->Identify(config.cert, config.key)) {
    wrong = "TLS: cert and key cannot be used: ";
  }
  if (wrong == nullptr) return made;
  *error = wrong + made->TakeReason();
  return nullptr;
}

TlsContext::~TlsContext() {
  for (const auto& session : sessions_) ssl_.SSL_SESSION_free(session.second);
  if (context_ != nullptr) ssl_.SSL_CTX_free(context_);
}

bool TlsContext::SetTrust(const std::string& pem) {
  if (pem.empty()) return ssl_.SSL_CTX_set_default_verify_paths(context_) == 1;
  const auto verify = [](X509_STORE_CTX* chain, void* data) {
    auto* self = static_cast<TlsContext*>(data);
    X509_STORE* store = self->ssl_.SSL_CTX_get_cert_store(self->context_);
    self->trust_.AddFor(self->ssl_, chain, store);
    const int verified = self->ssl_.X509_verify_cert(chain);
    // Authorities may share a name, and the right one's be written otherwise. A chain is verified once, so the next dial
    // finds it.
    if (verified != 1) self->trust_.AddAll(self->ssl_, store);
    return verified;
  };
  ssl_.SSL_CTX_set_cert_verify_callback(context_, verify, this);
  return trust_.Read(ssl_, pem);
}

bool TlsContext::Identify(const std::string& cert, const std::string& key) {
  if (cert.empty()) return true;
  BIO* bio = ssl_.BIO_new_mem_buf(cert.data(), static_cast<int>(cert.size()));
  int count = 0;
  bool used = true;
  while (used) {
    X509* certificate = ssl_.PEM_read_bio_X509(bio, nullptr, NoPassword, nullptr);
    if (certificate == nullptr) break;
    // The first is the client's, the others its chain.
    used = count++ == 0 ? ssl_.SSL_CTX_use_certificate(context_, certificate) == 1
                        : ssl_.SSL_CTX_ctrl(context_, SSL_CTRL_CHAIN_CERT, 1, certificate) == 1;
    ssl_.X509_free(certificate);
  }
  ssl_.BIO_free(bio);
  // The end of the text is an error, too.
  if (!used || count == 0) return false;
  ssl_.ERR_clear_error();
  return UseKey(key);
}

bool TlsContext::UseKey(const std::string& key) {
  BIO* bio = ssl_.BIO_new_mem_buf(key.data(), static_cast<int>(key.size()));
  EVP_PKEY* read = ssl_.PEM_read_bio_PrivateKey(bio, nullptr, NoPassword, nullptr);
  ssl_.BIO_free(bio);
  if (read == nullptr) return false;
  const bool used = ssl_.SSL_CTX_use_PrivateKey(context_, read) == 1 && ssl_.SSL_CTX_check_private_key(context_) == 1;
  ssl_.EVP_PKEY_free(read);
  return used;
}

bool TlsContext::NewConnection(const std::string& name, const std::string& server, TlsConnection* made,
                               std::string* error) {
  SSL* state = ssl_.SSL_new(context_);
  BIO* in = ssl_.BIO_new(ssl_.BIO_s_mem());
  BIO* out = ssl_.BIO_new(ssl_.BIO_s_mem());
  if (state == nullptr || in == nullptr || out == nullptr) {
    *error = "TLS cannot be set up: " + TakeReason();
  } else if (!SetName(state, name) && verify_) {
    *error = "TLS: the server's name cannot be verified; connect by its name or address, or give it as servername";
  } else {
    ssl_.ERR_clear_error();
    ssl_.SSL_set_bio(state, in, out);
    ssl_.SSL_set_connect_state(state);
    const auto session = sessions_.find(server);
    if (session != sessions_.end()) ssl_.SSL_set_session(state, session->second);
    *made = {state, in, out};
    return true;
  }
  // All three take null for nothing.
  ssl_.BIO_free(in);
  ssl_.BIO_free(out);
  ssl_.SSL_free(state);
  ssl_.ERR_clear_error();
  return false;
}

bool TlsContext::SetName(SSL* state, const std::string& name) const {
  // OpenSSL takes an empty name for none at all, and one that begins with a dot for every name below.
  if (name.empty() || name.front() == '.') return false;
  ssl_.SSL_set_hostflags(state, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // The zone of an IPv6 address is no part of what a certificate names.
  const bool v6 = name.find(':') != std::string::npos;
  const std::string address = v6 ? name.substr(0, name.find('%')) : name;
  if (ssl_.X509_VERIFY_PARAM_set1_ip_asc(ssl_.SSL_get0_param(state), address.c_str()) == 1) return true;
  // No address, so a name: only a name is sent with the first message (SNI).
  std::string sent = name;
  return ssl_.SSL_ctrl(state, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, sent.data()) == 1 &&
         ssl_.SSL_set1_host(state, name.c_str()) == 1;
}

void TlsContext::Keep(const std::string& server, SSL* connection) {
  Forget(server);
  sessions_[server] = ssl_.SSL_get1_session(connection);
}

void TlsContext::Forget(const std::string& server) {
  const auto session = sessions_.find(server);
  if (session == sessions_.end()) return;
  ssl_.SSL_SESSION_free(session->second);
  sessions_.erase(session);
}

std::string TlsContext::TakeReason() const {
  const char* reason = ssl_.ERR_reason_error_string(ssl_.ERR_peek_last_error());
  ssl_.ERR_clear_error();
  return reason == nullptr ? "no reason is known" : reason;
}

}  // namespace spillway
