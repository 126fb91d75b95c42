#pragma once

#include <string_view>

namespace spillway {

// Whether `text` matches a glob as Redis reads it in SCAN: `*`, `?`, `[abc]`, `[^a]`, `[a-z]`, `\x`.
bool GlobMatch(std::string_view pattern, std::string_view text);

}  // namespace spillway
