#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "memory/key_table.h"
#include "memory/records.h"

namespace spillway {

// What a Counter works on, where a KeyTable holds it: the record of one key, which may not be there yet. It is of no use
// once another key may have taken this one's place in the table.
class TableRecord {
 public:
  // No initializers: a call has room for kMaxRules of these, and mostly uses one.
  TableRecord() = default;
  // `table` and `key` outlive the record.
  TableRecord(KeyTable* table, std::string_view key, int64_t now_ms)
      : table_(table), key_(key), now_ms_(now_ms), ref_(table->Find(key)), live_(there() && now_ms <= end_ms()) {}

  int64_t now_ms() const { return now_ms_; }
  bool there() const { return ref_ != KeyTable::kNone; }
  // It had not ended when it was looked for.
  bool live() const { return live_; }
  int64_t end_ms() const { return table_->End(ref_); }
  // These ask of a record that is there, and of its kind.
  RecordKind kind() const { return KindOf(Payload(), PayloadBytes()); }
  int64_t Count() const { return LoadCount(Payload(), PayloadBytes()); }
  SlidingWindow Window() const { return LoadSlidingWindow(Payload(), PayloadBytes()); }
  TokenBucket Bucket() const { return LoadTokenBucket(Payload()); }
  SlidingLog Log() const { return LogIn(Payload(), PayloadBytes()); }

  // A record of counts stays where it is, so that a listing meets it once: it has room for `limit` from the start.
  void PutCount(int64_t count, int64_t limit) {
    const size_t before = there() ? PayloadBytes() : 0;
    const size_t needed = std::max(CountBytes(count), before == 0 ? CountBytes(limit) : 0);
    const size_t bytes = IsCount(before) ? std::max(before, needed) : needed;
    StoreCount(count, Place(bytes), bytes);
  }
  void PutWindow(const SlidingWindow& window) {
    const bool again = live_ && kind() == RecordKind::kSlidingWindow;
    const size_t needed = SlidingWindowBytes(window);
    const size_t bytes = again ? std::max(needed, PayloadBytes()) : needed;
    StoreSlidingWindow(window, Place(bytes), bytes);
  }
  void PutBucket(const TokenBucket& bucket) { StoreTokenBucket(bucket, Place(kTokenBucketBytes)); }
  // An empty log. One that has ended has the room that it once needed.
  void PutLog() {
    const bool again = there() && kind() == RecordKind::kSlidingLog;
    const size_t bytes = again ? PayloadBytes() : LogBytes(kFirstLogEntries);
    StartLog(Place(bytes), bytes);
  }
  void WidenLog(size_t entries) {
    const size_t before = Log().capacity();
    ref_ = table_->Grow(ref_, LogBytes(entries));
    Log().Widened(before);
  }
  // A bucket may take longer to fill, and a block may last longer, than the table counts: then they end a little earlier,
  // in about 34 years.
  void SetEnd(int64_t end_ms) { table_->SetEnd(ref_, std::min(end_ms, KeyTable::kMaxEndMs)); }

 private:
  uint8_t* Payload() const { return table_->Payload(ref_); }
  size_t PayloadBytes() const { return table_->PayloadBytes(ref_); }
  uint8_t* Place(size_t payload_bytes) {
    if (!there()) {
      ref_ = table_->Insert(key_, payload_bytes, now_ms_);
    } else if (PayloadBytes() != payload_bytes) {
      ref_ = table_->Grow(ref_, payload_bytes);
    }
    return Payload();
  }

  KeyTable* table_;
  std::string_view key_;
  int64_t now_ms_;
  KeyTable::Ref ref_;
  bool live_;
};

}  // namespace spillway
