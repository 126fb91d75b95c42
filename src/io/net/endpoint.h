#pragma once

#include <string>

namespace spillway {

// Where a server listens.
struct Endpoint {
  std::string host;  // a name or an address, IPv6 without brackets
  int port = 6379;
  std::string path;  // of a unix socket; not empty: host and port do not matter
};

inline bool operator==(const Endpoint& a, const Endpoint& b) {
  return a.host == b.host && a.port == b.port && a.path == b.path;
}
inline bool operator!=(const Endpoint& a, const Endpoint& b) { return !(a == b); }

// As people write it: `host:port`, `[v6]:port`, or a unix socket's path.
inline std::string AddressOf(const Endpoint& endpoint) {
  if (!endpoint.path.empty()) return endpoint.path;
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  return (v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

}  // namespace spillway
