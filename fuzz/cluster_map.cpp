// What nodes say of their cluster, and where redirections point: read or refused, and the machine that hears of it always
// knows which slot has which node.
#include "redis/cluster_map.h"

#include "input.h"
#include "redis/cluster.h"
#include "replies.h"

namespace spillway {
namespace {

constexpr int kSteps = 40;

std::string HostOf(Input* input) {
  static const char* const kHosts[] = {"a", "b", "::1", "?", "", "10.0.0.1", "c", "d"};
  return kHosts[input->Below(8)];
}

// Mostly what a node may say: a slot, a port.
std::string NumberOf(Input* input, int64_t most) {
  const int64_t number = input->Number();
  return Integer(input->Below(16) == 0 ? number : std::abs(number % (most + 1)));
}

std::string SlotsReply(Input* input) {
  std::vector<std::string> ranges;
  for (size_t left = input->Below(5); left > 0; --left) {
    std::vector<std::string> range = {NumberOf(input, kSlots - 1), NumberOf(input, kSlots - 1)};
    for (size_t nodes = input->Below(3); nodes > 0; --nodes) {
      std::vector<std::string> node = {input->Below(8) == 0 ? "$-1\r\n" : Bulk(HostOf(input)), NumberOf(input, 65535)};
      if (input->Coin()) node.push_back(Bulk(input->Text(input->Below(3))));
      if (input->Below(4) == 0) node.push_back(Array({Bulk("hostname"), Bulk("x")}));
      range.push_back(Array(node));
    }
    ranges.push_back(Array(range));
  }
  return Array(ranges);
}

std::string ShardsReply(Input* input) {
  static const char* const kFields[] = {"id", "endpoint", "port", "tls-port", "role", "health", "ip", "x"};
  static const char* const kWords[] = {"master", "replica", "online", "fail", "failed", "loading"};
  std::vector<std::string> shards;
  for (size_t left = input->Below(5); left > 0; --left) {
    std::vector<std::string> slots;
    for (size_t bounds = input->Below(5); bounds > 0; --bounds) slots.push_back(NumberOf(input, kSlots - 1));
    std::vector<std::string> nodes;
    for (size_t count = input->Below(3); count > 0; --count) {
      if (input->Coin()) {
        nodes.push_back(ShardNode(Bulk(HostOf(input)), static_cast<int>(1 + input->Below(9)), kWords[input->Below(2)],
                                  kWords[2 + input->Below(4)], input->Text(1)));
        continue;
      }
      std::vector<std::string> fields;
      for (size_t pairs = input->Below(8); pairs > 0; --pairs) {
        fields.push_back(Bulk(kFields[input->Below(8)]));
        const size_t kind = input->Below(4);
        fields.push_back(kind == 0   ? NumberOf(input, 65535)
                         : kind == 1 ? Bulk(kWords[input->Below(6)])
                         : kind == 2 ? Bulk(HostOf(input))
                                     : Array({Integer(1), "$-1\r\n"}));
      }
      nodes.push_back(Array(fields));
    }
    std::vector<std::string> shard = {Bulk("slots"), Array(slots), Bulk("nodes"), Array(nodes)};
    if (input->Below(4) == 0) shard.insert(shard.begin(), {Bulk("more"), Array({Array({}), Integer(2)})});
    shards.push_back(Array(shard));
  }
  return Array(shards);
}

std::string Redirection(Input* input) {
  if (input->Below(4) == 0) return input->Text(input->Below(40));
  return "MOVED " + std::to_string(input->Number()) + " " + HostOf(input) + ":" + std::to_string(input->Number()) +
         input->Text(input->Below(3));
}

void RequireMap(bool good, const ClusterMap& map) {
  Require(!good || !map.ranges.empty(), "a map that is read names a slot");
  if (!good) return;
  for (const ClusterMap::Range& range : map.ranges) {
    Require(range.master < map.masters.size(), "a range has a master");
    Require(range.first < kSlots && range.last < kSlots, "a slot is below 16384");
  }
  for (const ClusterMap::Master& master : map.masters) {
    Require(master.endpoint.port >= 1 && master.endpoint.port <= 65535, "a master has a port");
  }
}

void RequireMachine(const Cluster& cluster) {
  Require(cluster.size() <= static_cast<int>(Cluster::kMaxNodes), "nodes are bounded");
  int served = 0;
  std::vector<int> slots(static_cast<size_t>(cluster.size()), 0);
  for (int slot = 0; slot < kSlots; ++slot) {
    const int node = cluster.NodeOf(static_cast<uint16_t>(slot));
    Require(node >= Cluster::kNoNode && node < cluster.size(), "a slot has a node or none");
    if (node == Cluster::kNoNode) continue;
    ++served;
    ++slots[static_cast<size_t>(node)];
  }
  Require(cluster.complete() == (served == kSlots), "a complete cluster has a node for every slot");
  for (int node = 0; node < cluster.size(); ++node) {
    Require(cluster.serves(node) == (slots[static_cast<size_t>(node)] > 0), "a node that serves has slots");
    Require(!cluster.serves(node) || cluster.member(node), "who serves is a member");
  }
}

// One event of the machine; `clock_ms` moves on.
void Happen(Input* input, Cluster* cluster, int64_t* clock_ms) {
  const Endpoint answered_by{HostOf(input), 7000, input->Below(8) == 0 ? "/tmp/redis.sock" : ""};
  const int node = static_cast<int>(input->Below(256)) % cluster->size();
  ClusterMap map;
  switch (input->Below(10)) {
    case 0:
    case 1: {
      const ReplyOf reply(SlotsReply(input));
      const bool good = reply.good && ReadSlots(*reply, answered_by, &map);
      RequireMap(good, map);
      if (good) cluster->OnMap(map);
      break;
    }
    case 2:
    case 3: {
      const ReplyOf reply(ShardsReply(input));
      const bool good = reply.good && ReadShards(*reply, answered_by, input->Coin(), &map);
      RequireMap(good, map);
      if (good) cluster->OnMap(map);
      break;
    }
    case 4: {
      const int to = cluster->OnMoved(Redirection(input), answered_by);
      Require(to >= Cluster::kNoNode && to < cluster->size(), "a redirection points to a node or nowhere");
      break;
    }
    case 5: {
      const int to = cluster->OnAsk(Redirection(input), answered_by);
      Require(to >= Cluster::kNoNode && to < cluster->size(), "a redirection points to a node or nowhere");
      break;
    }
    case 6:
      input->Coin() ? cluster->OnReady(node) : cluster->OnLost(node);
      break;
    case 7:
      if (cluster->has_home()) cluster->OnHomeIs(input->Text(input->Below(2)));
      break;
    case 8: {
      *clock_ms += static_cast<int64_t>(input->Byte()) * 8;
      const int asked = cluster->NextToAsk(*clock_ms);
      Require(asked >= Cluster::kNoNode && asked < cluster->size(), "a node is asked, or none");
      if (asked != Cluster::kNoNode && input->Coin()) cluster->OnNoMap(asked);
      break;
    }
    default:
      if (!cluster->member(node) && !cluster->is_home(node)) cluster->Forget(node);
      if (cluster->has_home() && input->Below(4) == 0) cluster->OnAlone();
  }
}

void PlayBytes(Input* input) {
  const Endpoint answered_by{"h", 1, ""};
  const bool tls = input->Coin();
  const std::string bytes = input->Rest();
  const ReplyOf reply(bytes);
  ClusterMap map;
  if (reply.good) {
    const bool slots = ReadSlots(*reply, answered_by, &map);
    RequireMap(slots, map);
    const bool shards = ReadShards(*reply, answered_by, tls, &map);
    RequireMap(shards, map);
  }
  uint16_t slot = 0;
  Endpoint to;
  if (ReadRedirection(bytes, answered_by, &slot, &to)) {
    Require(slot < kSlots && to.port >= 1 && to.port <= 65535, "a redirection has a slot and a port");
  }
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  Input input(data, size);
  const size_t kind = input.Below(4);
  if (kind == 0) {
    PlayBytes(&input);
    return 0;
  }
  Cluster cluster = kind == 1 ? Cluster::Behind({"a", 1, ""}) : Cluster({{"a", 1, ""}, {"b", 2, ""}});
  int64_t clock_ms = 1000;
  for (int i = 0; i < kSteps && !input.done(); ++i) Happen(&input, &cluster, &clock_ms);
  RequireMachine(cluster);
  return 0;
}
