#include "values.h"

namespace spillway {

napi_value Reader::Get(napi_value object, const char* name) {
  napi_value value = nullptr;
  return ok_ && Note(napi_get_named_property(env_, object, name, &value)) ? value : nullptr;
}

napi_value Reader::At(napi_value array, uint32_t index) {
  napi_value value = nullptr;
  return ok_ && Note(napi_get_element(env_, array, index, &value)) ? value : nullptr;
}

uint32_t Reader::Length(napi_value array) {
  uint32_t length = 0;
  return ok_ && Note(napi_get_array_length(env_, array, &length)) ? length : 0;
}

std::string Reader::Text(napi_value value) {
  size_t length = 0;
  if (!ok_ || !Note(napi_get_value_string_utf8(env_, value, nullptr, 0, &length))) return {};
  std::string text(length, '\0');
  // Its end is written too.
  const napi_status status = napi_get_value_string_utf8(env_, value, text.data(), length + 1, &length);
  return Note(status) ? text : std::string();
}

int64_t Reader::Whole(napi_value value) {
  int64_t number = 0;
  return ok_ && Note(napi_get_value_int64(env_, value, &number)) ? number : 0;
}

bool Reader::Truth(napi_value value) {
  bool truth = false;
  return ok_ && Note(napi_get_value_bool(env_, value, &truth)) && truth;
}

napi_value MakeNumber(napi_env env, double value) {
  napi_value number = nullptr;
  napi_create_double(env, value, &number);
  return number;
}

napi_value MakeText(napi_env env, std::string_view text) {
  napi_value string = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &string);
  return string;
}

napi_value MakeBoolean(napi_env env, bool value) {
  napi_value boolean = nullptr;
  napi_get_boolean(env, value, &boolean);
  return boolean;
}

napi_value MakeObject(napi_env env) {
  napi_value object = nullptr;
  napi_create_object(env, &object);
  return object;
}

napi_value MakeArray(napi_env env, size_t length) {
  napi_value array = nullptr;
  napi_create_array_with_length(env, length, &array);
  return array;
}

void Set(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

void SetAt(napi_env env, napi_value array, size_t index, napi_value value) {
  napi_set_element(env, array, static_cast<uint32_t>(index), value);
}

napi_value SetFunction(napi_env env, napi_value object, const char* name, napi_callback function, void* data) {
  napi_value value = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, data, &value);
  Set(env, object, name, value);
  return value;
}

}  // namespace spillway
