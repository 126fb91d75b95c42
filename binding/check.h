#pragma once

#include <napi.h>

namespace spillway {

class StoreHandle;

// Adds the calls about keys to the object of a store.
void DefineHotCalls(Napi::Object object, StoreHandle* handle);

}  // namespace spillway
