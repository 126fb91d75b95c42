#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "redis/client.h"
#include "redis/topology.h"
#include "store.h"

namespace spillway {

// Reads what is stored, page by page, with SCAN on a connection of its own: no check waits behind a page, and Redis never
// walks all keys at once. The connection is made for the first page and dropped when it has been idle for a while. On a
// cluster one server is read after the other: the cursor says which, and a server that has left ends the listing. Where
// a cluster was recognized, the address that was given may lead now to one node and now to another: before each page the node
// is asked for its id.
class KeyScan : private ReplySink {
 public:
  // `topology`, `clock` and `results` outlive it; `on_change` as in Client; `note` is told why a page failed.
  KeyScan(const ClientConfig& config, Topology* topology, const Clock* clock, Results* results,
          std::function<void()> on_change, std::function<void(const std::string&)> note);

  // Each request brings one page into Results, in order, within kPageTimeoutMs of becoming the first.
  void Add(const ListRequest& request) { pages_.push_back(request); }
  bool idle() const { return pages_.empty(); }

  void Flush(int64_t now_ms);
  void Tick(int64_t now_ms);
  int64_t NextTick() const;
  void Close();

  static constexpr int64_t kPageTimeoutMs = 5000;

 private:
  enum class Step : uint8_t { kNone, kScan, kValues, kTexts };

  // Finds the server of the page and a connection to it; false: not yet, or never.
  bool Choose();
  void Scan();
  void AskValues();
  // Whether the server is one of a cluster that nobody knew of.
  bool Recognize();
  // The cursor behind one of SCAN's.
  std::string After(const std::string& cursor) const;
  void OnReply(const Reply& reply) override;
  void OnLost() override;
  void TakeKeys(const Reply& reply);
  void TakeValue(const Reply& reply);
  void TakeText(const Reply& reply);
  void AskTexts();
  void Finish(Status status);

  ClientConfig config_;
  Topology* topology_;
  const Clock* clock_;
  Results* results_;
  const std::function<void()> on_change_;
  const std::function<void(const std::string&)> note_;
  std::unique_ptr<Client> client_;
  Endpoint server_;   // of client_, where it says that it is
  Endpoint dialled_;  // to get there
  std::deque<ListRequest> pages_;
  Step step_ = Step::kNone;
  Page page_;                      // of pages_.front()
  std::vector<std::string> keys_;  // of this page, and their values so far
  size_t values_seen_ = 0;
  std::vector<Page::Entry> texts_;  // of this page: what only a script can read, its counts not known
  bool is_text_ = false;            // of the last value
  int64_t count_ = 0;
  bool countable_ = false;
  bool asked_ = false;  // for what the step is about
  int64_t deadline_ms_ = INT64_MAX;
  int64_t failures_before_ = 0;
  int64_t idle_since_ms_ = 0;  // the last page ended
  bool paused_ = false;        // as the last Flush saw it
  bool chosen_ = false;        // client_ is that of pages_.front()
  bool clustered_ = false;     // when the page was asked for
  bool id_asked_ = false;      // in front of the page, and not answered yet
  bool stranger_ = false;      // who answers is not the server that is meant
  bool misled_ = false;        // that has happened: the home is dialled where it says that it is
};

}  // namespace spillway
