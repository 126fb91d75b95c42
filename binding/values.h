#pragma once

#include <node_api.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace spillway {

// What crosses the boundary outside the hot calls, in raw Node-API. A worker may be terminated at any instruction, and
// from then on calls fail; node-addon-api answers the second failure by ending the whole process. Here a call that
// fails gives an empty value, and is not spoken of: no JavaScript runs any more that could hear it.

// Reads arguments. After a call that failed all is empty, and ok() false.
class Reader {
 public:
  explicit Reader(napi_env env) : env_(env) {}

  bool ok() const { return ok_; }
  napi_value Get(napi_value object, const char* name);
  napi_value At(napi_value array, uint32_t index);
  uint32_t Length(napi_value array);
  std::string Text(napi_value value);
  std::string Text(napi_value object, const char* name) { return Text(Get(object, name)); }
  int64_t Whole(napi_value value);
  int64_t Whole(napi_value object, const char* name) { return Whole(Get(object, name)); }
  bool Truth(napi_value value);
  bool Truth(napi_value object, const char* name) { return Truth(Get(object, name)); }

 private:
  // Whether to go on.
  bool Note(napi_status status) { return ok_ = ok_ && status == napi_ok; }

  napi_env env_;
  bool ok_ = true;
};

// The arguments of a call, and what its function was made with. Missing arguments are undefined.
template <typename Data, size_t count = 1>
struct Arguments {
  Arguments(napi_env env, napi_callback_info info) {
    size_t given = count;
    void* untyped = nullptr;
    napi_get_cb_info(env, info, &given, values, nullptr, &untyped);
    data = static_cast<Data*>(untyped);
  }
  napi_value operator[](size_t index) const { return values[index]; }

  napi_value values[count] = {};
  Data* data = nullptr;
};

napi_value MakeNumber(napi_env env, double value);
napi_value MakeText(napi_env env, std::string_view text);
napi_value MakeBoolean(napi_env env, bool value);
napi_value MakeObject(napi_env env);
napi_value MakeArray(napi_env env, size_t length);
void Set(napi_env env, napi_value object, const char* name, napi_value value);
void SetAt(napi_env env, napi_value array, size_t index, napi_value value);
// Sets a function, and answers it; `data` outlives it.
napi_value SetFunction(napi_env env, napi_value object, const char* name, napi_callback function, void* data);

}  // namespace spillway
