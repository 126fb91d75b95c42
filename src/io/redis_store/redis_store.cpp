#include "redis_store/redis_store.h"

#include <algorithm>

#include "hash.h"

namespace spillway {
namespace {

constexpr int64_t kMaxWaiting = 65536;

}  // namespace

RedisStore::RedisStore(const ClientConfig& config, const Client::Dial& dial, HandleScope* scope, const Clock* clock,
                       Results* results, std::function<void()> deliver)
    : clock_(clock),
      results_(results),
      deliver_(std::move(deliver)),
      seed_(RandomSeed()),
      turn_(scope, clock, this),
      topology_(config, dial, clock, results, [this] { turn_.Request(); }),
      scan_(
          config, &topology_, clock, results, [this] { turn_.Request(); },
          [this](const std::string& error) { topology_.SetLastError(error); }) {}

RedisStore::RedisStore(const ClientConfig& config, const ClusterNodes& nodes, HandleScope* scope, const Clock* clock,
                       Results* results, std::function<void()> deliver)
    : clock_(clock),
      results_(results),
      deliver_(std::move(deliver)),
      seed_(RandomSeed()),
      turn_(scope, clock, this),
      topology_(config, nodes, clock, results, [this] { turn_.Request(); }),
      scan_(
          config, &topology_, clock, results, [this] { turn_.Request(); },
          [this](const std::string& error) { topology_.SetLastError(error); }) {}

RedisStore::~RedisStore() = default;

void Request::OnReply(const Reply& reply) { store->OnReply(this, reply); }
void Request::OnLost() { store->OnLost(this); }

bool RedisStore::Full(Ticket ticket, std::vector<Outcome>* now) const {
  if (waiting_ < kMaxWaiting && queued_ - stale_ < static_cast<size_t>(kMaxWaiting)) return false;
  now->push_back({ticket, Status::kQueueFull, {}, 0});
  return true;
}

bool RedisStore::Ask(Op op, const RuleSet& rules, const std::string* keys, int64_t units, Ticket ticket,
                     std::vector<Outcome>* now) {
  if (Full(ticket, now)) return true;
  const bool one_window =
      rules.size() == 1 && rules.front().algorithm == Algorithm::kFixedWindow && !rules.front().shadow;
  if (op != Op::kCheck) {
    Request* request =
        NewRequest(one_window && op == Op::kPeek && units == 1 ? Call::kPeek : Call::kLayered, rules, keys);
    request->op = op;
    request->cost = units;
    SubmitAlone(request, ticket);
    return false;
  }
  const uint64_t hash = Hash(keys[0], seed_);
  const uint64_t asked =
      hash ^ (reinterpret_cast<uintptr_t>(&rules) * 0x9e3779b97f4a7c15ULL) ^ static_cast<uint64_t>(units);
  Request* request = turn_table_.Find(asked, [&](const Request& other) {
    return other.rules == &rules && other.cost == units && std::equal(keys, keys + rules.size(), other.keys.begin());
  });
  if (request == nullptr) {
    request = NewRequest(one_window ? Call::kScript : Call::kLayered, rules, keys);
    request->hash = hash;
    request->cost = units;
    turn_table_.Put(asked, request);
    Submit(request);
  }
  AddTicket(request, ticket);
  return false;
}

bool RedisStore::Refund(const RuleSet& rules, const std::string* keys, int64_t units, const int64_t* marks,
                        Ticket ticket, std::vector<Outcome>* now) {
  if (Full(ticket, now)) return true;
  Request* request = NewRequest(Call::kRefund, rules, keys);
  request->cost = units;
  request->marks.assign(marks, marks + rules.size());
  SubmitAlone(request, ticket);
  return false;
}

bool RedisStore::Block(const RuleSet& rules, const std::string* keys, int64_t ms, Ticket ticket,
                       std::vector<Outcome>* now) {
  if (Full(ticket, now)) return true;
  Request* request = NewRequest(Call::kBlock, rules, keys);
  request->cost = ms;
  SubmitAlone(request, ticket);
  return false;
}

bool RedisStore::Reset(const RuleSet& rules, const std::string* keys, Ticket ticket, std::vector<Outcome>* now) {
  if (Full(ticket, now)) return true;
  SubmitAlone(NewRequest(Call::kReset, rules, keys), ticket);
  return false;
}

void RedisStore::SubmitAlone(Request* request, Ticket ticket) {
  request->hash = Hash(request->key(), seed_);
  turn_table_.Clear();
  Submit(request);
  AddTicket(request, ticket);
}

void RedisStore::List(const ListRequest& request) {
  scan_.Add(request);
  // A cluster's servers have to be known.
  if (topology_.clustered()) topology_.Start();
  turn_.KeepAliveUntil(clock_->NowMs());
  turn_.Request();
}

bool RedisStore::Holds(const RuleSet& rules) const {
  return std::any_of(requests_.begin(), requests_.end(), [&](const auto& request) { return request->rules == &rules; });
}

Request* RedisStore::NewRequest(Call call, const RuleSet& rules, const std::string* keys) {
  if (free_.empty()) {
    requests_.push_back(std::make_unique<Request>(this));
    free_.push_back(requests_.back().get());
  }
  Request* request = free_.back();
  free_.pop_back();
  request->call = call;
  request->op = Op::kCheck;
  request->node = nullptr;
  request->error.clear();
  request->send_source = false;
  request->no_plain = false;
  request->abandoned = false;
  request->hops = 0;
  request->asking = false;
  request->is_part = false;
  request->answered = false;
  request->whole = nullptr;
  request->rules = &rules;
  request->cost = 1;
  // Never made smaller: the strings keep their memory.
  if (request->keys.size() < rules.size()) request->keys.resize(rules.size());
  for (size_t i = 0; keys != nullptr && i < rules.size(); ++i) request->keys[i].assign(keys[i]);
  return request;
}

void RedisStore::Submit(Request* request) {
  asked_.push_back(request);
  topology_.Start();
  turn_.Request();
}

void RedisStore::AddTicket(Request* request, Ticket ticket) {
  request->tickets.push_back(ticket);
  if (waiting_++ == 0) turn_.KeepAliveUntil(clock_->NowMs() + request->rule().timeout_ms);
}

void RedisStore::Recycle(Request* request) {
  Deadlines::Remove(request);
  request->tickets.clear();
  request->parts.clear();
  request->rules = nullptr;
  free_.push_back(request);
}

void RedisStore::Settle(Ticket ticket, Status status, const Decision& decision) {
  results_->outcomes.push_back({ticket, status, decision, 0});
  if (status == Status::kForeign) ++foreign_;
  --waiting_;
}

void RedisStore::SettleAll(Request* request, Status status, const Decision& decision) {
  for (const Ticket ticket : request->tickets) Settle(ticket, status, decision);
  request->tickets.clear();
}

bool RedisStore::Healthy(const RuleSet& probe, const std::string& key) {
  topology_.Start();
  turn_.Request();
  for (Node* node : topology_.all()) {
    if (node->standing.doubtful()) Probe(node, probe, key);
  }
  return topology_.Trouble().empty();
}

// A charge, because only that shows that charges are counted: under OOM a PING succeeds.
void RedisStore::Probe(Node* node, const RuleSet& rules, std::string key) {
  if (!topology_.MoveKey(*node, &key)) return;
  node->standing.Probed();
  Request* request = NewRequest(Call::kScript, rules, &key);
  request->hash = Hash(key, seed_);
  Submit(request);
}

Stats RedisStore::GetStats() const {
  Stats stats;
  stats.pending = waiting_;
  stats.connected = topology_.ready();
  if (stats.connected) stats.connected_for_ms = clock_->NowMs() - topology_.connected_since_ms();
  stats.reconnects = topology_.reconnects();
  stats.timeouts = timeouts_;
  stats.foreign = foreign_;
  stats.last_error = topology_.last_error();
  stats.trouble = topology_.Trouble();
  stats.server_version = topology_.server_version();
  return stats;
}

void RedisStore::Close() {
  for (const auto& request : requests_) SettleAll(request.get(), Status::kClosed);
  scan_.Close();
}

}  // namespace spillway
