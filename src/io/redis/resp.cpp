#include "redis/resp.h"

namespace spillway {
namespace {

// What stands around a text while it is not whole: its length, and the ends of lines.
constexpr size_t kMostAroundText = 32;

}  // namespace

// The two generations of hiredis's callbacks: 1.0 made the array length a size_t and added doubles and booleans.
struct ReplyFunctions {
  static void* String(const redisReadTask* task, char* text, size_t length) {
    Reply::Type type = Reply::Type::kString;
    if (task->type == REDIS_REPLY_ERROR) type = Reply::Type::kError;
    if (task->type == REDIS_REPLY_STATUS) type = Reply::Type::kStatus;
    return ReplyReader::Of(task)->Add(type, 0, {text, length});
  }
#if HIREDIS_MAJOR >= 1
  static void* Array(const redisReadTask* task, size_t elements) {
#else
  static void* Array(const redisReadTask* task, int elements) {
#endif
    // Null makes the reader give up, as it does when memory is short.
    if (static_cast<int64_t>(elements) > ReplyReader::kMaxElements) return nullptr;
    return ReplyReader::Of(task)->Add(Reply::Type::kArray, static_cast<int64_t>(elements), {});
  }
#if HIREDIS_MAJOR >= 1
  // RESP3, which is never asked for.
  static void* Double(const redisReadTask*, double, char*, size_t) { return nullptr; }
  static void* Bool(const redisReadTask*, int) { return nullptr; }
#endif
  static void* Integer(const redisReadTask* task, long long value) {
    return ReplyReader::Of(task)->Add(Reply::Type::kInteger, value, {});
  }
  static void* Nil(const redisReadTask* task) { return ReplyReader::Of(task)->Add(Reply::Type::kNil, 0, {}); }
  static void Free(void*) {}
};

const redisReplyObjectFunctions ReplyReader::kFunctions = {
    ReplyFunctions::String, ReplyFunctions::Array, ReplyFunctions::Integer,
#if HIREDIS_MAJOR >= 1
    ReplyFunctions::Double,
#endif
    ReplyFunctions::Nil,
#if HIREDIS_MAJOR >= 1
    ReplyFunctions::Bool,
#endif
    ReplyFunctions::Free,
};

ReplyReader::ReplyReader(size_t max_bytes)
    : reader_(redisReaderCreateWithFunctions(const_cast<redisReplyObjectFunctions*>(&kFunctions))),
      max_bytes_(max_bytes) {
  reader_->privdata = this;
}

ReplyReader::~ReplyReader() { redisReaderFree(reader_); }

// The object's address only has to be non-null and not owned: everything lands in reply_.
void* ReplyReader::Add(Reply::Type type, int64_t integer, std::string_view text) {
  if (reply_.items_.size() * sizeof(Reply::Item) + reply_.text_.size() + text.size() > max_bytes_) return nullptr;
  reply_.items_.push_back({type, integer, reply_.text_.size(), text.size()});
  if (!text.empty()) reply_.text_.append(text);
  return this;
}

void ReplyReader::Feed(const char* data, size_t bytes) {
  if (redisReaderFeed(reader_, data, bytes) != REDIS_OK) error_ = "out of memory";
}

ReplyReader::Next ReplyReader::Read() {
  if (!error_.empty()) return Next::kBroken;
  void* object = nullptr;
  // A reply may arrive in pieces: what it has already put down stays until it is whole.
  if (whole_) {
    reply_.items_.clear();
    reply_.text_.clear();
    whole_ = false;
  }
  if (redisReaderGetReply(reader_, &object) != REDIS_OK) {
    error_ = reader_->errstr[0] != '\0' ? reader_->errstr : "protocol error";
    return Next::kBroken;
  }
  if (object == nullptr) {
    if (reader_->len - reader_->pos > max_bytes_ + kMostAroundText || AnnouncesTooMuch()) {
      error_ = "a reply is larger than this client accepts";
      return Next::kBroken;
    }
    return Next::kNeedMore;
  }
  whole_ = true;
  return Next::kReply;
}

// Of a bulk string that is not whole, hiredis has consumed the type byte: a length and the end of its line are what stands
// next. (Every other item is consumed as soon as its line is whole.)
bool ReplyReader::AnnouncesTooMuch() const {
  size_t announced = 0;
  size_t at = reader_->pos;
  while (at < reader_->len && reader_->buf[at] >= '0' && reader_->buf[at] <= '9' && announced <= max_bytes_) {
    announced = announced * 10 + static_cast<size_t>(reader_->buf[at++] - '0');
  }
  while (at < reader_->len && reader_->buf[at] >= '0' && reader_->buf[at] <= '9') ++at;
  return announced > max_bytes_ && at + 1 < reader_->len && reader_->buf[at] == '\r' && reader_->buf[at + 1] == '\n';
}

void AppendCommand(std::initializer_list<std::string_view> arguments, std::string* out) {
  std::vector<const char*> texts;
  std::vector<size_t> lengths;
  for (const std::string_view argument : arguments) {
    texts.push_back(argument.data());
    lengths.push_back(argument.size());
  }
  char* command = nullptr;
  const auto bytes = redisFormatCommandArgv(&command, static_cast<int>(texts.size()), texts.data(), lengths.data());
  if (bytes > 0) out->append(command, static_cast<size_t>(bytes));
  redisFreeCommand(command);
}

}  // namespace spillway
