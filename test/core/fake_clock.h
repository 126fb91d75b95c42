#pragma once

#include "clock.h"

namespace spillway {

struct FakeClock : Clock {
  int64_t NowMs() const override { return now_ms; }
  int64_t NowUs() const override { return now_ms * 1000; }
  int64_t now_ms = 1000;
};

}  // namespace spillway
