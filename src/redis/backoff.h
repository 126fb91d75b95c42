#pragma once

#include <cstdint>

namespace spillway {

// When to dial again: exponential backoff with full jitter (a uniform draw from 0 to the cap, which doubles from 50 ms to
// 2 s), so that many processes do not return to a server in step. It never gives up.
class Backoff {
 public:
  explicit Backoff(uint64_t seed) : state_(seed | 1) {}

  // Milliseconds to wait before the next dial. A refused login waits at least a second: it will not mend itself.
  int64_t NextDelayMs(bool login_refused);
  // The connection answered.
  void Reset() { failures_ = 0; }

 private:
  uint64_t state_;
  int failures_ = 0;
};

}  // namespace spillway
