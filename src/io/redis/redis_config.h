#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "breaker.h"
#include "net/endpoint.h"
#include "net/tls_config.h"
#include "redis/handshake.h"

namespace spillway {

// A Redis as it is deployed: where it is and how to log in.
struct RedisConfig {
  // A single server may turn out to be a node of a cluster; one that stands alone is never taken for that.
  enum class Kind : uint8_t { kSingle, kAlone, kSentinel, kCluster };
  Kind kind = Kind::kSingle;
  std::vector<Endpoint> nodes;  // single, alone: one; sentinel: the sentinels; cluster: where to ask first
  Login login;
  TlsConfig tls;
  int64_t connect_timeout_ms = 5000;  // name, connection, TLS and login together
  BreakerOptions breaker;             // of each node
  // Sentinel only.
  std::string master_name;
  Login sentinel_login;
  TlsConfig sentinel_tls;
};

}  // namespace spillway
