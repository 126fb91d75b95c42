#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "input.h"
#include "net/stream.h"
#include "redis/slot.h"
#include "replies.h"

namespace spillway {

// A connection whose other end is the fuzzer. It reads what is sent, which has to be whole commands, and owes their replies.
class ServedStream : public Stream {
 public:
  using Command = std::vector<std::string>;

  // It is one of *all for as long as it lives.
  ServedStream(std::string address, StreamEvents* to, std::vector<ServedStream*>* all)
      : events(to), address_(std::move(address)), all_(all) {
    all_->push_back(this);
  }
  ~ServedStream() override { all_->erase(std::find(all_->begin(), all_->end(), this)); }

  void Write(std::string* out) override {
    Require(open, "nothing is written to a stream that is not open");
    Read(*out);
    out->clear();
  }
  size_t unsent() const override { return unsent_bytes; }
  std::string address() const override { return address_; }

  StreamEvents* events;
  bool open = false;
  size_t unsent_bytes = 0;
  std::deque<Command> owed;

 private:
  static size_t Count(const std::string& text, char kind, size_t* at) {
    Require(*at < text.size() && text[*at] == kind, "what is sent is an array of bulk strings");
    const size_t end = text.find("\r\n", *at);
    Require(end != std::string::npos && end > *at + 1, "what is sent has a length");
    size_t count = 0;
    for (size_t i = *at + 1; i < end; ++i) {
      Require(text[i] >= '0' && text[i] <= '9', "a length is a number");
      count = count * 10 + static_cast<size_t>(text[i] - '0');
    }
    *at = end + 2;
    return count;
  }
  void Read(const std::string& text) {
    for (size_t at = 0; at < text.size();) {
      Command command;
      for (size_t left = Count(text, '*', &at); left > 0; --left) {
        const size_t length = Count(text, '$', &at);
        Require(at + length + 2 <= text.size() && text.compare(at + length, 2, "\r\n") == 0, "an argument is whole");
        command.push_back(text.substr(at, length));
        at += length + 2;
      }
      Require(!command.empty(), "a command has a name");
      owed.push_back(std::move(command));
    }
  }

  const std::string address_;
  std::vector<ServedStream*>* all_;
};

// What a server may say to a command, or what none does.
class ScriptedServer {
 public:
  explicit ScriptedServer(Input* input) : input_(input) {}

  std::string Answer(const ServedStream::Command& command) {
    const size_t kind = input_->Below(16);
    if (kind == 15) return Odd();
    if (kind == 14) return "-" + Error(KeyOf(command)) + "\r\n";
    return Usual(command);
  }

 private:
  static std::string KeyOf(const ServedStream::Command& command) {
    const size_t at = command[0].compare(0, 4, "EVAL") == 0 ? 3 : 1;
    return at < command.size() ? command[at] : "";
  }
  std::string Number() { return Integer(input_->Number()); }
  std::string Numbers(size_t count) {
    std::vector<std::string> numbers;
    for (size_t i = 0; i < count; ++i) numbers.push_back(Number());
    return Array(numbers);
  }

  std::string Usual(const ServedStream::Command& command) {
    const std::string& name = command[0];
    if (name == "INFO") return Info(command.size() > 1 ? command[1] : "");
    if (name == "TIME") return Array({Bulk("1700000000"), Bulk("0")});
    if (name == "ROLE") return Array({Bulk(input_->Below(8) == 0 ? "slave" : "master"), Integer(0), Array({})});
    if (name == "GET") return Value();
    if (name == "SCAN") return Page();
    if (name == "CLUSTER") return Cluster(command);
    if (name == "INCREX") return Numbers(2);
    if (name == "EVAL" || name == "EVALSHA") return Script(command);
    if (name == "AUTH" || name == "SELECT" || name == "CLIENT" || name == "ASKING" || name == "SET") return "+OK\r\n";
    return Number();
  }

