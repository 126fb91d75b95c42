#include "breaker_call.h"

#include <new>
#include <type_traits>

#include "breaker.h"
#include "values.h"

namespace spillway {
namespace {

// JavaScript holds it as an ArrayBuffer, which is freed without us.
static_assert(std::is_trivially_destructible_v<Breaker>, "nobody calls a destructor");

Breaker* BreakerIn(napi_env env, napi_value buffer) {
  void* data = nullptr;
  size_t size = 0;
  const bool good = napi_get_arraybuffer_info(env, buffer, &data, &size) == napi_ok && size == sizeof(Breaker);
  if (!good) napi_throw_type_error(env, nullptr, "this is no breaker");
  return good ? std::launder(static_cast<Breaker*>(data)) : nullptr;
}

// (failures, openMs, factor, maxOpenMs)
napi_value Make(napi_env env, napi_callback_info info) {
  const Arguments<void, 4> given(env, info);
  Reader read(env);
  BreakerOptions options;
  options.failures = read.Whole(given[0]);
  options.open_ms = read.Whole(given[1]);
  options.factor = read.Whole(given[2]);
  options.max_open_ms = read.Whole(given[3]);
  if (!read.ok()) return nullptr;
  void* data = nullptr;
  napi_value buffer = nullptr;
  if (napi_create_arraybuffer(env, sizeof(Breaker), &data, &buffer) != napi_ok) return nullptr;
  new (data) Breaker(options);
  return buffer;
}

// (breaker, nowMs)
napi_value Enter(napi_env env, napi_callback_info info) {
  const Arguments<void, 2> given(env, info);
  Reader read(env);
  const int64_t now_ms = read.Whole(given[1]);
  Breaker* breaker = BreakerIn(env, given[0]);
  return breaker == nullptr || !read.ok() ? nullptr : MakeNumber(env, breaker->Enter(now_ms));
}

// (breaker, generation)
napi_value Succeed(napi_env env, napi_callback_info info) {
  const Arguments<void, 2> given(env, info);
  Reader read(env);
  const auto generation = static_cast<Breaker::Generation>(read.Whole(given[1]));
  Breaker* breaker = BreakerIn(env, given[0]);
  if (breaker != nullptr && read.ok()) breaker->Succeed(generation);
  return nullptr;
}

// (breaker, generation, askedMs, nowMs)
napi_value Fail(napi_env env, napi_callback_info info) {
  const Arguments<void, 4> given(env, info);
  Reader read(env);
  const auto generation = static_cast<Breaker::Generation>(read.Whole(given[1]));
  const int64_t asked_ms = read.Whole(given[2]);
  const int64_t now_ms = read.Whole(given[3]);
  Breaker* breaker = BreakerIn(env, given[0]);
  if (breaker != nullptr && read.ok()) breaker->Fail(generation, asked_ms, now_ms);
  return nullptr;
}

// (breaker)
napi_value Reset(napi_env env, napi_callback_info info) {
  const Arguments<void> given(env, info);
  Breaker* breaker = BreakerIn(env, given[0]);
  if (breaker != nullptr) breaker->Reset();
  return nullptr;
}

// (breaker): its state, failures, next attempt and generation
napi_value Read(napi_env env, napi_callback_info info) {
  const Arguments<void> given(env, info);
  const Breaker* breaker = BreakerIn(env, given[0]);
  if (breaker == nullptr) return nullptr;
  napi_value numbers = MakeArray(env, 4);
  SetAt(env, numbers, 0, MakeNumber(env, static_cast<double>(breaker->state())));
  SetAt(env, numbers, 1, MakeNumber(env, static_cast<double>(breaker->failures())));
  SetAt(env, numbers, 2, MakeNumber(env, static_cast<double>(breaker->next_attempt_ms())));
  SetAt(env, numbers, 3, MakeNumber(env, breaker->generation()));
  return numbers;
}

}  // namespace

void DefineBreaker(napi_env env, napi_value exports) {
  napi_value object = MakeObject(env);
  SetFunction(env, object, "make", Make, nullptr);
  SetFunction(env, object, "enter", Enter, nullptr);
  SetFunction(env, object, "succeed", Succeed, nullptr);
  SetFunction(env, object, "fail", Fail, nullptr);
  SetFunction(env, object, "reset", Reset, nullptr);
  SetFunction(env, object, "read", Read, nullptr);
  Set(env, exports, "breaker", object);
}

}  // namespace spillway
