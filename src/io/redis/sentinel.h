#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/endpoint.h"
#include "redis/handshake.h"
#include "redis/resp.h"

namespace spillway {

// The sentinels of a set in the order in which they are asked; shared by all connections to its master.
class SentinelOrder {
 public:
  explicit SentinelOrder(std::vector<Endpoint> sentinels) : sentinels_(std::move(sentinels)) {}
  // Never empty.
  const std::vector<Endpoint>& sentinels() const { return sentinels_; }
  // It answered: it is asked first the next time.
  void Answered(const Endpoint& sentinel);
  // What it named was no master, or not there: it is asked last.
  void Misled(const Endpoint& sentinel);

 private:
  std::vector<Endpoint> sentinels_;
};

// One dial by way of sentinels, as a machine without a socket: events in, what to do next out. It asks one sentinel after
// the other for the master's address; then it stays with one of them, to hear of a promotion sooner than from the
// connection. That is all it makes of what it hears: no sentinel at all is no reason to leave a master.
class SentinelDial {
 public:
  enum class Act : uint8_t {
    kNothing,
    kAsk,   // let go of the sentinel, if any, and dial sentinel(); OnTime after a limit for its answer
    kOpen,  // dial master(); the sentinel stays
    kRest,  // let go of the sentinel; OnTime after a pause
    kFail,  // it is over: error(), login_refused()
  };

  // `master_name` is what `sentinel monitor` calls the set; `login` is that of the sentinels. All outlive the dial.
  SentinelDial(const std::string& master_name, const Login& login, SentinelOrder* order);

  // The first event.
  Act Start() { return Ask(); }
  // Of the sentinel that was dialled last. OnOpen appends what to send.
  void OnOpen(std::string* out);
  Act OnReply(const Reply& reply);
  Act OnGone(const std::string& reason);
  // The time that came with the last kAsk or kRest is up.
  Act OnTime();
  // Of the master: it could not be reached, or is none.
  void OnMisled();

  // A sentinel has told the master.
  bool named() const { return !master_.host.empty(); }
  const Endpoint& sentinel() const { return sentinels_[at_]; }
  const Endpoint& master() const { return master_; }
  const std::string& error() const { return error_; }
  // A quick retry will not mend it.
  bool login_refused() const { return login_refused_; }

 private:
  enum class Step : uint8_t { kAuth, kSetName, kMaster, kSubscribe, kListen };

  Act Ask();
  Act OnError(Step step, std::string_view text);
  // This sentinel is of no use.
  Act Next();
  Act TakeMaster(const Reply& reply);
  Act TakeMessage(const Reply& reply);
  Act Fail();

  const std::string& master_name_;
  const Login& login_;
  SentinelOrder* order_;
  const std::vector<Endpoint> sentinels_;  // in the order of the start: another dial may change it
  size_t at_ = 0;
  std::vector<Step> steps_;  // whose replies are due
  size_t step_ = 0;
  Endpoint master_;
  Endpoint informant_;  // who named it
  bool resting_ = false;
  bool may_listen_ = true;
  bool unknown_ = false;        // a sentinel knows no master of this name
  bool login_refused_ = false;  // by a sentinel
  std::string refusal_;         // an error reply, presentable
  std::string reason_;          // why the last one did not answer
  std::string error_;
};

}  // namespace spillway
