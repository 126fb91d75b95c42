#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/lane.h"

namespace spillway {

// The connections of a store.
class Lanes {
 public:
  Lanes(const ClientConfig& config, const Client::Dial& dial, const Clock* clock,
        const std::function<void()>& on_change);

  // All that are in use.
  const std::vector<Lane*>& all() const { return all_; }
  Lane* Of() const { return all_.front(); }

  // Connects, the first time.
  void Start();
  void Tick(int64_t now_ms);
  int64_t NextTick() const;

  bool ready() const;
  // No reply has been due for longer than this.
  bool Prompt(int64_t now_ms, int64_t after_ms) const;
  int64_t reconnects() const;
  int64_t connected_since_ms() const;
  const std::string& server_version() const { return Of()->client.server_version(); }

  // The last failure, of a connection or of a single command.
  void Note(const std::string& error) { last_error_ = error; }
  const std::string& last_error() const { return last_error_; }

 private:
  std::vector<std::unique_ptr<Lane>> owned_;
  std::vector<Lane*> all_;
  std::string last_error_;
};

}  // namespace spillway
