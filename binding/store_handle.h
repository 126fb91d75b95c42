#pragma once

#include <napi.h>

#include <array>
#include <functional>
#include <memory>

#include "limiter.h"
#include "store.h"
#include "values.h"

namespace spillway {

// The numbers of lib/stores/native/native.ts: what a submitting call answers.
enum Submit : int32_t {
  kPending = 0,
  kReady = 1,
  kNotAString = -1,
  kEmpty = -2,
  kTooLong = -3,
  kLoneSurrogate = -4,
  kBadNumber = -5,
  kStoreClosed = -6,
};

class Environment;

// One store as JavaScript sees it: a limiter, the batch through which results cross, and the callbacks that read it. Until
// it is closed it holds the callbacks; from then on its functions hold it, and the last that is collected frees it.
class StoreHandle {
 public:
  // `callbacks` is a NativeCallbacks of lib/stores/native/native.ts. Of no use where `read` is not ok() afterwards.
  StoreHandle(napi_env env, Environment* environment, Reader* read, napi_value callbacks);
  ~StoreHandle();
  StoreHandle(const StoreHandle&) = delete;
  StoreHandle& operator=(const StoreHandle&) = delete;

  // Sets a function of the store's object, whose data is this handle.
  void Define(napi_value object, const char* name, napi_callback function);

  // Makes the store; it reports into results() and calls deliver().
  void Open(std::unique_ptr<Store> store) { limiter_ = std::make_unique<Limiter>(std::move(store)); }
  Results* results() { return &results_; }
  std::function<void()> deliver() {
    return [this] { Deliver(); };
  }

  // Null once closed.
  Limiter* limiter() { return limiter_.get(); }
  // Where a call with an id for each rule keeps them while it lasts.
  struct Ids {
    std::array<std::string, kMaxRules> texts;
    std::array<std::string_view, kMaxRules> views;
  };
  Ids* ids() { return &ids_; }
  // Where a call that is answered at once puts its completion.
  Completions* immediate() {
    immediate_.Clear();
    return &immediate_;
  }
  // Writes that as the batch's first records.
  void PutImmediate() { Put(immediate_.list().front(), immediate_.decisions(), 0); }
  // Hands all results to JavaScript; called by the loop, or inside a call from JavaScript. It may close this store.
  void Deliver();
  // Settles what waits, delivers that, and frees the store.
  void Close();
  // The same without JavaScript.
  void Drop() { limiter_.reset(); }

 private:
  // One record for each decision, or one without; answers how many.
  size_t Put(const Completion& completion, const Decision* decisions, size_t record);
  void DeliverPages();
  void DeliverEvents();
  napi_value MakePage(const Page& page);
  // Calls a callback and drains microtasks; an exception becomes an uncaught one.
  void Call(const Napi::FunctionReference& callback, std::initializer_list<napi_value> arguments);

  // Frees what it holds of JavaScript's, once it is closed and nothing is being delivered.
  void LetGo();

  // What outlives the handle where the environment ends first.
  struct Functions {
    StoreHandle* handle;
    int left;
  };
  static void Collected(napi_env env, void* data, void* hint);

  napi_env env_;
  Environment* environment_;
  Functions* functions_;
  int delivering_ = 0;
  std::unique_ptr<Limiter> limiter_;
  Results results_;
  Completions immediate_;
  Ids ids_;
  Napi::ObjectReference receiver_;
  Napi::FunctionReference on_batch_;
  Napi::FunctionReference on_page_;
  Napi::FunctionReference on_event_;
  Napi::ObjectReference batch_reference_;
  double* batch_ = nullptr;
  size_t batch_records_ = 0;
};

}  // namespace spillway
