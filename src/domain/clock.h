#pragma once

#include <cstdint>

namespace spillway {

// The one door to time. Monotonic: it never jumps with the machine's wall clock. Tests pass a clock that they move.
class Clock {
 public:
  virtual ~Clock() = default;
  // Milliseconds since an arbitrary start.
  virtual int64_t NowMs() const = 0;
  // The same in microseconds.
  virtual int64_t NowUs() const = 0;
};

}  // namespace spillway
