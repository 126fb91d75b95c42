#include "store/redis_calls.h"

#include <algorithm>
#include <charconv>

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

void AppendScriptCall(const Script& script, bool source, std::string_view key, std::initializer_list<int64_t> arguments,
                      std::string* out) {
  out->push_back('*');
  AppendNumber(static_cast<int64_t>(4 + arguments.size()), out);
  out->append(source ? "\r\n$4\r\nEVAL\r\n" : "\r\n$7\r\nEVALSHA\r\n");
  AppendBulk(source ? script.source : script.sha1, out);
  out->append("$1\r\n1\r\n");
  AppendBulk(key, out);
  for (const int64_t argument : arguments) AppendBulkNumber(argument, out);
}

// The hot path: the key's bulk string is composed once and copied.
void AppendPlain(const Request& request, std::string* out) {
  out->append("*2\r\n$11\r\nPEXPIRETIME\r\n");
  const size_t key_at = out->size();
  AppendBulk(request.key, out);
  const size_t key_bytes = out->size() - key_at;
  out->append("*3\r\n$6\r\nINCRBY\r\n");
  out->append(*out, key_at, key_bytes);
  AppendBulkNumber(request.units, out);
  out->append("*4\r\n$7\r\nPEXPIRE\r\n");
  out->append(*out, key_at, key_bytes);
  AppendBulkNumber(request.rule->window_ms, out);
  out->append("$2\r\nNX\r\n");
}

}  // namespace

int Encode(Request* request, std::string* out) {
  request->replies_seen = 0;
  request->error.clear();
  const auto waiters = static_cast<int64_t>(request->tickets.size());
  switch (request->call) {
    case Call::kPlain:
      request->units = std::min(waiters, request->rule->limit);
      AppendPlain(*request, out);
      return 3;
    case Call::kScript:
      AppendScriptCall(k_fixed_window, request->send_source, request->key,
                       {request->rule->limit, request->rule->window_ms, request->cost, waiters}, out);
      return 1;
    case Call::kPeek:
      out->append("*2\r\n$3\r\nGET\r\n");
      AppendBulk(request->key, out);
      out->append("*2\r\n$4\r\nPTTL\r\n");
      AppendBulk(request->key, out);
      return 2;
    case Call::kReset:
      out->append("*2\r\n$3\r\nDEL\r\n");
      AppendBulk(request->key, out);
      return 1;
    case Call::kTakeBack:
      AppendScriptCall(k_fixed_window_take_back, request->send_source, request->key,
                       {request->units, request->before_ms, request->server_ms, request->rule->window_ms}, out);
      return 1;
    case Call::kPersist:
      out->append("*2\r\n$7\r\nPERSIST\r\n");
      AppendBulk(request->key, out);
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
