// How Lanes learn of a cluster: it is recognized behind a server, and its map is asked for.
#include <utility>

#include "store/lanes.h"

namespace spillway {
namespace {

std::string_view FirstWord(std::string_view error) { return error.substr(0, error.find(' ')); }

}  // namespace

void Lanes::Recognize(std::string_view by) {
  if (cluster_ != nullptr || !nodes_.given_as_single) return;
  cluster_ = std::make_unique<Cluster>(Cluster::Behind(nodes_.seeds.front()));
  recognized_ = by;
  // What waits was not looked at for its slots.
  remapped_ = true;
  on_change_();
}

bool Lanes::IsHome(const Endpoint& server) const {
  return cluster_ != nullptr && cluster_->has_home() && server == cluster_->home_announced();
}

void Lanes::Flush(int64_t now_ms) {
  if (!started_) return;
  // First: a connection that has just been made is asked at once.
  for (const auto& node : owned_) {
    if (node != nullptr) WatchConnection(node.get());
  }
  if (cluster_ == nullptr) return;
  const int number = cluster_->NextToAsk(now_ms);
  if (number != Cluster::kNoNode) Open(number)->map_due = !Open(number)->map_asked;
  AskForMaps();
}

void Lanes::AskForMaps() {
  for (const auto& node : owned_) {
    if (node != nullptr && node->map_due && node->lane.client.ready()) AskForMap(node.get());
  }
}

void Lanes::AskForMap(Node* node) {
  Client& client = node->lane.client;
  node->map_due = false;
  node->map_asked = true;
  if (cluster_->is_home(node->number)) {
    node->id_asked = true;
    AppendCommand({"CLUSTER", "MYID"}, client.out());
    client.Expect(node, 1);
  }
  AppendCommand({"CLUSTER", node->shards ? "SHARDS" : "SLOTS"}, client.out());
  client.Expect(node, 1);
  client.Flush();
}

void Lanes::TakeReply(Node* node, const Reply& reply) {
  if (!std::exchange(node->id_asked, false)) {
    TakeMap(node, reply);
    on_change_();
    return;
  }
  id_refusal_ = reply.IsError() ? reply.text() : "";
  cluster_->OnHomeIs(reply.type() == Reply::Type::kString ? reply.text() : "");
}

void Lanes::TakeMap(Node* node, const Reply& reply) {
  node->map_asked = false;
  ClusterMap map;
  const Endpoint& endpoint = node->lane.endpoint;
  if (reply.IsError()) {
    TakeRefusal(node, reply.text());
  } else if (node->shards ? ReadShards(reply, endpoint, nodes_.tls, &map) : ReadSlots(reply, endpoint, &map)) {
    if (!cluster_->OnMap(map)) {
      Deny("MYID", id_refusal_);
      return;
    }
    lost_.clear();
    remapped_ = true;
    denied_.clear();
    if (!cluster_->complete()) Note("some slots of the cluster have no node");
    // A connection to each master, before the first check needs it.
    for (int number = 0; number < cluster_->size(); ++number) {
      if (cluster_->serves(number)) Open(number);
    }
  } else {
    Note("CLUSTER was answered without slots, or in an unknown shape");
    cluster_->OnNoMap(node->number);
  }
}

void Lanes::TakeRefusal(Node* node, std::string_view error) {
  const bool final = Classify(error) == Refusal::kFinal;
  // Redis 6 knows no SHARDS.
  if (node->shards && final) {
    node->shards = false;
    node->map_due = true;
    return;
  }
  const bool forbidden = FirstWord(error) == "NOPERM";
  if (cluster_->is_home(node->number) && final && !forbidden && !node->lane.client.cluster_mode()) {
    cluster_->OnAlone();
    remapped_ = true;
    denied_.clear();
    return;
  }
  if (forbidden) {
    Deny("SLOTS", error);
  } else {
    Note(Presentable(error));
  }
  if (final && cluster_->has_home()) {
    cluster_->OnDenied();
  } else {
    cluster_->OnNoMap(node->number);
  }
}

// Without what the server says: newer ones name the user.
void Lanes::Deny(std::string_view command, std::string_view error) {
  denied_ =
      "CLUSTER " + std::string(command) + " was refused (" + std::string(FirstWord(error)) +
      "): the user needs +cluster|myid +cluster|shards +cluster|slots; until then nodes are found by redirections";
  Note(denied_);
}

}  // namespace spillway
