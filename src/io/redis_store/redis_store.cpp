#include "redis_store/redis_store.h"

#include <algorithm>

#include "hash.h"
#include "key.h"

namespace spillway {
namespace {

constexpr size_t kMaxWaiting = 65536;

// Nobody waits for its answer any more.
bool IsLate(const PendingCheck& check) { return check.abandoned || (check.is_part && check.whole == nullptr); }

}  // namespace

template <class Servers>
RedisStore::RedisStore(int, const ClientConfig& config, const Servers& servers, HandleScope* scope, const Clock* clock,
                       Results* results, std::function<void()> deliver)
    : clock_(clock),
      results_(results),
      deliver_(std::move(deliver)),
      seed_(RandomSeed()),
      turn_(scope, clock, this),
      topology_(config, servers, clock, results, [this] { turn_.Request(); }),
      scan_(
          config, &topology_, clock, results, [this] { turn_.Request(); },
          [this](const std::string& error) { topology_.SetLastError(error); }),
      pool_(this),
      outbox_(&topology_, &pool_, &windows_),
      scatter_(&pool_, &outbox_, seed_, &asked_),
      refusals_(&topology_, &outbox_, &scatter_, clock),
      tickets_(results) {}

RedisStore::RedisStore(const ClientConfig& config, const Client::Dial& dial, HandleScope* scope, const Clock* clock,
                       Results* results, std::function<void()> deliver)
    : RedisStore(0, config, dial, scope, clock, results, std::move(deliver)) {}

RedisStore::RedisStore(const ClientConfig& config, const ClusterNodes& nodes, HandleScope* scope, const Clock* clock,
                       Results* results, std::function<void()> deliver)
    : RedisStore(0, config, nodes, scope, clock, results, std::move(deliver)) {}

RedisStore::~RedisStore() = default;

bool RedisStore::Submit(const Check& check, Completions* immediate) {
  if (static_cast<size_t>(tickets_.waiting()) >= kMaxWaiting || outbox_.size() >= kMaxWaiting) {
    immediate->End(check.ticket, Status::kQueueFull, Source::kRedis);
    return true;
  }
  const RuleSet& rules = *check.rules;
  PendingCheck* made = pool_.New(check.op, rules, check.units);
  for (size_t i = 0; i < rules.size(); ++i) WriteKey(rules[i], check.subjects.Of(i), &made->keys[i]);
  if (!topology_.all_asked() && !MayAsk(*made)) {
    pool_.Recycle(made);
    immediate->End(check.ticket, Status::kBreakerOpen, Source::kRedis);
    return true;
  }
  made->hash = Hash(made->key(), seed_);
  if (check.op == Op::kCheck) {
    const uint64_t question =
        made->hash ^ (reinterpret_cast<uintptr_t>(&rules) * 0x9e3779b97f4a7c15ULL) ^ static_cast<uint64_t>(check.units);
    PendingCheck* equal = coalescer_.Find(question, [&](const PendingCheck& other) {
      return other.rules == &rules && other.units == check.units &&
             std::equal(made->keys.begin(), made->keys.begin() + static_cast<std::ptrdiff_t>(rules.size()),
                        other.keys.begin());
    });
    if (equal != nullptr) {
      pool_.Recycle(made);
      tickets_.Add(equal, check.ticket);
      return false;
    }
    coalescer_.Put(question, made);
  } else {
    // What is asked after it may not join what was asked before it.
    coalescer_.Clear();
    if (check.op == Op::kRefund) made->marks.assign(check.marks, check.marks + rules.size());
  }
  made->command.form = FormFor(check.op, rules, check.units);
  Ask(made);
  if (tickets_.Add(made, check.ticket)) turn_.KeepAliveUntil(clock_->NowMs() + made->rule().timeout_ms);
  return false;
}

// All of its keys, or it is no use to ask for one: a probe of one server would wait for another. Health's own check is always
// made.
bool RedisStore::MayAsk(const PendingCheck& check) {
  if (check.rule().probe) return true;
  const int64_t now_ms = clock_->NowMs();
  const auto begin = check.keys.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(check.rules->size());
  if (!std::all_of(begin, end, [&](const std::string& key) { return topology_.MayAsk(key, now_ms); })) return false;
  std::for_each(begin, end, [&](const std::string& key) { topology_.AskFor(key, now_ms); });
  return true;
}

void RedisStore::Ask(PendingCheck* check) {
  asked_.push_back(check);
  topology_.Start();
  turn_.Request();
}

void RedisStore::List(const ListRequest& request) {
  scan_.Add(request);
  // A cluster's servers have to be known.
  if (topology_.clustered()) topology_.Start();
  turn_.KeepAliveUntil(clock_->NowMs());
  turn_.Request();
}

bool RedisStore::Healthy(const RuleSet& probe, std::string_view subject) {
  topology_.Start();
  turn_.Request();
  for (Node* node : topology_.all()) {
    if (!node->standing.doubtful()) continue;
    std::string key;
    WriteKey(probe.front(), subject, &key);
    Probe(node, probe, std::move(key));
  }
  return topology_.Trouble().empty();
}

// A charge, because only that shows that charges are counted: under OOM a PING succeeds.
void RedisStore::Probe(Node* node, const RuleSet& rules, std::string key) {
  if (!topology_.MoveKey(*node, &key)) return;
  node->standing.Probed();
  PendingCheck* check = pool_.New(Op::kCheck, rules, 1);
  check->keys[0] = std::move(key);
  check->hash = Hash(check->key(), seed_);
  Ask(check);
}

Stats RedisStore::GetStats() const {
  Stats stats;
  stats.pending = tickets_.waiting();
  stats.connected = topology_.ready();
  if (stats.connected) stats.connected_for_ms = clock_->NowMs() - topology_.connected_since_ms();
  stats.reconnects = topology_.reconnects();
  stats.timeouts = tickets_.timeouts();
  stats.foreign = tickets_.foreign();
  stats.last_error = topology_.last_error();
  stats.trouble = topology_.Trouble();
  stats.server_version = topology_.server_version();
  stats.breaker = topology_.GetBreakerStats();
  return stats;
}

void RedisStore::Close() {
  for (const auto& check : pool_.all()) tickets_.End(check.get(), Status::kClosed);
  scan_.Close();
}

int64_t RedisStore::OnFlush() {
  const int64_t now_ms = clock_->NowMs();
  QueueAsked(now_ms);
  while (Command* command = outbox_.TakeDelayed(now_ms)) Dispatch(command);
  topology_.Flush(now_ms);
  FollowTopology();
  for (Node* node : topology_.all()) outbox_.Send(node, now_ms);
  scan_.Flush(now_ms);
  return NextWake();
}

int64_t RedisStore::NextWake() const {
  return std::min({deadlines_.Earliest(), outbox_.NextDelayed(), topology_.NextTick(), scan_.NextTick()});
}

// A deadline counts from here, not from each call: within one turn JavaScript could not have seen an answer anyway. What
// nobody waits for (a take-back, say) has one too: it is not kept for ever.
void RedisStore::QueueAsked(int64_t now_ms) {
  for (PendingCheck* check : asked_) {
    deadlines_.Add(check, now_ms, check->rule().timeout_ms);
    Dispatch(&check->command);
  }
  asked_.clear();
  coalescer_.Clear();
}

void RedisStore::Dispatch(Command* command) {
  if (!topology_.clustered() || !scatter_.Split(command->check)) outbox_.Route(command);
}

void RedisStore::Again(Command* command) {
  if (command->check->abandoned) {
    pool_.Recycle(command->check);
    return;
  }
  // Its deadline runs on: it goes to the queue, and behind what has been asked before.
  QueueAsked(clock_->NowMs());
  outbox_.Queue(command->node, command);
  turn_.Request();
}

void RedisStore::FollowTopology() {
  const std::string by = topology_.TakeRecognized();
  if (!by.empty()) {
    results_->events.push_back({Event::Kind::kClustered, AddressOf(topology_.given()), "recognized by " + by});
  }
  if (!topology_.TakeRemapped()) return;
  for (Command* command : outbox_.TakeMisplaced()) Dispatch(command);
}

int64_t RedisStore::OnTurnEnd() {
  const int64_t now_ms = clock_->NowMs();
  topology_.Tick(now_ms);
  scan_.Tick(now_ms);
  EndOverdue(now_ms);
  outbox_.DropAbandoned();
  // What was asked while reading (a take-back, a script's source) leaves at once: the process may end after this turn.
  QueueAsked(now_ms);
  FollowTopology();
  topology_.EndTurn(now_ms);
  for (Node* node : topology_.all()) {
    outbox_.Send(node, now_ms);
    // What waits for a reconnection, or for a server that reads again, is woken by those; a refusal by its time.
    if (node->client.ready() && !node->queue.empty() && !node->client.congested()) turn_.Request();
  }
  if (tickets_.waiting() == 0 && scan_.idle()) turn_.LetGo();
  pool_.Shrink(now_ms);
  const int64_t next = NextWake();
  // Last: it may destroy this store.
  if (!results_->empty()) deliver_();
  return next;
}

void RedisStore::OnStep(Command* command, Step step) {
  PendingCheck* check = command->check;
  for (int i = 0; i < reading.follow_up_count; ++i) Follow(*check, reading.follow_ups[i]);
  reading.follow_up_count = 0;
  switch (step) {
    case Step::kMore:
      return;
    case Step::kAgain:
      Again(command);
      return;
    case Step::kRefused:
      Refused(command);
      return;
    case Step::kWindow:
      Answered(*command);
      TakeWindow(check);
      return;
    case Step::kDecision:
      Answered(*command);
      tickets_.Answer(check, reading.decision);
      pool_.Recycle(check);
      return;
    case Step::kRules:
      Answered(*command);
      if (check->numbers[0] > 0) Counted(*command);
      break;
    case Step::kNumber:
      Answered(*command);
      check->numbers.assign(1, reading.number);
      TakeNumber(check);
      return;
  }
  PendingCheck* whole = check->is_part ? scatter_.TakeAnswer(check) : check;
  if (whole == nullptr) return;
  tickets_.AnswerRules(whole, whole == check ? check->numbers : scatter_.joined());
  pool_.Recycle(whole);
}

void RedisStore::Follow(const PendingCheck& check, const FollowUp& next) {
  PendingCheck* made = pool_.New(Op::kCheck, *check.rules, next.units);
  made->command.form = next.form;
  made->keys[0].assign(check.key());
  made->hash = check.hash;
  made->marks.assign(next.marks, next.marks + 2);
  Ask(made);
}

void RedisStore::TakeWindow(PendingCheck* check) {
  const WindowReading& window = reading.window;
  if (window.admitted > 0 || reading.charged) Counted(check->command);
  reading.charged = false;
  const bool waited = !check->tickets.empty();
  tickets_.Admit(check, window);
  if (check->tickets.empty()) {
    if (waited && window.admitted > 0) windows_.Forget(check->hash);
    pool_.Recycle(check);
    return;
  }
  const int64_t now_ms = clock_->NowMs();
  windows_.Deny(check->hash, now_ms + window.rest_ms, now_ms);
  if (!window.end_known) {
    // How long to wait is not known: the script, behind a take-back, can say.
    check->command.form = nullptr;
    check->command.by_script = true;
    Again(&check->command);
    return;
  }
  tickets_.Deny(check, window);
  pool_.Recycle(check);
}

void RedisStore::TakeNumber(PendingCheck* check) {
  PendingCheck* whole = check->is_part ? scatter_.TakeAnswer(check) : check;
  if (whole == nullptr) return;
  // What was denied may be admitted again, or what was admitted denied.
  if (whole->op != Op::kCheck) windows_.Forget(whole->hash);
  Decision decision;
  decision.used = whole == check ? check->numbers[0] : scatter_.joined()[0];
  tickets_.Answer(whole, decision);
  pool_.Recycle(whole);
}

// A charge that is answered too late was of no use to its caller, and a denial shows only that the key could be read.
void RedisStore::Counted(const Command& command) {
  const PendingCheck& check = *command.check;
  if (check.op != Op::kPeek && !IsLate(check)) command.node->standing.Counted(check.rule().probe);
}

void RedisStore::Answered(const Command& command) {
  command.node->standing.Answered(IsLate(*command.check), command.check->generation);
}

void RedisStore::Refused(Command* command) {
  Node* node = command->node;
  const Refusal refusal = Classify(command->error);
  // An error is an answer, but for those that say that none can be given at the moment.
  if (refusal != Refusal::kWait && refusal != Refusal::kNoMaster && refusal != Refusal::kLogin) Answered(*command);
  switch (refusals_.Find(command)) {
    case Remedy::kAgain:
      Again(command);
      return;
    case Remedy::kLater:
      turn_.Request();
      return;
    case Remedy::kForeign:
      End(command->check, Status::kForeign);
      return;
    case Remedy::kEnd:
      break;
  }
  const std::string error = command->error;
  End(command->check, Status::kRefused);
  if (refusal == Refusal::kLogin) node->client.LoginLost(Presentable(error));
}

void RedisStore::End(PendingCheck* check, Status status) {
  PendingCheck* whole = check->whole;
  if (whole != nullptr) {
    tickets_.End(whole, status);
    check->whole = nullptr;
    scatter_.Abandon(whole);
  }
  tickets_.End(check, status);
  pool_.Recycle(check);
}

void RedisStore::EndOverdue(int64_t now_ms) {
  while (Expiring* due = deadlines_.TakeDue(now_ms)) {
    auto* check = static_cast<PendingCheck*>(due);
    TellLate(*check, check->deadline_ms() - check->rule().timeout_ms);
    tickets_.End(check, Status::kTimedOut);
    if (check->parts.empty()) {
      outbox_.Abandon(check);
    } else {
      scatter_.Abandon(check);
    }
  }
}

void RedisStore::TellLate(const PendingCheck& check, int64_t asked_ms) {
  for (const PendingCheck* part : check.parts) {
    if (!part->answered) TellLate(*part, asked_ms);
  }
  if (!check.parts.empty()) return;
  Node* node = check.command.node;
  const int64_t timeout_ms = check.rule().timeout_ms;
  if (node == nullptr) {
    topology_.Unplaced(asked_ms, clock_->NowMs());
  } else if (topology_.Has(node)) {
    node->standing.Late(timeout_ms, asked_ms, check.generation);
  }
}

}  // namespace spillway
