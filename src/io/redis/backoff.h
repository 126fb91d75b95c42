#pragma once

#include <cstdint>

namespace spillway {

// When to dial again: exponential backoff with full jitter (a uniform draw from 1 ms to the cap, which doubles from 50 ms to
// the longest), so that many processes do not return to a server in step. It never gives up.
class Backoff {
 public:
  Backoff(uint64_t seed, int64_t longest_ms) : state_(seed | 1), longest_ms_(longest_ms) {}

  // Milliseconds to wait before the next dial. A refused login waits at least a second: it will not mend itself.
  int64_t NextDelayMs(bool login_refused);
  // The connection answered.
  void Reset() {
    failures_before_ = failures_;
    failures_ = 0;
  }
  // It was of no use all the same: goes on from before the Reset.
  void Relapse() { failures_ = failures_before_; }

 private:
  uint64_t state_;
  const int64_t longest_ms_;
  int failures_ = 0;
  int failures_before_ = 0;
};

}  // namespace spillway
