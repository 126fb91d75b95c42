#include "redis_config.h"

#include "options.h"

namespace spillway {
namespace {

RedisConfig::Kind KindOf(const std::string& name) {
  if (name == "sentinel") return RedisConfig::Kind::kSentinel;
  return name == "cluster" ? RedisConfig::Kind::kCluster : RedisConfig::Kind::kSingle;
}

TlsConfig ReadTls(const Napi::Object& options) {
  TlsConfig tls;
  tls.enabled = options.Get("enabled").ToBoolean();
  tls.ca = Text(options, "ca");
  tls.cert = Text(options, "cert");
  tls.key = Text(options, "key");
  tls.servername = Text(options, "servername");
  tls.verify = options.Get("verify").ToBoolean();
  return tls;
}

}  // namespace

RedisConfig ReadRedisConfig(const Napi::Object& options) {
  RedisConfig config;
  config.kind = KindOf(Text(options, "kind"));
  const auto nodes = options.Get("nodes").As<Napi::Array>();
  for (uint32_t i = 0; i < nodes.Length(); ++i) {
    const auto node = nodes.Get(i).As<Napi::Object>();
    config.nodes.push_back({Text(node, "host"), static_cast<int>(Whole(node, "port")), Text(node, "path")});
  }
  config.login.username = Text(options, "username");
  config.login.password = Text(options, "password");
  config.login.db = Whole(options, "db");
  config.login.client_name = Text(options, "clientName");
  config.tls = ReadTls(options.Get("tls").As<Napi::Object>());
  config.connect_timeout_ms = Whole(options, "connectTimeoutMs");
  config.master_name = Text(options, "masterName");
  config.sentinel_login.username = Text(options, "sentinelUsername");
  config.sentinel_login.password = Text(options, "sentinelPassword");
  config.sentinel_login.client_name = config.login.client_name;
  config.sentinel_tls = ReadTls(options.Get("sentinelTls").As<Napi::Object>());
  return config;
}

}  // namespace spillway
