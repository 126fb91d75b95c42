#include "redis/cluster.h"

#include <algorithm>

namespace spillway {

Cluster::Cluster(const std::vector<Endpoint>& seeds) {
  slots_.fill(kNoNode);
  for (const Endpoint& endpoint : seeds) {
    const int node = NumberOf(endpoint);
    if (node != kNoNode) At(node).seed = true;
  }
}

Cluster Cluster::Behind(const Endpoint& home) {
  Cluster cluster({home});
  cluster.behind_home_ = true;
  cluster.GiveHome();
  return cluster;
}

void Cluster::GiveHome() {
  for (Node& node : nodes_) {
    node.slots = 0;
    node.member = false;
  }
  slots_.fill(0);
  unserved_ = 0;
  At(0).slots = kSlots;
  At(0).member = true;
}

int Cluster::NumberOf(const Endpoint& endpoint) {
  if (behind_home_ && endpoint == home_announced_) return 0;
  int unused = kNoNode;
  for (int node = 0; node < size(); ++node) {
    if (At(node).used && At(node).endpoint == endpoint) return node;
    if (!At(node).used) unused = node;
  }
  if (unused == kNoNode) {
    if (nodes_.size() == kMaxNodes) return kNoNode;
    unused = size();
    nodes_.emplace_back();
  }
  At(unused) = {};
  At(unused).endpoint = endpoint;
  At(unused).used = true;
  return unused;
}

void Cluster::Forget(int node) {
  At(node).ready = false;
  if (!At(node).seed) At(node).used = false;
}

void Cluster::Assign(uint16_t slot, int node) {
  if (slots_[slot] == kNoNode) {
    --unserved_;
  } else {
    --At(slots_[slot]).slots;
  }
  slots_[slot] = static_cast<int16_t>(node);
  ++At(node).slots;
}

int Cluster::OnMoved(std::string_view error, const Endpoint& answered_by) {
  uint16_t slot = 0;
  Endpoint to;
  doubted_ = true;
  denied_ = false;
  if (!ReadRedirection(error, answered_by, &slot, &to)) return kNoNode;
  const int node = NumberOf(to);
  if (node == kNoNode) return kNoNode;
  At(node).member = true;
  Assign(slot, node);
  return node;
}

int Cluster::OnAsk(std::string_view error, const Endpoint& answered_by) {
  uint16_t slot = 0;
  Endpoint to;
  if (!ReadRedirection(error, answered_by, &slot, &to)) return kNoNode;
  const int node = NumberOf(to);
  if (node != kNoNode) At(node).member = true;
  return node;
}

void Cluster::OnReady(int node) {
  At(node).ready = true;
  if (is_home(node)) denied_ = false;
  if (mapped_) return;
  // Nobody has told the map yet: a new round begins at once, with this one.
  asking_ = kNoNode;
  in_round_ = false;
  next_round_ms_ = 0;
}

void Cluster::OnLost(int node) {
  At(node).ready = false;
  // Also one without slots may have left the cluster: else it would be dialled for ever.
  doubted_ = doubted_ || At(node).member;
  OnNoMap(node);
}

bool Cluster::InDoubt() const {
  if (denied_) return false;
  if (doubted_ || unserved_ > 0) return true;
  return std::any_of(nodes_.begin(), nodes_.end(), [](const Node& node) { return node.slots > 0 && !node.ready; });
}

int Cluster::Candidate() const {
  int best = kNoNode;
  for (int i = 1; i <= size(); ++i) {
    // Another one than last time, so that no node that is wrong about its cluster is asked alone.
    const int node = (asked_last_ + i) % size();
    const Node& at = At(node);
    if (!at.used || at.tried) continue;
    if (at.ready) return node;
    if (best == kNoNode) best = node;
  }
  return best;
}

int Cluster::NextToAsk(int64_t now_ms) {
  if (asking_ != kNoNode && now_ms < patience_until_ms_) return kNoNode;
  asking_ = kNoNode;
  if (!InDoubt()) return kNoNode;
  if (!in_round_) {
    if (now_ms < next_round_ms_) return kNoNode;
    for (Node& node : nodes_) node.tried = false;
    in_round_ = true;
    next_round_ms_ = now_ms + kRefreshMs;
  }
  asking_ = Candidate();
  if (asking_ == kNoNode) {
    in_round_ = false;
    return kNoNode;
  }
  At(asking_).tried = true;
  asked_last_ = asking_;
  patience_until_ms_ = now_ms + kPatienceMs;
  return asking_;
}

bool Cluster::OnMap(const ClusterMap& map) {
  if (behind_home_ && home_id_.empty()) {
    OnDenied();
    return false;
  }
  for (Node& node : nodes_) {
    node.slots = 0;
    node.member = false;
  }
  slots_.fill(kNoNode);
  unserved_ = kSlots;
  std::vector<int> numbers;
  home_announced_ = {"", 0, ""};
  for (const ClusterMap::Master& master : map.masters) {
    if (behind_home_ && master.id == home_id_) home_announced_ = master.endpoint;
  }
  for (const ClusterMap::Master& master : map.masters) {
    const int node = NumberOf(master.endpoint);
    numbers.push_back(node);
    if (node != kNoNode) At(node).member = true;
  }
  for (const ClusterMap::Range& range : map.ranges) {
    if (numbers[range.master] == kNoNode) continue;
    for (int slot = range.first; slot <= range.last; ++slot) Assign(static_cast<uint16_t>(slot), numbers[range.master]);
  }
  mapped_ = true;
  EndRound();
  return true;
}

void Cluster::EndRound() {
  doubted_ = false;
  denied_ = false;
  in_round_ = false;
  asking_ = kNoNode;
}

void Cluster::OnHomeIs(std::string_view id) {
  if (id != home_id_) home_announced_ = {"", 0, ""};
  home_id_ = id;
}

void Cluster::OnDenied() {
  EndRound();
  denied_ = true;
}

void Cluster::OnAlone() {
  GiveHome();
  OnHomeIs("");
  mapped_ = true;
  EndRound();
}

void Cluster::OnNoMap(int node) {
  if (asking_ == node) asking_ = kNoNode;
}

int64_t Cluster::NextTick() const {
  if (asking_ != kNoNode) return patience_until_ms_;
  if (!InDoubt()) return INT64_MAX;
  return in_round_ ? 0 : next_round_ms_;
}

}  // namespace spillway
