#include "redis/sentinel.h"

#include <algorithm>
#include <charconv>

#include "redis/refusal.h"

namespace spillway {
namespace {

constexpr int kMaxPort = 65535;

bool ParsePort(std::string_view text, int* port) {
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, *port);
  return parsed.ec == std::errc() && parsed.ptr == end && *port >= 1 && *port <= kMaxPort;
}

// Takes the text in front of the next space off.
std::string_view TakeWord(std::string_view* text) {
  const size_t end = std::min(text->find(' '), text->size());
  const std::string_view word = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return word;
}

bool IsMessage(const Reply& reply) {
  return reply.type() == Reply::Type::kArray && reply.size() == 4 && reply.text(1) == "message";
}

}  // namespace

void SentinelOrder::Answered(const Endpoint& sentinel) {
  const auto at = std::find(sentinels_.begin(), sentinels_.end(), sentinel);
  if (at != sentinels_.end()) std::rotate(sentinels_.begin(), at, at + 1);
}

void SentinelOrder::Misled(const Endpoint& sentinel) {
  const auto at = std::find(sentinels_.begin(), sentinels_.end(), sentinel);
  if (at != sentinels_.end()) std::rotate(at, at + 1, sentinels_.end());
}

SentinelDial::SentinelDial(const std::string& master_name, const Login& login, SentinelOrder* order)
    : master_name_(master_name), login_(login), order_(order), sentinels_(order->sentinels()) {}

SentinelDial::Act SentinelDial::Ask() {
  resting_ = false;
  steps_.clear();
  step_ = 0;
  return Act::kAsk;
}

void SentinelDial::OnOpen(std::string* out) {
  if (!login_.password.empty()) {
    steps_.push_back(Step::kAuth);
    AppendAuth(login_, out);
  }
  if (!login_.client_name.empty()) {
    steps_.push_back(Step::kSetName);
    AppendCommand({"CLIENT", "SETNAME", login_.client_name}, out);
  }
  if (!named()) {
    steps_.push_back(Step::kMaster);
    AppendCommand({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master_name_}, out);
  }
  // In the same write: a promotion between the two would go unheard.
  steps_.push_back(Step::kSubscribe);
  AppendCommand({"SUBSCRIBE", "+switch-master"}, out);
  steps_.push_back(Step::kListen);
}

SentinelDial::Act SentinelDial::OnReply(const Reply& reply) {
  const Step step = steps_[step_];
  if (step != Step::kListen) ++step_;
  if (reply.IsError()) return OnError(step, reply.text());
  if (step == Step::kMaster) return TakeMaster(reply);
  return step == Step::kListen ? TakeMessage(reply) : Act::kNothing;
}

SentinelDial::Act SentinelDial::OnError(Step step, std::string_view text) {
  const bool login = step == Step::kAuth || Classify(text) == Refusal::kLogin;
  if (step == Step::kSetName && !login) return Act::kNothing;
  // All sentinels have one configuration: where this may not be asked of one, it need not be tried with the next.
  if (step == Step::kSubscribe && !login) may_listen_ = false;
  login_refused_ = login_refused_ || login;
  refusal_ = step == Step::kAuth ? RefusedLogin(login_, text) : Presentable(text);
  return Next();
}

SentinelDial::Act SentinelDial::TakeMaster(const Reply& reply) {
  if (reply.type() == Reply::Type::kNil) {
    unknown_ = true;
    return Next();
  }
  Endpoint named;
  if (reply.size() != 3 || reply.text(1).empty() || !ParsePort(reply.text(2), &named.port)) {
    reason_ = "an address in an unknown shape";
    return Next();
  }
  named.host = reply.text(1);
  master_ = named;
  informant_ = sentinel();
  order_->Answered(informant_);
  return Act::kOpen;
}

// `<name> <old host> <old port> <new host> <new port>`
SentinelDial::Act SentinelDial::TakeMessage(const Reply& reply) {
  if (!IsMessage(reply)) return Act::kNothing;
  std::string_view text = reply.text(3);
  if (TakeWord(&text) != master_name_) return Act::kNothing;
  TakeWord(&text);
  TakeWord(&text);
  Endpoint promoted;
  promoted.host = TakeWord(&text);
  // The one that led the failover may have named the new master before it told so.
  if (!ParsePort(TakeWord(&text), &promoted.port) || promoted == master_) return Act::kNothing;
  order_->Answered(sentinel());
  error_ = "the sentinels have promoted another master";
  return Act::kFail;
}

SentinelDial::Act SentinelDial::OnGone(const std::string& reason) {
  reason_ = reason;
  return Next();
}

SentinelDial::Act SentinelDial::Next() {
  if (named()) {
    resting_ = true;
    return Act::kRest;
  }
  if (at_ + 1 == sentinels_.size()) return Fail();
  ++at_;
  return Ask();
}

SentinelDial::Act SentinelDial::OnTime() {
  if (resting_) {
    if (!may_listen_) return Act::kNothing;
    at_ = (at_ + 1) % sentinels_.size();
    return Ask();
  }
  const bool listening = step_ < steps_.size() && steps_[step_] == Step::kListen;
  return named() && listening ? Act::kNothing : OnGone("no answer within the time limit");
}

void SentinelDial::OnMisled() { order_->Misled(informant_); }

// What a sentinel said is worth more than the silence of the others.
SentinelDial::Act SentinelDial::Fail() {
  if (unknown_) {
    error_ = "the sentinels know no master named " + master_name_;
    login_refused_ = false;
  } else if (!refusal_.empty()) {
    error_ = "no sentinel told the master: " + refusal_;
  } else {
    error_ = "no sentinel answers: " + reason_;
  }
  return Act::kFail;
}

}  // namespace spillway
