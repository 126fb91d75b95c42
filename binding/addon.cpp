// The addon's exports, and the calls that are not hot.
#include <napi.h>

#include "breaker_call.h"
#include "check.h"
#include "environment.h"
#include "memory/memory_store.h"
#include "net/dial.h"
#include "redis/sentinel_stream.h"
#include "redis_config.h"
#include "redis_store/redis_store.h"
#include "step_call.h"
#include "store_handle.h"
#include "values.h"

namespace spillway {
namespace {

bool ReadAlgorithm(const std::string& name, Algorithm* algorithm) {
  static constexpr const char* kNames[] = {"fixed-window", "sliding-window", "sliding-log", "token-bucket"};
  for (size_t i = 0; i < 4; ++i) {
    if (name != kNames[i]) continue;
    *algorithm = static_cast<Algorithm>(i);
    return true;
  }
  return false;
}

std::vector<Rule> ReadRules(Reader* read, napi_value list, std::string* error) {
  std::vector<Rule> rules;
  for (uint32_t i = 0, length = read->Length(list); i < length; ++i) {
    napi_value options = read->At(list, i);
    Rule rule;
    rule.prefix = read->Text(options, "prefix");
    rule.part = read->Text(options, "part");
    rule.limit = read->Whole(options, "limit");
    rule.burst = read->Whole(options, "burst");
    rule.window_ms = read->Whole(options, "windowMs");
    rule.timeout_ms = read->Whole(options, "timeoutMs");
    rule.shadow = read->Truth(options, "shadow");
    rule.probe = read->Truth(options, "probe");
    if (!ReadAlgorithm(read->Text(options, "algorithm"), &rule.algorithm)) *error = "the algorithm is unknown";
    rules.push_back(std::move(rule));
  }
  return rules;
}

napi_value AddRules(napi_env env, napi_callback_info info) {
  const Arguments<StoreHandle> given(env, info);
  Limiter* limiter = given.data->limiter();
  Reader read(env);
  std::string error;
  std::vector<Rule> rules = ReadRules(&read, given[0], &error);
  if (!read.ok()) return nullptr;
  if (limiter == nullptr) error = "the store is closed";
  const int32_t number = limiter != nullptr && error.empty() ? limiter->AddRules(std::move(rules), &error) : -1;
  if (number >= 0) return MakeNumber(env, number);
  napi_throw_range_error(env, nullptr, error.c_str());
  return nullptr;
}

napi_value ReleaseRules(napi_env env, napi_callback_info info) {
  const Arguments<StoreHandle> given(env, info);
  Reader read(env);
  const auto set = static_cast<uint32_t>(read.Whole(given[0]));
  if (read.ok() && given.data->limiter() != nullptr) given.data->limiter()->ReleaseRules(set);
  return nullptr;
}

napi_value List(napi_env env, napi_callback_info info) {
  const Arguments<StoreHandle, 7> given(env, info);
  StoreHandle* handle = given.data;
  if (handle->limiter() == nullptr) return MakeNumber(env, kStoreClosed);
  Reader read(env);
  ListRequest request;
  request.prefix = read.Text(given[0]);
  request.part = read.Text(given[1]);
  request.cursor = read.Text(given[2]);
  request.match = read.Text(given[3]);
  request.page_size = read.Whole(given[4]);
  request.names_only = read.Truth(given[5]);
  request.ticket = static_cast<uint32_t>(read.Whole(given[6]));
  if (!read.ok()) return nullptr;
  handle->limiter()->store()->List(request);
  // A store in process has answered already.
  if (!handle->results()->pages.empty()) handle->Deliver();
  return MakeNumber(env, kPending);
}

// (arguments, source, key, timeoutMs, keepsProcess, slot)
napi_value Ask(napi_env env, napi_callback_info info) {
  const Arguments<StoreHandle, 6> given(env, info);
  StoreHandle* handle = given.data;
  if (handle->limiter() == nullptr) return MakeNumber(env, kStoreClosed);
  Reader read(env);
  AsideRequest request;
  for (uint32_t i = 0, length = read.Length(given[0]); i < length; ++i) {
    request.arguments.push_back(read.Text(read.At(given[0], i)));
  }
  request.source = read.Text(given[1]);
  request.key = read.Text(given[2]);
  request.timeout_ms = read.Whole(given[3]);
  request.keeps_process = read.Truth(given[4]);
  request.ticket = static_cast<uint32_t>(read.Whole(given[5]));
  if (!read.ok()) return nullptr;
  handle->limiter()->store()->Ask(request);
  return MakeNumber(env, kPending);
}

napi_value Healthy(napi_env env, napi_callback_info info) {
  const Arguments<StoreHandle, 2> given(env, info);
  Limiter* limiter = given.data->limiter();
  Reader read(env);
  const auto set = static_cast<uint32_t>(read.Whole(given[0]));
  const std::string subject = read.Text(given[1]);
  if (!read.ok()) return nullptr;
  return MakeBoolean(
      env, limiter != nullptr && limiter->HasRules(set) && limiter->store()->Healthy(limiter->RulesOf(set), subject));
}

napi_value GetStats(napi_env env, napi_callback_info info) {
  Limiter* limiter = Arguments<StoreHandle>(env, info).data->limiter();
  const Stats stats = limiter == nullptr ? Stats{} : limiter->store()->GetStats();
  napi_value object = MakeObject(env);
  const auto number = [&](const char* name, int64_t value) {
    Set(env, object, name, MakeNumber(env, static_cast<double>(value)));
  };
  number("keys", stats.keys);
  number("pending", stats.pending);
  Set(env, object, "connected", MakeBoolean(env, stats.connected));
  number("connectedForMs", stats.connected_for_ms);
  number("reconnects", stats.reconnects);
  number("timeouts", stats.timeouts);
  number("commands", stats.commands);
  number("roundTrips", stats.round_trips);
  Set(env, object, "lastError", MakeText(env, stats.last_error));
  Set(env, object, "trouble", MakeText(env, stats.trouble));
  number("foreign", stats.foreign);
  Set(env, object, "serverVersion", MakeText(env, stats.server_version));
  number("breakerState", static_cast<int64_t>(stats.breaker.state));
  number("breakerFailures", stats.breaker.failures);
  number("nextAttemptInMs", stats.breaker.next_attempt_in_ms);
  Set(env, object, "breakerAddress", MakeText(env, stats.breaker.address));
  return object;
}

napi_value Close(napi_env env, napi_callback_info info) {
  Arguments<StoreHandle>(env, info).data->Close();
  return nullptr;
}

napi_value MakeStoreObject(napi_env env, StoreHandle* handle) {
  napi_value object = MakeObject(env);
  handle->Define(object, "addRules", AddRules);
  handle->Define(object, "releaseRules", ReleaseRules);
  handle->Define(object, "list", List);
  handle->Define(object, "ask", Ask);
  handle->Define(object, "healthy", Healthy);
  handle->Define(object, "stats", GetStats);
  handle->Define(object, "close", Close);
  DefineHotCalls(object, handle);
  return object;
}

napi_value OpenRedis(napi_env env, napi_callback_info info) {
  const Arguments<Environment, 2> given(env, info);
  Environment* environment = given.data;
  Reader read(env);
  const RedisConfig redis = ReadRedisConfig(&read, given[0]);
  auto made = std::make_unique<StoreHandle>(env, environment, &read, given[1]);
  if (!read.ok()) return nullptr;
  ClientConfig config;
  config.login = redis.login;
  config.connect_timeout_ms = redis.connect_timeout_ms;
  config.breaker = redis.breaker;
  HandleScope* scope = environment->scope();
  const DialTo dial_to = MakeDial(scope);
  StoreHandle* handle = environment->Keep(std::move(made));
  const auto open = [&](const auto& servers) {
    handle->Open(std::make_unique<RedisStore>(config, servers, scope, environment->clock(), handle->results(),
                                              handle->deliver()));
  };
  const auto dial = [dial_to, tls = redis.tls](const Endpoint& node, StreamEvents* events) {
    return dial_to(node, tls, events);
  };
  switch (redis.kind) {
    case RedisConfig::Kind::kSingle:
      open(ClusterNodes{redis.nodes, redis.tls.enabled, dial, true});
      break;
    case RedisConfig::Kind::kAlone:
      open(Client::Dial([dial, node = redis.nodes.front()](StreamEvents* events) { return dial(node, events); }));
      break;
    case RedisConfig::Kind::kSentinel:
      config.login.to_master = true;
      // While a failover is going on, whoever dials seldom is late.
      config.longest_pause_ms = 500;
      open(MakeSentinelDial(scope, redis, dial_to));
      break;
    case RedisConfig::Kind::kCluster:
      open(ClusterNodes{redis.nodes, redis.tls.enabled, dial, false});
      break;
  }
  return MakeStoreObject(env, handle);
}

napi_value OpenMemory(napi_env env, napi_callback_info info) {
  const Arguments<Environment, 2> given(env, info);
  Environment* environment = given.data;
  Reader read(env);
  const std::string prefix = read.Text(given[0], "prefix");
  const auto max_keys = static_cast<size_t>(read.Whole(given[0], "maxKeys"));
  auto made = std::make_unique<StoreHandle>(env, environment, &read, given[1]);
  if (!read.ok()) return nullptr;
  StoreHandle* handle = environment->Keep(std::move(made));
  handle->Open(std::make_unique<MemoryStore>(prefix, max_keys, environment->clock(), handle->results()));
  return MakeStoreObject(env, handle);
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Environment* environment = Environment::Create(env);
  SetFunction(env, exports, "openRedis", OpenRedis, environment);
  SetFunction(env, exports, "openMemory", OpenMemory, environment);
  SetFunction(env, exports, "step", StepCall, nullptr);
  DefineBreaker(env, exports);
  return exports;
}

}  // namespace
}  // namespace spillway

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) { return spillway::Init(env, exports); }

NODE_API_MODULE(spillway, InitAddon)
