#pragma once

#include <string>
#include <vector>

#include "redis/resp.h"

namespace spillway {

// A reply as a server would send it, for machines that are given replies.
class ReplyOf {
 public:
  explicit ReplyOf(const std::string& bytes) : reader_(size_t{1} << 20) {
    reader_.Feed(bytes.data(), bytes.size());
    good = reader_.Read() == ReplyReader::Next::kReply;
  }
  const Reply& operator*() const { return reader_.reply(); }
  bool good = false;

 private:
  ReplyReader reader_;
};

inline std::string Bulk(const std::string& text) { return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n"; }
inline std::string Integer(int64_t value) { return ":" + std::to_string(value) + "\r\n"; }
inline std::string Array(const std::vector<std::string>& items) {
  std::string text = "*" + std::to_string(items.size()) + "\r\n";
  for (const std::string& item : items) text += item;
  return text;
}

// One node as CLUSTER SHARDS tells it.
inline std::string ShardNode(const std::string& endpoint, int port, const std::string& role,
                             const std::string& health = "online", const std::string& id = "x") {
  return Array({Bulk("id"), Bulk(id), Bulk("port"), Integer(port), Bulk("ip"), Bulk("10.9.9.9"), Bulk("endpoint"),
                endpoint, Bulk("role"), Bulk(role), Bulk("replication-offset"), Integer(7), Bulk("health"),
                Bulk(health)});
}
inline std::string Shard(const std::vector<std::string>& bounds, const std::vector<std::string>& nodes) {
  return Array({Bulk("slots"), Array(bounds), Bulk("nodes"), Array(nodes)});
}

}  // namespace spillway
