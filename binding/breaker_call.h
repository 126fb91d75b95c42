#pragma once

#include <node_api.h>

namespace spillway {

// Sets `breaker` of NativeAddon in lib/stores/native/native.ts.
void DefineBreaker(napi_env env, napi_value exports);

}  // namespace spillway
