#include "store_handle.h"

#include <utility>

#include "environment.h"

namespace spillway {
namespace {

// RecordField of lib/stores/records.ts.
constexpr size_t kRecordLength = 10;

}  // namespace

StoreHandle::StoreHandle(napi_env env, Environment* environment, Reader* read, napi_value callbacks)
    : env_(env), environment_(environment), functions_(new Functions{this, 0}) {
  receiver_ = Napi::Persistent(Napi::Object(env, callbacks));
  on_batch_ = Napi::Persistent(Napi::Function(env, read->Get(callbacks, "onBatch")));
  on_page_ = Napi::Persistent(Napi::Function(env, read->Get(callbacks, "onPage")));
  on_event_ = Napi::Persistent(Napi::Function(env, read->Get(callbacks, "onEvent")));
  napi_value batch = read->Get(callbacks, "batch");
  // The array is held, and a typed array's memory does not move.
  batch_reference_ = Napi::Persistent(Napi::Object(env, batch));
  void* data = nullptr;
  size_t length = 0;
  napi_get_typedarray_info(env, batch, nullptr, &length, &data, nullptr, nullptr);
  batch_ = static_cast<double*>(data);
  batch_records_ = length / kRecordLength;
}

StoreHandle::~StoreHandle() {
  functions_->handle = nullptr;
  if (functions_->left == 0) delete functions_;
}

void StoreHandle::Define(napi_value object, const char* name, napi_callback function) {
  napi_value value = SetFunction(env_, object, name, function, this);
  if (napi_add_finalizer(env_, value, functions_, Collected, nullptr, nullptr) == napi_ok) ++functions_->left;
}

void StoreHandle::Collected(napi_env /*env*/, void* data, void* /*hint*/) {
  auto* functions = static_cast<Functions*>(data);
  if (--functions->left > 0) return;
  // That frees the list, too.
  if (functions->handle != nullptr) {
    functions->handle->environment_->Forget(functions->handle);
  } else {
    delete functions;
  }
}

size_t StoreHandle::Put(const Completion& completion, const Decision* decisions, size_t record) {
  static constexpr Decision kNone;
  const size_t records = completion.decisions == 0 ? 1 : completion.decisions;
  for (size_t i = 0; i < records; ++i) {
    const Decision& decision = completion.decisions == 0 ? kNone : decisions[i];
    double* fields = batch_ + (record + i) * kRecordLength;
    fields[0] = completion.ticket;
    fields[1] = static_cast<double>(completion.status);
    fields[2] = decision.allowed ? 1 : 0;
    fields[3] = static_cast<double>(completion.took_us);
    fields[4] = static_cast<double>(decision.remaining);
    fields[5] = static_cast<double>(decision.reset_in_ms);
    fields[6] = static_cast<double>(decision.retry_after_ms);
    fields[7] = static_cast<double>(decision.used);
    fields[8] = static_cast<double>(decision.mark);
    fields[9] = decision.blocked ? 1 : 0;
  }
  return records;
}

void StoreHandle::Deliver() {
  const Napi::HandleScope scope(env_);
  ++delivering_;
  // Taken first: what JavaScript asks meanwhile reports into the next turn's results.
  Completions completions;
  std::swap(completions, results_.completions);
  const Decision* decisions = completions.decisions();
  size_t filled = 0;
  for (const Completion& completion : completions.list()) {
    // The records of one call cross together.
    if (filled + kMaxRules > batch_records_) {
      Call(on_batch_, {MakeNumber(env_, static_cast<double>(filled))});
      filled = 0;
    }
    filled += Put(completion, decisions, filled);
    decisions += completion.decisions;
  }
  if (filled > 0) Call(on_batch_, {MakeNumber(env_, static_cast<double>(filled))});
  completions.Clear();
  // The memory is used again.
  if (results_.completions.empty()) std::swap(results_.completions, completions);
  DeliverPages();
  DeliverEvents();
  --delivering_;
  LetGo();
}

void StoreHandle::LetGo() {
  if (limiter_ != nullptr || delivering_ > 0) return;
  receiver_.Reset();
  on_batch_.Reset();
  on_page_.Reset();
  on_event_.Reset();
  batch_reference_.Reset();
}

void StoreHandle::DeliverEvents() {
  if (results_.events.empty()) return;
  std::vector<Event> events;
  events.swap(results_.events);
  for (const Event& event : events) {
    const auto kind = static_cast<double>(event.kind);
    Call(on_event_, {MakeNumber(env_, kind), MakeText(env_, event.address), MakeText(env_, event.reason)});
  }
}

void StoreHandle::DeliverPages() {
  if (results_.pages.empty()) return;
  std::vector<Page> pages;
  pages.swap(results_.pages);
  for (const Page& page : pages) {
    Call(on_page_, {MakeNumber(env_, page.ticket), MakeNumber(env_, static_cast<double>(page.status)), MakePage(page)});
  }
}

napi_value StoreHandle::MakePage(const Page& page) {
  napi_value object = nullptr;
  napi_get_null(env_, &object);
  if (page.status != Status::kAnswered) return object;
  const size_t length = page.entries.size();
  napi_value keys = MakeArray(env_, length);
  napi_value counts = MakeArray(env_, length);
  napi_value resets = MakeArray(env_, length);
  for (size_t i = 0; i < length; ++i) {
    const auto& entry = page.entries[i];
    SetAt(env_, keys, i, MakeText(env_, entry.key));
    SetAt(env_, counts, i, MakeNumber(env_, static_cast<double>(entry.count)));
    SetAt(env_, resets, i, MakeNumber(env_, static_cast<double>(entry.reset_in_ms)));
  }
  object = MakeObject(env_);
  Set(env_, object, "cursor", MakeText(env_, page.cursor));
  Set(env_, object, "keys", keys);
  Set(env_, object, "counts", counts);
  Set(env_, object, "resetInMs", resets);
  return object;
}

void StoreHandle::Call(const Napi::FunctionReference& callback, std::initializer_list<napi_value> arguments) {
  const napi_status status = napi_make_callback(env_, nullptr, receiver_.Value(), callback.Value(), arguments.size(),
                                                arguments.begin(), nullptr);
  if (status != napi_pending_exception) return;
  napi_value exception = nullptr;
  napi_get_and_clear_last_exception(env_, &exception);
  napi_fatal_exception(env_, exception);
}

void StoreHandle::Close() {
  if (limiter_ == nullptr) return;
  const std::unique_ptr<Limiter> limiter = std::move(limiter_);
  limiter->store()->Close();
  Deliver();
}

}  // namespace spillway
