#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "redis/client.h"
#include "store/redis_calls.h"

namespace spillway {

// One server as a store sees it: the connection, and what waits to be written to it, in order.
struct Lane {
  Lane(const ClientConfig& config, Client::Dial dial, const Clock* clock, std::function<void()> on_change)
      : client(config, std::move(dial), clock, std::move(on_change)) {}

  // The server's time at the start of the flush whose replies are being read.
  struct FlushTime : ReplySink {
    void OnReply(const Reply& reply) override { server_ms = ParseTime(reply); }
    void OnLost() override {}
    int64_t server_ms = -1;
  };

  Client client;
  std::deque<Request*> queue;
  FlushTime flush_time;
  bool pinging = false;
  int64_t failures_seen = 0;  // of the client's reconnects()
};

}  // namespace spillway
