#include "replay/value_reader.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "torchtape/format/names.h"

namespace torchtape::viewer {

const v1::TensorType* ValueReader::Type(const v1::Value& value) const {
  const uint32_t index = value.tensor();
  if (index == 0 || index > static_cast<uint32_t>(dictionary_.types_size())) {
    return nullptr;
  }
  return &dictionary_.types(index - 1);
}

format::TensorId ValueReader::TakeTensor() {
  if (tensors_.empty()) return {0, 0};
  const format::TensorId id = tensors_.front();
  tensors_.remove_prefix(1);
  return id;
}

std::optional<double> ValueReader::TakeReal() {
  if (reals_.empty()) return std::nullopt;
  const double real = reals_.front();
  reals_.remove_prefix(1);
  return real;
}

bool AreKnown(const Values& values) {
  return values.signature != nullptr && values.signature->values_recorded();
}

std::string TypeText(const v1::TensorType& type) {
  return absl::StrCat(format::DtypeName(type.dtype()), "[",
                      absl::StrJoin(type.sizes(), ", "), "]");
}

std::vector<int64_t> StridesOf(const v1::TensorType& type) {
  if (type.strided_explicitly()) {
    return {type.strides().begin(), type.strides().end()};
  }
  // Unsigned: a damaged size must not overflow.
  std::vector<int64_t> strides(type.sizes_size());
  uint64_t stride = 1;
  for (int i = type.sizes_size() - 1; i >= 0; --i) {
    strides[i] = static_cast<int64_t>(stride);
    const int64_t size = type.sizes(i);
    if (size > 1) stride *= static_cast<uint64_t>(size);
  }
  return strides;
}

}  // namespace torchtape::viewer
