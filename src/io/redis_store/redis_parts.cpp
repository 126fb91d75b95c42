// Calls whose keys lie in several slots of a cluster: a part for each slot, all sent at once. A check is admitted as often
// as its most reluctant part says; what the others have charged beyond that is given back, bound to its window. So
// nothing is admitted too often, and what is lost on the way back stays charged until its window ends.
#include <algorithm>

#include "hash.h"
#include "redis_store/redis_store.h"
#include "redis_store/reply_checks.h"

namespace spillway {
namespace {

// Units that a part's script charged under one of its rules, when so many checks were admitted.
int64_t ChargedFor(const Request& part, size_t rule, int64_t admitted) {
  const int64_t fits = part.fields[1 + kLayeredFields * rule + 5];
  return ((*part.rules)[rule].shadow ? std::min(admitted, fits) : admitted) * part.cost;
}

bool MayGiveBack(const Request& part) { return part.call == Call::kLayered && part.op == Op::kCheck; }

}  // namespace

bool RedisStore::Split(Request* request) {
  const RuleSet& rules = *request->rules;
  if (rules.size() < 2 || request->is_part || request->abandoned) return false;
  uint16_t slots[kMaxRules] = {};
  uint8_t groups[kMaxRules] = {};
  bool several = false;
  for (size_t i = 0; i < rules.size(); ++i) {
    slots[i] = SlotOf(request->keys[i]);
    groups[i] = static_cast<uint8_t>(std::find(slots, slots + i, slots[i]) - slots);
    several = several || groups[i] != 0;
  }
  if (!several) return false;
  AddParts(request, *request, partitions_.Of(rules, groups));
  return true;
}

void RedisStore::SplitByKey(Request* request) {
  const std::vector<Partitions::Part>& singles = partitions_.Singles(*request->rules);
  Request* whole = request->whole;
  if (whole == nullptr) {
    AddParts(request, *request, singles);
    return;
  }
  whole->parts.erase(std::find(whole->parts.begin(), whole->parts.end(), request));
  AddParts(whole, *request, singles);
  request->whole = nullptr;
  Recycle(request);
}

void RedisStore::AddParts(Request* whole, const Request& of, const std::vector<Partitions::Part>& division) {
  const size_t before = whole->parts.size();
  for (const Partitions::Part& piece : division) {
    Request* part = NewRequest(of.call, piece.rules, nullptr);
    part->op = of.op;
    part->cost = of.cost;
    part->whole = whole;
    part->is_part = true;
    part->send_source = of.send_source;
    part->at.clear();
    part->marks.clear();
    for (size_t i = 0; i < piece.at.size(); ++i) {
      const uint8_t at = piece.at[i];
      part->keys[i].assign(of.keys[at]);
      if (of.call == Call::kRefund) part->marks.push_back(of.marks[at]);
      part->at.push_back(of.is_part ? of.at[at] : at);
    }
    part->hash = Hash(part->key(), seed_);
    whole->parts.push_back(part);
  }
  // By number: none of them can end in here, but the list may move.
  for (size_t i = before; i < whole->parts.size(); ++i) Route(whole->parts[i]);
  turn_.Request();
}

void RedisStore::EndPart(Request* part) {
  Request* whole = part->whole;
  if (whole == nullptr) {
    GiveBack(part, 0);
    return;
  }
  part->answered = true;
  const auto& parts = whole->parts;
  if (std::all_of(parts.begin(), parts.end(), [](const Request* one) { return one->answered; })) Join(whole);
}

void RedisStore::Join(Request* whole) {
  std::vector<Request*> parts;
  parts.swap(whole->parts);
  if (whole->call != Call::kLayered) {
    int64_t sum = 0;
    for (Request* part : parts) {
      sum += part->fields[0];
      Recycle(part);
    }
    FinishOther(whole, sum);
    return;
  }
  int64_t admitted = INT64_MAX;
  for (const Request* part : parts) admitted = std::min(admitted, part->fields[0]);
  joined_.assign(1 + kLayeredFields * whole->rules->size(), 0);
  joined_[0] = admitted;
  for (Request* part : parts) {
    for (size_t i = 0; i < part->at.size(); ++i) {
      const auto from = part->fields.begin() + static_cast<std::ptrdiff_t>(1 + kLayeredFields * i);
      const auto to = joined_.begin() + static_cast<std::ptrdiff_t>(1 + kLayeredFields * part->at[i]);
      std::copy_n(from, kLayeredFields, to);
      // As it is once the rest has been given back.
      if (MayGiveBack(*part)) *to += ChargedFor(*part, i, part->fields[0]) - ChargedFor(*part, i, admitted);
    }
    GiveBack(part, admitted);
  }
  AnswerLayered(whole, joined_);
}

void RedisStore::Abandon(Request* whole) {
  std::vector<Request*> parts;
  parts.swap(whole->parts);
  for (Request* part : parts) {
    if (part->whole != whole) continue;
    part->whole = nullptr;
    if (part->answered) {
      GiveBack(part, 0);
    } else {
      SetAbandoned(part);
    }
  }
  Recycle(whole);
}

void RedisStore::GiveBack(Request* part, int64_t admitted) {
  if (MayGiveBack(*part) && part->fields[0] > admitted) {
    const RuleSet& rules = *part->rules;
    const std::vector<Partitions::Part>& singles = partitions_.Singles(rules);
    for (size_t i = 0; i < rules.size(); ++i) {
      const int64_t units = ChargedFor(*part, i, part->fields[0]) - ChargedFor(*part, i, admitted);
      if (units == 0) continue;
      Request* refund = NewRequest(Call::kRefund, singles[i].rules, &part->keys[i]);
      refund->cost = units;
      refund->marks.assign(1, part->fields[1 + kLayeredFields * i + 3]);
      refund->hash = Hash(refund->key(), seed_);
      Submit(refund);
    }
  }
  Recycle(part);
}

}  // namespace spillway
