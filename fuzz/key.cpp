// The keys: different subjects never share one, whatever bytes they are, and SCAN's globs mean what Redis reads.
#include "key.h"

#include <vector>

#include "glob.h"
#include "input.h"
#include "redis/slot.h"

namespace spillway {
namespace {

constexpr size_t kLongestPattern = 40;

bool IsHex(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); }
int Value(char c) { return c <= '9' ? c - '0' : c - 'A' + 10; }

// The other direction, after the description in key.h.
std::string Decoded(const std::string& encoded) {
  std::string id;
  for (size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] != '%') {
      id.push_back(encoded[i]);
      continue;
    }
    Require(i + 2 < encoded.size() && IsHex(encoded[i + 1]) && IsHex(encoded[i + 2]), "a % is followed by two digits");
    id.push_back(static_cast<char>(Value(encoded[i + 1]) * 16 + Value(encoded[i + 2])));
    i += 2;
  }
  return id;
}

std::string Encoded(const std::string& id) {
  std::string encoded;
  AppendEncoded(id, &encoded);
  return encoded;
}

void PlayCodec(const std::string& id, const std::string& part) {
  const std::string encoded = Encoded(id);
  Require(Decoded(encoded) == id, "an encoded id is decoded to itself");
  for (const char c : encoded) {
    Require(c != '{' && c != '}' && c != 0x7f && static_cast<unsigned char>(c) >= 0x20, "an encoded id is plain text");
  }
  const Rule rule{"p:", Algorithm::kFixedWindow, 1, 1000, 250, part};
  std::string key = "left over";
  WriteKey(rule, id, &key);
  Require(key == KeyFront("p:", part) + encoded + KeyTail(part), "a key is its front, its subject and its tail");
  std::string brief;
  WriteShortKey(rule, id, &brief);
  Require(key == (part.empty() ? "p:" : "{p:") + brief, "a short key is the key without its prefix");
  if (part.empty()) return;
  const Rule other{"p:", Algorithm::kFixedWindow, 1, 1000, 250, part + "2"};
  std::string beside;
  WriteKey(other, id, &beside);
  Require(SlotOf(beside) == SlotOf(key), "all keys of a subject lie in one slot");
}

// One class of a pattern, as the sets of characters that Redis makes of it.
size_t ReadClass(const std::string& pattern, size_t at, std::vector<bool>* holds) {
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  holds->assign(256, negated);
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    char low = pattern[at];
    char high = low;
    if (at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
      high = pattern[at + 2];
      at += 2;
    }
    if (low > high) std::swap(low, high);
    for (size_t byte = 0; byte < holds->size(); ++byte) {
      const char c = static_cast<char>(byte);
      if (c >= low && c <= high) (*holds)[byte] = !negated;
    }
    ++at;
  }
  return at < pattern.size() ? at + 1 : at;
}

// Every way to match, one place of the pattern after the other: no star has to be chosen.
bool Matches(const std::string& pattern, const std::string& text) {
  std::vector<bool> reached(text.size() + 1, false);
  reached[0] = true;
  for (size_t at = 0; at < pattern.size();) {
    std::vector<bool> next(text.size() + 1, false);
    if (pattern[at] == '*') {
      bool any = false;
      for (size_t i = 0; i <= text.size(); ++i) next[i] = any = any || reached[i];
      ++at;
    } else {
      std::vector<bool> holds(256, false);
      if (pattern[at] == '[') {
        at = ReadClass(pattern, at + 1, &holds);
      } else if (pattern[at] == '?') {
        holds.assign(256, true);
        ++at;
      } else {
        if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
        holds[static_cast<unsigned char>(pattern[at++])] = true;
      }
      for (size_t i = 0; i < text.size(); ++i) next[i + 1] = reached[i] && holds[static_cast<unsigned char>(text[i])];
    }
    reached.swap(next);
  }
  return reached[text.size()];
}

void PlayGlob(const std::string& pattern, const std::string& text) {
  std::string literal;
  AppendGlobLiteral(text, &literal);
  Require(GlobMatch(literal, text), "a text matches itself");
  Require(GlobMatch(literal, pattern) == (pattern == text), "a literal pattern matches nothing else");
  if (pattern.size() > kLongestPattern || text.size() > kLongestPattern) return;
  Require(GlobMatch(pattern, text) == Matches(pattern, text), "a glob matches what can be matched in any way");
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  Input input(data, size);
  const std::string part = input.Text(input.Below(6));
  const std::string id = input.Text(input.Below(64));
  const std::string other = input.Text(input.Below(64));
  const std::string pattern = input.Rest();
  PlayCodec(id, part.find('}') == std::string::npos ? part : "r");
  PlayCodec(other, "");
  Require((Encoded(id) == Encoded(other)) == (id == other), "different ids are different keys");
  PlayGlob(pattern, id);
  PlayGlob(pattern, other);
  return 0;
}
