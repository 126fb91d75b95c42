#include "redis/client.h"

#include "hash.h"

namespace spillway {

Client::Client(ClientConfig config, Dial dial, const Clock* clock, std::function<void()> on_change,
               std::function<void(Notice)> on_notice)
    : config_(std::move(config)),
      dial_(std::move(dial)),
      clock_(clock),
      on_change_(std::move(on_change)),
      on_notice_(std::move(on_notice)),
      backoff_(RandomSeed(), config_.longest_pause_ms) {}

void Client::Start() {
  if (state_ == State::kIdle) StartDial();
}

void Client::StartDial() {
  state_ = State::kDialing;
  dial_started_ms_ = clock_->NowMs();
  reader_ = std::make_unique<ReplyReader>(config_.max_reply_bytes);
  stream_ = dial_(this);
  Tell(Notice::kDialing);
}

void Client::Tell(Notice notice) {
  if (stream_) address_ = stream_->address();
  if (on_notice_) on_notice_(notice);
}

void Client::OnOpen() {
  state_ = State::kLoggingIn;
  handshake_ = std::make_unique<Handshake>(config_.login, &out_);
  stream_->Write(&out_);
}

void Client::Expect(ReplySink* sink, int replies) { expected_.push_back({sink, replies}); }

void Client::Flush() {
  if (out_.empty()) return;
  if (silent_since_ms_ < 0) silent_since_ms_ = clock_->NowMs();
  stream_->Write(&out_);
}

void Client::OnBytes(const char* data, size_t bytes) {
  silent_since_ms_ = clock_->NowMs();
  reader_->Feed(data, bytes);
  for (;;) {
    const ReplyReader::Next next = reader_->Read();
    if (next == ReplyReader::Next::kNeedMore) break;
    if (next == ReplyReader::Next::kBroken) {
      Fail("the server does not speak Redis's protocol: " + reader_->error(), false);
      return;
    }
    if (!Take(reader_->reply())) return;
  }
  if (state_ == State::kReady) {
    last_reply_ms_ = silent_since_ms_;
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

bool Client::Take(const Reply& reply) {
  if (state_ == State::kLoggingIn) {
    const Handshake::Verdict verdict = handshake_->OnReply(reply);
    if (verdict == Handshake::Verdict::kFailed) {
      if (handshake_->no_master()) stream_->Disown();
      Fail(handshake_->error(), handshake_->login_refused());
      return false;
    }
    if (verdict == Handshake::Verdict::kReady) {
      state_ = State::kReady;
      connected_ms_ = clock_->NowMs();
      server_version_ = handshake_->server_version();
      evicts_ = handshake_->evicts();
      cluster_mode_ = handshake_->cluster_mode();
      backoff_.Reset();
      Tell(Notice::kReady);
    }
    return true;
  }
  if (answered_ == expected_.size()) {
    Fail("the server sent a reply that nobody had asked for", false);
    return false;
  }
  Expected& front = expected_[answered_];
  ReplySink* sink = front.sink;
  if (--front.replies == 0) ++answered_;
  sink->OnReply(reply);
  return state_ == State::kReady;
}

void Client::Leave(const std::string& reason) {
  if (!ready()) return;
  leaving_ = reason;
  backoff_.Relapse();
  stream_->Disown();
}

void Client::OnClosed(const std::string& reason) {
  // A server that is full, or protected, says so and closes: its words are worth more than the system's.
  const bool said = state_ == State::kLoggingIn && handshake_ && !handshake_->error().empty();
  Fail(said ? handshake_->error() : reason, false);
}

void Client::Fail(const std::string& reason, bool login_refused) {
  // A copy first: the text may belong to what is dropped here.
  last_error_ = reason;
  connected_ms_ = -1;
  Tell(Notice::kLost);
  stream_.reset();
  state_ = State::kWaiting;
  leaving_.clear();
  silent_since_ms_ = -1;
  ++reconnects_;
  out_.clear();
  dial_again_ms_ = clock_->NowMs() + backoff_.NextDelayMs(login_refused);
  std::vector<Expected> lost;
  lost.swap(expected_);
  const size_t from = answered_;
  answered_ = 0;
  for (size_t i = from; i < lost.size(); ++i) lost[i].sink->OnLost();
  on_change_();
}

void Client::Tick(int64_t now_ms) {
  if (state_ == State::kWaiting && now_ms >= dial_again_ms_) {
    StartDial();
  } else if ((state_ == State::kDialing || state_ == State::kLoggingIn) &&
             now_ms - dial_started_ms_ >= config_.connect_timeout_ms) {
    Fail(state_ == State::kDialing ? "no connection within the time limit"
                                   : "no answer to the login within the time limit",
         false);
  } else if (state_ == State::kReady && Overdue(now_ms, config_.silence_ms)) {
    Fail("the server stopped answering", false);
  }
}

int64_t Client::NextTick() const {
  switch (state_) {
    case State::kWaiting:
      return dial_again_ms_;
    case State::kDialing:
    case State::kLoggingIn:
      return dial_started_ms_ + config_.connect_timeout_ms;
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
