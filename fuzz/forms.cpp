// A whole store whose servers are the fuzzer: whatever they say, and whenever, every call is answered once, at its deadline at
// the latest, and with numbers that can be.
#include <algorithm>
#include <memory>

#include "asking.h"
#include "fake_clock.h"
#include "redis_store/redis_store.h"
#include "scripted_server.h"

namespace spillway {
namespace {

constexpr int kMostSteps = 60;
constexpr int64_t kTimeoutMs = 250;

// A real loop, with something on it that keeps it alive, as a listening server would.
struct ServersLoop {
  ServersLoop() {
    uv_loop_init(&loop);
    uv_timer_init(&loop, &listening);
    uv_timer_start(
        &listening, [](uv_timer_t*) {}, 3600000, 0);
  }
  // Until the handles of a store that is gone are closed.
  void Drain() {
    uv_unref(reinterpret_cast<uv_handle_t*>(&listening));
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_ref(reinterpret_cast<uv_handle_t*>(&listening));
  }
  uv_loop_t loop;
  uv_timer_t listening;
};

ServersLoop* Loop() {
  static ServersLoop loop;
  return &loop;
}

std::vector<RuleSet> MakeRules() {
  const auto rule = [](Algorithm algorithm, int64_t limit, const char* part, bool shadow) {
    return Rule{"p:", algorithm, limit, 60000, kTimeoutMs, part, 5, shadow};
  };
  const Rule plain = rule(Algorithm::kFixedWindow, 3, "", false);
  const Rule beside = rule(Algorithm::kFixedWindow, 5, "b", false);
  const Rule log = rule(Algorithm::kSlidingLog, 4, "c", false);
  return {
      {plain},
      {rule(Algorithm::kFixedWindow, kMaxLimit, "", false)},
      {rule(Algorithm::kFixedWindow, 0, "", false)},
      {plain, beside},
      {rule(Algorithm::kSlidingWindow, 3, "", false)},
      {log},
      {rule(Algorithm::kTokenBucket, 3, "d", false)},
      {plain, rule(Algorithm::kFixedWindow, 2, "s", true), log},
      {rule(Algorithm::kFixedWindow, 3, "s", true)},
  };
}

class Play {
 public:
  explicit Play(Input* input) : input_(input), server_(input), scope_(&Loop()->loop) {
    const auto dial = [this](const Endpoint& to, StreamEvents* events) {
      return std::make_unique<ServedStream>(AddressOf(to), events, &streams_);
    };
    ClientConfig config;
    if (input->Below(4) == 0) config.login = {"", "secret", 0, "name", true};
    const size_t kind = input->Below(4);
    const auto deliver = [this] { Keep(); };
    if (kind == 0) {
      const auto one = [dial](StreamEvents* events) { return dial({"h", 1, ""}, events); };
      store_ = std::make_unique<RedisStore>(config, one, &scope_, &clock_, &results_, deliver);
    } else {
      ClusterNodes nodes{{{"h", 1, ""}}, false, dial, kind != 1};
      if (kind == 1) nodes.seeds.push_back({"h", 2, ""});
      store_ = std::make_unique<RedisStore>(config, nodes, &scope_, &clock_, &results_, deliver);
    }
  }

  void Run() {
    if (input_->Below(4) != 0) Connect();
    for (int i = 0; i < kMostSteps && !input_->done(); ++i) Step();
    store_->Close();
    Keep();
    for (const Asked& asked : asked_) Require(asked.settled, "every call is answered at the close");
    for (const bool listed : listed_) Require(listed, "every page is answered at the close");
    Require(store_->GetStats().pending == 0, "nothing waits behind the close");
    store_.reset();
    Require(streams_.empty(), "a store that is gone has no connections");
    Loop()->Drain();
  }

 private:
  struct Asked {
    Op op;
    const RuleSet* rules;
    int64_t units;
    int64_t due_ms;  // INT64_MAX: not sent yet
    bool settled;
  };

