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

// Owns a libuv handle. libuv needs a handle's memory until its close callback, so destroying the owner starts the close,
// and the callback frees the memory. `data` of the handle is null from then on: a late callback sees that.
template <class T>
class Handle {
 public:
  // `init(loop, handle)` is one of uv_*_init.
  template <class Init>
  Handle(HandleScope* scope, void* data, Init init) : box_(new Box{{}, scope}) {
    init(scope->loop(), &box_->handle);
    box_->handle.data = data;
    scope->Add();
  }
  ~Handle() {
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

  T* get() { return &box_->handle; }
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&box_->handle); }
  uv_handle_t* base() { return reinterpret_cast<uv_handle_t*>(&box_->handle); }

 private:
  struct Box {
    T handle;  // first: libuv's pointer is the box's
    HandleScope* scope;
  };
  Box* box_;
};

}  // namespace spillway
