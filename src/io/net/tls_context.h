#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "net/openssl.h"
#include "net/tls_config.h"
#include "net/trust.h"

namespace spillway {

// The state of a connection, and where its bytes go in and out; the memory is all `state`'s.
struct TlsConnection {
  SSL* state = nullptr;
  BIO* in = nullptr;
  BIO* out = nullptr;
};

// What the TLS connections of one configuration have in common: trust, the client's certificate, and the session that
// each server gave last, so that the next connection to it is a short handshake.
class TlsContext {
 public:
  // `find` is where OpenSSL's functions come from. Null: *error says why.
  static std::shared_ptr<TlsContext> Make(const TlsConfig& config, OpenSsl::Find find, std::string* error);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  const OpenSsl& ssl() const { return ssl_; }
  // A connection, in client mode, that asks for and verifies this name or address, and resumes the last session with this
  // server. The caller frees its state, before this. False: *error says why there is none.
  bool NewConnection(const std::string& name, const std::string& server, TlsConnection* made, std::string* error);
  // The next connection to the server may resume this one's session.
  void Keep(const std::string& server, SSL* connection);
  // What this server gave is no good any more.
  void Forget(const std::string& server);

  // What the call of OpenSSL that failed last says; empties its queue.
  std::string TakeReason() const;

 private:
  TlsContext() = default;

  bool SetTrust(const std::string& pem);
  bool Identify(const std::string& cert, const std::string& key);
  bool UseKey(const std::string& key);
  // False: OpenSSL would not verify it.
  bool SetName(SSL* state, const std::string& name) const;

  OpenSsl ssl_;
  bool verify_ = true;
  SSL_CTX* context_ = nullptr;
  Trust trust_;
  std::unordered_map<std::string, SSL_SESSION*> sessions_;
};

}  // namespace spillway
