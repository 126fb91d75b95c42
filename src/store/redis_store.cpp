#include "store/redis_store.h"

#include <algorithm>

#include "algorithms/fixed_window.h"
#include "hash.h"
#include "redis/refusal.h"

namespace spillway {
namespace {

constexpr int64_t kMaxWaiting = 65536;
constexpr size_t kBytesPerWrite = size_t{256} * 1024;
// For Healthy: a reply is overdue after this, and the last one is old after that.
constexpr int64_t kOverdueMs = 250;
constexpr int64_t kOldReplyMs = 500;
// PEXPIRETIME and PEXPIRE NX came with this version.
constexpr int64_t kPlainFormMajor = 7;

int64_t MajorOf(const std::string& version) {
  int64_t major = 0;
  return ParseInteger(std::string_view(version).substr(0, version.find('.')), &major) ? major : 0;
}

}  // namespace

RedisStore::RedisStore(const ClientConfig& config, const Client::Dial& dial, HandleScope* scope, const Clock* clock,
                       Results* results, std::function<void()> deliver)
    : clock_(clock),
      results_(results),
      deliver_(std::move(deliver)),
      seed_(RandomSeed()),
      turn_(scope, clock, this),
      client_(config, dial, clock, [this] { turn_.Request(); }),
      listing_(
          config, dial, clock, results, [this] { turn_.Request(); },
          [this](const std::string& error) { client_.Note(error); }) {}

RedisStore::~RedisStore() = default;

void Request::OnReply(const Reply& reply) { store->OnReply(this, reply); }
void Request::OnLost() { store->OnLost(this); }

bool RedisStore::Full(Ticket ticket, std::vector<Outcome>* now) const {
  if (waiting_ < kMaxWaiting && queue_.size() < static_cast<size_t>(kMaxWaiting)) return false;
  now->push_back({ticket, Ending::kQueueFull, {}, 0});
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
  listing_.Add(request);
  turn_.KeepAliveUntil(clock_->NowMs());
  turn_.Request();
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
  request->send_source = false;
  request->abandoned = false;
  request->rules = &rules;
  request->cost = 1;
  // Never made smaller: the strings keep their memory.
  if (request->keys.size() < rules.size()) request->keys.resize(rules.size());
  for (size_t i = 0; i < rules.size(); ++i) request->keys[i].assign(keys[i]);
  return request;
}

void RedisStore::Submit(Request* request) {
  asked_.push_back(request);
  client_.Start();
  turn_.Request();
}

void RedisStore::AddTicket(Request* request, Ticket ticket) {
  request->tickets.push_back(ticket);
  if (waiting_++ == 0) turn_.KeepAliveUntil(clock_->NowMs() + request->rule().timeout_ms);
}

void RedisStore::Recycle(Request* request) {
  if (request->call == Call::kPing) pinging_ = false;
  Deadlines::Remove(request);
  request->tickets.clear();
  free_.push_back(request);
}

int64_t RedisStore::OnFlush() {
  const int64_t now_ms = clock_->NowMs();
  QueueAsked(now_ms);
  while (!refused_.empty() && refused_.front()->retry_at_ms <= now_ms) {
    queue_.push_back(refused_.front());
    refused_.pop_front();
  }
  if (client_.ready()) Send(now_ms);
  listing_.Flush(now_ms);
  return NextWake();
}

int64_t RedisStore::NextWake() const {
  const int64_t retry_ms = refused_.empty() ? INT64_MAX : refused_.front()->retry_at_ms;
  return std::min({deadlines_.Earliest(), retry_ms, client_.NextTick(), listing_.NextTick()});
}

// A deadline counts from here, not from each call: within one turn JavaScript could not have seen an answer anyway.
void RedisStore::QueueAsked(int64_t now_ms) {
  for (Request* request : asked_) {
    if (!request->tickets.empty()) deadlines_.Add(request, now_ms, request->rule().timeout_ms);
    queue_.push_back(request);
  }
  asked_.clear();
  turn_table_.Clear();
}

void RedisStore::Send(int64_t now_ms) {
  const bool plain_form = MajorOf(client_.server_version()) >= kPlainFormMajor;
  bool timed = false;
  while (!queue_.empty() && client_.ready() && !client_.congested()) {
    Request* request = queue_.front();
    queue_.pop_front();
    if (request->abandoned) {
      Recycle(request);
      continue;
    }
    if (request->call == Call::kScript && request->cost == 1 && !request->tickets.empty() && plain_form &&
        request->rule().limit > 0 && denied_.Until(request->hash) < now_ms) {
      request->call = Call::kPlain;
    }
    if (request->call == Call::kPlain && !timed) {
      timed = true;
      EncodeTime(client_.out());
      client_.Expect(&flush_time_, 1);
    }
    client_.Expect(request, Encode(request, client_.out()));
    if (client_.out()->size() >= kBytesPerWrite) client_.Flush();
  }
  client_.Flush();
}

int64_t RedisStore::OnTurnEnd() {
  const int64_t now_ms = clock_->NowMs();
  client_.Tick(now_ms);
  listing_.Tick(now_ms);
  while (Expiring* due = deadlines_.TakeDue(now_ms)) {
    auto* request = static_cast<Request*>(due);
    timeouts_ += static_cast<int64_t>(request->tickets.size());
    SettleAll(request, Ending::kTimedOut);
    request->abandoned = true;
  }
  // Without a connection, what nobody waits for (a take-back, say) is not kept either.
  while (!queue_.empty() && (queue_.front()->abandoned || (!client_.ready() && queue_.front()->tickets.empty()))) {
    Recycle(queue_.front());
    queue_.pop_front();
  }
  // What was asked while reading (a take-back, a script's source) leaves at once: the process may end after this turn.
  if (client_.ready()) {
    QueueAsked(now_ms);
    Send(now_ms);
  }
  if (waiting_ == 0 && listing_.idle()) turn_.LetGo();
  // What waits for a reconnection, or for a server that reads again, is woken by those; a refusal by its time.
  if (client_.ready() && !queue_.empty() && !client_.congested()) turn_.Request();
  const int64_t next = NextWake();
  // Last: it may destroy this store.
  if (!results_->outcomes.empty() || !results_->pages.empty()) deliver_();
  return next;
}

void RedisStore::Settle(Ticket ticket, Ending ending, const Decision& decision) {
  results_->outcomes.push_back({ticket, ending, decision, 0});
  --waiting_;
}

void RedisStore::SettleAll(Request* request, Ending ending, const Decision& decision) {
  for (const Ticket ticket : request->tickets) Settle(ticket, ending, decision);
  request->tickets.clear();
}

bool RedisStore::Healthy() {
  client_.Start();
  turn_.Request();
  const int64_t now_ms = clock_->NowMs();
  if (client_.ready() && !pinging_ && now_ms - client_.last_reply_ms() >= kOldReplyMs) {
    pinging_ = true;
    Submit(NewRequest(Call::kPing, no_rules_, &no_key_));
  }
  return client_.ready() && !client_.Overdue(now_ms, kOverdueMs);
}

Stats RedisStore::GetStats() const {
  Stats stats;
  stats.pending = waiting_;
  stats.connected = client_.ready();
  if (stats.connected) stats.connected_for_ms = clock_->NowMs() - client_.connected_since_ms();
  stats.reconnects = client_.reconnects();
  stats.timeouts = timeouts_;
  stats.last_error = client_.last_error();
  stats.server_version = client_.server_version();
  return stats;
}

void RedisStore::Close() {
  for (const auto& request : requests_) SettleAll(request.get(), Ending::kClosed);
  listing_.Close();
}

}  // namespace spillway
