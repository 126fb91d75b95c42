#include "redis/handshake.h"

#include "redis/refusal.h"

namespace spillway {
namespace {

std::string FieldOf(std::string_view info, std::string_view name) {
  const size_t start = info.find(name);
  if (start == std::string_view::npos) return "";
  const std::string_view rest = info.substr(start + name.size());
  return std::string(rest.substr(0, rest.find_first_of("\r\n")));
}

}  // namespace

Handshake::Handshake(const Login& login, std::string* out) : login_(login) {
  if (!login.password.empty()) {
    steps_.push_back(Step::kAuth);
    if (login.username.empty()) {
      AppendCommand({"AUTH", login.password}, out);
    } else {
      AppendCommand({"AUTH", login.username, login.password}, out);
    }
  }
  if (!login.client_name.empty()) {
    steps_.push_back(Step::kSetName);
    AppendCommand({"CLIENT", "SETNAME", login.client_name}, out);
  }
  if (login.db != 0) {
    steps_.push_back(Step::kSelect);
    AppendCommand({"SELECT", std::to_string(login.db)}, out);
  }
  steps_.push_back(Step::kInfo);
  AppendCommand({"INFO", "server"}, out);
}

bool Handshake::Quotes(std::string_view text) const {
  return text.find(login_.password) != std::string_view::npos ||
         (!login_.username.empty() && text.find(login_.username) != std::string_view::npos);
}

Handshake::Verdict Handshake::OnReply(const Reply& reply) {
  const Step step = steps_[at_++];
  if (reply.IsError()) {
    const std::string_view text = reply.text();
    error_ = Presentable(text);
    const bool denied = Classify(text) == Refusal::kLogin;
    // A name and a version are welcome, not needed: a restricted user may be denied both.
    if (step == Step::kAuth || step == Step::kSelect || denied) {
      login_refused_ = step == Step::kAuth || denied;
      if (step == Step::kAuth)
        error_ = "AUTH was refused: " + (Quotes(text) ? error_.substr(0, error_.find(' ')) : error_);
      return Verdict::kFailed;
    }
  } else if (step == Step::kInfo && reply.type() == Reply::Type::kString) {
    server_version_ = FieldOf(reply.text(), "redis_version:");
  }
  return at_ == steps_.size() ? Verdict::kReady : Verdict::kMore;
}

}  // namespace spillway
