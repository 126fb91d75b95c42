#pragma once

#include <cstdint>
#include <string>

namespace spillway {

enum class Algorithm : uint8_t { kFixedWindow };

// Every number that the algorithms compute stays exactly representable in a double, in Lua as in JavaScript.
constexpr int64_t kMaxLimit = (int64_t{1} << 53) - 1;
// Ten years of 365 days.
constexpr int64_t kMaxWindowMs = int64_t{10} * 365 * 24 * 3600 * 1000;

// One limit: at most `limit` units per `window_ms`. Immutable once registered.
struct Rule {
  // Written in front of every subject; not encoded.
  std::string prefix;
  Algorithm algorithm = Algorithm::kFixedWindow;
  int64_t limit = 0;       // 0 denies everything
  int64_t window_ms = 0;   // 1 .. kMaxWindowMs
  int64_t timeout_ms = 0;  // the deadline of one check, 1 ..; ignored in process
};

// An empty text, or what is wrong with the rule.
std::string Validate(const Rule& rule);

}  // namespace spillway
