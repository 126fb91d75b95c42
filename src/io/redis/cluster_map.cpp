#include "redis/cluster_map.h"

#include <algorithm>
#include <charconv>

#include "redis/slot.h"

namespace spillway {
namespace {

bool ReadNumber(std::string_view text, int64_t most, int64_t* number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *number);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && *number >= 0 && *number <= most;
}

Endpoint Resolved(std::string_view host, int64_t port, const Endpoint& answered_by) {
  Endpoint endpoint;
  const bool told = !host.empty() && host != "?";
  const std::string_view answered = answered_by.path.empty() ? std::string_view(answered_by.host) : "localhost";
  endpoint.host = told ? host : answered;
  endpoint.port = static_cast<int>(port);
  return endpoint;
}

// Walks a reply, which lies in preorder.
class Walk {
 public:
  explicit Walk(const Reply& reply) : reply_(reply) {}
  bool good() const { return good_; }

  // The number of elements that follow.
  int64_t Array() {
    const bool is = Is(Reply::Type::kArray);
    return Take(is) ? reply_.integer(at_ - 1) : 0;
  }
  int64_t Integer(int64_t most) {
    const bool is = Is(Reply::Type::kInteger) && reply_.integer(at_) >= 0 && reply_.integer(at_) <= most;
    return Take(is) ? reply_.integer(at_ - 1) : 0;
  }
  // Text; nil is empty.
  std::string_view Text() {
    const bool is = Is(Reply::Type::kString) || Is(Reply::Type::kStatus) || Is(Reply::Type::kNil);
    return Take(is) ? reply_.text(at_ - 1) : std::string_view();
  }
  void Skip() {
    for (int64_t left = 1; good_ && left > 0; --left) {
      if (Is(Reply::Type::kArray)) left += reply_.integer(at_);
      Take(at_ < reply_.size());
    }
  }

 private:
  bool Is(Reply::Type type) const { return good_ && at_ < reply_.size() && reply_.type(at_) == type; }
  bool Take(bool is) {
    good_ = good_ && is;
    if (good_) ++at_;
    return good_;
  }
  const Reply& reply_;
  size_t at_ = 0;
  bool good_ = true;
};

// Nodes behind one forwarded address differ by their ids only.
size_t AddMaster(const ClusterMap::Master& master, ClusterMap* map) {
  const auto found = std::find_if(map->masters.begin(), map->masters.end(), [&](const ClusterMap::Master& one) {
    return one.endpoint == master.endpoint && (one.id == master.id || one.id.empty() || master.id.empty());
  });
  if (found != map->masters.end()) return static_cast<size_t>(found - map->masters.begin());
  map->masters.push_back(master);
  return map->masters.size() - 1;
}

// One node of a shard; true where it is a master, which *failed qualifies.
bool ReadNode(Walk* walk, const Endpoint& answered_by, bool tls, ClusterMap::Master* node, bool* failed) {
  std::string_view host;
  std::string_view role;
  std::string_view health;
  int64_t port = 0;
  int64_t tls_port = 0;
  for (int64_t left = walk->Array(); walk->good() && left > 1; left -= 2) {
    const std::string_view name = walk->Text();
    if (name == "id") {
      node->id = walk->Text();
    } else if (name == "endpoint") {
      host = walk->Text();
    } else if (name == "port") {
      port = walk->Integer(65535);
    } else if (name == "tls-port") {
      tls_port = walk->Integer(65535);
    } else if (name == "role") {
      role = walk->Text();
    } else if (name == "health") {
      health = walk->Text();
    } else {
      walk->Skip();
    }
  }
  node->endpoint = Resolved(host, tls && tls_port != 0 ? tls_port : port != 0 ? port : tls_port, answered_by);
  *failed = health == "fail" || health == "failed";
  return role == "master" && node->endpoint.port != 0;
}

void ReadShard(Walk* walk, const Endpoint& answered_by, bool tls, ClusterMap* map) {
  std::vector<int64_t> bounds;
  ClusterMap::Master master;
  bool found = false;
  bool found_failed = false;
  for (int64_t left = walk->Array(); walk->good() && left > 1; left -= 2) {
    const std::string_view name = walk->Text();
    if (name == "slots") {
      for (int64_t numbers = walk->Array(); walk->good() && numbers > 0; --numbers) {
        bounds.push_back(walk->Integer(kSlots - 1));
      }
    } else if (name == "nodes") {
      for (int64_t nodes = walk->Array(); walk->good() && nodes > 0; --nodes) {
        ClusterMap::Master node;
        bool failed = false;
        // During a failover the old master may still be listed beside the new one.
        if (!ReadNode(walk, answered_by, tls, &node, &failed) || (found && (failed || !found_failed))) continue;
        master = node;
        found = true;
        found_failed = failed;
      }
    } else {
      walk->Skip();
    }
  }
  if (!found || !walk->good()) return;
  const size_t number = AddMaster(master, map);
  for (size_t i = 0; i + 1 < bounds.size(); i += 2) {
    map->ranges.push_back({static_cast<uint16_t>(bounds[i]), static_cast<uint16_t>(bounds[i + 1]), number});
  }
}

}  // namespace

