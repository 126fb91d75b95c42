#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "net/endpoint.h"
#include "redis/client.h"
#include "redis/standing.h"
#include "redis/wire.h"

namespace spillway {

// The server's time at the start of the flush whose replies are being read.
struct FlushTime : ReplySink {
  void OnReply(const Reply& reply) override { server_ms = ParseTime(reply); }
  void OnLost() override {}
  int64_t server_ms = -1;  // since the epoch; -1: it did not say
};

// One server: the connection, and what waits to be written to it, in order.
class Node {
 public:
  Node(Endpoint to, const ClientConfig& config, Client::Dial dial, const Clock* clock, Results* results,
       std::function<void()> on_change)
      : endpoint(std::move(to)),
        standing(&client, config.breaker, clock, results),
        client(config, std::move(dial), clock, std::move(on_change),
               [this](Client::Notice notice) { standing.OnNotice(notice); }) {}

  // Whether a command that gives units back has to bring its script's source: the first of its kind on a connection does,
  // and those behind it find the script there. After a NOSCRIPT the process might be gone; and a source with each would be
  // more than a server reads at once, and what it has not read when it learns that we are gone is lost.
  bool BringsSource(const void* script) {
    if (sources_on_ != client.reconnects()) {
      sources_on_ = client.reconnects();
      sources_.clear();
    }
    if (std::find(sources_.begin(), sources_.end(), script) != sources_.end()) return false;
    sources_.push_back(script);
    return true;
  }

  const Endpoint endpoint;  // of a cluster's node; else empty
  Standing standing;        // of client
  Client client;
  std::deque<ReplySink*> queue;  // of who queues: each knows what it is
  FlushTime flush_time;

 private:
  int64_t sources_on_ = -1;  // Client::reconnects() of that connection
  std::vector<const void*> sources_;
};

}  // namespace spillway
