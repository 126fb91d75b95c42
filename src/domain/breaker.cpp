#include "breaker.h"

#include <algorithm>

namespace spillway {

Breaker::Generation Breaker::Enter(int64_t now_ms) {
  if (closed()) return generation_;
  if (now_ms < open_until_ms_) return kRefused;
  probing_ = true;
  open_until_ms_ = now_ms + open_ms_;
  return generation_;
}

void Breaker::Succeed(Generation generation) {
  if (generation != generation_) return;
  if (closed()) {
    failures_ = 0;
  } else {
    Reset();
  }
}

void Breaker::Fail(Generation generation, int64_t asked_ms, int64_t now_ms) {
  if (generation != generation_) return;
  if (closed() ? asked_ms < last_failed_ms_ : !probing_) return;
  last_failed_ms_ = now_ms;
  ++failures_;
  if (!closed() || failures_ >= options_.failures) Open(now_ms);
}

void Breaker::Reset() {
  ++generation_;
  failures_ = 0;
  open_ms_ = 0;
  open_until_ms_ = 0;
  probing_ = false;
}

void Breaker::Heard(int64_t now_ms) {
  if (!closed() && !probing_) open_until_ms_ = std::max<int64_t>(1, std::min(open_until_ms_, now_ms));
}

void Breaker::Open(int64_t now_ms) {
  ++generation_;
  open_ms_ = open_ms_ == 0 ? options_.open_ms : std::min(options_.max_open_ms, open_ms_ * options_.factor);
  open_until_ms_ = std::max<int64_t>(1, now_ms + open_ms_);
  probing_ = false;
}

}  // namespace spillway
