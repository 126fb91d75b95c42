#include "memory/counter.h"

#include <algorithm>

#include "memory/table_record.h"
#include "state.h"

namespace spillway {

template <typename Record>
void Counter<Record>::Load() {
  const Rule& rule = *rule_;
  blocked_ = false;
  cut_ = false;
  const bool live = record_.live();
  const RecordKind kind = live ? record_.kind() : RecordKind::kCount;
  if (live && kind == RecordKind::kCount && record_.Count() >= kBlocked) {
    blocked_ = true;
    kept_ = false;
    usage_ = {0, record_.end_ms() - now_ms() + 1, 0};
    return;
  }
  switch (rule.algorithm) {
    case Algorithm::kFixedWindow:
      kept_ = live && kind == RecordKind::kCount;
      fixed_ = kept_ ? FixedWindow{record_.Count(), record_.end_ms()} : FixedWindow{};
      usage_ = FixedWindowRead(rule, now_ms(), &fixed_);
      cut_ = kept_ && fixed_.ends_at_ms != record_.end_ms();
      break;
    case Algorithm::kSlidingWindow:
      kept_ = kind == RecordKind::kSlidingWindow;
      sliding_ = kept_ ? record_.Window() : SlidingWindow{};
      usage_ = SlidingWindowRead(rule, now_ms(), &sliding_);
      break;
    case Algorithm::kSlidingLog:
      kept_ = kind == RecordKind::kSlidingLog;
      span_ = {};
      usage_ = kept_ ? SlidingLogRead(rule, now_ms(), record_.Log(), &span_) : Usage{rule.limit, 0, now_ms()};
      break;
    case Algorithm::kTokenBucket:
      kept_ = kind == RecordKind::kTokenBucket;
      bucket_ = kept_ ? record_.Bucket() : TokenBucket{};
      usage_ = TokenBucketRead(rule, now_ms(), &bucket_);
      break;
  }
}

template <typename Record>
void Counter<Record>::Charge(int64_t units) {
  switch (rule_->algorithm) {
    case Algorithm::kFixedWindow:
      FixedWindowCharge(*rule_, units, &fixed_, &usage_);
      break;
    case Algorithm::kSlidingWindow:
      if (!SlidingWindowCharge(*rule_, units, now_ms(), &sliding_, &usage_)) return;
      break;
    case Algorithm::kSlidingLog:
      ChargeLog(units);
      return;
    case Algorithm::kTokenBucket:
      if (!TokenBucketCharge(*rule_, units, now_ms(), &bucket_, &usage_)) return;
      break;
  }
  Write();
}

template <typename Record>
void Counter<Record>::ChargeLog(int64_t units) {
  if (!kept_) record_.PutLog();
  SlidingLog log = record_.Log();
  const size_t entries = log.capacity();
  if (SlidingLogTrim(now_ms(), &log, &span_) && entries < static_cast<size_t>(kMaxLogLimit)) {
    record_.WidenLog(std::min(entries * 2, static_cast<size_t>(kMaxLogLimit)));
    log = record_.Log();
  }
  SlidingLogCharge(*rule_, units, now_ms(), &log, &span_, &usage_);
  record_.SetEnd(now_ms() + rule_->window_ms + 1);
}

// Stores a state that was changed, except a log's.
template <typename Record>
void Counter<Record>::Write() {
  if (rule_->algorithm == Algorithm::kFixedWindow) {
    record_.PutCount(fixed_.used, rule_->limit);
    record_.SetEnd(fixed_.ends_at_ms);
    return;
  }
  if (rule_->algorithm == Algorithm::kSlidingWindow) {
    record_.PutWindow(sliding_);
  } else {
    record_.PutBucket(bucket_);
  }
  record_.SetEnd(now_ms() + usage_.reset_ms + 1);
}

template <typename Record>
int64_t Counter<Record>::Wait(int64_t units) const {
  if (blocked_) return usage_.reset_ms;
  if (units > rule_->capacity()) return kNeverFits;
  switch (rule_->algorithm) {
    case Algorithm::kFixedWindow:
      return FixedWindowWait(usage_);
    case Algorithm::kSlidingWindow:
      return SlidingWindowWait(*rule_, units, now_ms(), sliding_, usage_.room);
    case Algorithm::kSlidingLog:
      return SlidingLogWait(*rule_, units, now_ms(), record_.Log(), span_);
    case Algorithm::kTokenBucket:
      return TokenBucketWait(*rule_, units, bucket_);
  }
  return kNeverFits;
}

template <typename Record>
void Counter<Record>::Describe(int64_t units, bool fits, Decision* decision) const {
  const int64_t capacity = rule_->capacity();
  decision->allowed = fits;
  decision->limit = capacity;
  decision->remaining = std::clamp<int64_t>(usage_.room, 0, capacity);
  decision->used = capacity - usage_.room;
  decision->reset_in_ms = usage_.reset_ms;
  decision->retry_after_ms = fits ? 0 : Wait(units);
  decision->mark = usage_.mark;
  decision->blocked = blocked_;
}

// The record's end stays: nothing is counted longer than before.
template <typename Record>
bool Counter<Record>::Refund(int64_t units, int64_t mark) {
  if (!kept_) return false;
  switch (rule_->algorithm) {
    case Algorithm::kFixedWindow: {
      FixedWindow window{record_.Count(), record_.end_ms()};
      if (!FixedWindowRefund(units, mark, &window)) return false;
      record_.PutCount(window.used, rule_->limit);
      return true;
    }
    case Algorithm::kSlidingWindow: {
      SlidingWindow window = record_.Window();
      if (!SlidingWindowRefund(*rule_, units, mark, now_ms(), &window)) return false;
      record_.PutWindow(window);
      return true;
    }
    case Algorithm::kSlidingLog: {
      SlidingLog log = record_.Log();
      return SlidingLogRefund(*rule_, units, mark, now_ms(), &log);
    }
    case Algorithm::kTokenBucket: {
      TokenBucket bucket = record_.Bucket();
      if (!TokenBucketRefund(*rule_, units, mark, now_ms(), &bucket)) return false;
      record_.PutBucket(bucket);
      return true;
    }
  }
  return false;
}

template <typename Record>
void Counter<Record>::Block(int64_t ms) {
  record_.PutCount(kBlocked, 0);
  record_.SetEnd(now_ms() + ExpiryOf(ms));
}

template <typename Record>
void Decide(Op op, int64_t units, size_t size, Counter<Record>* counters, Decision* decisions) {
  bool fits[kMaxRules] = {};
  bool admitted = true;
  for (size_t i = 0; i < size; ++i) {
    fits[i] = counters[i].Fits(units);
    if (!fits[i] && !counters[i].rule().shadow) admitted = false;
  }
  // Records that are there first: a newcomer may take the place of one of them.
  for (const bool newcomers : {false, true}) {
    for (size_t i = 0; i < size; ++i) {
      Counter<Record>& counter = counters[i];
      if (counter.has_record() == newcomers) continue;
      const bool counts = op == Op::kPenalize || (op == Op::kCheck && admitted && fits[i]);
      if (counts && !counter.blocked()) {
        counter.Charge(units);
      } else if (op != Op::kPeek) {
        counter.Mend();
      }
      counter.Describe(units, fits[i], &decisions[i]);
    }
  }
}

template class Counter<TableRecord>;
template class Counter<StateRecord>;
template void Decide(Op, int64_t, size_t, Counter<TableRecord>*, Decision*);
template void Decide(Op, int64_t, size_t, Counter<StateRecord>*, Decision*);

}  // namespace spillway
