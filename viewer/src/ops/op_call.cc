#include "ops/op_call.h"

#include "absl/strings/match.h"
#include "replay/value_reader.h"
#include "torchtape/format/names.h"

namespace torchtape::viewer {
namespace {

// c10::Layout: strided, and oneDNN's own.
bool IsDense(uint32_t layout) { return layout == 0 || layout == 3; }

Count Sum(const std::vector<Shape>& shapes) {
  Count sum = 0;
  for (const Shape& shape : shapes) sum += shape.elements;
  return sum;
}

Count SizeOf(const Shape& shape, int dimension) {
  const int rank = static_cast<int>(shape.sizes.size());
  const int index = dimension < 0 ? rank + dimension : dimension;
  if (index < 0 || index >= rank) return Count::Unknown();
  return Count::Of(shape.sizes[static_cast<size_t>(index)]);
}

const std::vector<Shape>* FirstOf(const std::vector<OpValue>& values) {
  for (const OpValue& value : values) {
    if (!value.tensors.empty()) return &value.tensors;
  }
  return nullptr;
}

Shape ShapeOf(const v1::TensorType& type, format::TensorId id) {
  Shape shape;
  shape.sizes.assign(type.sizes().begin(), type.sizes().end());
  shape.elements = Product(shape, 0);
  const uint64_t item_bytes = format::DtypeBytes(type.dtype());
  shape.bytes = item_bytes == 0 ? Count::Unknown() : Count(item_bytes);
  for (int i = 0; i < type.sizes_size(); ++i) {
    const bool expanded = type.strided_explicitly() &&
                          i < type.strides_size() && type.strides(i) == 0;
    if (!expanded || type.sizes(i) == 0) {
      shape.bytes *= Count::Of(type.sizes(i));
    }
  }
  shape.on_cpu = type.device_type() == 0;
  shape.is_dense = IsDense(type.layout());
  shape.is_complex =
      absl::StartsWith(format::DtypeName(type.dtype()), "complex");
  shape.tensor = id.tensor;
  return shape;
}

void ReadInto(const v1::Value& value, ValueReader* reader, OpValue* out);

void ReadListInto(const v1::ValueList& list, ValueReader* reader,
                  OpValue* out) {
  std::vector<int64_t> integers;
  for (const v1::Value& element : list.values()) {
    OpValue each;
    ReadInto(element, reader, &each);
    for (Shape& shape : each.tensors) out->tensors.push_back(std::move(shape));
    if (each.integers) integers.push_back(each.integers->front());
  }
  const auto size = static_cast<size_t>(list.values_size());
  if (integers.size() == size) out->integers = std::move(integers);
}

void ReadInto(const v1::Value& value, ValueReader* reader, OpValue* out) {
  switch (value.kind_case()) {
    case v1::Value::kTensor: {
      const v1::TensorType* type = reader->Type(value);
      const format::TensorId id = reader->TakeTensor();
      Shape unknown;
      unknown.elements = unknown.bytes = Count::Unknown();
      out->tensors.push_back(type == nullptr ? unknown : ShapeOf(*type, id));
      return;
    }
    case v1::Value::kUndefinedTensor:
    case v1::Value::kNone:
      out->is_none = true;
      return;
    case v1::Value::kInteger:
      out->integers = {value.integer()};
      return;
    case v1::Value::kBoolean:
      out->integers = {value.boolean() ? 1 : 0};
      return;
    case v1::Value::kIntegers:
      out->integers.emplace(value.integers().values().begin(),
                            value.integers().values().end());
      return;
    case v1::Value::kBooleans:
      out->integers.emplace(value.booleans().values().begin(),
                            value.booleans().values().end());
      return;
    case v1::Value::kList:
      ReadListInto(value.list(), reader, out);
      return;
    default:
      return;
  }
}

}  // namespace

Count Product(const Shape& shape, size_t first, size_t without_last) {
  Count product = 1;
  for (size_t i = first; i + without_last < shape.sizes.size(); ++i) {
    product *= Count::Of(shape.sizes[i]);
  }
  return product;
}

std::optional<std::vector<OpValue>> ReadOpValues(
    const Values& values, const std::vector<Argument>& names) {
  if (!AreKnown(values)) return std::nullopt;
  std::vector<OpValue> result;
  ValueReader reader(values);
  for (const v1::Value& value : values.signature->values()) {
    OpValue out;
    if (result.size() < names.size()) {
      const Argument& argument = names[result.size()];
      out.name = argument.name;
      out.written = argument.written;
      out.returned_alias = absl::StrContains(argument.type, "Tensor(");
    }
    ReadInto(value, &reader, &out);
    result.push_back(std::move(out));
  }
  return result;
}

const OpValue* OpCall::Find(absl::string_view argument) const {
  for (const OpValue& value : inputs_) {
    if (value.name == argument) return &value;
  }
  return nullptr;
}

bool OpCall::Has(absl::string_view argument) const {
  const OpValue* value = Find(argument);
  return value != nullptr && !value->is_none;
}

Count OpCall::First() const {
  const std::vector<Shape>* shapes = FirstOf(inputs_);
  return shapes == nullptr ? Count::Unknown() : Sum(*shapes);
}

Count OpCall::Result() const {
  const std::vector<Shape>* shapes = FirstOf(outputs_);
  return shapes == nullptr ? First() : Sum(*shapes);
}

const Shape* OpCall::FirstShape() const {
  const std::vector<Shape>* shapes = FirstOf(inputs_);
  return shapes == nullptr ? nullptr : &shapes->front();
}

const Shape* OpCall::ResultShape() const {
  const std::vector<Shape>* shapes = FirstOf(outputs_);
  return shapes == nullptr ? nullptr : &shapes->front();
}

const Shape* OpCall::Tensor(absl::string_view argument) const {
  const std::vector<Shape>& tensors = Tensors(argument);
  return tensors.empty() ? nullptr : &tensors[0];
}

const std::vector<Shape>& OpCall::Tensors(absl::string_view argument) const {
  static const std::vector<Shape>* const kNone = new std::vector<Shape>();
  const OpValue* value = Find(argument);
  return value == nullptr ? *kNone : value->tensors;
}

Count OpCall::Elements(absl::string_view argument) const {
  const std::vector<Shape>& tensors = Tensors(argument);
  return tensors.empty() ? Count::Unknown() : Sum(tensors);
}

Count OpCall::Size(absl::string_view argument, int dimension) const {
  const Shape* shape = Tensor(argument);
  return shape == nullptr ? Count::Unknown() : SizeOf(*shape, dimension);
}

std::optional<int64_t> OpCall::Integer(absl::string_view argument,
                                       size_t index) const {
  const OpValue* value = Find(argument);
  if (value == nullptr || !value->integers) return std::nullopt;
  if (index >= value->integers->size()) return std::nullopt;
  return (*value->integers)[index];
}

std::optional<size_t> OpCall::Length(absl::string_view argument) const {
  const OpValue* value = Find(argument);
  if (value == nullptr || !value->integers) return std::nullopt;
  return value->integers->size();
}

}  // namespace torchtape::viewer
