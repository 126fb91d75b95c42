#include "key.h"

namespace spillway {
namespace {

inline bool NeedsEncoding(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f || c == '%' || c == '{' || c == '}';
}

}  // namespace

void AppendEncoded(std::string_view id, std::string* key) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  size_t plain = 0;
  for (size_t i = 0; i < id.size(); ++i) {
    if (!NeedsEncoding(id[i])) continue;
    const auto byte = static_cast<unsigned char>(id[i]);
    key->append(id, plain, i - plain);
    key->push_back('%');
    key->push_back(kHex[byte >> 4]);
    key->push_back(kHex[byte & 15]);
    plain = i + 1;
  }
  key->append(id, plain, id.size() - plain);
}

std::string KeyFront(std::string_view prefix, std::string_view part) {
  return (part.empty() ? "" : "{") + std::string(prefix);
}

std::string KeyTail(std::string_view part) { return part.empty() ? "" : "}:" + std::string(part); }

void WriteKey(const Rule& rule, std::string_view subject, std::string* key) {
  if (rule.part.empty()) {
    key->assign(rule.prefix);
    AppendEncoded(subject, key);
  } else {
    key->assign("{").append(rule.prefix);
    AppendEncoded(subject, key);
    key->append("}:").append(rule.part);
  }
}

void WriteShortKey(const Rule& rule, std::string_view subject, std::string* key) {
  key->clear();
  AppendEncoded(subject, key);
  if (!rule.part.empty()) key->append("}:").append(rule.part);
}

void AppendGlobLiteral(std::string_view text, std::string* pattern) {
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') pattern->push_back('\\');
    pattern->push_back(c);
  }
}

}  // namespace spillway