bool ReadShards(const Reply& reply, const Endpoint& answered_by, bool tls, ClusterMap* map) {
  *map = {};
  Walk walk(reply);
  for (int64_t shards = walk.Array(); walk.good() && shards > 0; --shards) ReadShard(&walk, answered_by, tls, map);
  return walk.good() && !map->ranges.empty();
}

bool ReadSlots(const Reply& reply, const Endpoint& answered_by, ClusterMap* map) {
  *map = {};
  Walk walk(reply);
  for (int64_t ranges = walk.Array(); walk.good() && ranges > 0; --ranges) {
    const int64_t parts = walk.Array();
    const int64_t first = walk.Integer(kSlots - 1);
    const int64_t last = walk.Integer(kSlots - 1);
    // The master: host, port, id, and what is of no use here.
    const int64_t fields = walk.Array();
    const std::string_view host = walk.Text();
    const int64_t port = walk.Integer(65535);
    const std::string_view id = fields > 2 ? walk.Text() : "";
    for (int64_t i = 3; walk.good() && i < fields; ++i) walk.Skip();
    // Its replicas.
    for (int64_t i = 3; walk.good() && i < parts; ++i) walk.Skip();
    if (!walk.good() || parts < 3 || fields < 2 || port == 0) return false;
    const size_t master = AddMaster({Resolved(host, port, answered_by), std::string(id)}, map);
    map->ranges.push_back({static_cast<uint16_t>(first), static_cast<uint16_t>(last), master});
  }
  return walk.good() && !map->ranges.empty();
}

bool ReadRedirection(std::string_view error, const Endpoint& answered_by, uint16_t* slot, Endpoint* to) {
  const size_t first = error.find(' ');
  if (first == std::string_view::npos) return false;
  std::string_view rest = error.substr(first + 1);
  const size_t second = rest.find(' ');
  if (second == std::string_view::npos) return false;
  const std::string_view number = rest.substr(0, second);
  std::string_view address = rest.substr(second + 1);
  // Redis may add fields behind the address.
  address = address.substr(0, address.find(' '));
  // The last one: an IPv6 address has more of them.
  const size_t colon = address.rfind(':');
  int64_t parsed_slot = 0;
  int64_t port = 0;
  if (colon == std::string_view::npos || !ReadNumber(number, kSlots - 1, &parsed_slot) ||
      !ReadNumber(address.substr(colon + 1), 65535, &port) || port == 0) {
    return false;
  }
  *slot = static_cast<uint16_t>(parsed_slot);
  *to = Resolved(address.substr(0, colon), port, answered_by);
  return true;
}

}  // namespace spillway
