#include "redis_store/command.h"

#include "redis_store/forms/form.h"

namespace spillway {

void Command::OnReply(const Reply& reply) {
  int at = replies_seen++;
  if (asking) {
    // Every other reply is that of ASKING.
    if (at % 2 == 0) return;
    at /= 2;
  }
  const Step step = form->take(this, at, reply, &events->reading);
  if (step != Step::kMore) events->OnStep(this, step);
}

}  // namespace spillway
