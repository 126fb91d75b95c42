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
  // Redis 6 wraps what a script ran into.
  const bool wrapped = StartsWith(error, "ERR Error running script");
  const auto says = [&](std::string_view word) {
    return StartsWith(error, word) || (wrapped && error.find(word) != std::string_view::npos);
  };
  if (says("READONLY") || StartsWith(error, "MASTERDOWN")) return Refusal::kNoMaster;
  if (says("WRONGTYPE")) return Refusal::kForeign;
  for (const std::string_view kind : {"LOADING", "BUSY ", "TRYAGAIN", "CLUSTERDOWN"}) {
    if (StartsWith(error, kind)) return Refusal::kWait;
  }
  return Refusal::kFinal;
}

std::string Presentable(std::string_view error) {
  constexpr size_t kLongest = 200;
  // Since Redis 7.2 the user's name stands in between.
  constexpr std::string_view kDenied = "NOPERM User ";
  constexpr std::string_view kHasNo = " has no permissions";
  const size_t has_no = error.find(kHasNo);
  if (StartsWith(error, kDenied) && has_no != std::string_view::npos) {
    return "NOPERM this user" + Presentable(error.substr(has_no));
  }
  std::string_view shown = error.substr(0, kLongest);
  const size_t arguments = shown.find(", with args");
  if (arguments != std::string_view::npos) shown = shown.substr(0, arguments);
  std::string text(shown);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

}  // namespace spillway
