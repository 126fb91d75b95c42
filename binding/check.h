#pragma once

#include <napi.h>

namespace spillway {

class StoreHandle;

// Adds check, peek and reset to the object of a store.
void DefineHotCalls(Napi::Object object, StoreHandle* handle);

}  // namespace spillway
