// Which form a check takes: the one place that decides it.
#include "redis_store/forms/form.h"

namespace spillway {
namespace {

// Units beyond a limit near 2^53 would look like a block until they are taken back.
bool MayBePlain(const Command& command) {
  const PendingCheck& check = *command.check;
  const int64_t limit = check.rule().limit;
  return check.units == 1 && check.waiters() > 0 && !command.by_script && limit > 0 && limit <= kMostCounted;
}

}  // namespace

const Form* FormFor(Op op, const RuleSet& rules, int64_t units) {
  const bool one_window =
      rules.size() == 1 && rules.front().algorithm == Algorithm::kFixedWindow && !rules.front().shadow;
  switch (op) {
    case Op::kCheck:
      return one_window ? nullptr : &kCompositeForm;
    case Op::kPeek:
      return one_window && units == 1 ? &kPeekForm : &kCompositeForm;
    case Op::kPenalize:
      return &kCompositeForm;
    case Op::kRefund:
      return &kRefundForm;
    case Op::kBlock:
      return &kBlockForm;
    case Op::kReset:
      break;
  }
  return &kResetForm;
}

const Form& ChooseForm(const Command& command, const Capabilities& capabilities, bool denied) {
  if (!MayBePlain(command)) return kScriptForm;
  // A denial costs it nothing.
  if (kIncrexForm.available(capabilities)) return kIncrexForm;
  // A denial by plain commands has to be taken back; the script charges nothing when it denies.
  return kPlainForm.available(capabilities) && !denied ? kPlainForm : kScriptForm;
}

}  // namespace spillway
