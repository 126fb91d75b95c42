#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/endpoint.h"
#include "net/tls_config.h"
#include "redis/handshake.h"

namespace spillway {

// A Redis as it is deployed: where it is and how to log in.
struct RedisConfig {
  enum class Kind : uint8_t { kSingle, kSentinel, kCluster };
  Kind kind = Kind::kSingle;
  std::vector<Endpoint> nodes;  // single: one; sentinel: the sentinels; cluster: where to ask first
  Login login;
  TlsConfig tls;
  int64_t connect_timeout_ms = 5000;  // name, connection, TLS and login together
  // Sentinel only.
  std::string master_name;
  Login sentinel_login;
  TlsConfig sentinel_tls;
};

}  // namespace spillway
