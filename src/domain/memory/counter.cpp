#include "memory/counter.h"

#include <algorithm>

namespace spillway {

void Counter::Read(const Rule& rule, std::string_view subject, int64_t now_ms, KeyTable* table) {
  table_ = table;
  rule_ = &rule;
  subject_ = subject;
  now_ms_ = now_ms;
  ref_ = table->Find(subject);
  blocked_ = false;
  cut_ = false;
  const bool live = in_table() && now_ms <= table->End(ref_);
  uint8_t* payload = live ? Payload() : nullptr;
  const size_t bytes = live ? PayloadBytes() : 0;
  const RecordKind kind = live ? KindOf(payload, bytes) : RecordKind::kCount;
  if (live && kind == RecordKind::kCount && LoadCount(payload, bytes) >= kBlocked) {
    blocked_ = true;
    kept_ = false;
    usage_ = {0, table->End(ref_) - now_ms + 1, 0};
    return;
  }
  switch (rule.algorithm) {
    case Algorithm::kFixedWindow:
      kept_ = live && kind == RecordKind::kCount;
      fixed_ = kept_ ? FixedWindow{LoadCount(payload, bytes), table->End(ref_)} : FixedWindow{};
      usage_ = FixedWindowRead(rule, now_ms, &fixed_);
      cut_ = kept_ && fixed_.ends_at_ms != table->End(ref_);
      break;
    case Algorithm::kSlidingWindow:
      kept_ = kind == RecordKind::kSlidingWindow;
      sliding_ = kept_ ? LoadSlidingWindow(payload, bytes) : SlidingWindow{};
      usage_ = SlidingWindowRead(rule, now_ms, &sliding_);
      break;
    case Algorithm::kSlidingLog:
      kept_ = kind == RecordKind::kSlidingLog;
      span_ = {};
      usage_ = kept_ ? SlidingLogRead(rule, now_ms, Log(), &span_) : Usage{rule.limit, 0, now_ms};
      break;
    case Algorithm::kTokenBucket:
      kept_ = kind == RecordKind::kTokenBucket;
      bucket_ = kept_ ? LoadTokenBucket(payload) : TokenBucket{};
      usage_ = TokenBucketRead(rule, now_ms, &bucket_);
      break;
  }
}

void Counter::Charge(int64_t units) {
  switch (rule_->algorithm) {
    case Algorithm::kFixedWindow:
      FixedWindowCharge(*rule_, units, &fixed_, &usage_);
      break;
    case Algorithm::kSlidingWindow:
      if (!SlidingWindowCharge(*rule_, units, now_ms_, &sliding_, &usage_)) return;
      break;
    case Algorithm::kSlidingLog:
      ChargeLog(units);
      return;
    case Algorithm::kTokenBucket:
      if (!TokenBucketCharge(*rule_, units, now_ms_, &bucket_, &usage_)) return;
      break;
  }
  Write();
}

void Counter::ChargeLog(int64_t units) {
  if (!kept_) {
    // A log that has ended has the room that it once needed.
    const bool again = in_table() && KindOf(Payload(), PayloadBytes()) == RecordKind::kSlidingLog;
    const size_t bytes = again ? PayloadBytes() : LogBytes(kFirstLogEntries);
    StartLog(Place(bytes), bytes);
  }
  SlidingLog log = Log();
  const size_t entries = log.capacity();
  if (SlidingLogTrim(now_ms_, &log, &span_) && entries < static_cast<size_t>(kMaxLogLimit)) {
    ref_ = table_->Grow(ref_, LogBytes(std::min(entries * 2, static_cast<size_t>(kMaxLogLimit))));
    log = Log();
    log.Widened(entries);
  }
  SlidingLogCharge(*rule_, units, now_ms_, &log, &span_, &usage_);
  SetEnd(now_ms_ + rule_->window_ms + 1);
}

// Stores a state that was changed, except a log's.
void Counter::Write() {
  if (rule_->algorithm == Algorithm::kFixedWindow) {
    PutCount(fixed_.used, rule_->limit);
    SetEnd(fixed_.ends_at_ms);
    return;
  }
  if (rule_->algorithm == Algorithm::kSlidingWindow) {
    const size_t needed = SlidingWindowBytes(sliding_);
    const size_t bytes = kept_ ? std::max(needed, PayloadBytes()) : needed;
    StoreSlidingWindow(sliding_, Place(bytes), bytes);
  } else {
    StoreTokenBucket(bucket_, Place(kTokenBucketBytes));
  }
  SetEnd(now_ms_ + usage_.reset_ms + 1);
}

// A record of counts stays where it is, so that a listing meets it once: it has room for `limit` from the start.
void Counter::PutCount(int64_t count, int64_t limit) {
  const size_t there = in_table() ? PayloadBytes() : 0;
  const size_t needed = std::max(CountBytes(count), there == 0 ? CountBytes(limit) : 0);
  const size_t bytes = IsCount(there) ? std::max(there, needed) : needed;
  StoreCount(count, Place(bytes), bytes);
}

uint8_t* Counter::Place(size_t payload_bytes) {
  if (!in_table()) {
    ref_ = table_->Insert(subject_, payload_bytes, now_ms_);
  } else if (PayloadBytes() != payload_bytes) {
    ref_ = table_->Grow(ref_, payload_bytes);
  }
  return Payload();
}

// A bucket may take longer to fill, and a block may last longer, than the table counts: then they end a little earlier, in
// about 34 years.
void Counter::SetEnd(int64_t end_ms) { table_->SetEnd(ref_, std::min(end_ms, KeyTable::kMaxEndMs)); }

int64_t Counter::Wait(int64_t units) const {
  if (blocked_) return usage_.reset_ms;
  if (units > rule_->capacity()) return kNeverFits;
  switch (rule_->algorithm) {
    case Algorithm::kFixedWindow:
      return FixedWindowWait(usage_);
    case Algorithm::kSlidingWindow:
      return SlidingWindowWait(*rule_, units, now_ms_, sliding_, usage_.room);
    case Algorithm::kSlidingLog:
      return SlidingLogWait(*rule_, units, now_ms_, Log(), span_);
    case Algorithm::kTokenBucket:
      return TokenBucketWait(*rule_, units, bucket_);
  }
  return kNeverFits;
}

Decision Counter::Describe(int64_t units, bool fits) const {
  const int64_t capacity = rule_->capacity();
  Decision decision;
  decision.allowed = fits;
  decision.limit = capacity;
  decision.remaining = std::clamp<int64_t>(usage_.room, 0, capacity);
  decision.used = capacity - usage_.room;
  decision.reset_in_ms = usage_.reset_ms;
  decision.retry_after_ms = fits ? 0 : Wait(units);
  decision.mark = usage_.mark;
  decision.blocked = blocked_;
  return decision;
}

// The record's end stays: nothing is counted longer than before.
bool Counter::Refund(int64_t units, int64_t mark) {
  if (!kept_) return false;
  uint8_t* payload = Payload();
  const size_t bytes = PayloadBytes();
  switch (rule_->algorithm) {
    case Algorithm::kFixedWindow: {
      FixedWindow window{LoadCount(payload, bytes), table_->End(ref_)};
      if (!FixedWindowRefund(units, mark, &window)) return false;
      StoreCount(window.used, payload, bytes);
      return true;
    }
    case Algorithm::kSlidingWindow: {
      SlidingWindow window = LoadSlidingWindow(payload, bytes);
      if (!SlidingWindowRefund(*rule_, units, mark, now_ms_, &window)) return false;
      StoreSlidingWindow(window, payload, bytes);
      return true;
    }
    case Algorithm::kSlidingLog: {
      SlidingLog log = Log();
      return SlidingLogRefund(*rule_, units, mark, now_ms_, &log);
    }
    case Algorithm::kTokenBucket: {
      TokenBucket bucket = LoadTokenBucket(payload);
      if (!TokenBucketRefund(*rule_, units, mark, now_ms_, &bucket)) return false;
      StoreTokenBucket(bucket, payload);
      return true;
    }
  }
  return false;
}

void Counter::Block(int64_t ms) {
  PutCount(kBlocked, 0);
  SetEnd(now_ms_ + std::min(ExpiryOf(ms), KeyTable::kMaxEndMs));
}

}  // namespace spillway
