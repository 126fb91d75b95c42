#pragma once

#include <cstdint>

#include "clock.h"
#include "net/handle.h"

namespace spillway {

class SteadyClock : public Clock {
 public:
  int64_t NowMs() const override { return static_cast<int64_t>(uv_hrtime() / 1000000); }
  int64_t NowUs() const override { return static_cast<int64_t>(uv_hrtime() / 1000); }
};

class TurnEvents {
 public:
  virtual ~TurnEvents() = default;
  // Before the loop waits for input, and after it has read. Both answer when they want to run again at the latest (clock
  // milliseconds; INT64_MAX: not before something happens). OnTurnEnd may destroy the turn.
  virtual int64_t OnFlush() = 0;
  virtual int64_t OnTurnEnd() = 0;
};

// The event loop as a store sees it: a place to write before the loop waits for input, and one to settle after it has
// read. Timers only wake the loop; what is due is decided in OnTurnEnd, after the read, so that an event loop that was blocked
// does not turn an answer that has arrived into a timeout. Nothing here keeps a process alive but KeepAliveUntil.
class Turn {
 public:
  Turn(HandleScope* scope, const Clock* clock, TurnEvents* events);
  ~Turn();

  // Something is waiting to be written, or has been read: both callbacks run in this turn of the loop.
  void Request();
  // From now on the process does not exit by itself; the loop wakes at `at_ms` or before.
  void KeepAliveUntil(int64_t at_ms);
  // Nothing waits any more.
  void LetGo();

 private:
  void WakeBy(int64_t at_ms);
  void Flush();
  void Wake();
  void AfterPoll();

  const Clock* clock_;
  TurnEvents* events_;
  bool* gone_ = nullptr;    // set while OnTurnEnd runs
  bool requested_ = false;  // prepare and check are running
  bool flush_due_ = false;
  bool alive_ = false;
  int64_t wake_at_ms_ = INT64_MAX;
  Handle<uv_prepare_t> prepare_;
  Handle<uv_check_t> check_;
  Handle<uv_idle_t> idle_;  // while it runs, the loop does not wait
  Handle<uv_timer_t> timer_;
};

}  // namespace spillway
