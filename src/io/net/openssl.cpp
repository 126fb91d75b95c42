#include "net/openssl.h"

#include <dlfcn.h>

namespace spillway {

void* OpenSsl::FindInProcess(const char* name) { return dlsym(RTLD_DEFAULT, name); }

bool OpenSsl::Load(Find find, std::string* error) {
  const char* missing = nullptr;
#define SPILLWAY_LOAD(function)                                          \
  (function) = reinterpret_cast<decltype(&::function)>(find(#function)); \
  if ((function) == nullptr) missing = #function;
  SPILLWAY_OPENSSL_FUNCTIONS(SPILLWAY_LOAD)
#undef SPILLWAY_LOAD
  if (missing == nullptr) return true;
  *error = std::string("TLS needs the OpenSSL inside Node.js, and this runtime does not export it (") + missing +
           " is missing); run the official Node.js binary, or reach Redis without TLS";
  return false;
}

}  // namespace spillway
