#include "store_handle.h"

#include <algorithm>
#include <cstring>

namespace spillway {
namespace {

// RecordField of lib/native.ts.
constexpr size_t kRecordLength = 10;

}  // namespace

StoreHandle::StoreHandle(Napi::Env env, const Napi::Object& callbacks) : env_(env) {
  receiver_ = Napi::Persistent(callbacks);
  on_batch_ = Napi::Persistent(callbacks.Get("onBatch").As<Napi::Function>());
  on_page_ = Napi::Persistent(callbacks.Get("onPage").As<Napi::Function>());
  auto batch = callbacks.Get("batch").As<Napi::Float64Array>();
  // The array is held, and a typed array's memory does not move.
  batch_reference_ = Napi::Persistent(batch);
  batch_ = batch.Data();
  batch_records_ = batch.ElementLength() / kRecordLength;
}

void StoreHandle::Put(const Outcome& outcome, size_t record) {
  const Decision& decision = outcome.decision;
  double* fields = batch_ + record * kRecordLength;
  fields[0] = outcome.ticket;
  fields[1] = static_cast<double>(outcome.ending);
  fields[2] = decision.allowed ? 1 : 0;
  fields[3] = static_cast<double>(decision.limit);
  fields[4] = static_cast<double>(decision.remaining);
  fields[5] = static_cast<double>(decision.reset_in_ms);
  fields[6] = static_cast<double>(decision.retry_after_ms);
  fields[7] = static_cast<double>(decision.used);
  fields[8] = static_cast<double>(decision.mark);
  fields[9] = decision.blocked ? 1 : 0;
}

void StoreHandle::PutFirst() {
  for (size_t i = 0; i < now_.size(); ++i) Put(now_[i], i);
}

void StoreHandle::Deliver() {
  // An environment that ended while this was made gave no array, and reads nothing any more.
  if (batch_records_ == 0) return;
  const Napi::HandleScope scope(env_);
  // Taken first: what JavaScript asks meanwhile reports into the next turn's results.
  std::vector<Outcome> outcomes;
  outcomes.swap(results_.outcomes);
  size_t filled = 0;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    Put(outcomes[i], filled++);
    // The records of one call cross together.
    const bool whole = outcomes[i].behind == 0;
    if (i + 1 == outcomes.size() || (whole && filled + kMaxRules > batch_records_)) {
      Call(on_batch_, {Napi::Number::New(env_, static_cast<double>(filled))});
      filled = 0;
    }
  }
  outcomes.clear();
  // The memory is used again.
  if (results_.outcomes.empty()) results_.outcomes.swap(outcomes);
  DeliverPages();
}

void StoreHandle::DeliverPages() {
  if (results_.pages.empty()) return;
  std::vector<Page> pages;
  pages.swap(results_.pages);
  for (const Page& page : pages) {
    Napi::Value value = env_.Null();
    if (page.ending == Ending::kAnswered) {
      const auto length = static_cast<uint32_t>(page.entries.size());
      auto keys = Napi::Array::New(env_, length);
      auto counts = Napi::Array::New(env_, length);
      auto resets = Napi::Array::New(env_, length);
      for (uint32_t i = 0; i < length; ++i) {
        keys[i] = Napi::String::New(env_, page.entries[i].key);
        counts[i] = Napi::Number::New(env_, static_cast<double>(page.entries[i].count));
        resets[i] = Napi::Number::New(env_, static_cast<double>(page.entries[i].reset_in_ms));
      }
      auto object = Napi::Object::New(env_);
      object["cursor"] = Napi::String::New(env_, page.cursor);
      object["keys"] = keys;
      object["counts"] = counts;
      object["resetInMs"] = resets;
      value = object;
    }
    Call(on_page_,
         {Napi::Number::New(env_, page.ticket), Napi::Number::New(env_, static_cast<double>(page.ending)), value});
  }
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
