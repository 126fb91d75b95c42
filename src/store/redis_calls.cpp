#include "store/redis_calls.h"

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

void AppendLayered(const Request& request, int64_t waiters, std::string* out) {
  AppendScriptCall(LayeredScript(*request.rules), request, 3 + 5 * request.rules->size(), out);
  const bool force = request.op == Op::kPenalize;
  AppendNumbers({request.cost, request.op == Op::kPeek ? 0 : waiters, force ? 1 : 0}, out);
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
    out->append("*5\r\n$3\r\nSET\r\n");
    AppendBulk(request.keys[i], out);
    AppendBulkNumber(kBlocked, out);
    out->append("$2\r\nPX\r\n");
    AppendBulkNumber(request.cost, out);
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
  constexpr size_t kMostBesidesKeys = 256;
  const std::string& key = request.key();
  const size_t from = out->size();
  out->resize(from + 3 * key.size() + kMostBesidesKeys);
  char* to = Put("*2\r\n$11\r\nPEXPIRETIME\r\n", out->data() + from);
  char* const key_at = to;
  *to++ = '$';
  to = Put("\r\n", std::to_chars(to, to + 20, key.size()).ptr);
  to = Put("\r\n", Put(key, to));
  const std::string_view bulk_key(key_at, static_cast<size_t>(to - key_at));
  to = Put(bulk_key, Put("*3\r\n$6\r\nINCRBY\r\n", to));
  to = PutBulkNumber(request.units, to);
  to = Put(bulk_key, Put("*4\r\n$7\r\nPEXPIRE\r\n", to));
  to = Put("$2\r\nNX\r\n", PutBulkNumber(request.rule().window_ms, to));
  out->resize(static_cast<size_t>(to - out->data()));
}

}  // namespace

int Encode(Request* request, std::string* out) {
  request->replies_seen = 0;
  request->error.clear();
  const auto waiters = static_cast<int64_t>(request->tickets.size());
  switch (request->call) {
    case Call::kPlain:
      request->units = std::min(waiters, request->rule().limit);
      AppendPlain(*request, out);
      return 3;
    case Call::kScript:
      AppendScriptCall(k_fixed_window, *request, 4, out);
      AppendNumbers({request->rule().limit, request->rule().window_ms, request->cost, waiters}, out);
      return 1;
    case Call::kLayered:
      AppendLayered(*request, waiters, out);
      return 1;
    case Call::kPeek:
      out->append("*2\r\n$3\r\nGET\r\n");
      AppendBulk(request->key(), out);
      out->append("*2\r\n$4\r\nPTTL\r\n");
      AppendBulk(request->key(), out);
      return 2;
    case Call::kRefund:
      AppendRefund(*request, out);
      return 1;
    case Call::kBlock:
      AppendBlock(*request, out);
      return static_cast<int>(request->rules->size());
    case Call::kReset:
      out->push_back('*');
      AppendNumber(static_cast<int64_t>(1 + request->rules->size()), out);
      out->append("\r\n$3\r\nDEL\r\n");
      for (size_t i = 0; i < request->rules->size(); ++i) AppendBulk(request->keys[i], out);
      return 1;
    case Call::kTakeBack:
      AppendScriptCall(k_fixed_window_take_back, *request, 4, out);
      AppendNumbers({request->units, request->before_ms, request->server_ms, request->rule().window_ms}, out);
      return 1;
    case Call::kPersist:
      out->append("*2\r\n$7\r\nPERSIST\r\n");
      AppendBulk(request->key(), out);
      return 1;
    case Call::kPing:
      out->append("*1\r\n$4\r\nPING\r\n");
      return 1;
  }
  return 0;
}

void EncodeTime(std::string* out) { out->append("*1\r\n$4\r\nTIME\r\n"); }

bool ParseInteger(std::string_view text, int64_t* value) {
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, *value);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

int64_t ParseTime(const Reply& reply) {
  int64_t seconds = 0;
  int64_t micros = 0;
  if (reply.size() != 3 || !ParseInteger(reply.text(1), &seconds) || !ParseInteger(reply.text(2), &micros)) return -1;
  return seconds * 1000 + micros / 1000;
}

}  // namespace spillway
