#pragma once

#include <node_api.h>

namespace spillway {

class StoreHandle;

// Adds the calls about keys to the object of a store.
void DefineHotCalls(napi_value object, StoreHandle* handle);

}  // namespace spillway
