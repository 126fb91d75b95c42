#include "redis/standing.h"

#include <algorithm>

namespace spillway {
namespace {

// A reply is overdue after this; what was learned is old after that; where some checks are counted and others refused,
// it is told once in a while.
constexpr int64_t kOverdueMs = 250;
constexpr int64_t kOldMs = 500;
constexpr int64_t kTellAgainMs = 1000;
// So long nothing else says what one refusal said.
constexpr int64_t kRefusedMs = 1000;

std::string NoAnswerWithin(int64_t ms) { return "no answer within " + std::to_string(ms) + " ms"; }

const char* NameOf(Breaker::State state) {
  if (state == Breaker::State::kClosed) return "closed";
  return state == Breaker::State::kOpen ? "open" : "half-open";
}

std::string CodeOf(const std::string& error) { return error.substr(0, error.find(' ')); }

}  // namespace

void Standing::Tell(Event::Kind kind, const std::string& reason) {
  results_->events.push_back({kind, client_->address(), reason});
}

void Standing::TellBreaker() {
  const Breaker::State state = breaker_.state();
  if (state == told_breaker_) return;
  told_breaker_ = state;
  Tell(Event::Kind::kBreaker, NameOf(state));
}

void Standing::Ask(int64_t now_ms) {
  breaker_.Enter(now_ms);
  TellBreaker();
}

BreakerStats Standing::GetBreakerStats() const {
  BreakerStats stats;
  stats.state = breaker_.state();
  stats.failures = breaker_.failures();
  if (breaker_.closed()) return stats;
  const int64_t next_ms = client_->ready() ? breaker_.next_attempt_ms() : client_->dial_again_ms();
  stats.next_attempt_in_ms = std::max<int64_t>(0, next_ms - clock_->NowMs());
  stats.address = client_->address();
  return stats;
}

void Standing::OnNotice(Client::Notice notice) {
  switch (notice) {
    case Client::Notice::kDialing:
      Tell(Event::Kind::kDialing);
      return;
    case Client::Notice::kReady:
      late_.clear();
      put_off_.clear();
      learned_ms_ = clock_->NowMs();
      check_counted_ = probe_counted_ = false;
      Tell(Event::Kind::kReady);
      // A server that logs in whom it then leaves without answers has shown nothing by it.
      if (hollow_) {
        breaker_.Heard(learned_ms_);
      } else {
        breaker_.Reset();
      }
      TellBreaker();
      if (!client_->capabilities().evicts.empty()) Tell(Event::Kind::kEvicts, client_->capabilities().evicts);
      return;
    case Client::Notice::kLost:
      missed_ = true;
      Tell(Event::Kind::kLost, client_->last_error());
      breaker_.Fail(breaker_.generation(), clock_->NowMs(), clock_->NowMs());
      TellBreaker();
  }
}

void Standing::Counted(bool probe) {
  (probe ? probe_counted_ : check_counted_) = true;
  learned_now_ = true;
  // Of others some may be counted and some refused: a script may do without what the server refuses.
  if (probe && !refusal_.empty()) refusal_.clear();
  if (!late_.empty()) late_.clear();
  if (!put_off_.empty()) put_off_.clear();
  if (!missed_) return;
  missed_ = false;
  told_.clear();
  Tell(Event::Kind::kCounting);
}

void Standing::EndTurn(int64_t now_ms) {
  if (!learned_now_) return;
  learned_now_ = false;
  learned_ms_ = now_ms;
  if (!refusal_.empty() && now_ms - refused_ms_ >= kRefusedMs) refusal_.clear();
}

void Standing::Refused(const std::string& error, bool probe) {
  const std::string code = CodeOf(error);
  // A user who may not touch health's own key, and whose checks are counted: it says nothing of theirs.
  if (probe && code == "NOPERM" && check_counted_ && !probe_counted_) return;
  refusal_ = error;
  const int64_t now_ms = clock_->NowMs();
  refused_ms_ = now_ms;
  if (code == told_ || (told_ms_ >= 0 && now_ms - told_ms_ < kTellAgainMs)) return;
  told_ = code;
  told_ms_ = now_ms;
  missed_ = true;
  Tell(Event::Kind::kRefused, error);
}

// What it said that it cannot explains more than that the moment was long.
void Standing::Late(int64_t timeout_ms, int64_t asked_ms, Breaker::Generation generation) {
  late_ = put_off_.empty() ? NoAnswerWithin(timeout_ms) : put_off_;
  breaker_.Fail(generation, asked_ms, clock_->NowMs());
  if (!breaker_.closed() && client_->ready()) hollow_ = true;
  TellBreaker();
}

void Standing::EndFailures(bool late, Breaker::Generation generation) {
  if (late) {
    breaker_.Heard(clock_->NowMs());
    return;
  }
  breaker_.Succeed(generation);
  if (breaker_.closed()) hollow_ = false;
  TellBreaker();
}

std::string Standing::trouble() const {
  std::string why;
  if (client_->connected_since_ms() < 0) {
    why = untried() ? "not connected yet" : client_->last_error();
  } else if (!refusal_.empty() || !late_.empty()) {
    why = refusal_.empty() ? late_ : refusal_;
  } else if (client_->Overdue(clock_->NowMs(), kOverdueMs)) {
    why = NoAnswerWithin(kOverdueMs);
  }
  return why.empty() || client_->address().empty() ? why : client_->address() + ": " + why;
}

bool Standing::doubtful() const {
  const int64_t now_ms = clock_->NowMs();
  if (!client_->ready() || (probed_ms_ >= 0 && now_ms - probed_ms_ < kOldMs)) return false;
  return !refusal_.empty() || !late_.empty() || (!learned_now_ && now_ms - learned_ms_ >= kOldMs);
}

}  // namespace spillway
