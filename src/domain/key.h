#pragma once

#include <string>
#include <string_view>

#include "rule.h"

namespace spillway {

// Longest id of a subject, in bytes of UTF-8, before encoding.
constexpr size_t kMaxIdBytes = 1024;

// Where a rule counts a subject: `<prefix><subject>` for a rule without id, else `{<prefix><subject>}:<id>`. This is the one
// place that composes it: for Redis as a whole, in process without the prefix, which all keys of a table share.

// Appends an id to a key. `%`, `{`, `}` and control characters are percent-encoded: the mapping is injective, no id can
// open a Cluster hash tag, and no id can spell a key that the package reserves (those hold a `%` followed by no digit).
void AppendEncoded(std::string_view id, std::string* key);

// What stands in front of the encoded subject, and what behind it.
std::string KeyFront(std::string_view prefix, std::string_view part);
std::string KeyTail(std::string_view part);

// Makes *key the key of a subject under a rule; its memory is used again.
void WriteKey(const Rule& rule, std::string_view subject, std::string* key);
// The same without what stands in front. No encoded subject holds a brace, so the two kinds never meet.
void WriteShortKey(const Rule& rule, std::string_view subject, std::string* key);

// Appends `text` so that SCAN's glob reads it literally.
void AppendGlobLiteral(std::string_view text, std::string* pattern);

}  // namespace spillway
