#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "net/endpoint.h"
#include "redis/client.h"
#include "store/redis_calls.h"

namespace spillway {

// One server as a store sees it: the connection, and what waits to be written to it, in order.
struct Lane {
  Lane(Endpoint to, const ClientConfig& config, Client::Dial dial, const Clock* clock, std::function<void()> on_change)
      : endpoint(std::move(to)), client(config, std::move(dial), clock, std::move(on_change)) {}

  // The server's time at the start of the flush whose replies are being read.
  struct FlushTime : ReplySink {
    void OnReply(const Reply& reply) override { server_ms = ParseTime(reply); }
    void OnLost() override {}
    int64_t server_ms = -1;
  };

  const Endpoint endpoint;  // of a cluster's node; else empty
  Client client;
  std::deque<Request*> queue;
  FlushTime flush_time;
  bool pinging = false;
};

}  // namespace spillway
