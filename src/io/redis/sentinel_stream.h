#pragma once

#include "net/dial.h"
#include "net/handle.h"
#include "redis/client.h"
#include "redis/redis_config.h"

namespace spillway {

// Dials the master that a set's sentinels name: each stream asks anew. While its connection stands, one to a sentinel
// does too, and a promotion closes both. `config` is one of kind kSentinel; `scope` outlives the function and its streams.
Client::Dial MakeSentinelDial(HandleScope* scope, const RedisConfig& config, DialTo dial);

}  // namespace spillway
