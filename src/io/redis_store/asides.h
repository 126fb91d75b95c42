#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "redis/topology.h"
#include "store.h"

namespace spillway {

// Commands that are no checks: the rules and the counts of a fleet are read and written by them. They travel on the
// connections of the checks, in the turn's one write, to the node that has their key. Each brings one page: answered, or
// ended within its deadline. What was written is never written again, unless a reply proves that it was not executed.
class Asides {
 public:
  // `topology` and `results` outlive it.
  Asides(Topology* topology, Results* results) : topology_(topology), results_(results) {}

  void Add(const AsideRequest& request);
  // Writes what can be written to the connections that stand; the caller flushes them. The time of what was added since the
  // last call begins here: within that turn JavaScript could not have seen an answer anyway.
  void Flush(int64_t now_ms);
  void Tick(int64_t now_ms);
  int64_t NextTick() const;
  // Nothing waits that keeps the process.
  bool idle() const;
  void Close();

 private:
  struct Aside : ReplySink {
    Aside(Asides* its_owner, const AsideRequest& what) : owner(its_owner), request(what) {}
    void OnReply(const Reply& reply) override { owner->Take(this, reply); }
    void OnLost() override { owner->End(this, Status::kDisconnected); }

    Asides* const owner;
    AsideRequest request;
    int64_t deadline_ms = INT64_MAX;
    Node* node = nullptr;  // whom it was written to; while `asking`, is to be in place of the key's node
    bool sent = false;
    bool asking = false;     // ASKING goes in front, or its reply is due
    bool abandoned = false;  // its page was told
    bool done = false;
    int hops = 0;
  };

  void Write(Aside* aside);
  void Take(Aside* aside, const Reply& reply);
  static void BringSource(Aside* aside);
  // Whether it goes out once more.
  bool Again(Aside* aside, const Reply& reply);
  void Tell(Aside* aside, Page page);
  void End(Aside* aside, Status status);
  void Sweep();

  Topology* topology_;
  Results* results_;
  std::vector<std::unique_ptr<Aside>> all_;
};

}  // namespace spillway
