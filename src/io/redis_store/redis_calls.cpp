#include "redis_store/redis_calls.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "scripts.h"

namespace spillway {
namespace {

void AppendNumber(int64_t value, std::string* out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out->append(digits, static_cast<size_t>(end - digits));
}

void AppendBulk(std::string_view text, std::string* out) {
  out->push_back('$');
  AppendNumber(static_cast<int64_t>(text.size()), out);
  out->append("\r\n");
  out->append(text);
  out->append("\r\n");
}

void AppendBulkNumber(int64_t value, std::string* out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  AppendBulk({digits, static_cast<size_t>(end - digits)}, out);
}

// Goes in front of every command that an ASK has sent here.
constexpr std::string_view kAsking = "*1\r\n$6\r\nASKING\r\n";

void AppendAsking(const Request& request, std::string* out) {
  if (request.asking) out->append(kAsking);
}

// EVALSHA or EVAL with the keys of all rules; the caller appends `arguments` bulk strings.
void AppendScriptCall(const Script& script, const Request& request, size_t arguments, std::string* out) {
  const size_t keys = request.rules->size();
  out->push_back('*');
  AppendNumber(static_cast<int64_t>(3 + keys + arguments), out);
  out->append(request.send_source ? "\r\n$4\r\nEVAL\r\n" : "\r\n$7\r\nEVALSHA\r\n");
  AppendBulk(request.send_source ? script.source : script.sha1, out);
  AppendBulkNumber(static_cast<int64_t>(keys), out);
  for (size_t i = 0; i < keys; ++i) AppendBulk(request.keys[i], out);
}

void AppendNumbers(std::initializer_list<int64_t> numbers, std::string* out) {
  for (const int64_t number : numbers) AppendBulkNumber(number, out);
}

std::string_view LetterOf(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kFixedWindow:
      return "f";
    case Algorithm::kSlidingWindow:
      return "w";
    case Algorithm::kSlidingLog:
      return "l";
    case Algorithm::kTokenBucket:
      break;
  }
  return "b";
}

const Script& LayeredScript(const RuleSet& rules) {
  const Algorithm first = rules.front().algorithm;
  for (const Rule& rule : rules) {
    if (rule.algorithm != first) return k_layered_all;
  }
  switch (first) {
    case Algorithm::kFixedWindow:
      return k_layered_fixed_window;
    case Algorithm::kSlidingWindow:
      return k_layered_sliding_window;
    case Algorithm::kSlidingLog:
      return k_layered_sliding_log;
    case Algorithm::kTokenBucket:
      break;
  }
  return k_layered_token_bucket;
}

void AppendWindows(const Request& request, std::string* out) {
  AppendScriptCall(k_fixed_windows, request, 2 + 2 * request.rules->size(), out);
  AppendNumbers({request.cost, request.asked}, out);
  for (const Rule& rule : *request.rules) AppendNumbers({rule.limit, rule.window_ms}, out);
}

void AppendLayered(const Request& request, std::string* out) {
  if (AsksWindows(request)) {
    AppendWindows(request, out);
    return;
  }
  AppendScriptCall(LayeredScript(*request.rules), request, 3 + 5 * request.rules->size(), out);
  const bool force = request.op == Op::kPenalize;
  AppendNumbers({request.cost, request.asked, force ? 1 : 0}, out);
  for (const Rule& rule : *request.rules) {
    AppendBulk(LetterOf(rule.algorithm), out);
    AppendNumbers({rule.capacity(), rule.window_ms, rule.limit, rule.shadow ? 1 : 0}, out);
  }
}

void AppendRefund(const Request& request, std::string* out) {
  AppendScriptCall(k_refund, request, 1 + 4 * request.rules->size(), out);
  AppendBulkNumber(request.cost, out);
  for (size_t i = 0; i < request.rules->size(); ++i) {
    const Rule& rule = (*request.rules)[i];
    AppendBulk(LetterOf(rule.algorithm), out);
    AppendNumbers({rule.window_ms, rule.limit, request.marks[i]}, out);
  }
}

void AppendBlock(const Request& request, std::string* out) {
  for (size_t i = 0; i < request.rules->size(); ++i) {
    AppendAsking(request, out);
    out->append("*5\r\n$3\r\nSET\r\n");
    AppendBulk(request.keys[i], out);
    AppendBulkNumber(kBlocked, out);
    out->append("$2\r\nPX\r\n");
    AppendBulkNumber(ExpiryOf(request.cost), out);
  }
}

char* Put(std::string_view text, char* to) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

char* PutBulkNumber(int64_t value, char* to) {
  if (value >= 0 && value < 10) {
    to = Put("$1\r\n0\r\n", to);
    to[-3] = static_cast<char>('0' + value);
    return to;
  }
  char digits[24];
  const auto length = std::to_chars(digits, digits + sizeof(digits), value).ptr - digits;
  *to++ = '$';
  to = Put("\r\n", std::to_chars(to, to + 2, length).ptr);
  return Put("\r\n", Put({digits, static_cast<size_t>(length)}, to));
}

// The hot path: room for the longest is made once, the key's bulk string is composed once, and the rest is copied.
void AppendPlain(const Request& request, std::string* out) {
  constexpr size_t kMostBesidesKeys = 320;
  const std::string& key = request.key();
  const size_t from = out->size();
  out->resize(from + 3 * key.size() + kMostBesidesKeys);
  const std::string_view asking = kAsking.substr(0, request.asking ? kAsking.size() : 0);
  char* to = Put("*2\r\n$11\r\nPEXPIRETIME\r\n", Put(asking, out->data() + from));
  char* const key_at = to;
  *to++ = '$';
  to = Put("\r\n", std::to_chars(to, to + 20, key.size()).ptr);
  to = Put("\r\n", Put(key, to));
  const std::string_view bulk_key(key_at, static_cast<size_t>(to - key_at));
  to = Put(asking, to);
  if (request.units == 1) {
    // One argument less for Redis to read and to hold.
    to = Put(bulk_key, Put("*2\r\n$4\r\nINCR\r\n", to));
  } else {
    to = PutBulkNumber(request.units, Put(bulk_key, Put("*3\r\n$6\r\nINCRBY\r\n", to)));
  }
  to = Put(bulk_key, Put("*4\r\n$7\r\nPEXPIRE\r\n", Put(asking, to)));
  to = Put("$2\r\nNX\r\n", PutBulkNumber(ExpiryOf(request.rule().window_ms), to));
  out->resize(static_cast<size_t>(to - out->data()));
}

void AppendExpire(const Request& request, std::string* out) {
  out->append("*4\r\n$7\r\nPEXPIRE\r\n");
  AppendBulk(request.key(), out);
  AppendBulkNumber(ExpiryOf(request.rule().window_ms), out);
  out->append("$2\r\nNX\r\n");
}

void AppendPeek(const Request& request, std::string* out) {
  AppendAsking(request, out);
  out->append("*2\r\n$3\r\nGET\r\n");
  AppendBulk(request.key(), out);
  AppendAsking(request, out);
  out->append("*2\r\n$4\r\nPTTL\r\n");
  AppendBulk(request.key(), out);
}

// Appends the commands of a form that is a single command.
void AppendSingle(const Request& request, std::string* out) {
  AppendAsking(request, out);
  switch (request.call) {
    case Call::kScript:
      AppendScriptCall(k_fixed_window, request, 4, out);
      AppendNumbers({request.rule().limit, request.rule().window_ms, request.cost, request.asked}, out);
      return;
    case Call::kLayered:
      AppendLayered(request, out);
      return;
    case Call::kRefund:
      AppendRefund(request, out);
      return;
    case Call::kExpire:
      AppendExpire(request, out);
      return;
    case Call::kReset:
      out->push_back('*');
      AppendNumber(static_cast<int64_t>(1 + request.rules->size()), out);
      out->append("\r\n$3\r\nDEL\r\n");
      for (size_t i = 0; i < request.rules->size(); ++i) AppendBulk(request.keys[i], out);
      return;
    case Call::kTakeBack:
      AppendScriptCall(k_fixed_window_take_back, request, 4, out);
      AppendNumbers({request.units, request.before_ms, request.server_ms, request.rule().window_ms}, out);
      return;
    default:
      out->append("*2\r\n$7\r\nPERSIST\r\n");
      AppendBulk(request.key(), out);
  }
}

}  // namespace

