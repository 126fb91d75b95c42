#include "redis/refusal.h"

#include <algorithm>

namespace spillway {
namespace {

bool StartsWith(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

}  // namespace

Refusal Classify(std::string_view error) {
  if (StartsWith(error, "NOSCRIPT")) return Refusal::kNoScript;
  if (StartsWith(error, "NOAUTH")) return Refusal::kLogin;
  if (StartsWith(error, "MOVED ")) return Refusal::kMoved;
  if (StartsWith(error, "ASK ")) return Refusal::kAsk;
  if (StartsWith(error, "CROSSSLOT")) return Refusal::kCrossSlot;
  // Redis 6 wraps what a script ran into; its first write is what a replica refuses.
  const bool wrapped =
      StartsWith(error, "ERR Error running script") && error.find("-READONLY ") != std::string_view::npos;
  if (wrapped || StartsWith(error, "READONLY") || StartsWith(error, "MASTERDOWN")) return Refusal::kNoMaster;
  for (const std::string_view kind : {"LOADING", "BUSY ", "TRYAGAIN", "CLUSTERDOWN"}) {
    if (StartsWith(error, kind)) return Refusal::kWait;
  }
  return Refusal::kFinal;
}

std::string Presentable(std::string_view error) {
  constexpr size_t kLongest = 200;
  std::string_view shown = error.substr(0, kLongest);
  const size_t arguments = shown.find(", with args");
  if (arguments != std::string_view::npos) shown = shown.substr(0, arguments);
  std::string text(shown);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

}  // namespace spillway
