#pragma once

#include <cstdint>

namespace spillway {

struct BreakerOptions {
  int64_t failures = 5;          // in a row, until it opens: 1 ..
  int64_t open_ms = 1'000;       // from then until one call may try: 1 ..
  int64_t factor = 2;            // by which that grows with each try that fails: 1 ..
  int64_t max_open_ms = 30'000;  // and what it grows to at most: open_ms ..
};

// Whether a server or a store is asked at all: while it is open, nobody waits for what will not come. A machine without IO and
// without a clock: its times are milliseconds of a monotonic one. One for each node of Redis, and one for each other store.
//
//   closed     all are asked. So many failures in a row, and it opens
//   open       nobody is asked, until its time is over
//   half-open  one was asked, the probe. When it succeeds all are asked again; when it fails, it is open for longer
//
// A failure counts where what failed was asked after the last one that was counted: calls that wait together for a server that
// stalls are told one thing, and not each its own.
class Breaker {
 public:
  // The numbers cross into JavaScript (lib/stores/breaker.ts).
  enum class State : uint8_t { kClosed, kOpen, kHalfOpen };

  explicit Breaker(const BreakerOptions& options = {}) : options_(options) {}

  // What a call hands back with its end: ends of an earlier generation say nothing any more.
  using Generation = uint32_t;
  static constexpr Generation kRefused = 0;

  // Whether Enter would let a call through.
  bool MayEnter(int64_t now_ms) const { return closed() || now_ms >= open_until_ms_; }
  // Asks for leave to make a call; kRefused: it is not to be made. When the time is over, the first is the probe; another may
  // follow after as long again, should nothing be heard of it.
  Generation Enter(int64_t now_ms);
  // Of a call that is made without leave, such as one that only asks how the store is.
  Generation generation() const { return generation_; }
  // The call was answered; a denial is an answer.
  void Succeed(Generation generation);
  // It was not, or the server could not do it.
  void Fail(Generation generation, int64_t asked_ms, int64_t now_ms);
  // It was seen to work in another way, such as by a login: all are asked again.
  void Reset();
  // Something was heard of it that says less than that: the probe may be made at once.
  void Heard(int64_t now_ms);

  bool closed() const { return open_until_ms_ == 0; }
  State state() const { return closed() ? State::kClosed : probing_ ? State::kHalfOpen : State::kOpen; }
  // Failures in a row that were counted.
  int64_t failures() const { return failures_; }
  // When the next probe may be made; 0 where it is closed.
  int64_t next_attempt_ms() const { return open_until_ms_; }

 private:
  void Open(int64_t now_ms);

  BreakerOptions options_;
  Generation generation_ = 1;
  bool probing_ = false;
  int64_t failures_ = 0;
  int64_t last_failed_ms_ = INT64_MIN;
  int64_t open_ms_ = 0;        // how long it was opened for; 0: it is closed
  int64_t open_until_ms_ = 0;  // 0: it is closed
};

}  // namespace spillway
