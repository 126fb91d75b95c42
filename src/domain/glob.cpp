#include "glob.h"

#include <algorithm>

namespace spillway {
namespace {

// Reads a class such as [a-c] that starts behind its '['; answers whether `c` is in it and moves `at` behind the ']'.
bool ClassHolds(std::string_view pattern, size_t* at, char c) {
  bool negated = false;
  if (*at < pattern.size() && pattern[*at] == '^') {
    negated = true;
    ++*at;
  }
  bool found = false;
  while (*at < pattern.size() && pattern[*at] != ']') {
    if (pattern[*at] == '\\' && *at + 1 < pattern.size()) ++*at;
    char low = pattern[*at];
    char high = low;
    if (*at + 2 < pattern.size() && pattern[*at + 1] == '-' && pattern[*at + 2] != ']') {
      high = pattern[*at + 2];
      *at += 2;
    }
    if (low > high) std::swap(low, high);
    if (c >= low && c <= high) found = true;
    ++*at;
  }
  if (*at < pattern.size()) ++*at;
  return found != negated;
}

}  // namespace

bool GlobMatch(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  // Only the last star needs to be remembered: an earlier one can always leave its choice to it.
  size_t star = std::string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    bool matched = false;
    size_t next = p;
    if (p < pattern.size()) {
      const char c = pattern[p];
      if (c == '*') {
        star = p++;
        star_text = t;
        continue;
      }
      next = p + 1;
      if (c == '?') {
        matched = true;
      } else if (c == '[') {
        matched = ClassHolds(pattern, &next, text[t]);
      } else if (c == '\\' && next < pattern.size()) {
        matched = pattern[next++] == text[t];
      } else {
        matched = c == text[t];
      }
    }
    if (matched) {
      p = next;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace spillway
