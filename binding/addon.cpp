// The addon's exports, and the calls that are not hot: node-addon-api.
#include <napi.h>

#include "check.h"
#include "environment.h"
#include "net/dial.h"
#include "options.h"
#include "redis_config.h"
#include "store/memory_store.h"
#include "store/redis_store.h"
#include "store_handle.h"

namespace spillway {
namespace {

StoreHandle* HandleOf(const Napi::CallbackInfo& info) { return static_cast<StoreHandle*>(info.Data()); }

bool ReadAlgorithm(const std::string& name, Algorithm* algorithm) {
  static constexpr const char* kNames[] = {"fixed-window", "sliding-window", "sliding-log", "token-bucket"};
  for (size_t i = 0; i < 4; ++i) {
    if (name != kNames[i]) continue;
    *algorithm = static_cast<Algorithm>(i);
    return true;
  }
  return false;
}

Napi::Value AddRules(const Napi::CallbackInfo& info) {
  StoreHandle* handle = HandleOf(info);
  const auto list = info[0].As<Napi::Array>();
  RuleSet rules;
  std::string error = handle->limiter() == nullptr ? "the store is closed" : "";
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const auto options = list.Get(i).As<Napi::Object>();
    Rule rule;
    rule.prefix = Text(options, "prefix");
    rule.id = Text(options, "id");
    rule.limit = Whole(options, "limit");
    rule.burst = Whole(options, "burst");
    rule.window_ms = Whole(options, "windowMs");
    rule.timeout_ms = Whole(options, "timeoutMs");
    rule.shadow = options.Get("shadow").ToBoolean();
    if (!ReadAlgorithm(Text(options, "algorithm"), &rule.algorithm)) error = "the algorithm is unknown";
    rules.push_back(std::move(rule));
  }
  const int32_t number = error.empty() ? handle->limiter()->AddRules(std::move(rules), &error) : -1;
  if (number < 0) {
    Napi::RangeError::New(info.Env(), error).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return Napi::Number::New(info.Env(), number);
}

Napi::Value List(const Napi::CallbackInfo& info) {
  StoreHandle* handle = HandleOf(info);
  if (handle->limiter() == nullptr) return Napi::Number::New(info.Env(), kStoreClosed);
  ListRequest request;
  request.prefix = info[0].As<Napi::String>().Utf8Value();
  request.cursor = info[1].As<Napi::String>().Utf8Value();
  request.match = info[2].As<Napi::String>().Utf8Value();
  request.page_size = info[3].As<Napi::Number>().Int64Value();
  request.ticket = info[4].As<Napi::Number>().Uint32Value();
  handle->limiter()->store()->List(request);
  // A store in process has answered already.
  if (!handle->results()->pages.empty()) handle->Deliver();
  return Napi::Number::New(info.Env(), kPending);
}

Napi::Value Healthy(const Napi::CallbackInfo& info) {
  StoreHandle* handle = HandleOf(info);
  const bool healthy = handle->limiter() != nullptr && handle->limiter()->store()->Healthy();
  return Napi::Boolean::New(info.Env(), healthy);
}

Napi::Value GetStats(const Napi::CallbackInfo& info) {
  StoreHandle* handle = HandleOf(info);
  const Stats stats = handle->limiter() == nullptr ? Stats{} : handle->limiter()->store()->GetStats();
  auto object = Napi::Object::New(info.Env());
  const auto number = [&](const char* name, int64_t value) {
    object[name] = Napi::Number::New(info.Env(), static_cast<double>(value));
  };
  number("keys", stats.keys);
  number("pending", stats.pending);
  object["connected"] = Napi::Boolean::New(info.Env(), stats.connected);
  number("connectedForMs", stats.connected_for_ms);
  number("reconnects", stats.reconnects);
  number("timeouts", stats.timeouts);
  object["lastError"] = Napi::String::New(info.Env(), stats.last_error);
  object["serverVersion"] = Napi::String::New(info.Env(), stats.server_version);
  return object;
}

void Close(const Napi::CallbackInfo& info) { HandleOf(info)->Close(); }

Napi::Object MakeStoreObject(Napi::Env env, StoreHandle* handle) {
  auto object = Napi::Object::New(env);
  object["addRules"] = Napi::Function::New(env, AddRules, "addRules", handle);
  object["list"] = Napi::Function::New(env, List, "list", handle);
  object["healthy"] = Napi::Function::New(env, Healthy, "healthy", handle);
  object["stats"] = Napi::Function::New(env, GetStats, "stats", handle);
  object["close"] = Napi::Function::New(env, Close, "close", handle);
  DefineHotCalls(object, handle);
  return object;
}

Napi::Value OpenRedis(const Napi::CallbackInfo& info) {
  Environment* environment = Environment::Of(info.Env());
  const RedisConfig redis = ReadRedisConfig(info[0].As<Napi::Object>());
  ClientConfig config;
  config.login = redis.login;
  config.connect_timeout_ms = redis.connect_timeout_ms;
  HandleScope* scope = environment->scope();
  const auto dial = [dial_to = MakeDial(scope), node = redis.nodes.front(), tls = redis.tls](StreamEvents* events) {
    return dial_to(node, tls, events);
  };
  StoreHandle* handle = environment->Keep(std::make_unique<StoreHandle>(info.Env(), info[1].As<Napi::Object>()));
  handle->Open(
      std::make_unique<RedisStore>(config, dial, scope, environment->clock(), handle->results(), handle->deliver()));
  return MakeStoreObject(info.Env(), handle);
}

Napi::Value OpenMemory(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  Environment* environment = Environment::Of(info.Env());
  StoreHandle* handle = environment->Keep(std::make_unique<StoreHandle>(info.Env(), info[1].As<Napi::Object>()));
  handle->Open(std::make_unique<MemoryStore>(Text(options, "prefix"), static_cast<size_t>(Whole(options, "maxKeys")),
                                             environment->clock(), handle->results()));
  return MakeStoreObject(info.Env(), handle);
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Environment::Create(env);
  exports["openRedis"] = Napi::Function::New(env, OpenRedis, "openRedis");
  exports["openMemory"] = Napi::Function::New(env, OpenMemory, "openMemory");
  return exports;
}

}  // namespace
}  // namespace spillway

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) { return spillway::Init(env, exports); }

NODE_API_MODULE(spillway, InitAddon)
