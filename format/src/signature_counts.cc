#include <limits>

#include "torchtape/format/stream_cursor.h"

namespace torchtape::format {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

// A forged length must not wrap around to a small one.
void AddSaturating(uint64_t more, uint64_t* sum) {
  *sum = more > kMax - *sum ? kMax : *sum + more;
}

// Lists within lists are at most as deep as protobuf's parser lets pass.
void AddValue(const v1::Value& value, SignatureCounts::Count* count) {
  switch (value.kind_case()) {
    case v1::Value::kTensor:
      ++count->tensors;
      break;
    case v1::Value::kReal:
      AddSaturating(1, &count->reals);
      break;
    case v1::Value::kComplex:
      AddSaturating(2, &count->reals);
      break;
    case v1::Value::kReals:
      AddSaturating(value.reals(), &count->reals);
      break;
    case v1::Value::kList:
      for (const v1::Value& element : value.list().values()) {
        AddValue(element, count);
      }
      break;
    default:
      break;
  }
}

}  // namespace

SignatureCounts::SignatureCounts(const v1::Events& events) {
  const auto& signatures = events.dictionary().signatures();
  counts_.resize(static_cast<size_t>(signatures.size()) + 1);
  for (int i = 0; i < signatures.size(); ++i) {
    for (const v1::Value& value : signatures[i].values()) {
      AddValue(value, &counts_[static_cast<size_t>(i) + 1]);
    }
  }
}

}  // namespace torchtape::format
