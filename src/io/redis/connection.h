#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/stream.h"
#include "redis/handshake.h"
#include "redis/resp.h"

namespace spillway {

// One connection from its dial to its end: the stream, its login, and from then on its replies.
class Connection : private StreamEvents {
 public:
  using Dial = std::function<std::unique_ptr<Stream>(StreamEvents*)>;

  // The owner may destroy the connection in each of these.
  class Owner {
   public:
    virtual ~Owner() = default;
    // The login was answered.
    virtual void OnLogin(Connection* connection) = 0;
    // Behind OnLogin. False: the connection is no more.
    virtual bool OnReply(const Reply& reply) = 0;
    // Everything that has come so far has been told; `bytes` of it came now.
    virtual void OnRead(Connection* connection, size_t bytes) = 0;
    // `lasting`: a quick retry will not mend it.
    virtual void OnFailed(Connection* connection, const std::string& reason, bool lasting) = 0;
  };

  // `login` and `owner` outlive it.
  Connection(const Login& login, size_t max_reply_bytes, const Dial& dial, Owner* owner);

  bool ready() const { return ready_; }
  void Write(std::string* out) { stream_->Write(out); }
  size_t unsent() const { return stream_->unsent(); }
  void RejectPeer() { stream_->RejectPeer(); }
  std::string address() const { return stream_->address(); }
  // Meaningful once ready.
  const Handshake& handshake() const { return *handshake_; }

  // How long it has been in the making, counted while the event loop ran: one that is blocked hears nobody.
  int64_t age_ms() const { return age_ms_; }
  void Age(int64_t ms) { age_ms_ += ms; }
  // What a dial has come to that took too long.
  const char* overdue() const;

 private:
  void OnOpen() override;
  void OnBytes(const char* data, size_t bytes) override;
  void OnClosed(const std::string& reason) override;
  void OnRefused(const std::string& reason) override { owner_->OnFailed(this, reason, true); }
  // Takes one reply; false: the owner has given the connection up.
  bool Take(const Reply& reply);

  const Login& login_;
  Owner* owner_;
  ReplyReader reader_;
  std::unique_ptr<Handshake> handshake_;  // null: not open yet
  bool ready_ = false;
  int64_t age_ms_ = 0;
  std::unique_ptr<Stream> stream_;
};

}  // namespace spillway
