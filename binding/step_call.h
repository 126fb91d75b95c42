#pragma once

#include <node_api.h>

namespace spillway {

// `step` of NativeAddon in lib/native.ts.
napi_value StepCall(napi_env env, napi_callback_info info);

}  // namespace spillway
