#include "redis_store/redis_store.h"

#include <algorithm>

#include "hash.h"
#include "key.h"

namespace spillway {
namespace {

constexpr size_t kMaxWaiting = 65536;

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
      asides_(&topology_, results),
      pool_(this),
      outbox_(&topology_, &pool_, &windows_),
      scatter_(&pool_, &outbox_, seed_, &asked_),
      refusals_(&topology_, &outbox_, &scatter_, clock),
      tickets_(results, clock) {}

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

void RedisStore::Ask(const AsideRequest& request) {
  asides_.Add(request);
  topology_.Start();
  if (request.keeps_process) turn_.KeepAliveUntil(clock_->NowMs() + request.timeout_ms);
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
  stats.commands = outbox_.commands();
  stats.round_trips = outbox_.round_trips();
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
  asides_.Close();
}

int64_t RedisStore::OnFlush() {
  const int64_t now_ms = clock_->NowMs();
  QueueAsked(now_ms);
  while (Command* command = outbox_.TakeDelayed(now_ms)) Dispatch(command);
  topology_.Flush(now_ms);
  FollowTopology();
  asides_.Flush(now_ms);
  for (Node* node : topology_.all()) outbox_.Send(node, now_ms);
  scan_.Flush(now_ms);
  tickets_.EndTurn();
  return NextWake();
}

int64_t RedisStore::NextWake() const {
  return std::min(
      {deadlines_.Earliest(), outbox_.NextDelayed(), topology_.NextTick(), scan_.NextTick(), asides_.NextTick()});
}

// A deadline counts from here, not from each call: within one turn JavaScript could not have seen an answer anyway. What
// nobody waits for (a take-back, say) has one too: it is not kept for ever.
void RedisStore::QueueAsked(int64_t now_ms) {
  const int64_t now_us = asked_.empty() ? 0 : clock_->NowUs();
  for (PendingCheck* check : asked_) {
    check->asked_us = now_us;
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
  asides_.Tick(now_ms);
  EndOverdue(now_ms);
  tickets_.EndTurn();
  outbox_.DropAbandoned();
  // What was asked while reading (a take-back, a script's source) leaves at once: the process may end after this turn.
  QueueAsked(now_ms);
  FollowTopology();
  topology_.EndTurn(now_ms);
  asides_.Flush(now_ms);
  for (Node* node : topology_.all()) {
    outbox_.Send(node, now_ms);
    // What waits for a reconnection, or for a server that reads again, is woken by those; a refusal by its time.
    if (node->client.ready() && !node->queue.empty() && !node->client.congested()) turn_.Request();
  }
  if (tickets_.waiting() == 0 && scan_.idle() && asides_.idle()) turn_.LetGo();
  pool_.Shrink(now_ms);
  const int64_t next = NextWake();
  // Last: it may destroy this store.
  if (!results_->empty()) deliver_();
  return next;
}

}  // namespace spillway
