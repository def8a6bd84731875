#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "output/text_escape.h"
#include "replay/value_reader.h"
#include "torchtape/format/names.h"

namespace torchtape::viewer {
namespace {

// Enough digits to tell every double from its neighbours.
std::string RealText(std::optional<double> real) {
  if (!real) return "?";
  std::string text = absl::StrFormat("%.15g", *real);
  double back = 0;
  if (!absl::SimpleAtod(text, &back) || back != *real) {
    text = absl::StrFormat("%.17g", *real);
  }
  const bool looks_whole =
      text.find_first_not_of("-0123456789") == std::string::npos;
  return looks_whole ? text + ".0" : text;
}

std::string TensorText(const v1::TensorType* type, format::TensorId id) {
  std::string text = type == nullptr ? "tensor" : TypeText(*type);
  if (id.tensor != 0) absl::StrAppend(&text, "#", id.tensor);
  if (id.storage != 0) absl::StrAppend(&text, "@", id.storage);
  if (type == nullptr) return text;
  if (type->strided_explicitly()) {
    absl::StrAppend(&text, " strides [", absl::StrJoin(type->strides(), ", "),
                    "]");
  }
  if (type->storage_offset() != 0) {
    absl::StrAppend(&text, " offset ", type->storage_offset());
  }
  if (type->layout() != 0) {
    absl::StrAppend(&text, " ", format::LayoutName(type->layout()));
  }
  if (type->device_type() != 0) {
    absl::StrAppend(
        &text, " ",
        format::DeviceName(type->device_type(), type->device_index()));
  }
  if (type->requires_grad()) text += " grad";
  return text;
}

std::string RealsText(uint64_t count, ValueReader* reader) {
  if (count > reader->reals_left()) return absl::StrCat("[", count, " reals]");
  std::vector<std::string> parts;
  for (uint64_t i = 0; i < count; ++i) {
    parts.push_back(RealText(reader->TakeReal()));
  }
  return absl::StrCat("[", absl::StrJoin(parts, ", "), "]");
}

std::string ValueText(const v1::Value& value, ValueReader* reader);

std::string ListText(const v1::ValueList& list, ValueReader* reader) {
  std::vector<std::string> parts;
  for (const v1::Value& value : list.values()) {
    parts.push_back(ValueText(value, reader));
  }
  return absl::StrCat("[", absl::StrJoin(parts, ", "), "]");
}

std::string BooleansText(const v1::BoolList& list) {
  const auto append = [](std::string* out, bool boolean) {
    *out += boolean ? "true" : "false";
  };
  return absl::StrCat("[", absl::StrJoin(list.values(), ", ", append), "]");
}

std::string ValueText(const v1::Value& value, ValueReader* reader) {
  switch (value.kind_case()) {
    case v1::Value::kTensor: {
      const v1::TensorType* type = reader->Type(value);
      return TensorText(type, reader->TakeTensor());
    }
    case v1::Value::kUndefinedTensor:
      return "undefined";
    case v1::Value::kNone:
      return "none";
    case v1::Value::kInteger:
      return absl::StrCat(value.integer());
    case v1::Value::kReal:
      return RealText(reader->TakeReal());
    case v1::Value::kComplex: {
      const std::string real = RealText(reader->TakeReal());
      return absl::StrCat("(", real, ", ", RealText(reader->TakeReal()), "i)");
    }
    case v1::Value::kBoolean:
      return value.boolean() ? "true" : "false";
    case v1::Value::kText:
      return absl::StrCat("'", EscapeText(value.text()), "'");
    case v1::Value::kList:
      return ListText(value.list(), reader);
    case v1::Value::kIntegers:
      return absl::StrCat("[", absl::StrJoin(value.integers().values(), ", "),
                          "]");
    case v1::Value::kReals:
      return RealsText(value.reals(), reader);
    case v1::Value::kBooleans:
      return BooleansText(value.booleans());
    case v1::Value::kObject:
      return absl::StrCat("<", EscapeText(value.object()), ">");
    case v1::Value::kElided:
      return absl::StrCat("<", value.elided(), " elements left out>");
    case v1::Value::kDevice:
      return format::DeviceName(value.device().type(), value.device().index());
    case v1::Value::KIND_NOT_SET:
      break;
  }
  return "?";
}

}  // namespace

std::vector<std::string> ValuesText(const Values& values) {
  std::vector<std::string> texts;
  if (!AreKnown(values)) return texts;
  ValueReader reader(values);
  for (const v1::Value& value : values.signature->values()) {
    texts.push_back(ValueText(value, &reader));
  }
  return texts;
}

}  // namespace torchtape::viewer