bool AsksWindows(const Request& request) {
  return request.op == Op::kCheck && std::all_of(request.rules->begin(), request.rules->end(), [](const Rule& rule) {
           return rule.algorithm == Algorithm::kFixedWindow && !rule.shadow;
         });
}

int RepliesOf(const Request& request) {
  switch (request.call) {
    case Call::kPlain:
      return 3;
    case Call::kPeek:
      return 2;
    case Call::kBlock:
      return static_cast<int>(request.rules->size());
    default:
      return 1;
  }
}

int Encode(Request* request, std::string* out) {
  request->replies_seen = 0;
  request->error.clear();
  request->asked = request->op == Op::kPeek ? 0 : request->waiters();
  switch (request->call) {
    case Call::kPlain:
      request->units = std::min(request->asked, request->rule().limit);
      AppendPlain(*request, out);
      break;
    case Call::kPeek:
      AppendPeek(*request, out);
      break;
    case Call::kBlock:
      AppendBlock(*request, out);
      break;
    default:
      AppendSingle(*request, out);
  }
  const int replies = RepliesOf(*request);
  return request->asking ? 2 * replies : replies;
}

void EncodeTime(std::string* out) { out->append("*1\r\n$4\r\nTIME\r\n"); }

bool ParseInteger(std::string_view text, int64_t* value) {
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, *value);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

bool ParseCount(std::string_view text, int64_t* count) {
  const std::string_view digits = text.substr(text.substr(0, 1) == "-" ? 1 : 0);
  const bool padded = digits.substr(0, 1) == "0" && text != "0";
  if (padded || !ParseInteger(text, count) || *count <= -kBlocked) return false;
  *count = std::min(*count, kBlocked);
  return true;
}

int64_t ParseTime(const Reply& reply) {
  int64_t seconds = 0;
  int64_t micros = 0;
  if (reply.size() != 3 || !ParseInteger(reply.text(1), &seconds) || !ParseInteger(reply.text(2), &micros)) return -1;
  const bool sane = seconds >= 0 && seconds <= kMaxLimit / 1000 && micros >= 0 && micros < 1000000;
  return sane ? seconds * 1000 + micros / 1000 : -1;
}

}  // namespace spillway
