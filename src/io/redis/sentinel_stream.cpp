#include "redis/sentinel_stream.h"

#include <algorithm>

#include "redis/sentinel.h"

namespace spillway {
namespace {

constexpr int64_t kRestMs = 1000;
constexpr int kSteps = 4;
constexpr size_t kMaxReplyBytes = size_t{64} * 1024;

// What the connections of a store have in common.
struct SentinelSet {
  SentinelSet(HandleScope* handles, const RedisConfig& redis, DialTo dial_to)
      : scope(handles), config(redis), dial(std::move(dial_to)), order(redis.nodes) {
    // Half of the time may go into sentinels that are silent.
    const auto sentinels = static_cast<int64_t>(config.nodes.size());
    answer_ms = std::clamp<int64_t>(config.connect_timeout_ms / (2 * sentinels), 1, 1000);
  }
  HandleScope* scope;
  const RedisConfig config;
  const DialTo dial;
  SentinelOrder order;
  int64_t answer_ms;  // a sentinel's limit for connecting and answering
};

class SentinelStream : public Stream {
 public:
  SentinelStream(std::shared_ptr<SentinelSet> set, StreamEvents* events)
      : set_(std::move(set)),
        events_(events),
        machine_(set_->config.master_name, set_->config.sentinel_login, &set_->order),
        timer_(set_->scope, this, uv_timer_init),
        from_sentinel_(this),
        from_master_(this) {
    uv_unref(timer_.base());
    Do(machine_.Start());
  }

  void Write(std::string* out) override { master_->Write(out); }
  size_t unsent() const override { return master_ ? master_->unsent() : 0; }
  std::string address() const override { return AddressOf(machine_.named() ? machine_.master() : machine_.sentinel()); }
  void RejectPeer() override { machine_.OnMisled(); }

 private:
  using Act = SentinelDial::Act;

  struct FromSentinel : StreamEvents {
    explicit FromSentinel(SentinelStream* stream) : to(stream) {}
    void OnOpen() override {
      std::string out;
      to->machine_.OnOpen(&out);
      to->sentinel_->Write(&out);
    }
    void OnBytes(const char* data, size_t bytes) override { to->Read(data, bytes); }
    void OnClosed(const std::string& reason) override { to->Do(to->machine_.OnGone(reason)); }
    SentinelStream* to;
  };

  struct FromMaster : StreamEvents {
    explicit FromMaster(SentinelStream* stream) : to(stream) {}
    void OnOpen() override {
      open = true;
      to->events_->OnOpen();
    }
    void OnBytes(const char* data, size_t bytes) override { to->events_->OnBytes(data, bytes); }
    void OnClosed(const std::string& reason) override {
      if (!open) to->machine_.OnMisled();
      to->LetGo();
      to->events_->OnClosed(reason);
    }
    SentinelStream* to;
    bool open = false;
  };

  // May end this stream: nothing of it may be touched afterwards.
  void Do(Act act) {
    switch (act) {
      case Act::kNothing:
        return;
      case Act::kAsk:
        reader_ = std::make_unique<ReplyReader>(kMaxReplyBytes);
        sentinel_ = set_->dial(machine_.sentinel(), set_->config.sentinel_tls, &from_sentinel_);
        WakeIn(set_->answer_ms);
        return;
      case Act::kOpen:
        master_ = set_->dial(machine_.master(), set_->config.tls, &from_master_);
        return;
      case Act::kRest:
        sentinel_.reset();
        WakeIn(kRestMs);
        return;
      case Act::kFail:
        LetGo();
        master_.reset();
        if (machine_.login_refused()) {
          events_->OnRefused(machine_.error());
        } else {
          events_->OnClosed(machine_.error());
        }
    }
  }

  void Read(const char* data, size_t bytes) {
    reader_->Feed(data, bytes);
    for (;;) {
      const ReplyReader::Next next = reader_->Read();
      if (next == ReplyReader::Next::kNeedMore) return;
      const Act act = next == ReplyReader::Next::kReply
                          ? machine_.OnReply(reader_->reply())
                          : machine_.OnGone("it does not speak Redis's protocol: " + reader_->error());
      Do(act);
      // Only these leave the connection that is being read, and this stream, as they were.
      if (act != Act::kNothing && act != Act::kOpen) return;
    }
  }

  // In steps: an event loop that is blocked takes one of them, however long, and not the time that a sentinel has.
  void WakeIn(int64_t ms) {
    const auto step = [](uv_timer_t* timer) {
      auto* stream = static_cast<SentinelStream*>(timer->data);
      if (stream == nullptr || --stream->steps_left_ > 0) return;
      uv_timer_stop(timer);
      stream->Do(stream->machine_.OnTime());
    };
    steps_left_ = kSteps;
    const auto step_ms = static_cast<uint64_t>(std::max<int64_t>(ms / kSteps, 1));
    uv_timer_start(timer_.get(), step, step_ms, step_ms);
  }

  void LetGo() {
    sentinel_.reset();
    uv_timer_stop(timer_.get());
  }

  const std::shared_ptr<SentinelSet> set_;
  StreamEvents* events_;
  SentinelDial machine_;
  Handle<uv_timer_t> timer_;
  FromSentinel from_sentinel_;
  FromMaster from_master_;
  int steps_left_ = 0;
  std::unique_ptr<ReplyReader> reader_;
  std::unique_ptr<Stream> sentinel_;
  std::unique_ptr<Stream> master_;
};

}  // namespace

Client::Dial MakeSentinelDial(HandleScope* scope, const RedisConfig& config, DialTo dial) {
  auto set = std::make_shared<SentinelSet>(scope, config, std::move(dial));
  return
      [set](StreamEvents* events) -> std::unique_ptr<Stream> { return std::make_unique<SentinelStream>(set, events); };
}

}  // namespace spillway
