#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>

#include "redis/resp.h"

namespace spillway {

// The bytes of commands on the hot path, and numbers in replies. See resp.h for the rest.

void AppendNumber(int64_t value, std::string* out);
// A bulk string: `$<length>`, the text.
void AppendBulk(std::string_view text, std::string* out);
void AppendBulkNumber(int64_t value, std::string* out);
void AppendBulkNumbers(std::initializer_list<int64_t> values, std::string* out);
// The beginning of a command of so many arguments, its name included.
void AppendArray(size_t arguments, std::string* out);

// The same into memory that has room; each answers where it ends.
inline char* Put(std::string_view text, char* to) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}
char* PutBulkNumber(int64_t value, char* to);

// A whole decimal number, or false.
bool ParseInteger(std::string_view text, int64_t* value);

// TIME, and its reply: milliseconds since the epoch, or -1.
void AppendTime(std::string* out);
int64_t ParseTime(const Reply& reply);

}  // namespace spillway
