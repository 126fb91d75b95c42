// The algorithms as a pure function: numbers cross in one typed array, in and out, and states beside them.
#include "step_call.h"

#include <array>

#include "rule.h"
#include "step.h"
#include "values.h"

namespace spillway {
namespace {

// StepIn of lib/native.ts, and below StepOut.
enum In : size_t { kAlgorithm, kLimit, kWindowMs, kBurst, kShadow, kMark };
constexpr size_t kStepLength = 9;
// Marks may be a little above 2^53; nothing else is.
constexpr double kMostWhole = 18014398509481984.0;

// The numbers of `items` items, or nothing where these are not so many.
double* NumbersOf(napi_env env, napi_value array, size_t items) {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) != napi_ok) return nullptr;
  return type == napi_float64_array && length >= items * kStepLength ? static_cast<double*>(data) : nullptr;
}

// What is no number that a rule can have becomes -1.
int64_t Whole(double number) {
  return number >= -kMostWhole && number <= kMostWhole ? static_cast<int64_t>(number) : -1;
}

bool ReadRule(const double* numbers, Rule* rule) {
  const int64_t algorithm = Whole(numbers[kAlgorithm]);
  if (algorithm < 0 || algorithm > static_cast<int64_t>(Algorithm::kTokenBucket)) return false;
  rule->algorithm = static_cast<Algorithm>(algorithm);
  rule->limit = Whole(numbers[kLimit]);
  rule->window_ms = Whole(numbers[kWindowMs]);
  rule->burst = Whole(numbers[kBurst]);
  rule->shadow = numbers[kShadow] != 0;
  rule->timeout_ms = 1;
  return Validate(*rule).empty();
}

void Write(const Stepped& result, double* numbers) {
  const Decision& decision = result.decision;
  *numbers++ = decision.allowed ? 1 : 0;
  *numbers++ = static_cast<double>(decision.remaining);
  *numbers++ = static_cast<double>(decision.reset_in_ms);
  *numbers++ = static_cast<double>(decision.retry_after_ms);
  *numbers++ = static_cast<double>(decision.used);
  *numbers++ = static_cast<double>(decision.mark);
  *numbers++ = decision.blocked ? 1 : 0;
  *numbers++ = result.changed ? 1 : 0;
  *numbers = static_cast<double>(result.expires_in_ms);
}

napi_value Refused(napi_env env) {
  napi_throw_range_error(env, nullptr, "no step is taken by these numbers");
  return nullptr;
}

}  // namespace

// (op, units, nowMs, numbers, states)
napi_value StepCall(napi_env env, napi_callback_info info) {
  const Arguments<void, 5> given(env, info);
  Reader read(env);
  const int64_t op = read.Whole(given[0]);
  const int64_t units = read.Whole(given[1]);
  const int64_t now_ms = read.Whole(given[2]);
  const size_t size = read.Length(given[4]);
  if (!read.ok()) return nullptr;
  double* numbers = size >= 1 && size <= kMaxRules ? NumbersOf(env, given[3], size) : nullptr;
  const bool good = op >= 0 && op < static_cast<int64_t>(Op::kReset) && units >= 1 && units <= kMaxLimit &&
                    now_ms >= 0 && now_ms <= kMaxTimeMs;
  if (numbers == nullptr || !good) return Refused(env);
  std::array<Rule, kMaxRules> rules;
  std::string states[kMaxRules];
  StepItem items[kMaxRules];
  for (size_t i = 0; i < size; ++i) {
    const double* of = numbers + i * kStepLength;
    if (!ReadRule(of, &rules[i])) return Refused(env);
    states[i] = read.Text(read.At(given[4], static_cast<uint32_t>(i)));
    items[i] = {&rules[i], states[i], Whole(of[kMark])};
  }
  if (!read.ok()) return nullptr;
  std::array<Stepped, kMaxRules> results;
  const size_t done = Step(static_cast<Op>(op), units, now_ms, size, items, results.data());
  for (size_t i = 0; done == size && i < size; ++i) {
    Write(results[i], numbers + i * kStepLength);
    if (results[i].changed) SetAt(env, given[4], i, MakeText(env, results[i].state));
  }
  return MakeNumber(env, static_cast<double>(done));
}

}  // namespace spillway
