// The hot calls: raw Node-API, one crossing per check.
#include <cmath>

#include "key.h"
#include "store_handle.h"

namespace spillway {
namespace {

// Longer than any id that is accepted, so that one that is cut off is seen to be too long.
constexpr size_t kIdBuffer = kMaxIdBytes + 8;

napi_value Number(napi_env env, int32_t value) {
  napi_value number = nullptr;
  napi_create_int32(env, value, &number);
  return number;
}

// Whether UTF-8 from V8 holds a replacement character that the string did not: a lone surrogate. Only asked where one
// was seen at all.
bool HoldsLoneSurrogate(napi_env env, napi_value string) {
  char16_t units[kIdBuffer];
  size_t length = 0;
  napi_get_value_string_utf16(env, string, units, kIdBuffer, &length);
  for (size_t i = 0; i < length; ++i) {
    if (units[i] < 0xD800 || units[i] > 0xDFFF) continue;
    const bool pair = units[i] < 0xDC00 && i + 1 < length && units[i + 1] >= 0xDC00 && units[i + 1] <= 0xDFFF;
    if (!pair) return true;
    ++i;
  }
  return false;
}

// The id as UTF-8 in `buffer`; 0, or the Submit code that refuses it.
int32_t ReadId(napi_env env, napi_value value, char* buffer, std::string_view* id) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, buffer, kIdBuffer, &length) != napi_ok) return kNotAString;
  if (length == 0) return kEmpty;
  if (length > kMaxIdBytes) return kTooLong;
  *id = {buffer, length};
  if (id->find("\xEF\xBF\xBD") != std::string_view::npos && HoldsLoneSurrogate(env, value)) return kLoneSurrogate;
  return 0;
}

struct Call {
  StoreHandle* handle = nullptr;
  napi_value arguments[4] = {};
  uint32_t rule = 0;
  uint32_t slot = 0;
  char buffer[kIdBuffer];
  std::string_view id;
};

// Reads (rule, id, ..., slot); 0, or the Submit code.
int32_t ReadCall(napi_env env, napi_callback_info info, size_t slot_at, Call* call) {
  size_t count = 4;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, call->arguments, nullptr, &data);
  call->handle = static_cast<StoreHandle*>(data);
  if (call->handle->limiter() == nullptr) return kStoreClosed;
  if (count <= slot_at || napi_get_value_uint32(env, call->arguments[0], &call->rule) != napi_ok ||
      napi_get_value_uint32(env, call->arguments[slot_at], &call->slot) != napi_ok ||
      !call->handle->limiter()->HasRule(call->rule)) {
    return kBadNumber;
  }
  return ReadId(env, call->arguments[1], call->buffer, &call->id);
}

napi_value Answer(napi_env env, StoreHandle* handle, bool ready, const Outcome& outcome) {
  if (ready) handle->PutFirst(outcome);
  return Number(env, ready ? kReady : kPending);
}

napi_value Check(napi_env env, napi_callback_info info) {
  Call call;
  const int32_t refused = ReadCall(env, info, 3, &call);
  if (refused != 0) return Number(env, refused);
  double cost = 0;
  if (napi_get_value_double(env, call.arguments[2], &cost) != napi_ok || !(cost >= 1) ||
      cost > static_cast<double>(kMaxLimit) || std::floor(cost) != cost) {
    return Number(env, kBadNumber);
  }
  Outcome outcome;
  const bool ready = call.handle->limiter()->Check(call.rule, call.id, static_cast<int64_t>(cost), call.slot, &outcome);
  return Answer(env, call.handle, ready, outcome);
}

napi_value Peek(napi_env env, napi_callback_info info) {
  Call call;
  const int32_t refused = ReadCall(env, info, 2, &call);
  if (refused != 0) return Number(env, refused);
  Outcome outcome;
  const bool ready = call.handle->limiter()->Peek(call.rule, call.id, call.slot, &outcome);
  return Answer(env, call.handle, ready, outcome);
}

napi_value Reset(napi_env env, napi_callback_info info) {
  Call call;
  const int32_t refused = ReadCall(env, info, 2, &call);
  if (refused != 0) return Number(env, refused);
  Outcome outcome;
  const bool ready = call.handle->limiter()->Reset(call.rule, call.id, call.slot, &outcome);
  return Answer(env, call.handle, ready, outcome);
}

void Define(Napi::Object object, const char* name, napi_callback function, StoreHandle* handle) {
  napi_value value = nullptr;
  napi_create_function(object.Env(), name, NAPI_AUTO_LENGTH, function, handle, &value);
  napi_set_named_property(object.Env(), object, name, value);
}

}  // namespace

void DefineHotCalls(Napi::Object object, StoreHandle* handle) {
  Define(object, "check", Check, handle);
  Define(object, "peek", Peek, handle);
  Define(object, "reset", Reset, handle);
}

}  // namespace spillway
