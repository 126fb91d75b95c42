#pragma once

#include "redis/redis_config.h"
#include "values.h"

namespace spillway {

// Reads lib/stores/native/native.ts's NativeRedisConfig, which TypeScript has validated. Of no use where `read` is not ok() afterwards.
RedisConfig ReadRedisConfig(Reader* read, napi_value options);

}  // namespace spillway
