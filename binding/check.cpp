// The hot calls: raw Node-API, one crossing per check.
#include "check.h"

#include <cmath>

#include "key.h"
#include "store_handle.h"
#include "values.h"

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
  napi_value arguments[5] = {};
  uint32_t set = 0;
  uint32_t slot = 0;
  char buffer[kIdBuffer];
  std::string_view id;
  bool several = false;

  size_t rules() const { return handle->limiter()->RulesOf(set).size(); }
  Subjects subjects() const { return several ? Subjects(handle->ids()->views.data()) : Subjects(id); }
};

// The key of all rules, or an array with one for each. 0, or the Submit code.
int32_t ReadSubjects(napi_env env, Call* call) {
  napi_value key = call->arguments[1];
  const int32_t refused = ReadId(env, key, call->buffer, &call->id);
  if (refused != kNotAString) return refused;
  napi_is_array(env, key, &call->several);
  if (!call->several) return refused;
  StoreHandle::Ids* ids = call->handle->ids();
  for (uint32_t rule = 0; rule < call->rules(); ++rule) {
    napi_value element = nullptr;
    napi_get_element(env, key, rule, &element);
    const int32_t wrong = ReadId(env, element, call->buffer, &call->id);
    if (wrong != 0) return wrong;
    ids->texts[rule].assign(call->id);
    ids->views[rule] = ids->texts[rule];
  }
  return 0;
}

// Reads (set, key or keys, ..., slot); 0, or the Submit code.
int32_t ReadCall(napi_env env, napi_callback_info info, size_t slot_at, Call* call) {
  size_t count = 5;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, call->arguments, nullptr, &data);
  call->handle = static_cast<StoreHandle*>(data);
  if (call->handle->limiter() == nullptr) return kStoreClosed;
  if (count <= slot_at || napi_get_value_uint32(env, call->arguments[0], &call->set) != napi_ok ||
      napi_get_value_uint32(env, call->arguments[slot_at], &call->slot) != napi_ok ||
      !call->handle->limiter()->HasRules(call->set)) {
    return kBadNumber;
  }
  return ReadSubjects(env, call);
}

// A whole number from 1; false: it is none.
bool ReadUnits(napi_env env, napi_value value, int64_t* units) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= 1) ||
      number > static_cast<double>(kMaxLimit) || std::floor(number) != number) {
    return false;
  }
  *units = static_cast<int64_t>(number);
  return true;
}

// Asks what was read; `units` is 1 where the call has none.
napi_value Submit(napi_env env, const Call& call, Op op, int64_t units, const int64_t* marks = nullptr) {
  Limiter* limiter = call.handle->limiter();
  const Check check{op, &limiter->RulesOf(call.set), call.subjects(), units, call.slot, marks};
  const bool ready = limiter->store()->Submit(check, call.handle->immediate());
  if (ready) call.handle->PutImmediate();
  return Number(env, ready ? kReady : kPending);
}

// (set, key, units, slot)
template <Op op, int64_t most = kMaxLimit>
napi_value WithUnits(napi_env env, napi_callback_info info) {
  Call call;
  const int32_t refused = ReadCall(env, info, 3, &call);
  if (refused != 0) return Number(env, refused);
  int64_t units = 0;
  if (!ReadUnits(env, call.arguments[2], &units) || units > most) return Number(env, kBadNumber);
  return Submit(env, call, op, units);
}

// (set, key, units, marks, slot)
napi_value Refund(napi_env env, napi_callback_info info) {
  Call call;
  const int32_t refused = ReadCall(env, info, 4, &call);
  if (refused != 0) return Number(env, refused);
  int64_t units = 0;
  int64_t marks[kMaxRules] = {};
  if (!ReadUnits(env, call.arguments[2], &units)) return Number(env, kBadNumber);
  for (uint32_t rule = 0; rule < call.rules(); ++rule) {
    napi_value mark = nullptr;
    napi_get_element(env, call.arguments[3], rule, &mark);
    if (napi_get_value_int64(env, mark, &marks[rule]) != napi_ok) return Number(env, kBadNumber);
  }
  return Submit(env, call, Op::kRefund, units, marks);
}

// (set, key, slot)
napi_value Reset(napi_env env, napi_callback_info info) {
  Call call;
  const int32_t refused = ReadCall(env, info, 2, &call);
  return refused != 0 ? Number(env, refused) : Submit(env, call, Op::kReset, 1);
}

}  // namespace

void DefineHotCalls(napi_value object, StoreHandle* handle) {
  handle->Define(object, "check", WithUnits<Op::kCheck>);
  handle->Define(object, "peek", WithUnits<Op::kPeek>);
  handle->Define(object, "penalize", WithUnits<Op::kPenalize>);
  handle->Define(object, "refund", Refund);
  handle->Define(object, "block", WithUnits<Op::kBlock, kMaxWindowMs>);
  handle->Define(object, "reset", Reset);
}

}  // namespace spillway
