#include <cmath>

#include "output/text_escape.h"
#include "replay/value_reader.h"
#include "torchtape/format/names.h"

namespace torchtape::viewer {
namespace {

// JSON has no word for what is not finite.
Json RealJson(std::optional<double> real) {
  if (!real) return {{"real", nullptr}};
  if (std::isfinite(*real)) return *real;
  return {{"real", std::isnan(*real) ? "nan" : *real > 0 ? "inf" : "-inf"}};
}

Json IdJson(uint64_t id) { return id == 0 ? Json(nullptr) : Json(id); }

Json TensorJson(const v1::TensorType* type, format::TensorId id) {
  Json json = {{"tensor", IdJson(id.tensor)}, {"storage", IdJson(id.storage)}};
  if (type == nullptr) return json;
  json["dtype"] = format::DtypeName(type->dtype());
  json["shape"] = Json::array();
  for (int64_t size : type->sizes()) json["shape"].push_back(size);
  json["strides"] =
      type->layout() == 0 ? Json(StridesOf(*type)) : Json(nullptr);
  json["offset"] = type->storage_offset();
  json["layout"] = format::LayoutName(type->layout());
  json["device"] =
      format::DeviceName(type->device_type(), type->device_index());
  json["requires_grad"] = type->requires_grad();
  return json;
}

Json RealsJson(uint64_t count, ValueReader* reader) {
  if (count > reader->reals_left()) return {{"elided", count}};
  Json json = Json::array();
  for (uint64_t i = 0; i < count; ++i) {
    json.push_back(RealJson(reader->TakeReal()));
  }
  return json;
}

Json ValueJson(const v1::Value& value, ValueReader* reader);

Json ListJson(const v1::ValueList& list, ValueReader* reader) {
  Json json = Json::array();
  for (const v1::Value& value : list.values()) {
    json.push_back(ValueJson(value, reader));
  }
  return json;
}

template <typename List>
Json PlainListJson(const List& list) {
  Json json = Json::array();
  for (auto value : list.values()) json.push_back(value);
  return json;
}

Json ComplexJson(ValueReader* reader) {
  Json parts = Json::array();
  parts.push_back(RealJson(reader->TakeReal()));
  parts.push_back(RealJson(reader->TakeReal()));
  return {{"complex", std::move(parts)}};
}

Json ValueJson(const v1::Value& value, ValueReader* reader) {
  switch (value.kind_case()) {
    case v1::Value::kTensor: {
      const v1::TensorType* type = reader->Type(value);
      return TensorJson(type, reader->TakeTensor());
    }
    case v1::Value::kUndefinedTensor:
      return {{"undefined_tensor", true}};
    case v1::Value::kNone:
      return nullptr;
    case v1::Value::kInteger:
      return value.integer();
    case v1::Value::kReal:
      return RealJson(reader->TakeReal());
    case v1::Value::kComplex:
      return ComplexJson(reader);
    case v1::Value::kBoolean:
      return value.boolean();
    case v1::Value::kText:
      return ToUtf8(value.text());
    case v1::Value::kList:
      return ListJson(value.list(), reader);
    case v1::Value::kIntegers:
      return PlainListJson(value.integers());
    case v1::Value::kReals:
      return RealsJson(value.reals(), reader);
    case v1::Value::kBooleans:
      return PlainListJson(value.booleans());
    case v1::Value::kObject:
      return {{"object", ToUtf8(value.object())}};
    case v1::Value::kElided:
      return {{"elided", value.elided()}};
    case v1::Value::kDevice:
      return {{"device", format::DeviceName(value.device().type(),
                                            value.device().index())}};
    case v1::Value::KIND_NOT_SET:
      break;
  }
  return {{"unknown", true}};
}

}  // namespace

std::vector<Json> ValuesJson(const Values& values) {
  std::vector<Json> result;
  if (!AreKnown(values)) return result;
  ValueReader reader(values);
  for (const v1::Value& value : values.signature->values()) {
    result.push_back(ValueJson(value, &reader));
  }
  return result;
}

}  // namespace torchtape::viewer
