#include "redis/capabilities.h"

#include <charconv>
#include <utility>

namespace spillway {
namespace {

std::string FieldOf(std::string_view info, std::string_view name) {
  const size_t start = info.find(name);
  if (start == std::string_view::npos) return "";
  const std::string_view rest = info.substr(start + name.size());
  return std::string(rest.substr(0, rest.find_first_of("\r\n")));
}

// Whether `8.8.1` is 8.8 or newer.
bool IsFrom(const std::string& version, int major, int minor) {
  const char* const end = version.data() + version.size();
  std::pair<int, int> parts{0, 0};
  const auto first = std::from_chars(version.data(), end, parts.first);
  if (first.ec != std::errc()) return false;
  if (first.ptr != end && *first.ptr == '.') std::from_chars(first.ptr + 1, end, parts.second);
  return parts >= std::pair(major, minor);
}

}  // namespace

void ReadServerSection(std::string_view info, Capabilities* capabilities) {
  const std::string valkey = FieldOf(info, "valkey_version:");
  capabilities->version = FieldOf(info, "redis_version:");
  capabilities->cluster_mode = FieldOf(info, "redis_mode:") == "cluster";
  capabilities->expiry_nx = IsFrom(capabilities->version, 7, 0);
  capabilities->increx = valkey.empty() ? IsFrom(capabilities->version, 8, 8) : IsFrom(valkey, 9, 2);
}

// `volatile-lru` and its like count as well: every counter has an expiry, so it is among the first to go. `volatile-ttl`
// takes those that are about to end anyway. Without a maxmemory nothing is dropped, whatever the policy.
void ReadMemorySection(std::string_view info, Capabilities* capabilities) {
  const std::string policy = FieldOf(info, "maxmemory_policy:");
  const bool harmless = policy == "noeviction" || policy == "volatile-ttl" || FieldOf(info, "maxmemory:") == "0";
  capabilities->evicts = harmless ? "" : policy;
}

}  // namespace spillway
