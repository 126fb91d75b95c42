#pragma once

#include <uv.h>

#include <functional>

namespace spillway {

// Counts the libuv handles and requests of one Node environment that are not closed yet: the environment may end only
// when there are none.
class HandleScope {
 public:
  explicit HandleScope(uv_loop_t* loop) : loop_(loop) {}
  uv_loop_t* loop() const { return loop_; }
  void Add() { ++open_; }
  void Remove() {
    if (--open_ != 0 || !on_empty_) return;
    // It may destroy this scope.
    const std::function<void()> done = std::move(on_empty_);
    done();
  }
  // Calls `done` once nothing is open: at once, or in the last close callback.
  void WhenEmpty(const std::function<void()>& done) {
    if (open_ == 0) {
      done();
    } else {
      on_empty_ = done;
    }
  }

 private:
  uv_loop_t* loop_;
  int open_ = 0;
  std::function<void()> on_empty_;
};

// Owns a libuv handle, if libuv could make it: see status(). libuv needs a handle's memory until its close callback, so destroying the owner starts the close,
// and the callback frees the memory. `data` of the handle is null from then on: a late callback sees that.
template <class T>
class Handle {
 public:
  // `init(loop, handle)` is one of uv_*_init.
  template <class Init>
  Handle(HandleScope* scope, void* data, Init init) : box_(new Box{{}, scope}), status_(init(scope->loop(), get())) {
    box_->handle.data = data;
    if (status_ == 0) scope->Add();
  }
  ~Handle() {
    if (status_ != 0) {
      // libuv knows nothing of it.
      delete box_;
      return;
    }
    box_->handle.data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&box_->handle), [](uv_handle_t* handle) {
      Box* box = reinterpret_cast<Box*>(handle);
      HandleScope* scope = box->scope;
      delete box;
      scope->Remove();
    });
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  // 0, or why it could not be made: then nothing but this may be asked of it. Timers and the handles of a turn (prepare,
  // check, idle) are only memory, so making and starting them does not fail.
  int status() const { return status_; }
  T* get() { return &box_->handle; }
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&box_->handle); }
  uv_handle_t* base() { return reinterpret_cast<uv_handle_t*>(&box_->handle); }

 private:
  struct Box {
    T handle;  // first: libuv's pointer is the box's
    HandleScope* scope;
  };
  Box* box_;
  const int status_;
};

}  // namespace spillway
