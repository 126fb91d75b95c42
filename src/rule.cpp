#include "rule.h"

namespace spillway {

std::string Validate(const Rule& rule) {
  if (rule.limit < 0 || rule.limit > kMaxLimit) return "a limit is a whole number from 0 to 2^53 - 1";
  if (rule.window_ms < 1 || rule.window_ms > kMaxWindowMs)
    return "a window is a whole number of ms from 1 to ten years";
  if (rule.timeout_ms < 1) return "a timeout is a whole number of ms from 1";
  return "";
}

}  // namespace spillway
