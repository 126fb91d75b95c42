#pragma once

#include <string>
#include <string_view>

namespace spillway {

// What a server can do, as far as it says so: learned at the login, from INFO. Where that may not be read, nothing.
struct Capabilities {
  std::string version;        // `7.0.15`; Valkey says here which Redis it can stand for
  bool expiry_nx = false;     // PEXPIRETIME and PEXPIRE NX: Redis 7
  bool increx = false;        // INCREX: Redis 8.8, Valkey 9.2
  bool cluster_mode = false;  // it is a node of a cluster
  std::string evicts;         // the policy by which it may drop keys that still count; empty: it does not
};

// Takes in what a section of INFO says: `server`, `memory`.
void ReadServerSection(std::string_view info, Capabilities* capabilities);
void ReadMemorySection(std::string_view info, Capabilities* capabilities);

}  // namespace spillway
