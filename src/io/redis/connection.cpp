#include "redis/connection.h"

namespace spillway {

Connection::Connection(const Login& login, size_t max_reply_bytes, const Dial& dial, Owner* owner)
    : login_(login), owner_(owner), reader_(max_reply_bytes), stream_(dial(this)) {}

const char* Connection::overdue() const {
  return handshake_ ? "no answer to the login within the time limit" : "no connection within the time limit";
}

void Connection::OnOpen() {
  std::string out;
  handshake_ = std::make_unique<Handshake>(login_, &out);
  stream_->Write(&out);
}

void Connection::OnBytes(const char* data, size_t bytes) {
  reader_.Feed(data, bytes);
  for (;;) {
    const ReplyReader::Next next = reader_.Read();
    if (next == ReplyReader::Next::kNeedMore) break;
    if (next == ReplyReader::Next::kBroken) {
      owner_->OnFailed(this, "the server does not speak Redis's protocol: " + reader_.error(), false);
      return;
    }
    if (!Take(reader_.reply())) return;
  }
  owner_->OnRead(this, bytes);
}

bool Connection::Take(const Reply& reply) {
  if (ready_) return owner_->OnReply(reply);
  const Handshake::Verdict verdict = handshake_->OnReply(reply);
  if (verdict == Handshake::Verdict::kFailed) {
    if (handshake_->no_master()) stream_->RejectPeer();
    owner_->OnFailed(this, handshake_->error(), handshake_->login_refused());
    return false;
  }
  if (verdict == Handshake::Verdict::kReady) {
    ready_ = true;
    owner_->OnLogin(this);
  }
  return true;
}

void Connection::OnClosed(const std::string& reason) {
  // A server that is full, or protected, says so and closes: its words are worth more than the system's, and it will say
  // the same to a quick retry.
  const bool said = !ready_ && handshake_ && !handshake_->error().empty();
  // A copy: the text may belong to what the owner drops.
  owner_->OnFailed(this, std::string(said ? handshake_->error() : reason), said);
}

}  // namespace spillway