  std::string Info(const std::string& section) {
    static const char* const kVersions[] = {"7.0.15", "8.8.0", "6.2.0", "7.2.4", "", "8.x", "9.2.0", "5"};
    if (section == "memory") {
      return Bulk(input_->Coin() ? "maxmemory:0\r\n" : "maxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\n");
    }
    std::string text = "# Server\r\nredis_version:" + std::string(kVersions[input_->Below(8)]) + "\r\n";
    if (input_->Below(4) == 0) text += "valkey_version:9.2.0\r\n";
    if (input_->Below(4) == 0) text += "redis_mode:cluster\r\n";
    return Bulk(text);
  }
  std::string Value() {
    static const char* const kTexts[] = {"{\"count\":3}",   "x", "", "-5", "007", "99999999999999999999",
                                         "9007199254740993"};
    const size_t kind = input_->Below(12);
    if (kind < 7) return Bulk(kTexts[kind]);
    return kind == 7 ? "$-1\r\n" : Bulk(std::to_string(input_->Number()));
  }
  std::string Page() {
    std::vector<std::string> keys;
    for (size_t left = input_->Below(5); left > 0; --left) {
      keys.push_back(Bulk((input_->Below(4) == 0 ? "p:%x" : "p:") + std::to_string(input_->Below(3))));
    }
    return Array({Bulk(input_->Coin() ? "0" : "17"), Array(keys)});
  }
  // Fixed windows, rules of any kind, what changes keys: each has a shape of its own.
  std::string Script(const ServedStream::Command& command) {
    const size_t rules = command.size() > 2 && command[2].size() == 1 ? static_cast<size_t>(command[2][0] - '0') : 1;
    switch (input_->Below(4)) {
      case 0:
        return Number();
      case 1:
        return Numbers(4);
      case 2:
        return Numbers(2 + 2 * rules);
      default:
        return Numbers(1 + 6 * rules);
    }
  }
  std::string Cluster(const ServedStream::Command& command) {
    if (command.size() > 1 && command[1] == "MYID") return Bulk(input_->Below(4) == 0 ? "y" : "x");
    const int low = 1 + static_cast<int>(input_->Below(3));
    const int high = 1 + static_cast<int>(input_->Below(3));
    if (command.size() > 1 && command[1] == "SLOTS") {
      return Array({Array({Integer(0), Integer(8191), Array({Bulk("h"), Integer(low), Bulk("x")})}),
                    Array({Integer(8192), Integer(16383), Array({Bulk("h"), Integer(high), Bulk("z")})})});
    }
    const int64_t last = input_->Below(4) == 0 ? 16000 : 16383;
    return Array({Shard({Integer(0), Integer(8191)}, {ShardNode(Bulk("h"), low, "master")}),
                  Shard({Integer(8192), Integer(last)}, {ShardNode(Bulk("h"), high, "master", "online", "z")})});
  }

  std::string Error(const std::string& key) {
    static const char* const kErrors[] = {
        "NOSCRIPT No matching script.",
        "LOADING Redis is loading the dataset in memory",
        "BUSY Redis is busy running a script.",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "CLUSTERDOWN Hash slot not served",
        "READONLY You can't write against a read only replica.",
        "MASTERDOWN Link with MASTER is down",
        "CROSSSLOT Keys in request don't hash to the same slot",
        "NOAUTH Authentication required.",
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "NOPERM User u has no permissions to run the 'incrby' command",
        "ERR unknown command 'INCREX', with args beginning with: ",
        "ERR value is not an integer or out of range",
        "ERR increment or decrement would overflow",
        "ERR Error running script (call to f_x): @user_script:1: READONLY You can't write",
        "ERR This instance has cluster support disabled",
        "",
    };
    const size_t kind = input_->Below(20);
    if (kind < 18) return kErrors[kind];
    const std::string to = std::to_string(SlotOf(key)) + " h:" + std::to_string(1 + input_->Below(4));
    return (kind == 18 ? "MOVED " : "ASK ") + to;
  }
  std::string Odd() {
    static const char* const kOdd[] = {"$-1\r\n",   "*0\r\n", "+OK\r\n", "*-1\r\n", "*2\r\n:1\r\n$1\r\nx\r\n",
                                       "$0\r\n\r\n"};
    const size_t kind = input_->Below(8);
    return kind < 6 ? kOdd[kind] : input_->Text(input_->Below(16));
  }

  Input* input_;
};

}  // namespace spillway
