#include "redis/wire.h"

#include <charconv>

#include "rule.h"

namespace spillway {

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

void AppendBulkNumbers(std::initializer_list<int64_t> values, std::string* out) {
  for (const int64_t value : values) AppendBulkNumber(value, out);
}

void AppendArray(size_t arguments, std::string* out) {
  out->push_back('*');
  AppendNumber(static_cast<int64_t>(arguments), out);
  out->append("\r\n");
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

bool ParseInteger(std::string_view text, int64_t* value) {
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, *value);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

void AppendTime(std::string* out) { out->append("*1\r\n$4\r\nTIME\r\n"); }

int64_t ParseTime(const Reply& reply) {
  int64_t seconds = 0;
  int64_t micros = 0;
  if (reply.size() != 3 || !ParseInteger(reply.text(1), &seconds) || !ParseInteger(reply.text(2), &micros)) return -1;
  const bool sane = seconds >= 0 && seconds <= kMaxLimit / 1000 && micros >= 0 && micros < 1000000;
  return sane ? seconds * 1000 + micros / 1000 : -1;
}

}  // namespace spillway
