#include "redis_store/scatter.h"

#include <algorithm>

#include "hash.h"
#include "redis/slot.h"
#include "redis_store/forms/form.h"
#include "redis_store/forms/read.h"

namespace spillway {
namespace {

// Units that a part's script charged under one of its rules, when so many checks were admitted.
int64_t ChargedFor(const PendingCheck& part, size_t rule, int64_t admitted) {
  const int64_t fits = part.numbers[1 + kRuleNumbers * rule + 5];
  return ((*part.rules)[rule].shadow ? std::min(admitted, fits) : admitted) * part.units;
}

}  // namespace

bool Scatter::Split(PendingCheck* check) {
  const RuleSet& rules = *check->rules;
  if (rules.size() < 2 || check->is_part || check->abandoned) return false;
  uint16_t slots[kMaxRules] = {};
  uint8_t groups[kMaxRules] = {};
  bool several = false;
  for (size_t i = 0; i < rules.size(); ++i) {
    slots[i] = SlotOf(check->keys[i]);
    groups[i] = static_cast<uint8_t>(std::find(slots, slots + i, slots[i]) - slots);
    several = several || groups[i] != 0;
  }
  if (several) AddParts(check, *check, rules.PartsBy(groups));
  return several;
}

void Scatter::SplitByKey(PendingCheck* check) {
  PendingCheck* whole = check->whole == nullptr ? check : check->whole;
  if (whole != check) whole->parts.erase(std::find(whole->parts.begin(), whole->parts.end(), check));
  AddParts(whole, *check, check->rules->Singles());
  if (whole == check) return;
  check->whole = nullptr;
  pool_->Recycle(check);
}

void Scatter::AddParts(PendingCheck* whole, const PendingCheck& of,
                       const std::vector<std::unique_ptr<RuleSet::Part>>& division) {
  const size_t before = whole->parts.size();
  for (const auto& piece : division) {
    PendingCheck* part = pool_->New(of.op, piece->rules, of.units);
    part->command.form = of.command.form;
    part->command.send_source = of.command.send_source;
    part->whole = whole;
    part->is_part = true;
    part->at.clear();
    part->marks.clear();
    for (size_t i = 0; i < piece->at.size(); ++i) {
      const uint8_t at = piece->at[i];
      part->keys[i].assign(of.keys[at]);
      if (of.op == Op::kRefund) part->marks.push_back(of.marks[at]);
      part->at.push_back(of.is_part ? of.at[at] : at);
    }
    part->hash = Hash(part->key(), seed_);
    whole->parts.push_back(part);
  }
  // By number: none of them can end in here, but the list may move.
  for (size_t i = before; i < whole->parts.size(); ++i) outbox_->Route(&whole->parts[i]->command);
}

PendingCheck* Scatter::TakeAnswer(PendingCheck* part) {
  PendingCheck* whole = part->whole;
  if (whole == nullptr) {
    GiveBack(part, 0);
    return nullptr;
  }
  part->answered = true;
  const auto& parts = whole->parts;
  if (!std::all_of(parts.begin(), parts.end(), [](const PendingCheck* one) { return one->answered; })) return nullptr;
  Join(whole);
  return whole;
}

void Scatter::Join(PendingCheck* whole) {
  std::vector<PendingCheck*> parts;
  parts.swap(whole->parts);
  if (whole->op > Op::kPenalize) {
    joined_.assign(1, 0);
    for (PendingCheck* part : parts) {
      joined_[0] += part->numbers[0];
      pool_->Recycle(part);
    }
    return;
  }
  int64_t admitted = INT64_MAX;
  for (const PendingCheck* part : parts) admitted = std::min(admitted, part->numbers[0]);
  joined_.assign(1 + kRuleNumbers * whole->rules->size(), 0);
  joined_[0] = admitted;
  for (PendingCheck* part : parts) {
    for (size_t i = 0; i < part->at.size(); ++i) {
      const auto from = part->numbers.begin() + static_cast<std::ptrdiff_t>(1 + kRuleNumbers * i);
      const auto to = joined_.begin() + static_cast<std::ptrdiff_t>(1 + kRuleNumbers * part->at[i]);
      std::copy_n(from, kRuleNumbers, to);
      // As it is once the rest has been given back.
      if (part->op == Op::kCheck) *to += ChargedFor(*part, i, part->numbers[0]) - ChargedFor(*part, i, admitted);
    }
    GiveBack(part, admitted);
  }
}

void Scatter::Abandon(PendingCheck* whole) {
  std::vector<PendingCheck*> parts;
  parts.swap(whole->parts);
  for (PendingCheck* part : parts) {
    if (part->whole != whole) continue;
    part->whole = nullptr;
    if (part->answered) {
      GiveBack(part, 0);
    } else {
      outbox_->Abandon(part);
    }
  }
  pool_->Recycle(whole);
}

void Scatter::GiveBack(PendingCheck* part, int64_t admitted) {
  if (part->op == Op::kCheck && part->numbers[0] > admitted) {
    const RuleSet& rules = *part->rules;
    const auto& singles = rules.Singles();
    for (size_t i = 0; i < rules.size(); ++i) {
      const int64_t units = ChargedFor(*part, i, part->numbers[0]) - ChargedFor(*part, i, admitted);
      if (units == 0) continue;
      PendingCheck* refund = pool_->New(Op::kRefund, singles[i]->rules, units);
      refund->command.form = &kRefundForm;
      refund->keys[0].assign(part->keys[i]);
      refund->marks.assign(1, part->numbers[1 + kRuleNumbers * i + 3]);
      refund->hash = Hash(refund->key(), seed_);
      asked_->push_back(refund);
    }
  }
  pool_->Recycle(part);
}

}  // namespace spillway
