#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/endpoint.h"
#include "redis/resp.h"

namespace spillway {

// What a node says about its cluster. A host that it leaves out (nil, empty, or `?`) is the host that answered; behind a
// unix socket that is this machine.
struct ClusterMap {
  struct Range {
    uint16_t first;
    uint16_t last;  // inclusive
    size_t master;  // of masters
  };
  struct Master {
    Endpoint endpoint;  // that it announces
    std::string id;     // empty: not told
  };
  std::vector<Master> masters;  // also those without slots, where the node tells them
  std::vector<Range> ranges;
};

// Read the replies of CLUSTER SHARDS (Redis 7 and newer; `tls` chooses among a node's ports) and of CLUSTER SLOTS. False:
// the reply is an error, has another shape, or names no slot.
bool ReadShards(const Reply& reply, const Endpoint& answered_by, bool tls, ClusterMap* map);
bool ReadSlots(const Reply& reply, const Endpoint& answered_by, ClusterMap* map);

// Reads the rest of `MOVED <slot> <host>:<port>` and `ASK ...`, whichever it is.
bool ReadRedirection(std::string_view error, const Endpoint& answered_by, uint16_t* slot, Endpoint* to);

}  // namespace spillway