  void Step() {
    switch (input_->Below(16)) {
      case 0:
      case 1:
      case 2:
        Ask(1);
        break;
      case 3:
        Ask(1 + input_->Below(8));
        break;
      case 4:
        Advance(static_cast<int64_t>(input_->Byte()) * 4);
        break;
      case 5:
        Advance(kTimeoutMs);
        break;
      case 6:
        Say(input_->Text(input_->Below(40)));
        break;
      case 7:
        Break();
        break;
      case 8:
        List();
        break;
      case 9:
        Connect();
        break;
      case 10:
      case 11:
        Turn();
        break;
      default:
        Answer();
    }
    const Stats stats = store_->GetStats();
    const auto open = std::count_if(asked_.begin(), asked_.end(), [](const Asked& asked) { return !asked.settled; });
    Require(stats.pending == open, "what waits is what was asked and not answered");
    Require(stats.last_error.find("secret") == std::string::npos, "no error holds a secret");
  }

  void Ask(size_t times) {
    const RuleSet& rules = rules_[input_->Below(rules_.size())];
    const size_t kind = input_->Below(16);
    const Op op = kind < 10 ? Op::kCheck : static_cast<Op>(kind % 6);
    const std::string subjects = "abcdefgh";
    const size_t first = input_->Below(3);
    std::vector<std::string_view> ids;
    // One subject under all rules, or one for each of them: on a cluster these lie in several slots.
    for (size_t i = 0; i < rules.size(); ++i)
      ids.push_back(std::string_view(subjects).substr(first + (kind < 4 ? i : 0), 1));
    const int64_t units = input_->Below(4) != 0 ? 1 : std::clamp<int64_t>(input_->Number(), 1, kMaxWindowMs);
    const std::vector<int64_t> marks(rules.size(), std::clamp(input_->Number(), -kBlocked, kBlocked));
    for (; times > 0; --times) {
      const auto ticket = static_cast<Ticket>(asked_.size());
      asked_.push_back({op, &rules, units, INT64_MAX, false});
      Completions now;
      const Check check{op, &rules, Subjects(ids.data()), units, ticket, marks.data()};
      const bool answered = store_->Submit(check, &now);
      Require(answered == !now.empty(), "what is answered at once has an answer");
      Settle(now);
    }
  }

  void List() {
    ListRequest request;
    request.prefix = "p:";
    request.match = "*";
    request.page_size = 10;
    request.ticket = static_cast<Ticket>(listed_.size());
    request.names_only = input_->Below(4) == 0;
    if (input_->Below(4) == 0) request.cursor = input_->Coin() ? "17" : "h:1 17";
    listed_.push_back(false);
    store_->List(request);
    Turn();
  }

  void Advance(int64_t ms) {
    clock_.now_ms += ms;
    store_->Healthy(probe_, "probe");
    Turn();
    Turn();
    for (const Asked& asked : asked_) {
      Require(asked.settled || asked.due_ms > clock_.now_ms, "a call is answered at its deadline");
    }
  }

  void Turn() {
    for (Asked& asked : asked_) {
      if (asked.due_ms == INT64_MAX) asked.due_ms = clock_.now_ms + kTimeoutMs;
    }
    uv_run(&Loop()->loop, UV_RUN_NOWAIT);
  }

  ServedStream* Stream() { return streams_.empty() ? nullptr : streams_[input_->Below(streams_.size())]; }
  bool Has(const ServedStream* stream) const {
    return std::find(streams_.begin(), streams_.end(), stream) != streams_.end();
  }

  // All that is dialled now opens, and its login is answered.
  void Connect() {
    store_->Healthy(probe_, "probe");
    Turn();
    const std::vector<ServedStream*> dialled = streams_;
    for (ServedStream* stream : dialled) {
      if (!Has(stream) || stream->open) continue;
      stream->open = true;
      stream->events->OnOpen();
      std::string bytes;
      for (; !stream->owed.empty(); stream->owed.pop_front()) bytes += server_.Answer(stream->owed.front());
      Feed(stream, bytes, 0);
    }
    Turn();
  }

  void Answer() {
    ServedStream* stream = Stream();
    if (stream == nullptr || !stream->open) return;
    std::string bytes;
    for (size_t left = 1 + input_->Below(12); left > 0 && !stream->owed.empty(); --left) {
      bytes += server_.Answer(stream->owed.front());
      stream->owed.pop_front();
    }
    Feed(stream, bytes, input_->Below(4) == 0 ? 1 + input_->Below(8) : 0);
    Turn();
  }

