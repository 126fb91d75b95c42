#pragma once

#include <map>

#include "replies.h"
#include "store_fixture.h"

namespace spillway {

// Nodes at ports 1, 2, ... of one host. Keys of low slots belong to port 1, of high slots to port 2.
class ClusterStoreTest : public StoreTest {
 protected:
  struct Node {
    std::string sent;
    FakeStream* stream = nullptr;
    int dials = 0;
  };

  ClusterStoreTest() { Make({{"h", 1, ""}, {"h", 2, ""}}, false); }

  void Make(std::vector<Endpoint> seeds, bool given_as_single) {
    const auto dial = [this](const Endpoint& to, StreamEvents* events) {
      Node& node = nodes_[to.port];
      ++node.dials;
      auto stream = std::make_unique<FakeStream>(&node.sent, events, &node.stream);
      stream->address_text = AddressOf(to);
      return stream;
    };
    const ClusterNodes nodes{std::move(seeds), false, dial, given_as_single};
    store_ = std::make_unique<RedisStore>(ClientConfig{}, nodes, &scope_, &clock_, &results_, [this] { Keep(); });
  }

  void Advance(int64_t ms) {
    clock_.now_ms += ms;
    store_->GetStats();
    Healthy();
    Turn();
    Turn();
  }
  void Say(int port, const std::string& bytes) {
    ASSERT_NE(nodes_[port].stream, nullptr);
    nodes_[port].stream->events->OnBytes(bytes.data(), bytes.size());
    Turn();
    Turn();
  }
  void Connect(int port, const std::string& info = Info("7.0.15")) {
    ASSERT_NE(nodes_[port].stream, nullptr) << port;
    nodes_[port].stream->events->OnOpen();
    Say(port, info);
  }
  static std::string Halves(int low, int high) {
    return Array({Shard({Integer(0), Integer(8191)}, {ShardNode(Bulk("h"), low, "master")}),
                  Shard({Integer(8192), Integer(16383)}, {ShardNode(Bulk("h"), high, "master")})});
  }
  // Both nodes are connected and known, and nothing is under way.
  void Open() {
    Healthy();
    Turn();
    Connect(1);
    Say(1, Halves(1, 2));
    Connect(2);
    ASSERT_TRUE(store_->GetStats().connected);
    Forget();
  }
  void Forget() {
    for (auto& [port, node] : nodes_) node.sent.clear();
  }
  const std::string& sent(int port) { return nodes_[port].sent; }

  static std::string KeyOf(bool low, const std::string& name) {
    for (int i = 0;; ++i) {
      std::string key = "p:" + name + std::to_string(i);
      if ((SlotOf(key) < 8192) == low) return key;
    }
  }
  void Check(const std::string& key, Ticket ticket, int64_t cost = 1) {
    ASSERT_FALSE(AskAbout(Op::kCheck, rules_, {key}, cost, ticket));
  }
  void CheckBoth(Ticket ticket, Op op = Op::kCheck) {
    const std::vector<std::string> keys = {low_, high_};
    ASSERT_FALSE(AskAbout(op, both_, keys, 1, ticket));
  }
  // What composite.lua says of one rule: {admitted, room, reset, wait, mark, blocked, fits}.
  static std::string Layered(int64_t admitted, int64_t room, int64_t mark, int64_t fits) {
    return Array(
        {Integer(admitted), Integer(room), Integer(60000), Integer(60001), Integer(mark), Integer(0), Integer(fits)});
  }
  static std::string Moved(const std::string& key, int port) {
    return "-MOVED " + std::to_string(SlotOf(key)) + " h:" + std::to_string(port) + "\r\n";
  }
  static std::string Ask(const std::string& key, int port) {
    return "-ASK " + std::to_string(SlotOf(key)) + " h:" + std::to_string(port) + "\r\n";
  }
  static std::string Thrice(const std::string& reply) { return kTime + reply + reply + reply; }

  std::map<int, Node> nodes_;
  const std::string low_ = KeyOf(true, "low");
  const std::string high_ = KeyOf(false, "high");
  const RuleSet both_{Rule{"p:", Algorithm::kSlidingWindow, 3, 60000, 250, "a", 0, false},
                      Rule{"p:", Algorithm::kSlidingWindow, 5, 60000, 250, "b", 0, false}};
};

}  // namespace spillway
