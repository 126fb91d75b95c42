#pragma once

#include <cstdint>
#include <string>

namespace spillway {

enum class Algorithm : uint8_t { kFixedWindow, kSlidingWindow, kSlidingLog, kTokenBucket };

// Every number that the algorithms compute stays exactly representable in a double, in Lua as in JavaScript.
constexpr int64_t kMaxLimit = (int64_t{1} << 53) - 1;
// Ten years of 365 days.
constexpr int64_t kMaxWindowMs = int64_t{10} * 365 * 24 * 3600 * 1000;
// A sliding log holds an entry for each admitted unit.
constexpr int64_t kMaxLogLimit = 10000;
// Stands where a fixed window's count stood while a key is blocked: above every limit. On Redis plain INCRs may move it, so
// every integer from here on is a block.
constexpr int64_t kBlocked = int64_t{1} << 53;
// Penalties, and units that plain commands add and may have to take back, leave a count below this: none becomes a block.
constexpr int64_t kMostCounted = kBlocked - (int64_t{1} << 32);

// The expiry, from now, of what begins now and lasts `ms`: a key, as a record in process, lives through the millisecond of
// its expiry. What lasts 1 ms lasts 2, because Redis takes an expiry of 0 for a deletion.
constexpr int64_t ExpiryOf(int64_t ms) { return ms > 1 ? ms - 1 : 1; }

// One limit: at most `limit` units per `window_ms`, by one of the algorithms. Immutable once registered.
struct Rule {
  // Written in front of every subject; not encoded.
  std::string prefix;
  Algorithm algorithm = Algorithm::kFixedWindow;
  int64_t limit = 0;       // 0 denies everything
  int64_t window_ms = 0;   // 1 .. kMaxWindowMs
  int64_t timeout_ms = 0;  // the deadline of one check, 1 ..; ignored in process
  // The part of a key behind its subject: `{<prefix><subject>}:<part>`. Empty: the key is `<prefix><subject>`.
  std::string part;
  int64_t burst = 0;    // a token bucket's capacity, 1 ..; ignored by the others
  bool shadow = false;  // counts and reports, never denies
  bool probe = false;   // nobody's limit: its key is health's own

  // Units that fit into fresh state.
  int64_t capacity() const { return algorithm == Algorithm::kTokenBucket ? burst : limit; }
};

// The most rules that one check may have; see RuleSet.
constexpr size_t kMaxRules = 8;

// An empty text, or what is wrong with the rule.
std::string Validate(const Rule& rule);

}  // namespace spillway
