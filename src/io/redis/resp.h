#pragma once

#include <hiredis/hiredis.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace spillway {

// One reply as it came, flattened in preorder: an array item is followed by its elements. Valid until the next Read.
class Reply {
 public:
  enum class Type : uint8_t { kInteger, kString, kStatus, kError, kNil, kArray };

  Type type() const { return items_.front().type; }
  // Number of items, the outermost included.
  size_t size() const { return items_.size(); }
  Type type(size_t at) const { return items_[at].type; }
  int64_t integer(size_t at = 0) const { return items_[at].integer; }  // of an array: its length
  std::string_view text(size_t at = 0) const { return {text_.data() + items_[at].offset, items_[at].length}; }
  bool IsError() const { return type() == Type::kError; }

 private:
  friend class ReplyReader;
  struct Item {
    Type type;
    int64_t integer;
    size_t offset;
    size_t length;
  };
  std::vector<Item> items_;
  std::string text_;
};

// Reads RESP2 with hiredis's reader. It allocates nothing for replies of known sizes, and bounds what a server can make
// us hold: `max_bytes` of one unfinished reply, kMaxElements of an array.
class ReplyReader {
 public:
  enum class Next : uint8_t { kReply, kNeedMore, kBroken };
  static constexpr int64_t kMaxElements = 1 << 20;

  explicit ReplyReader(size_t max_bytes);
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  void Feed(const char* data, size_t bytes);
  Next Read();
  const Reply& reply() const { return reply_; }
  // Why the stream is broken.
  const std::string& error() const { return error_; }

 private:
  bool AnnouncesTooMuch() const;
  void* Add(Reply::Type type, int64_t integer, std::string_view text);
  static ReplyReader* Of(const redisReadTask* task) { return static_cast<ReplyReader*>(task->privdata); }
  static const redisReplyObjectFunctions kFunctions;
  friend struct ReplyFunctions;

  redisReader* reader_;
  const size_t max_bytes_;
  Reply reply_;
  bool whole_ = true;  // reply_ holds a finished reply, or none
  std::string error_;
};

// Formats a command whose arguments may hold any bytes, with hiredis's formatter. For commands off the hot path.
void AppendCommand(std::initializer_list<std::string_view> arguments, std::string* out);

}  // namespace spillway
