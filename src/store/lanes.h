#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "redis/cluster.h"
#include "redis/refusal.h"
#include "store/lane.h"

namespace spillway {

// Of a cluster: where to ask first, and how to reach any of its nodes.
struct ClusterNodes {
  std::vector<Endpoint> seeds;
  bool tls = false;
  std::function<std::unique_ptr<Stream>(const Endpoint&, StreamEvents*)> dial;
};

// The connections of a store: one to a single server, or one to each master of a cluster.
class Lanes {
 public:
  Lanes(const ClientConfig& config, const Client::Dial& dial, const Clock* clock, Results* results,
        std::function<void()> on_change);
  Lanes(const ClientConfig& config, ClusterNodes nodes, const Clock* clock, Results* results,
        std::function<void()> on_change);
  ~Lanes();

  bool clustered() const { return cluster_ != nullptr; }
  // All that are in use.
  const std::vector<Lane*>& all() const { return all_; }
  // Where commands about a slot go (a single server: all commands); null: nobody knows yet.
  Lane* Of(uint16_t slot);
  // Where a MOVED or an ASK from this lane sends its command; null: nowhere.
  Lane* Redirected(Refusal refusal, std::string_view error, const Lane& from);
  // A refusal that may mean that slots have moved.
  void Doubt(Refusal refusal);
  // Whether slots were mapped anew since the last call: what is queued may belong elsewhere.
  bool TakeRemapped();

  // Connects, the first time.
  void Start();
  void Flush(int64_t now_ms);
  void Tick(int64_t now_ms);
  int64_t NextTick() const;

  // Every server that holds keys is connected, and every slot has one.
  bool ready() const;
  // Why checks are not counted, somewhere; empty: they are. See Standing.
  std::string Trouble() const;
  // Whether this is one of all().
  bool Has(const Lane* lane) const;
  // Makes a key one of this lane's slots, by what it appends; false: it has none, or too few to be found.
  bool MoveKey(const Lane& lane, std::string* key) const;
  int64_t reconnects() const;
  int64_t connected_since_ms() const;  // the latest of them
  std::string server_version() const;
  // The servers that hold keys, in an order of their own that does not change; empty: not known yet.
  std::vector<Endpoint> Servers() const;
  static bool Before(const Endpoint& a, const Endpoint& b);
  Client::Dial DialOf(const Endpoint& server) const;

  // The last failure, of a connection or of a single command.
  void Note(const std::string& error) { last_error_ = error; }
  const std::string& last_error() const { return last_error_; }

 private:
  struct Node;

  Node* Open(int number);
  void AskForMap(Node* node);
  void TakeMap(Node* node, const Reply& reply);
  void WatchConnection(Node* node);
  void LetGo();
  bool Serves(const Lane* lane) const;

  const ClientConfig config_;
  const Client::Dial dial_;  // of a single server
  const ClusterNodes nodes_;
  const Clock* clock_;
  Results* results_;
  const std::function<void()> on_change_;
  std::unique_ptr<Cluster> cluster_;          // null: a single server
  std::vector<std::unique_ptr<Node>> owned_;  // by the cluster's numbers
  std::vector<Lane*> all_;
  bool started_ = false;
  bool remapped_ = false;
  int64_t reconnects_before_ = 0;  // of lanes that are gone
  std::string last_error_;
};

}  // namespace spillway
