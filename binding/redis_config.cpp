#include "redis_config.h"

namespace spillway {
namespace {

RedisConfig::Kind KindOf(const std::string& name) {
  if (name == "sentinel") return RedisConfig::Kind::kSentinel;
  if (name == "alone") return RedisConfig::Kind::kAlone;
  return name == "cluster" ? RedisConfig::Kind::kCluster : RedisConfig::Kind::kSingle;
}

TlsConfig ReadTls(Reader* read, napi_value options) {
  TlsConfig tls;
  tls.enabled = read->Truth(options, "enabled");
  tls.ca = read->Text(options, "ca");
  tls.cert = read->Text(options, "cert");
  tls.key = read->Text(options, "key");
  tls.servername = read->Text(options, "servername");
  tls.verify = read->Truth(options, "verify");
  return tls;
}

BreakerOptions ReadBreaker(Reader* read, napi_value options) {
  BreakerOptions breaker;
  breaker.failures = read->Whole(options, "failures");
  breaker.open_ms = read->Whole(options, "openMs");
  breaker.factor = read->Whole(options, "factor");
  breaker.max_open_ms = read->Whole(options, "maxOpenMs");
  return breaker;
}

}  // namespace

RedisConfig ReadRedisConfig(Reader* read, napi_value options) {
  RedisConfig config;
  config.kind = KindOf(read->Text(options, "kind"));
  napi_value nodes = read->Get(options, "nodes");
  for (uint32_t i = 0, length = read->Length(nodes); i < length; ++i) {
    napi_value node = read->At(nodes, i);
    const auto port = static_cast<int>(read->Whole(node, "port"));
    config.nodes.push_back({read->Text(node, "host"), port, read->Text(node, "path")});
  }
  config.login.username = read->Text(options, "username");
  config.login.password = read->Text(options, "password");
  config.login.db = read->Whole(options, "db");
  config.login.client_name = read->Text(options, "clientName");
  config.tls = ReadTls(read, read->Get(options, "tls"));
  config.connect_timeout_ms = read->Whole(options, "connectTimeoutMs");
  config.breaker = ReadBreaker(read, read->Get(options, "breaker"));
  config.master_name = read->Text(options, "masterName");
  config.sentinel_login.username = read->Text(options, "sentinelUsername");
  config.sentinel_login.password = read->Text(options, "sentinelPassword");
  config.sentinel_login.client_name = config.login.client_name;
  config.sentinel_tls = ReadTls(read, read->Get(options, "sentinelTls"));
  return config;
}

}  // namespace spillway
