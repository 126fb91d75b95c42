#include "store/lanes.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "redis/slot.h"

namespace spillway {

Lanes::Lanes(const ClientConfig& config, const Client::Dial& dial, const Clock* clock, Results* results,
             std::function<void()> on_change)
    : config_(config), dial_(dial), clock_(clock), results_(results), on_change_(std::move(on_change)) {
  owned_.push_back(std::make_unique<Node>(this, 0, Endpoint(), dial));
  all_.push_back(&owned_.back()->lane);
}

Lanes::Lanes(const ClientConfig& config, ClusterNodes nodes, const Clock* clock, Results* results,
             std::function<void()> on_change)
    : config_(config), nodes_(std::move(nodes)), clock_(clock), results_(results), on_change_(std::move(on_change)) {
  if (nodes_.given_as_single) {
    const Endpoint& server = nodes_.seeds.front();
    owned_.push_back(std::make_unique<Node>(this, 0, server, DialOf(server)));
    all_.push_back(&owned_.back()->lane);
  } else {
    cluster_ = std::make_unique<Cluster>(nodes_.seeds);
  }
}

Lanes::~Lanes() = default;

Lanes::Node* Lanes::Open(int number) {
  const auto at = static_cast<size_t>(number);
  if (owned_.size() <= at) owned_.resize(at + 1);
  if (owned_[at] == nullptr) {
    const Endpoint& endpoint = cluster_->endpoint(number);
    owned_[at] = std::make_unique<Node>(this, number, endpoint, DialOf(endpoint));
    all_.push_back(&owned_[at]->lane);
    owned_[at]->lane.client.Start();
  }
  return owned_[at].get();
}

Lane* Lanes::Of(std::string_view key) {
  if (cluster_ == nullptr) return all_.front();
  const int number = cluster_->NodeOf(SlotOf(key));
  return number == Cluster::kNoNode ? nullptr : &Open(number)->lane;
}

Lane* Lanes::Redirected(Refusal refusal, std::string_view error, const Lane& from) {
  const int number =
      refusal == Refusal::kMoved ? cluster_->OnMoved(error, from.endpoint) : cluster_->OnAsk(error, from.endpoint);
  return number == Cluster::kNoNode ? nullptr : &Open(number)->lane;
}

void Lanes::Doubt(Refusal refusal) {
  const bool may_be = refusal == Refusal::kWait || refusal == Refusal::kNoMaster;
  if (cluster_ != nullptr && may_be) cluster_->Doubt();
}

bool Lanes::TakeRemapped() { return std::exchange(remapped_, false); }

void Lanes::Start() {
  if (started_) return;
  started_ = true;
  for (Lane* lane : all_) lane->client.Start();
}

void Lanes::Tick(int64_t now_ms) {
  for (Lane* lane : all_) lane->client.Tick(now_ms);
  for (const auto& node : owned_) {
    if (node != nullptr) WatchConnection(node.get());
  }
  if (cluster_ == nullptr) return;
  // Before anything else is sent: where the home is another node by now, its map answers in front of its redirections.
  AskForMaps();
  LetGo();
}

void Lanes::WatchConnection(Node* node) {
  const Client& client = node->lane.client;
  if (node->failures_seen != client.reconnects()) {
    node->failures_seen = client.reconnects();
    node->ready = false;
    node->map_due = false;
    node->map_asked = false;
    node->id_asked = false;
    // Of the address that was given nothing is told.
    const bool found = cluster_ != nullptr && !cluster_->is_home(node->number);
    Note((found ? AddressOf(node->lane.endpoint) + ": " : "") + client.last_error());
    lost_ = client.address() + ": " + client.last_error();
    if (cluster_ != nullptr) cluster_->OnLost(node->number);
  }
  if (node->ready || !client.ready()) return;
  if (client.cluster_mode()) Recognize("INFO");
  if (cluster_ == nullptr) return;
  node->ready = true;
  if (cluster_->is_home(node->number)) node->map_due = true;
  cluster_->OnReady(node->number);
}

// Closes what belongs to nodes that have left, once nothing waits for them.
void Lanes::LetGo() {
  for (int number = 0; number < static_cast<int>(owned_.size()); ++number) {
    std::unique_ptr<Node>& node = owned_[static_cast<size_t>(number)];
    if (node == nullptr || cluster_->member(number) || node->map_due || !node->lane.client.idle() ||
        !node->lane.queue.empty()) {
      continue;
    }
    reconnects_before_ += node->lane.client.reconnects();
    all_.erase(std::find(all_.begin(), all_.end(), &node->lane));
    node.reset();
    cluster_->Forget(number);
  }
}

int64_t Lanes::NextTick() const {
  int64_t next = cluster_ == nullptr || !started_ ? INT64_MAX : cluster_->NextTick();
  for (const Lane* lane : all_) next = std::min(next, lane->client.NextTick());
  return next;
}

bool Lanes::Serves(const Lane* lane) const {
  if (cluster_ == nullptr) return true;
  return std::any_of(owned_.begin(), owned_.end(), [&](const std::unique_ptr<Node>& node) {
    return node != nullptr && &node->lane == lane && cluster_->serves(node->number);
  });
}

bool Lanes::ready() const {
  if (cluster_ != nullptr && !cluster_->complete()) return false;
  return std::all_of(all_.begin(), all_.end(),
                     [this](const Lane* lane) { return lane->client.ready() || !Serves(lane); });
}

std::string Lanes::Trouble() const {
  const bool complete = cluster_ == nullptr || cluster_->complete();
  const Lane* untried = nullptr;
  for (const Lane* lane : all_) {
    std::string trouble = complete && !Serves(lane) ? "" : lane->standing.trouble();
    if (trouble.empty()) continue;
    if (!lane->standing.untried()) return trouble;
    untried = lane;
  }
  if (untried == nullptr && complete) return "";
  // Before the map is known a node that failed is let go, and its connection begins afresh.
  if (!lost_.empty() && (untried != nullptr || all_.empty())) return lost_;
  if (untried != nullptr) return untried->standing.trouble();
  return all_.empty() ? "not connected yet" : "some slots of the cluster have no node";
}

bool Lanes::Has(const Lane* lane) const { return std::find(all_.begin(), all_.end(), lane) != all_.end(); }

bool Lanes::MoveKey(const Lane& lane, std::string* key) const {
  if (cluster_ == nullptr) return true;
  constexpr int kMostTries = 4096;
  const size_t length = key->size();
  for (int i = 0; i < kMostTries; ++i) {
    const int number = cluster_->NodeOf(SlotOf(*key));
    if (number != Cluster::kNoNode && cluster_->endpoint(number) == lane.endpoint) return true;
    key->resize(length);
    key->append(":" + std::to_string(i));
  }
  return false;
}

int64_t Lanes::reconnects() const {
  int64_t count = reconnects_before_;
  for (const Lane* lane : all_) count += lane->client.reconnects();
  return count;
}

int64_t Lanes::connected_since_ms() const {
  int64_t latest = -1;
  for (const Lane* lane : all_) latest = std::max(latest, lane->client.connected_since_ms());
  return latest;
}

std::string Lanes::server_version() const {
  for (const Lane* lane : all_) {
    if (!lane->client.server_version().empty()) return lane->client.server_version();
  }
  return "";
}

std::vector<Endpoint> Lanes::Servers() const {
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

bool Lanes::Before(const Endpoint& a, const Endpoint& b) {
  return std::tie(a.host, a.port, a.path) < std::tie(b.host, b.port, b.path);
}

Client::Dial Lanes::DialOf(const Endpoint& server) const {
  if (nodes_.dial == nullptr) return dial_;
  return [to = nodes_.dial, server](StreamEvents* events) { return to(server, events); };
}

}  // namespace spillway
