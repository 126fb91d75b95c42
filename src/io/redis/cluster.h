#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "redis/cluster_map.h"
#include "redis/slot.h"

namespace spillway {

// Which node serves which slot of a Redis Cluster, and whom to ask for that and when, as a machine without sockets: what
// nodes answer and which connections stand goes in; nodes to use and to ask come out. Nodes have numbers, which stay
// theirs until Forget.
//
// The map is asked for when there is reason to doubt it: at the start, after a redirection or a refusal, after a lost
// connection, while a node that has slots is not connected, while a slot has no node. A round begins at most once a second and asks one node
// after the other until one answers, connected ones first; a node that is silent for kPatienceMs does not hold it up.
//
// A cluster may stand behind an address that was given for a single server. What answers there is the home. It has every
// slot until a map or a redirection names another node, and keeps those that it owns whatever address it announces: it is
// known by its id, because a forwarded port or a balancer hides where it is.
class Cluster {
 public:
  static constexpr int kNoNode = -1;
  static constexpr int64_t kRefreshMs = 1000;
  static constexpr int64_t kPatienceMs = 200;
  static constexpr size_t kMaxNodes = 4096;

  explicit Cluster(const std::vector<Endpoint>& seeds);
  // A cluster behind this home, whose number is 0.
  static Cluster Behind(const Endpoint& home);

  // The node of a slot, or kNoNode while that is not known.
  int NodeOf(uint16_t slot) const { return slots_[slot]; }
  // Numbers are below this; some may be unused.
  int size() const { return static_cast<int>(nodes_.size()); }
  const Endpoint& endpoint(int node) const { return At(node).endpoint; }
  bool serves(int node) const { return At(node).slots > 0; }
  // All slots have a node.
  bool complete() const { return unserved_ == 0; }
  // A node that is not a member of the cluster as last seen is to be let go once nothing waits for it.
  bool member(int node) const { return At(node).member; }
  bool has_home() const { return behind_home_; }
  bool is_home(int node) const { return behind_home_ && node == 0; }
  // As OnHomeIs was told; empty: not known.
  const std::string& home_id() const { return home_id_; }
  // Where the home says that it is; an empty host: no map has told.
  const Endpoint& home_announced() const { return home_announced_; }
  // Some node has told the map.
  bool mapped() const { return mapped_; }
  // Its connection was let go; of a node that is no seed the number is free.
  void Forget(int node);

  // Takes in where a MOVED or an ASK points; kNoNode: it cannot be read.
  int OnMoved(std::string_view error, const Endpoint& answered_by);
  int OnAsk(std::string_view error, const Endpoint& answered_by);
  // A refusal, or silence, that may mean that the map is old.
  void Doubt() { doubted_ = true; }
  // A connection stands, or was lost, or failed to be made.
  void OnReady(int node);
  void OnLost(int node);

  // The node to ask for the map, or kNoNode. Called at any time, at the latest at NextTick. Every node that was named here
  // ends in OnMap, OnNoMap or OnLost, or is passed over when its time is up; a late map is as welcome.
  int NextToAsk(int64_t now_ms);
  // False: it cannot be used, because the home's id is not known; as OnDenied.
  bool OnMap(const ClusterMap& map);
  void OnNoMap(int node);
  // Whose id the home has: after each of its connections it may be another node. Empty: it does not tell.
  void OnHomeIs(std::string_view id);
  // The home may not tell the map, or its id: nobody is asked again until a redirection or another connection of it.
  void OnDenied();
  // The home knows of no cluster: it is one server by now, or stands in front of all of them.
  void OnAlone();
  int64_t NextTick() const;

 private:
  struct Node {
    Endpoint endpoint;
    bool used = false;
    bool seed = false;
    bool member = false;
    bool ready = false;
    bool tried = false;  // in this round
    int slots = 0;
  };

  const Node& At(int node) const { return nodes_[static_cast<size_t>(node)]; }
  Node& At(int node) { return nodes_[static_cast<size_t>(node)]; }
  int NumberOf(const Endpoint& endpoint);
  void Assign(uint16_t slot, int node);
  // Every slot is the home's.
  void GiveHome();
  bool InDoubt() const;
  int Candidate() const;
  void EndRound();

  std::vector<Node> nodes_;
  std::array<int16_t, kSlots> slots_;
  int unserved_ = kSlots;
  bool behind_home_ = false;
  std::string home_id_;
  Endpoint home_announced_{"", 0, ""};
  bool denied_ = false;
  bool mapped_ = false;
  bool doubted_ = true;
  bool in_round_ = false;
  int asking_ = kNoNode;
  int asked_last_ = kNoNode;
  int64_t patience_until_ms_ = 0;
  int64_t next_round_ms_ = 0;
};

}  // namespace spillway
