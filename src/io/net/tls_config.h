#pragma once

#include <string>

namespace spillway {

// How TLS is spoken with a server. Certificates and keys are PEM texts.
struct TlsConfig {
  bool enabled = false;
  std::string ca;          // whom to trust; empty: what OpenSSL's own default paths hold
  std::string cert;        // of a client, its chain behind it; empty: none is shown
  std::string key;         // of cert, not encrypted
  std::string servername;  // the name to ask for and to verify, in place of the endpoint's host
  bool verify = true;      // chain and host name
};

inline bool operator==(const TlsConfig& a, const TlsConfig& b) {
  return a.enabled == b.enabled && a.verify == b.verify && a.servername == b.servername && a.cert == b.cert &&
         a.key == b.key && a.ca == b.ca;
}

}  // namespace spillway
