#pragma once

#include <string>
#include <string_view>

namespace spillway {

// Longest id of a subject, in bytes of UTF-8, before encoding.
constexpr size_t kMaxIdBytes = 1024;

// Appends an id to a key. `%`, `{`, `}` and control characters are percent-encoded: the mapping is injective, no id can
// open a Cluster hash tag, and no id can spell a key that the package reserves (those hold a `%` followed by no digit).
void AppendEncoded(std::string_view id, std::string* key);

// Appends `text` so that SCAN's glob reads it literally.
void AppendGlobLiteral(std::string_view text, std::string* pattern);

}  // namespace spillway
