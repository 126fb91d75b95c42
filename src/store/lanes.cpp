#include "store/lanes.h"

#include <algorithm>

namespace spillway {

Lanes::Lanes(const ClientConfig& config, const Client::Dial& dial, const Clock* clock,
             const std::function<void()>& on_change) {
  owned_.push_back(std::make_unique<Lane>(config, dial, clock, on_change));
  all_.push_back(owned_.back().get());
}

void Lanes::Start() {
  for (Lane* lane : all_) lane->client.Start();
}

void Lanes::Tick(int64_t now_ms) {
  for (Lane* lane : all_) {
    lane->client.Tick(now_ms);
    if (lane->failures_seen == lane->client.reconnects()) continue;
    lane->failures_seen = lane->client.reconnects();
    Note(lane->client.last_error());
  }
}

int64_t Lanes::NextTick() const {
  int64_t next = INT64_MAX;
  for (const Lane* lane : all_) next = std::min(next, lane->client.NextTick());
  return next;
}

bool Lanes::ready() const {
  return std::all_of(all_.begin(), all_.end(), [](const Lane* lane) { return lane->client.ready(); });
}

bool Lanes::Prompt(int64_t now_ms, int64_t after_ms) const {
  return std::none_of(all_.begin(), all_.end(),
                      [&](const Lane* lane) { return lane->client.Overdue(now_ms, after_ms); });
}

int64_t Lanes::reconnects() const {
  int64_t count = 0;
  for (const Lane* lane : all_) count += lane->client.reconnects();
  return count;
}

int64_t Lanes::connected_since_ms() const {
  int64_t latest = -1;
  for (const Lane* lane : all_) latest = std::max(latest, lane->client.connected_since_ms());
  return latest;
}

}  // namespace spillway
