#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "redis/cluster.h"
#include "redis/node.h"
#include "redis/refusal.h"

namespace spillway {

// Of a cluster: where to ask first, and how to reach any of its nodes.
struct ClusterNodes {
  std::vector<Endpoint> seeds;
  bool tls = false;
  std::function<std::unique_ptr<Stream>(const Endpoint&, StreamEvents*)> dial;
  // The only seed is a single server, unless a cluster is recognized behind it.
  bool given_as_single = false;
};

// The connections of a store: one to a single server, or one to each master of a cluster. What was given as a single
// server becomes a cluster when the server's INFO or a reply says so; the connection that stands is kept, and has every
// slot until others are known.
//
//   topology.cpp       connections: where commands go, health, numbers
//   topology_map.cpp   a cluster is recognized; its map is asked for
class Topology {
 public:
  // A server, or what sentinels know as the master: never a cluster.
  Topology(const ClientConfig& config, const Client::Dial& dial, const Clock* clock, Results* results,
           std::function<void()> on_change);
  Topology(const ClientConfig& config, ClusterNodes nodes, const Clock* clock, Results* results,
           std::function<void()> on_change);
  ~Topology();

  bool clustered() const { return cluster_ != nullptr; }
  // All that are in use.
  const std::vector<Node*>& all() const { return all_; }
  // Where commands about a key go (a single server: all commands); null: nobody knows yet.
  Node* Of(std::string_view key);
  // A reply, told by its first word, has shown that the server is a node of a cluster. Nothing happens where that is known,
  // or was not asked for.
  void Recognize(std::string_view by);
  // Where a MOVED or an ASK from this node sends its command; null: nowhere.
  Node* Redirected(Refusal refusal, std::string_view error, const Node& from);
  // A refusal that may mean that slots have moved.
  void Doubt(Refusal refusal);
  // Whether slots were mapped anew since the last call: what is queued may belong elsewhere.
  bool TakeRemapped();
  // By what a cluster was recognized since the last call; empty: none was.
  std::string TakeRecognized() { return std::exchange(recognized_, ""); }

  // Connects, the first time.
  void Start();
  void Flush(int64_t now_ms);
  void Tick(int64_t now_ms);
  int64_t NextTick() const;

  // Every server that holds keys is connected, and every slot has one.
  bool ready() const;
  // Whether all that holds keys is asked; else MayAsk says of which key it is, and AskFor that this is about to happen. A key
  // whose slot has no node has a breaker, too: that of those who wait for the cluster's map.
  bool all_asked() const { return all_asked_; }
  bool MayAsk(std::string_view key, int64_t now_ms);
  void AskFor(std::string_view key, int64_t now_ms);
  // A check was not answered in its time, because nobody knew where to ask.
  void Unplaced(int64_t asked_ms, int64_t now_ms);
  // Behind a turn of the loop.
  void EndTurn(int64_t now_ms);
  BreakerStats GetBreakerStats() const;
  // Why checks are not counted, somewhere; empty: they are. See Standing.
  std::string Trouble() const;
  // Whether this is one of all().
  bool Has(const Node* node) const;
  // Makes a key one of this node's slots, by what it appends; false: it has none, or too few to be found.
  bool MoveKey(const Node& node, std::string* key) const;
  int64_t reconnects() const;
  int64_t connected_since_ms() const;  // the latest of them
  std::string server_version() const;
  // The servers that hold keys, where they say that they are, in an order of their own that does not change; empty: not
  // known yet.
  std::vector<Endpoint> Servers() const;
  // They cannot be known: the user may not ask, and this says so.
  const std::string& denied() const { return denied_; }
  // Of a recognized cluster: the server behind the address that was given, which may lead to another one by now.
  bool IsHome(const Endpoint& server) const;
  const Endpoint& given() const { return nodes_.seeds.front(); }
  const std::string& home_id() const { return cluster_->home_id(); }
  static bool Before(const Endpoint& a, const Endpoint& b);
  Client::Dial DialOf(const Endpoint& server) const;

  // The last failure, of a connection or of a single command.
  void SetLastError(const std::string& error) { last_error_ = error; }
  const std::string& last_error() const { return last_error_; }

 private:
  // A node, and the sink of what is asked of it about the cluster.
  struct Member : ReplySink {
    Member(Topology* topology, int its_number, const Endpoint& endpoint, const Client::Dial& dial)
        : owner(topology),
          number(its_number),
          node(endpoint, topology->config_, dial, topology->clock_, topology->results_, topology->on_change_) {}
    void OnReply(const Reply& reply) override { owner->TakeReply(this, reply); }
    void OnLost() override {}

    Topology* const owner;
    const int number;
    Node node;
    int64_t failures_seen = 0;  // of the client's reconnects()
    bool ready = false;         // as the cluster was told
    bool map_due = false;       // to be asked for as soon as the connection stands
    bool map_asked = false;     // and not answered yet
    bool id_asked = false;      // and not answered yet, in front of the map
    // CLUSTER SHARDS, which Redis 7 brought; where it is refused, CLUSTER SLOTS.
    bool shards = true;
  };

  Member* Open(int number);
  void AskForMaps();
  void AskForMap(Member* member);
  void TakeReply(Member* member, const Reply& reply);
  void TakeMap(Member* member, const Reply& reply);
  void TakeRefusal(Member* member, std::string_view error);
  void Deny(std::string_view command, std::string_view error);
  void WatchConnection(Member* member);
  void LetGo();
  bool Serves(const Node* node) const;

  const ClientConfig config_;
  const Client::Dial dial_;  // of a single server
  const ClusterNodes nodes_;
  const Clock* clock_;
  Results* results_;
  const std::function<void()> on_change_;
  std::unique_ptr<Cluster> cluster_;            // null: a single server
  std::vector<std::unique_ptr<Member>> owned_;  // by the cluster's numbers
  std::vector<Node*> all_;
  bool started_ = false;
  bool remapped_ = false;
  bool all_asked_ = true;
  Breaker unplaced_;        // of keys whose slot has no node
  std::string recognized_;  // by what, and not told yet
  std::string denied_;
  std::string id_refusal_;         // of the last CLUSTER MYID
  int64_t reconnects_before_ = 0;  // of nodes that are gone
  std::string last_error_;
  std::string lost_;  // of a cluster: why a node was lost since the last map, its address in front
};

}  // namespace spillway
