// The way of a reply: bytes that come split anywhere end in the same replies as in one piece, or in a lost connection.
#include <memory>
#include <vector>

#include "fake_clock.h"
#include "fake_stream.h"
#include "input.h"
#include "redis/client.h"
#include "redis/sentinel.h"

namespace spillway {
namespace {

// A reply as a text that has all of it.
std::string Told(const Reply& reply) {
  std::string text;
  for (size_t i = 0; i < reply.size(); ++i) {
    const std::string_view shown = reply.text(i);
    text += std::to_string(static_cast<int>(reply.type(i))) + " " + std::to_string(reply.integer(i)) + " " +
            std::to_string(shown.size()) + " " + std::string(shown) + ";";
  }
  return text;
}

// Lengths of the pieces, over and over: one that is 0 stands for all that is left.
using Pieces = std::vector<size_t>;

template <class Take>
void InPieces(const std::string& bytes, const Pieces& pieces, Take take) {
  size_t at = 0;
  for (size_t i = 0; at < bytes.size(); ++i) {
    const size_t piece = pieces.empty() ? 0 : pieces[i % pieces.size()];
    const size_t length = piece == 0 ? bytes.size() - at : std::min(piece, bytes.size() - at);
    // A copy of its own: what is read behind its end is seen.
    const std::vector<char> copy(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                 bytes.begin() + static_cast<std::ptrdiff_t>(at + length));
    if (!take(copy.data(), length)) return;
    at += length;
  }
}

std::string ReadAll(const std::string& bytes, const Pieces& pieces, size_t max_bytes) {
  ReplyReader reader(max_bytes);
  std::string told;
  InPieces(bytes, pieces, [&](const char* data, size_t length) {
    reader.Feed(data, length);
    for (;;) {
      const ReplyReader::Next next = reader.Read();
      if (next == ReplyReader::Next::kNeedMore) return true;
      if (next == ReplyReader::Next::kBroken) {
        Require(!reader.error().empty(), "a broken stream has a reason");
        Require(reader.Read() == ReplyReader::Next::kBroken, "a broken stream stays broken");
        told += "broken";
        return false;
      }
      const Reply& reply = reader.reply();
      Require(reply.size() > 0, "a reply has an item");
      size_t due = 1;
      for (size_t i = 0; i < reply.size(); ++i) {
        Require(due > 0, "a reply is one item and what is in it");
        due += (reply.type(i) == Reply::Type::kArray ? static_cast<size_t>(reply.integer(i)) : 0) - 1;
      }
      Require(due == 0, "a reply is whole");
      told += Told(reply) + "\n";
    }
  });
  return told;
}

// What a client makes of the bytes: of those that come in the login, and of those behind it.
class Conversation : private ReplySink {
 public:
  Conversation(const Login& login, const Pieces& pieces)
      : pieces_(pieces),
        client_(
            Config(login),
            [this](StreamEvents* events) { return std::make_unique<FakeStream>(&sent_, events, &stream_); }, &clock_,
            [] {}) {
    client_.Start();
    stream_->events->OnOpen();
  }
  void Hear(const std::string& bytes) {
    InPieces(bytes, pieces_, [this](const char* data, size_t length) {
      if (stream_ == nullptr) return false;
      stream_->events->OnBytes(data, length);
      return true;
    });
  }
  void Ask(int replies) {
    if (!client_.ready()) return;
    client_.out()->append("*1\r\n$4\r\nPING\r\n");
    client_.Expect(this, replies);
    client_.Flush();
    asked_ = true;
  }
  std::string Ended() {
    Require(!asked_ || stream_ != nullptr || lost_ || client_.idle(), "who waits hears of the loss");
    const Capabilities& can = client_.capabilities();
    const std::string knows = client_.ready() ? can.version + "|" + can.evicts : "";
    return told_ + (lost_ ? "lost " : "") + (stream_ == nullptr ? "closed " : "") + knows;
  }

 private:
  static ClientConfig Config(const Login& login) {
    ClientConfig config;
    config.login = login;
    return config;
  }
  void OnReply(const Reply& reply) override {
    Require(!lost_, "nothing is told behind a loss");
    told_ += Told(reply) + "\n";
  }
  void OnLost() override {
    Require(!lost_, "a loss is told once");
    lost_ = true;
  }

  const Pieces pieces_;
  std::string sent_;
  FakeStream* stream_ = nullptr;
  FakeClock clock_;
  bool asked_ = false;
  bool lost_ = false;
  std::string told_;
  Client client_;
};

std::string Converse(const Login& login, const Pieces& pieces, const std::string& first, const std::string& second,
                     int replies) {
  Conversation conversation(login, pieces);
  conversation.Hear(first);
  conversation.Ask(replies);
  conversation.Hear(second);
  return conversation.Ended();
}

// The dial by way of sentinels hears replies of anybody, and always says what to do next.
void PlaySentinel(Input* input, const std::string& bytes) {
  const std::string name = "m";
  const Login login{"", input->Coin() ? "secret" : "", 0, "spillway", false};
  SentinelOrder order({{"a", 1, ""}, {"b", 2, ""}});
  SentinelDial dial(name, login, &order);
  SentinelDial::Act act = dial.Start();
  ReplyReader reader(1 << 16);
  reader.Feed(bytes.data(), bytes.size());
  bool open = false;
  for (int i = 0; i < 40 && act != SentinelDial::Act::kFail; ++i) {
    Require(dial.error().find("secret") == std::string::npos, "no message holds a secret");
    if (act == SentinelDial::Act::kAsk) open = false;
    if (act == SentinelDial::Act::kOpen) {
      Require(dial.named() && dial.master().port >= 1 && dial.master().port <= 65535, "a master has an address");
    }
    if (act == SentinelDial::Act::kRest) {
      open = false;
      act = dial.OnTime();
    } else if (!open) {
      std::string out;
      dial.OnOpen(&out);
      Require(!out.empty(), "a sentinel is asked something");
      open = true;
      act = SentinelDial::Act::kNothing;
    } else if (reader.Read() == ReplyReader::Next::kReply) {
      act = dial.OnReply(reader.reply());
    } else {
      act = input->Coin() ? dial.OnGone("closed") : dial.OnTime();
    }
  }
}

Pieces PiecesOf(Input* input) {
  Pieces pieces(input->Below(5));
  for (size_t& piece : pieces) piece = input->Below(24);
  return pieces;
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  Input input(data, size);
  const Pieces pieces = PiecesOf(&input);
  const size_t kind = input.Below(8);
  const Login login{"", kind % 2 == 1 ? "secret" : "", static_cast<int64_t>(kind == 3 ? 2 : 0), kind == 5 ? "name" : "",
                    kind == 6};
  const int replies = 1 + static_cast<int>(input.Below(8));
  Input aside = input;
  const std::string first = input.Text(input.Below(2) * input.Below(256));
  const std::string second = input.Rest();
  for (const size_t max_bytes : {size_t{1} << 20, size_t{100}}) {
    const std::string whole = ReadAll(second, {}, max_bytes);
    Require(ReadAll(second, pieces, max_bytes) == whole, "pieces are read as the whole");
    Require(ReadAll(second, {1}, max_bytes) == whole, "single bytes are read as the whole");
  }
  const std::string whole = Converse(login, {}, first, second, replies);
  Require(Converse(login, pieces, first, second, replies) == whole, "a client hears pieces as the whole");
  Require(Converse(login, {1}, first, second, replies) == whole, "a client hears single bytes as the whole");
  PlaySentinel(&aside, second);
  return 0;
}
