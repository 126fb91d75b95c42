// How Topology learn of a cluster: it is recognized behind a server, and its map is asked for.
#include <utility>

#include "redis/topology.h"

namespace spillway {
namespace {

std::string_view FirstWord(std::string_view error) { return error.substr(0, error.find(' ')); }

}  // namespace

void Topology::Recognize(std::string_view by) {
  if (cluster_ != nullptr || !nodes_.given_as_single) return;
  cluster_ = std::make_unique<Cluster>(Cluster::Behind(nodes_.seeds.front()));
  recognized_ = by;
  // What waits was not looked at for its slots.
  remapped_ = true;
  unplaced_.Reset();
  on_change_();
}

bool Topology::IsHome(const Endpoint& server) const {
  return cluster_ != nullptr && cluster_->has_home() && server == cluster_->home_announced();
}

void Topology::Flush(int64_t now_ms) {
  if (!started_) return;
  // First: a connection that has just been made is asked at once.
  for (const auto& member : owned_) {
    if (member != nullptr) WatchConnection(member.get());
  }
  if (cluster_ == nullptr) return;
  const int number = cluster_->NextToAsk(now_ms);
  if (number != Cluster::kNoNode) Open(number)->map_due = !Open(number)->map_asked;
  AskForMaps();
}

void Topology::AskForMaps() {
  for (const auto& member : owned_) {
    if (member != nullptr && member->map_due && member->node.client.ready()) AskForMap(member.get());
  }
}

void Topology::AskForMap(Member* member) {
  Client& client = member->node.client;
  member->map_due = false;
  member->map_asked = true;
  if (cluster_->is_home(member->number)) {
    member->id_asked = true;
    AppendCommand({"CLUSTER", "MYID"}, client.out());
    client.Expect(member, 1);
  }
  AppendCommand({"CLUSTER", member->shards ? "SHARDS" : "SLOTS"}, client.out());
  client.Expect(member, 1);
  client.Flush();
}

void Topology::TakeReply(Member* member, const Reply& reply) {
  if (!std::exchange(member->id_asked, false)) {
    TakeMap(member, reply);
    on_change_();
    return;
  }
  id_refusal_ = reply.IsError() ? reply.text() : "";
  cluster_->OnHomeIs(reply.type() == Reply::Type::kString ? reply.text() : "");
}

void Topology::TakeMap(Member* member, const Reply& reply) {
  member->map_asked = false;
  ClusterMap map;
  const Endpoint& endpoint = member->node.endpoint;
  if (reply.IsError()) {
    TakeRefusal(member, reply.text());
  } else if (member->shards ? ReadShards(reply, endpoint, nodes_.tls, &map) : ReadSlots(reply, endpoint, &map)) {
    if (!cluster_->OnMap(map)) {
      Deny("MYID", id_refusal_);
      return;
    }
    lost_.clear();
    remapped_ = true;
    if (cluster_->complete()) unplaced_.Reset();
    denied_.clear();
    if (!cluster_->complete()) SetLastError("some slots of the cluster have no node");
    // A connection to each master, before the first check needs it.
    for (int number = 0; number < cluster_->size(); ++number) {
      if (cluster_->serves(number)) Open(number);
    }
  } else {
    SetLastError("CLUSTER was answered without slots, or in an unknown shape");
    cluster_->OnNoMap(member->number);
  }
}

void Topology::TakeRefusal(Member* member, std::string_view error) {
  const bool final = Classify(error) == Refusal::kFinal;
  // Redis 6 knows no SHARDS.
  if (member->shards && final) {
    member->shards = false;
    member->map_due = true;
    return;
  }
  const bool forbidden = FirstWord(error) == "NOPERM";
  if (cluster_->is_home(member->number) && final && !forbidden && !member->node.client.capabilities().cluster_mode) {
    cluster_->OnAlone();
    remapped_ = true;
    unplaced_.Reset();
    denied_.clear();
    return;
  }
  if (forbidden) {
    Deny("SLOTS", error);
  } else {
    SetLastError(Presentable(error));
  }
  if (final && cluster_->has_home()) {
    cluster_->OnDenied();
  } else {
    cluster_->OnNoMap(member->number);
  }
}

// Without what the server says: newer ones name the user.
void Topology::Deny(std::string_view command, std::string_view error) {
  denied_ =
      "CLUSTER " + std::string(command) + " was refused (" + std::string(FirstWord(error)) +
      "): the user needs +cluster|myid +cluster|shards +cluster|slots; until then nodes are found by redirections";
  SetLastError(denied_);
}

}  // namespace spillway
