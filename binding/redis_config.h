#pragma once

#include <napi.h>

#include "redis/redis_config.h"

namespace spillway {

// Reads lib/native.ts's NativeRedisConfig, which TypeScript has validated.
RedisConfig ReadRedisConfig(const Napi::Object& options);

}  // namespace spillway
