#include "redis/client.h"

#include <algorithm>

#include "hash.h"

namespace spillway {
namespace {

constexpr int64_t kFreshDialMs = 1000;
constexpr int64_t kLongestBetweenDialsMs = 2000;
// A dial's age grows by at most this from one look to the next: more has passed only where the event loop was blocked.
constexpr int64_t kLookMs = 250;
// So much of a reply counts as much as a whole one: a page of a listing is long.
constexpr size_t kProgressBytes = 4096;

}  // namespace

Client::Client(ClientConfig config, Dial dial, const Clock* clock, std::function<void()> on_change,
               std::function<void(Notice)> on_notice)
    : config_(std::move(config)),
      dial_(std::move(dial)),
      clock_(clock),
      on_change_(std::move(on_change)),
      on_notice_(std::move(on_notice)),
      backoff_(RandomSeed(), config_.longest_pause_ms) {}

void Client::Start() {
  if (state_ == State::kIdle) connection_ = StartDial();
}

std::unique_ptr<Connection> Client::StartDial() {
  const int64_t now_ms = clock_->NowMs();
  if (state_ != State::kConnecting) ticked_ms_ = now_ms;
  state_ = State::kConnecting;
  dialed_ms_ = now_ms;
  Connection::Owner* owner = this;
  auto dial = std::make_unique<Connection>(config_.login, config_.max_reply_bytes, dial_, owner);
  Tell(Notice::kDialing, *dial);
  return dial;
}

void Client::Tell(Notice notice, const Connection& connection) {
  address_ = connection.address();
  if (on_notice_) on_notice_(notice);
}

void Client::Expect(ReplySink* sink, int replies) { expected_.push_back({sink, replies}); }

void Client::Flush() {
  if (out_.empty()) return;
  if (silent_since_ms_ < 0) silent_since_ms_ = clock_->NowMs();
  connection_->Write(&out_);
}

void Client::OnLogin(Connection* connection) {
  // Whichever was slower is dropped.
  if (connection == beside_.get()) connection_.swap(beside_);
  beside_.reset();
  state_ = State::kReady;
  connected_ms_ = clock_->NowMs();
  silent_since_ms_ = -1;
  unfinished_bytes_ = 0;
  capabilities_ = connection->handshake().capabilities();
  backoff_.Reset();
  Tell(Notice::kReady, *connection);
}

bool Client::OnReply(const Reply& reply) {
  if (answered_ == expected_.size()) {
    Fail("the server sent a reply that nobody had asked for", false);
    return false;
  }
  answered_now_ = true;
  Expected& front = expected_[answered_];
  ReplySink* sink = front.sink;
  if (--front.replies == 0) ++answered_;
  sink->OnReply(reply);
  return state_ == State::kReady;
}

void Client::OnRead(Connection* connection, size_t bytes) {
  if (connection->ready()) {
    // A trickle of bytes is no sign of life: who waits is not answered by it.
    unfinished_bytes_ = answered_now_ ? 0 : unfinished_bytes_ + bytes;
    if (answered_now_ || unfinished_bytes_ >= kProgressBytes) {
      silent_since_ms_ = clock_->NowMs();
      unfinished_bytes_ = 0;
    }
    answered_now_ = false;
    if (answered_ == expected_.size()) {
      expected_.clear();
      answered_ = 0;
      silent_since_ms_ = -1;
      if (!leaving_.empty()) {
        Fail(leaving_, false);
        return;
      }
    } else if (answered_ > 4096 && answered_ * 2 > expected_.size()) {
      expected_.erase(expected_.begin(), expected_.begin() + static_cast<std::ptrdiff_t>(answered_));
      answered_ = 0;
    }
  }
  on_change_();
}

void Client::Leave(const std::string& reason) {
  if (!ready()) return;
  leaving_ = reason;
  backoff_.Relapse();
  connection_->RejectPeer();
}

void Client::OnFailed(Connection* connection, const std::string& reason, bool lasting) {
  if (beside_ == nullptr) {
    Fail(reason, lasting);
    return;
  }
  SetLastError(*connection, reason);
  if (connection == connection_.get()) connection_.swap(beside_);
  beside_.reset();
  on_change_();
}

// A copy of the text first: it may belong to what is dropped.
void Client::SetLastError(const Connection& connection, const std::string& reason) {
  last_error_ = reason;
  connected_ms_ = -1;
  ++reconnects_;
  Tell(Notice::kLost, connection);
}

void Client::Fail(const std::string& reason, bool lasting) {
  SetLastError(*connection_, reason);
  connection_.reset();
  state_ = State::kWaiting;
  leaving_.clear();
  silent_since_ms_ = -1;
  answered_now_ = false;
  out_.clear();
  const int64_t now_ms = clock_->NowMs();
  const int64_t pause_ms = backoff_.NextDelayMs(lasting);
  // However long the dial has taken. Never at once: that would be within the very turn that lost the connection.
  const int64_t latest_ms = dialed_ms_ + kLongestBetweenDialsMs - now_ms;
  dial_again_ms_ = now_ms + (lasting ? pause_ms : std::clamp<int64_t>(latest_ms, 1, pause_ms));
  std::vector<Expected> lost;
  lost.swap(expected_);
  const size_t from = answered_;
  answered_ = 0;
  for (size_t i = from; i < lost.size(); ++i) lost[i].sink->OnLost();
  on_change_();
}

void Client::Tick(int64_t now_ms) {
  if (state_ == State::kWaiting && now_ms >= dial_again_ms_) {
    connection_ = StartDial();
  } else if (state_ == State::kConnecting) {
    TickConnecting(now_ms);
  } else if (state_ == State::kReady && Overdue(now_ms, config_.silence_ms)) {
    Fail("the server stopped answering", false);
  }
}

void Client::TickConnecting(int64_t now_ms) {
  const int64_t ran_ms = std::min({now_ms - ticked_ms_, kLookMs, std::max<int64_t>(config_.connect_timeout_ms / 4, 1)});
  ticked_ms_ = now_ms;
  connection_->Age(ran_ms);
  if (beside_) beside_->Age(ran_ms);
  if (connection_->age_ms() >= config_.connect_timeout_ms) {
    OnFailed(connection_.get(), connection_->overdue(), false);
  } else if (beside_ && beside_->age_ms() >= kFreshDialMs) {
    OnFailed(beside_.get(), "no answer within " + std::to_string(kFreshDialMs) + " ms", false);
  }
  if (state_ == State::kConnecting && beside_ == nullptr && connection_->age_ms() >= kFreshDialMs &&
      now_ms - dialed_ms_ >= kFreshDialMs) {
    beside_ = StartDial();
  }
}

int64_t Client::NextTickConnecting() const {
  const int64_t fresh_ms = beside_
                               ? kFreshDialMs - beside_->age_ms()
                               : std::max(kFreshDialMs - connection_->age_ms(), dialed_ms_ + kFreshDialMs - ticked_ms_);
  return ticked_ms_ +
         std::clamp<int64_t>(std::min(fresh_ms, config_.connect_timeout_ms - connection_->age_ms()), 1, kLookMs);
}

int64_t Client::NextTick() const {
  switch (state_) {
    case State::kWaiting:
      return dial_again_ms_;
    case State::kConnecting:
      return NextTickConnecting();
    case State::kReady:
      return silent_since_ms_ < 0 ? INT64_MAX : silent_since_ms_ + config_.silence_ms;
    case State::kIdle:
      break;
  }
  return INT64_MAX;
}

bool Client::Overdue(int64_t now_ms, int64_t after_ms) const {
  return silent_since_ms_ >= 0 && now_ms - silent_since_ms_ >= after_ms;
}

}  // namespace spillway
