#include "net/turn.h"

#include <algorithm>

namespace spillway {

Turn::Turn(HandleScope* scope, const Clock* clock, TurnEvents* events)
    : clock_(clock),
      events_(events),
      prepare_(scope, this, uv_prepare_init),
      check_(scope, this, uv_check_init),
      idle_(scope, this, uv_idle_init),
      timer_(scope, this, uv_timer_init) {
  uv_unref(prepare_.base());
  uv_unref(check_.base());
  uv_unref(idle_.base());
  uv_unref(timer_.base());
}

Turn::~Turn() {
  if (gone_ != nullptr) *gone_ = true;
}

void Turn::Request() {
  flush_due_ = true;
  if (requested_) return;
  requested_ = true;
  uv_prepare_start(prepare_.get(), [](uv_prepare_t* handle) {
    if (handle->data != nullptr) static_cast<Turn*>(handle->data)->Flush();
  });
  uv_check_start(check_.get(), [](uv_check_t* handle) {
    if (handle->data != nullptr) static_cast<Turn*>(handle->data)->AfterPoll();
  });
}

void Turn::KeepAliveUntil(int64_t at_ms) {
  if (alive_) return;
  alive_ = true;
  uv_ref(timer_.base());
  // Between the timer's firing and its next start, this one is active.
  uv_ref(idle_.base());
  // Only an active handle counts.
  WakeBy(at_ms);
}

void Turn::LetGo() {
  if (!alive_) return;
  alive_ = false;
  uv_unref(timer_.base());
  uv_unref(idle_.base());
}

void Turn::WakeBy(int64_t at_ms) {
  // A timer that fires earlier than needed costs one empty turn; re-arming it at every turn would cost more.
  if (at_ms >= wake_at_ms_) return;
  wake_at_ms_ = at_ms;
  const int64_t delay = std::max<int64_t>(0, at_ms - clock_->NowMs());
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* handle) {
        if (handle->data != nullptr) static_cast<Turn*>(handle->data)->Wake();
      },
      static_cast<uint64_t>(delay), 0);
}

void Turn::Flush() {
  flush_due_ = false;
  WakeBy(events_->OnFlush());
}

void Turn::Wake() {
  wake_at_ms_ = INT64_MAX;
  Request();
  uv_idle_start(idle_.get(), [](uv_idle_t*) {});
}

void Turn::AfterPoll() {
  uv_idle_stop(idle_.get());
  // Before OnTurnEnd: what it requests is for the next turn, as is what was requested since the flush of this one.
  requested_ = flush_due_;
  if (!requested_) {
    uv_prepare_stop(prepare_.get());
    uv_check_stop(check_.get());
  }
  bool gone = false;
  gone_ = &gone;
  const int64_t next = events_->OnTurnEnd();
  if (gone) return;
  gone_ = nullptr;
  WakeBy(next);
}

}  // namespace spillway
