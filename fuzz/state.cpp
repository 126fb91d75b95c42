// States as texts of any bytes: refused, or the text of one state, from which no step admits more than the capacity.
#include "state.h"

#include <vector>

#include "input.h"
#include "step.h"

namespace spillway {
namespace {

// How often one moment is asked.
constexpr int kAsks = 40;

Rule RuleOf(Input* input) {
  Rule rule{"p:", static_cast<Algorithm>(input->Below(4)), 0, 0, 250, ""};
  rule.limit = input->Number();
  rule.window_ms = input->Number();
  rule.burst = input->Number();
  rule.shadow = input->Below(8) == 7;
  return rule;
}

bool IsState(const std::string& text) {
  State state;
  return ReadState(text, 0, &state);
}

void RequireDecision(const Rule& rule, int64_t units, const Decision& decision) {
  Require(decision.limit == rule.capacity(), "a decision tells the rule's limit");
  Require(decision.remaining >= 0 && decision.remaining <= decision.limit, "what remains is from 0 to the limit");
  Require(decision.reset_in_ms >= 0, "a window ends after now");
  Require(!decision.allowed || units <= rule.capacity(), "what never fits is not admitted");
  Require(decision.allowed ? decision.retry_after_ms == 0 : decision.retry_after_ms != 0, "who is denied waits");
  Require(decision.retry_after_ms >= kNeverFits, "a wait is no negative time");
}

// Checks of one moment, one after the other, from some state on.
void AskAtOnce(const Rule& rule, std::string state, int64_t units, int64_t now_ms) {
  int64_t room = rule.capacity();
  for (int i = 0; i < kAsks; ++i) {
    const StepItem item{&rule, state, 0};
    Stepped result;
    Require(Step(Op::kCheck, units, now_ms, 1, &item, &result) == 1, "a step's state is read by the next");
    RequireDecision(rule, units, result.decision);
    if (!result.decision.allowed) return;
    Require(units <= room, "one moment admits no more than the capacity");
    room -= units;
    Require(result.decision.remaining <= room, "what remains is not more than what was not admitted");
    if (result.changed) state = result.state;
  }
}

void Play(Input* input) {
  const size_t size = 1 + input->Below(3);
  const Op op = static_cast<Op>(input->Below(static_cast<size_t>(Op::kReset)));
  const int64_t units = std::max<int64_t>(1, std::min(input->Number(), op == Op::kBlock ? kMaxWindowMs : kMaxLimit));
  const int64_t now_ms = std::clamp<int64_t>(input->Number(), 0, kMaxTimeMs);
  std::vector<Rule> rules;
  std::vector<StepItem> items;
  std::vector<std::string> texts;
  for (size_t i = 0; i < size; ++i) {
    rules.push_back(RuleOf(input));
    if (!Validate(rules.back()).empty()) return;
    items.push_back({nullptr, {}, std::clamp(input->Number(), -2 * kBlocked + 1, 2 * kBlocked - 1)});
  }
  for (size_t i = 0; i < size; ++i) texts.push_back(i + 1 == size ? input->Rest() : input->Text(input->Below(64)));
  size_t readable = size;
  for (size_t i = size; i-- > 0;) {
    items[i].rule = &rules[i];
    items[i].state = texts[i];
    State state;
    if (!ReadState(texts[i], 0, &state)) {
      readable = i;
    } else if (state.there && state.kind != RecordKind::kSlidingLog) {
      // A log's entries of our days do not fit where its times count from 0.
      Require(WriteState(state) == texts[i], "each state has one text");
    }
  }
  std::vector<Stepped> results(size);
  Require(Step(op, units, now_ms, size, items.data(), results.data()) == readable,
          "the first that is no state is told");
  if (readable < size) return;
  bool admitted = true;
  for (size_t i = 0; i < size; ++i) {
    Require(results[i].changed == !results[i].state.empty(), "what changed is told");
    Require(!results[i].changed || IsState(results[i].state), "a step gives a state");
    Require(results[i].expires_in_ms >= 0, "a state ends after now");
    if (op > Op::kPenalize) continue;
    RequireDecision(rules[i], units, results[i].decision);
    admitted = admitted && (results[i].decision.allowed || rules[i].shadow);
    Require(op != Op::kPeek || !results[i].changed, "a look changes nothing");
  }
  for (size_t i = 0; i < size && op == Op::kCheck; ++i) {
    // A window may be cut by a denial, which takes no units.
    if (!admitted && results[i].changed) {
      const StepItem before{&rules[i], texts[i], 0};
      const StepItem after{&rules[i], results[i].state, 0};
      Stepped seen;
      Stepped looked;
      Step(Op::kPeek, units, now_ms, 1, &before, &seen);
      Step(Op::kPeek, units, now_ms, 1, &after, &looked);
      Require(looked.decision.remaining == seen.decision.remaining, "a denial consumes nothing");
    }
  }
  for (size_t i = 0; i < size; ++i) AskAtOnce(rules[i], texts[i], units, now_ms);
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  spillway::Input input(data, size);
  spillway::Play(&input);
  return 0;
}
