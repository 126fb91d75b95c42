#pragma once

#include <string>

#include "redis/wire.h"
#include "redis_store/forms/form.h"
#include "scripts.h"

namespace spillway {

// Goes in front of every command that an ASK has sent here.
constexpr std::string_view kAsking = "*1\r\n$6\r\nASKING\r\n";

inline void AppendAsking(const Command& command, std::string* out) {
  if (command.asking) out->append(kAsking);
}

// A command with one key: its name, the key, and `more` arguments that the caller appends.
inline void AppendKeyCommand(std::string_view name, const Command& command, size_t more, std::string* out) {
  AppendAsking(command, out);
  AppendArray(2 + more, out);
  AppendBulk(name, out);
  AppendBulk(command.check->key(), out);
}

// EVALSHA or EVAL with the keys of all rules; the caller appends `arguments` bulk strings.
inline void AppendScriptCall(const Script& script, const Command& command, size_t arguments, std::string* out) {
  const PendingCheck& check = *command.check;
  const size_t keys = check.rules->size();
  AppendAsking(command, out);
  AppendArray(3 + keys + arguments, out);
  out->append(command.send_source ? "$4\r\nEVAL\r\n" : "$7\r\nEVALSHA\r\n");
  AppendBulk(command.send_source ? script.source : script.sha1, out);
  AppendBulkNumber(static_cast<int64_t>(keys), out);
  for (size_t i = 0; i < keys; ++i) AppendBulk(check.keys[i], out);
}

// How the scripts of any rules tell the algorithms apart.
std::string_view LetterOf(Algorithm algorithm);

}  // namespace spillway
