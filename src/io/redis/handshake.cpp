#include "redis/handshake.h"

#include <algorithm>

#include "redis/refusal.h"

namespace spillway {
namespace {

constexpr const char* kOneDatabase =
    "SELECT was refused: a Redis Cluster has database 0 only; leave the database number out";

// Whether a text of the server's holds what we logged in with.
bool Quotes(const Login& login, std::string_view text) {
  return text.find(login.password) != std::string_view::npos ||
         (!login.username.empty() && text.find(login.username) != std::string_view::npos);
}

}  // namespace

void AppendAuth(const Login& login, std::string* out) {
  if (login.username.empty()) {
    AppendCommand({"AUTH", login.password}, out);
  } else {
    AppendCommand({"AUTH", login.username, login.password}, out);
  }
}

std::string RefusedLogin(const Login& login, std::string_view error) {
  std::string text = Presentable(error);
  if (Quotes(login, error)) text.resize(std::min(text.size(), text.find(' ')));
  return Quotes(login, text) ? "AUTH was refused" : "AUTH was refused: " + text;
}

Handshake::Handshake(const Login& login, std::string* out) : login_(login) {
  if (!login.password.empty()) {
    steps_.push_back(Step::kAuth);
    AppendAuth(login, out);
  }
  if (!login.client_name.empty()) {
    steps_.push_back(Step::kSetName);
    AppendCommand({"CLIENT", "SETNAME", login.client_name}, out);
  }
  if (login.db != 0) {
    steps_.push_back(Step::kSelect);
    AppendCommand({"SELECT", std::to_string(login.db)}, out);
  }
  if (login.to_master) {
    steps_.push_back(Step::kRole);
    AppendCommand({"ROLE"}, out);
  }
  steps_.push_back(Step::kInfo);
  AppendCommand({"INFO", "server"}, out);
  // By itself: Redis 6 takes one section at a time.
  steps_.push_back(Step::kMemory);
  AppendCommand({"INFO", "memory"}, out);
}

Handshake::Verdict Handshake::OnReply(const Reply& reply) {
  const Step step = steps_[at_++];
  if (reply.IsError()) {
    const std::string_view text = reply.text();
    error_ = Presentable(text);
    const bool denied = Classify(text) == Refusal::kLogin;
    // A name, the role and a version are welcome, not needed: a restricted user may be denied them. A replica is then
    // known by its refusal of the first write.
    if (step == Step::kAuth || step == Step::kSelect || denied) {
      login_refused_ = step == Step::kAuth || denied;
      if (step == Step::kAuth) error_ = RefusedLogin(login_, text);
      if (step == Step::kSelect && text.find("cluster mode") != std::string_view::npos) error_ = kOneDatabase;
      return Verdict::kFailed;
    }
  } else if (step == Step::kRole && reply.size() > 1 && reply.text(1) != "master") {
    no_master_ = true;
    error_ = "the server is no master";
    return Verdict::kFailed;
  } else if (step == Step::kInfo && reply.type() == Reply::Type::kString) {
    ReadServerSection(reply.text(), &capabilities_);
  } else if (step == Step::kMemory && reply.type() == Reply::Type::kString) {
    ReadMemorySection(reply.text(), &capabilities_);
  }
  return at_ == steps_.size() ? Verdict::kReady : Verdict::kMore;
}

}  // namespace spillway
