#pragma once

#include <node_api.h>

#include <memory>
#include <unordered_map>

#include "net/handle.h"
#include "net/turn.h"

namespace spillway {

class StoreHandle;

// What belongs to one Node environment (the main thread's, or a worker's): its loop, its clock, its stores. Made when the
// addon is loaded there. At the end of the environment the stores are closed, and it waits for their libuv handles.
class Environment {
 public:
  static Environment* Create(napi_env env);

  HandleScope* scope() { return &scope_; }
  const Clock* clock() const { return &clock_; }
  StoreHandle* Keep(std::unique_ptr<StoreHandle> store);
  // Frees one that JavaScript cannot reach any more.
  void Forget(StoreHandle* store) { stores_.erase(store); }

 private:
  explicit Environment(uv_loop_t* loop);
  ~Environment();
  static void CleanUp(napi_async_cleanup_hook_handle hook, void* data);

  HandleScope scope_;
  SteadyClock clock_;
  std::unordered_map<StoreHandle*, std::unique_ptr<StoreHandle>> stores_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

}  // namespace spillway
