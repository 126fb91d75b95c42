#include "redis/topology.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "redis/slot.h"

namespace spillway {
namespace {

// For comparison: the state first, and the failures where it is the same.
std::pair<int, int64_t> Badness(const BreakerStats& stats) {
  const int state = stats.state == Breaker::State::kClosed ? 0 : stats.state == Breaker::State::kHalfOpen ? 1 : 2;
  return {state, stats.failures};
}

}  // namespace

Topology::Topology(const ClientConfig& config, const Client::Dial& dial, const Clock* clock, Results* results,
                   std::function<void()> on_change)
    : config_(config),
      dial_(dial),
      clock_(clock),
      results_(results),
      on_change_(std::move(on_change)),
      unplaced_(config.breaker) {
  owned_.push_back(std::make_unique<Member>(this, 0, Endpoint(), dial));
  all_.push_back(&owned_.back()->node);
}

Topology::Topology(const ClientConfig& config, ClusterNodes nodes, const Clock* clock, Results* results,
                   std::function<void()> on_change)
    : config_(config),
      nodes_(std::move(nodes)),
      clock_(clock),
      results_(results),
      on_change_(std::move(on_change)),
      unplaced_(config.breaker) {
  if (nodes_.given_as_single) {
    const Endpoint& server = nodes_.seeds.front();
    owned_.push_back(std::make_unique<Member>(this, 0, server, DialOf(server)));
    all_.push_back(&owned_.back()->node);
  } else {
    cluster_ = std::make_unique<Cluster>(nodes_.seeds);
  }
}

Topology::~Topology() = default;

Topology::Member* Topology::Open(int number) {
  const auto at = static_cast<size_t>(number);
  if (owned_.size() <= at) owned_.resize(at + 1);
  if (owned_[at] == nullptr) {
    const Endpoint& endpoint = cluster_->endpoint(number);
    owned_[at] = std::make_unique<Member>(this, number, endpoint, DialOf(endpoint));
    all_.push_back(&owned_[at]->node);
    owned_[at]->node.client.Start();
  }
  return owned_[at].get();
}

Node* Topology::Of(std::string_view key) {
  if (cluster_ == nullptr) return all_.front();
  const int number = cluster_->NodeOf(SlotOf(key));
  return number == Cluster::kNoNode ? nullptr : &Open(number)->node;
}

Node* Topology::Redirected(Refusal refusal, std::string_view error, const Node& from) {
  const int number =
      refusal == Refusal::kMoved ? cluster_->OnMoved(error, from.endpoint) : cluster_->OnAsk(error, from.endpoint);
  return number == Cluster::kNoNode ? nullptr : &Open(number)->node;
}

void Topology::Doubt(Refusal refusal) {
  const bool may_be = refusal == Refusal::kWait || refusal == Refusal::kNoMaster;
  if (cluster_ != nullptr && may_be) cluster_->Doubt();
}

bool Topology::TakeRemapped() { return std::exchange(remapped_, false); }

void Topology::Start() {
  if (started_) return;
  started_ = true;
  for (Node* node : all_) node->client.Start();
}

void Topology::Tick(int64_t now_ms) {
  for (Node* node : all_) node->client.Tick(now_ms);
  for (const auto& member : owned_) {
    if (member != nullptr) WatchConnection(member.get());
  }
  if (cluster_ == nullptr) return;
  // Before anything else is sent: where the home is another node by now, its map answers in front of its redirections.
  AskForMaps();
  LetGo();
}

void Topology::WatchConnection(Member* member) {
  const Client& client = member->node.client;
  if (member->failures_seen != client.reconnects()) {
    member->failures_seen = client.reconnects();
    member->ready = false;
    member->map_due = false;
    member->map_asked = false;
    member->id_asked = false;
    // Of the address that was given nothing is told.
    const bool found = cluster_ != nullptr && !cluster_->is_home(member->number);
    SetLastError((found ? AddressOf(member->node.endpoint) + ": " : "") + client.last_error());
    lost_ = client.address() + ": " + client.last_error();
    if (cluster_ != nullptr) cluster_->OnLost(member->number);
  }
  if (member->ready || !client.ready()) return;
  if (client.capabilities().cluster_mode) Recognize("INFO");
  if (cluster_ == nullptr) return;
  member->ready = true;
  if (cluster_->is_home(member->number)) member->map_due = true;
  cluster_->OnReady(member->number);
}

// Closes what belongs to nodes that have left, once nothing waits for them.
void Topology::LetGo() {
  for (int number = 0; number < static_cast<int>(owned_.size()); ++number) {
    std::unique_ptr<Member>& member = owned_[static_cast<size_t>(number)];
    if (member == nullptr || cluster_->member(number) || member->map_due || !member->node.client.idle() ||
        !member->node.queue.empty()) {
      continue;
    }
    reconnects_before_ += member->node.client.reconnects();
    all_.erase(std::find(all_.begin(), all_.end(), &member->node));
    member.reset();
    cluster_->Forget(number);
  }
}

int64_t Topology::NextTick() const {
  int64_t next = cluster_ == nullptr || !started_ ? INT64_MAX : cluster_->NextTick();
  for (const Node* node : all_) next = std::min(next, node->client.NextTick());
  return next;
}

bool Topology::Serves(const Node* node) const {
  if (cluster_ == nullptr) return true;
  return std::any_of(owned_.begin(), owned_.end(), [&](const std::unique_ptr<Member>& member) {
    return member != nullptr && &member->node == node && cluster_->serves(member->number);
  });
}

bool Topology::ready() const {
  if (cluster_ != nullptr && !cluster_->complete()) return false;
  return std::all_of(all_.begin(), all_.end(),
                     [this](const Node* node) { return node->client.ready() || !Serves(node); });
}

std::string Topology::Trouble() const {
  const bool complete = cluster_ == nullptr || cluster_->complete();
  const Node* untried = nullptr;
  for (const Node* node : all_) {
    std::string trouble = complete && !Serves(node) ? "" : node->standing.trouble();
    if (trouble.empty()) continue;
    if (!node->standing.untried()) return trouble;
    untried = node;
  }
  if (untried == nullptr && complete) return "";
  // Before the map is known a node that failed is let go, and its connection begins afresh.
  if (!lost_.empty() && (untried != nullptr || all_.empty())) return lost_;
  if (untried != nullptr) return untried->standing.trouble();
  return all_.empty() ? "not connected yet" : "some slots of the cluster have no node";
}

bool Topology::Has(const Node* node) const { return std::find(all_.begin(), all_.end(), node) != all_.end(); }

bool Topology::MoveKey(const Node& node, std::string* key) const {
  if (cluster_ == nullptr) return true;
  constexpr int kMostTries = 4096;
  const size_t length = key->size();
  for (int i = 0; i < kMostTries; ++i) {
    const int number = cluster_->NodeOf(SlotOf(*key));
    if (number != Cluster::kNoNode && cluster_->endpoint(number) == node.endpoint) return true;
    key->resize(length);
    key->append(":" + std::to_string(i));
  }
  return false;
}

bool Topology::MayAsk(std::string_view key, int64_t now_ms) {
  const Node* node = Of(key);
  return node == nullptr ? unplaced_.MayEnter(now_ms) : node->standing.MayAsk(now_ms);
}

void Topology::AskFor(std::string_view key, int64_t now_ms) {
  Node* node = Of(key);
  if (node == nullptr) {
    unplaced_.Enter(now_ms);
  } else {
    node->standing.Ask(now_ms);
  }
}

void Topology::Unplaced(int64_t asked_ms, int64_t now_ms) { unplaced_.Fail(unplaced_.generation(), asked_ms, now_ms); }

void Topology::EndTurn(int64_t now_ms) {
  all_asked_ = unplaced_.closed();
  for (Node* node : all_) {
    node->standing.EndTurn(now_ms);
    all_asked_ = all_asked_ && node->standing.breaker().closed();
  }
}

BreakerStats Topology::GetBreakerStats() const {
  BreakerStats worst;
  worst.state = unplaced_.state();
  worst.failures = unplaced_.failures();
  if (!unplaced_.closed())
    worst.next_attempt_in_ms = std::max<int64_t>(0, unplaced_.next_attempt_ms() - clock_->NowMs());
  for (const Node* node : all_) {
    BreakerStats stats = node->standing.GetBreakerStats();
    if (Serves(node) && Badness(stats) > Badness(worst)) worst = std::move(stats);
  }
  return worst;
}

int64_t Topology::reconnects() const {
  int64_t count = reconnects_before_;
  for (const Node* node : all_) count += node->client.reconnects();
  return count;
}

int64_t Topology::connected_since_ms() const {
  int64_t latest = -1;
  for (const Node* node : all_) latest = std::max(latest, node->client.connected_since_ms());
  return latest;
}

std::string Topology::server_version() const {
  for (const Node* node : all_) {
    if (!node->client.capabilities().version.empty()) return node->client.capabilities().version;
  }
  return "";
}

std::vector<Endpoint> Topology::Servers() const {
  if (cluster_ == nullptr) return {all_.front()->endpoint};
  if (!cluster_->mapped()) return {};
  std::vector<Endpoint> servers;
  for (int number = 0; number < cluster_->size(); ++number) {
    if (!cluster_->serves(number)) continue;
    const bool told = cluster_->is_home(number) && !cluster_->home_announced().host.empty();
    servers.push_back(told ? cluster_->home_announced() : cluster_->endpoint(number));
  }
  std::sort(servers.begin(), servers.end(), Before);
  return servers;
}

bool Topology::Before(const Endpoint& a, const Endpoint& b) {
  return std::tie(a.host, a.port, a.path) < std::tie(b.host, b.port, b.path);
}

Client::Dial Topology::DialOf(const Endpoint& server) const {
  if (nodes_.dial == nullptr) return dial_;
  return [to = nodes_.dial, server](StreamEvents* events) { return to(server, events); };
}

}  // namespace spillway
