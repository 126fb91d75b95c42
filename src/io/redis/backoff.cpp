#include "redis/backoff.h"

#include <algorithm>

namespace spillway {

int64_t Backoff::NextDelayMs(bool login_refused) {
  constexpr int64_t kFirstCapMs = 50;
  constexpr int64_t kLoginDelayMs = 1000;
  const int64_t longest_ms = login_refused ? std::min(longest_ms_, kLoginDelayMs) : longest_ms_;
  const int64_t cap = std::min(longest_ms, kFirstCapMs << std::min(failures_, 6));
  ++failures_;
  // xorshift64: plenty for jitter.
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  // Never at once: that would be within the very turn that lost the connection.
  const auto drawn = 1 + static_cast<int64_t>(state_ % static_cast<uint64_t>(cap));
  return login_refused ? kLoginDelayMs + drawn : drawn;
}

}  // namespace spillway
