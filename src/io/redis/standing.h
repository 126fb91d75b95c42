#pragma once

#include <cstdint>
#include <string>

#include "breaker.h"
#include "redis/client.h"
#include "store.h"

namespace spillway {

// Whether checks are counted at one server, by its connection and by what became of the last charges there; what changes
// is told as events.
class Standing {
 public:
  // All outlive it.
  Standing(const Client* client, const BreakerOptions& breaker, const Clock* clock, Results* results)
      : client_(client), clock_(clock), results_(results), breaker_(breaker) {}

  // Whether a check may be sent there now, or is to be answered without it. Without a connection nobody is the probe: the next
  // good login is, and whoever waited for it would wait in vain.
  bool MayAsk(int64_t now_ms) const { return breaker_.closed() || (client_->ready() && breaker_.MayEnter(now_ms)); }
  // One that may is about to be sent.
  void Ask(int64_t now_ms);
  const Breaker& breaker() const { return breaker_; }
  BreakerStats GetBreakerStats() const;

  void OnNotice(Client::Notice notice);
  // A charge was counted; `probe`: that of health's own key. Called for each check: it asks no clock.
  void Counted(bool probe);
  // Behind a turn of the loop in which some may have been.
  void EndTurn(int64_t now_ms);
  // A charge was refused, with an error that is not about its key alone.
  void Refused(const std::string& error, bool probe);
  // The server is a replica: its connection is left, which says the rest.
  void Misled(const std::string& error) { refusal_ = error; }
  // The server cannot for the moment, and is asked again.
  void PutOff(const std::string& error) { put_off_ = error; }
  // A call that was asked at `asked_ms` was not answered in its time.
  void Late(int64_t timeout_ms, int64_t asked_ms, Breaker::Generation generation);
  // A call was answered, whatever the answer was; `late`: for nobody.
  void Answered(bool late, Breaker::Generation generation) {
    if (breaker_.failures() > 0) EndFailures(late, generation);
  }

  // Why checks are not counted there at the moment, the address in front; empty: they are.
  std::string trouble() const;
  // No connection has been made, and none has failed.
  bool untried() const { return client_->connected_since_ms() < 0 && client_->last_error().empty(); }
  // Whether a probe is worth while: what is known is bad, or old.
  bool doubtful() const;
  void Probed() { probed_ms_ = clock_->NowMs(); }

 private:
  void Tell(Event::Kind kind, const std::string& reason = "");
  void TellBreaker();
  void EndFailures(bool late, Breaker::Generation generation);

  const Client* client_;
  const Clock* clock_;
  Results* results_;
  std::string refusal_;  // until health's own charge is counted, or others are and none has been refused for a while
  int64_t refused_ms_ = -1;
  std::string late_;     // until one is, or a login is answered
  std::string put_off_;  // as long
  std::string told_;     // the refusal of the last event; empty: a charge was counted since
  int64_t told_ms_ = -1;
  int64_t learned_ms_ = 0;    // a login or a charge went well
  bool learned_now_ = false;  // a charge did, in this turn
  int64_t probed_ms_ = -1;
  Breaker breaker_;
  Breaker::State told_breaker_ = Breaker::State::kClosed;
  bool hollow_ = false;  // the breaker opened on a connection whose login had been good, and no call was answered since
  bool missed_ = false;  // a loss or a refusal was told, and no charge counted since
  // On this connection.
  bool check_counted_ = false;
  bool probe_counted_ = false;
};

}  // namespace spillway
