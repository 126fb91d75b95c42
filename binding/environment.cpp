#include "environment.h"

#include "store_handle.h"

namespace spillway {

Environment::Environment(uv_loop_t* loop) : scope_(loop) {}

Environment::~Environment() = default;

Environment* Environment::Create(napi_env env) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return nullptr;
  auto* environment = new Environment(loop);
  // The hook frees it, after the last handle.
  napi_add_async_cleanup_hook(env, CleanUp, environment, &environment->hook_);
  return environment;
}

StoreHandle* Environment::Keep(std::unique_ptr<StoreHandle> store) {
  StoreHandle* kept = store.get();
  stores_[kept] = std::move(store);
  return kept;
}

void Environment::CleanUp(napi_async_cleanup_hook_handle hook, void* data) {
  auto* environment = static_cast<Environment*>(data);
  // No JavaScript runs any more: what is pending is dropped.
  for (const auto& store : environment->stores_) store.second->Drop();
  environment->scope_.WhenEmpty([hook, environment] {
    delete environment;
    napi_remove_async_cleanup_hook(hook);
  });
}

}  // namespace spillway