  void Say(const std::string& bytes) {
    ServedStream* stream = Stream();
    if (stream == nullptr || !stream->open) return;
    Feed(stream, bytes, 0);
    Turn();
  }

  // `piece`: so many bytes at a time; 0: at once.
  void Feed(ServedStream* stream, const std::string& bytes, size_t piece) {
    for (size_t at = 0; at < bytes.size() && Has(stream);) {
      const std::string part = bytes.substr(at, piece == 0 ? std::string::npos : piece);
      at += part.size();
      stream->events->OnBytes(part.data(), part.size());
    }
  }

  void Break() {
    ServedStream* stream = Stream();
    if (stream == nullptr) return;
    const size_t kind = input_->Below(3);
    if (kind == 0) stream->events->OnClosed("the connection was closed");
    if (kind == 1) stream->events->OnRefused("no");
    if (kind == 2) stream->unsent_bytes = stream->unsent_bytes == 0 ? size_t{1} << 30 : 0;
    Turn();
  }

  void Keep() {
    Settle(results_.completions);
    results_.completions.Clear();
    for (const Page& page : results_.pages) {
      Require(page.ticket < listed_.size() && !listed_[page.ticket], "a page is answered once");
      listed_[page.ticket] = true;
      Require(page.status == Status::kAnswered || page.entries.empty(), "a page without an answer is empty");
      for (const Page::Entry& entry : page.entries) {
        Require(entry.count >= -kBlocked && entry.count <= kBlocked && entry.reset_in_ms >= 0 &&
                    entry.reset_in_ms <= kBlocked,
                "a page's numbers can be");
      }
    }
    results_.pages.clear();
    results_.events.clear();
  }

  void Settle(const Completions& completions) {
    const Decision* decision = completions.decisions();
    for (const Completion& completion : completions.list()) {
      Require(completion.ticket < asked_.size(), "an answer is somebody's");
      Asked& asked = asked_[completion.ticket];
      Require(!asked.settled, "a call is answered once");
      asked.settled = true;
      const bool answered = completion.status == Status::kAnswered;
      Require(completion.decisions == (answered ? DecisionsOf(asked.op, *asked.rules) : 0), "an answer is whole");
      for (size_t i = 0; i < completion.decisions; ++i) RequireDecision(asked, (*asked.rules)[i], *decision++);
    }
  }

  static void RequireDecision(const Asked& asked, const Rule& rule, const Decision& decision) {
    if (asked.op > Op::kPenalize) {
      const auto most = static_cast<int64_t>(asked.rules->size());
      Require(decision.used >= 0 && decision.used <= most, "what changes keys tells a number of rules");
      return;
    }
    Require(decision.limit == rule.capacity(), "a decision tells the rule's limit");
    Require(decision.remaining >= 0 && decision.remaining <= decision.limit, "what remains is from 0 to the limit");
    Require(decision.reset_in_ms >= 0 && decision.reset_in_ms <= kBlocked + 1, "a window ends after now");
    Require(decision.retry_after_ms >= kNeverFits && decision.retry_after_ms <= kBlocked + 1, "a wait is a time");
    Require(!decision.allowed || decision.retry_after_ms == 0, "who is admitted does not wait");
    Require(!decision.allowed || !decision.blocked, "who is blocked is not admitted");
    if (asked.op != Op::kCheck || rule.shadow || !decision.allowed) return;
    Require(decision.used <= decision.limit, "who is admitted fits");
  }

  Input* input_;
  ScriptedServer server_;
  std::vector<ServedStream*> streams_;
  HandleScope scope_;
  FakeClock clock_;
  Results results_;
  std::vector<Asked> asked_;
  std::vector<bool> listed_;
  const std::vector<RuleSet> rules_ = MakeRules();
  const RuleSet probe_{Rule{"%health:p:", Algorithm::kFixedWindow, 1000000, 1000, kTimeoutMs, "", 0, false, true}};
  std::unique_ptr<RedisStore> store_;
};

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  spillway::Input input(data, size);
  spillway::Play(&input).Run();
  return 0;
}
