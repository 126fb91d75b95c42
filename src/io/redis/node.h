#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "net/endpoint.h"
#include "redis/client.h"
#include "redis/standing.h"
#include "redis_store/redis_calls.h"

namespace spillway {

// One server as a store sees it: the connection, and what waits to be written to it, in order.
struct Node {
  Node(Endpoint to, const ClientConfig& config, Client::Dial dial, const Clock* clock, Results* results,
       std::function<void()> on_change)
      : endpoint(std::move(to)),
        standing(&client, clock, results),
        client(config, std::move(dial), clock, std::move(on_change),
               [this](Client::Notice notice) { standing.OnNotice(notice); }) {}

  // The server's time at the start of the flush whose replies are being read.
  struct FlushTime : ReplySink {
    void OnReply(const Reply& reply) override { server_ms = ParseTime(reply); }
    void OnLost() override {}
    int64_t server_ms = -1;
  };

  // Whether a command that gives units back has to bring its script's source: the first of its kind on a connection does,
  // and those behind it find the script there. After a NOSCRIPT the process might be gone; and a source with each would be
  // more than a server reads at once, and what it has not read when it learns that we are gone is lost.
  bool BringsSource(Call call) {
    if (sources_on_ != client.reconnects()) {
      sources_on_ = client.reconnects();
      take_back_known_ = refund_known_ = false;
    }
    bool* known = call == Call::kTakeBack ? &take_back_known_ : &refund_known_;
    return !std::exchange(*known, true);
  }

  const Endpoint endpoint;  // of a cluster's node; else empty
  Standing standing;        // of client
  Client client;
  std::deque<Request*> queue;
  FlushTime flush_time;

 private:
  int64_t sources_on_ = -1;  // Client::reconnects() of that connection
  bool take_back_known_ = false;
  bool refund_known_ = false;
};

}  // namespace spillway
