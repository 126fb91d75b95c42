#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

namespace spillway {

// Fields of an object that TypeScript made and validated.
inline std::string Text(const Napi::Object& object, const char* name) {
  return object.Get(name).As<Napi::String>().Utf8Value();
}

inline int64_t Whole(const Napi::Object& object, const char* name) {
  return object.Get(name).As<Napi::Number>().Int64Value();
}

}  // namespace spillway
