#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "breaker.h"
#include "clock.h"
#include "redis/backoff.h"
#include "redis/connection.h"

namespace spillway {

// Who waits for replies.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  virtual void OnReply(const Reply& reply) = 0;
  // The connection was lost first. The command may have been executed: it is never sent again.
  virtual void OnLost() = 0;
};

struct ClientConfig {
  Login login;
  int64_t connect_timeout_ms = 5000;  // name, TCP and login together
  int64_t silence_ms = 2000;          // without a whole reply while some are due: the connection is given up
  int64_t longest_pause_ms = 2000;    // between two dials
  BreakerOptions breaker;
  size_t max_reply_bytes = size_t{1} << 20;
};

// One connection to one server, kept for ever: dials at Start, logs in, pipelines, and dials again after a loss, with
// backoff. A dial that is silent for a second goes on, to the end of its time; beside it goes a fresh one, each second
// another, because what made the first one silent may be over. The first that is logged in stays alone. It owns no timer:
// Tick is called with the time, NextTick says when at the latest.
class Client : private Connection::Owner {
 public:
  using Dial = Connection::Dial;
  // What happens to the connection: a dial begins; it stands, and the login was answered; a dial failed, a login was
  // refused, or the connection ended, for last_error().
  enum class Notice : uint8_t { kDialing, kReady, kLost };

  // `on_change` is called when the client becomes ready, fails, or has read something; `on_notice`, if any, when it
  // happens: it leaves the client alone.
  Client(ClientConfig config, Dial dial, const Clock* clock, std::function<void()> on_change,
         std::function<void(Notice)> on_notice = {});
  ~Client() override = default;

  void Start();
  bool ready() const { return state_ == State::kReady && leaving_.empty(); }
  // The server does not read: what is sent now would only pile up here.
  bool congested() const { return state_ == State::kReady && connection_->unsent() > kMaxUnsentBytes; }

  // While ready: append whole commands to out(), announce each command's replies in order, then Flush.
  std::string* out() { return &out_; }
  void Expect(ReplySink* sink, int replies);
  void Flush();

  // No reply is due.
  bool idle() const { return expected_.empty(); }

  void Tick(int64_t now_ms);
  int64_t NextTick() const;

  // The server says that we are not logged in (any more).
  void LoginLost(const std::string& reason) { Fail(reason, true); }
  // The server is a replica: nothing more is sent to it, and once what is under way is answered it is dialled anew. What
  // has been written behind the refused command would otherwise be lost.
  void Leave(const std::string& reason);
  // A reply has been due for longer than this.
  bool Overdue(int64_t now_ms, int64_t after_ms) const;
  int64_t connected_since_ms() const { return connected_ms_; }  // -1: not connected
  int64_t reconnects() const { return reconnects_; }
  // When the next dial begins, while none is under way.
  int64_t dial_again_ms() const { return dial_again_ms_; }
  // Why the last dial or connection failed.
  const std::string& last_error() const { return last_error_; }
  // Where the last dial went, and so far as is known where it led.
  const std::string& address() const { return address_; }
  // As of the last login. What turns out to be missing all the same is struck out, for as long as the connection stands.
  const Capabilities& capabilities() const { return capabilities_; }
  Capabilities* mutable_capabilities() { return &capabilities_; }

 private:
  enum class State : uint8_t { kIdle, kConnecting, kReady, kWaiting };
  struct Expected {
    ReplySink* sink;
    int replies;
  };
  static constexpr size_t kMaxUnsentBytes = size_t{1} << 20;

  void OnLogin(Connection* connection) override;
  bool OnReply(const Reply& reply) override;
  void OnRead(Connection* connection, size_t bytes) override;
  void OnFailed(Connection* connection, const std::string& reason, bool lasting) override;
  std::unique_ptr<Connection> StartDial();
  void TickConnecting(int64_t now_ms);
  int64_t NextTickConnecting() const;
  void Fail(const std::string& reason, bool lasting);
  void SetLastError(const Connection& connection, const std::string& reason);
  void Tell(Notice notice, const Connection& connection);

  const ClientConfig config_;
  const Dial dial_;
  const Clock* clock_;
  const std::function<void()> on_change_;
  const std::function<void(Notice)> on_notice_;
  State state_ = State::kIdle;
  std::unique_ptr<Connection> connection_;  // or the dial that has its whole time
  std::unique_ptr<Connection> beside_;      // the younger dial
  Backoff backoff_;
  std::string out_;
  std::vector<Expected> expected_;
  size_t answered_ = 0;    // of expected_, from its front
  int64_t dialed_ms_ = 0;  // the last dial began
  int64_t ticked_ms_ = 0;
  int64_t dial_again_ms_ = 0;
  int64_t silent_since_ms_ = 0;  // no whole reply since, though some are due; -1: none is
  bool answered_now_ = false;    // a whole reply has come in this read
  size_t unfinished_bytes_ = 0;  // have come since the last whole one
  int64_t connected_ms_ = -1;
  int64_t reconnects_ = 0;
  std::string leaving_;  // why; empty: not at all
  std::string last_error_;
  std::string address_;
  Capabilities capabilities_;
};

}  // namespace spillway
