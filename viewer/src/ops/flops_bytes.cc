#include <algorithm>

#include "ops/flops.h"

namespace torchtape::viewer {
namespace {

// "add_" writes to what it reads; "add.out" only writes to `out`.
bool IsRead(const OpValue& value) {
  return !value.written || value.name == "self" ||
         value.name.substr(0, 3) != "out";
}

// Each tensor once, however often it was given.
Count SumOf(const std::vector<OpValue>& values,
            bool (*counts)(const OpValue&)) {
  Count sum = 0;
  std::vector<uint64_t> seen;
  for (const OpValue& value : values) {
    if (!counts(value)) continue;
    for (const Shape& shape : value.tensors) {
      if (shape.tensor != 0) {
        if (std::find(seen.begin(), seen.end(), shape.tensor) != seen.end()) {
          continue;
        }
        seen.push_back(shape.tensor);
      }
      sum += shape.bytes;
    }
  }
  return sum;
}

bool IsWritten(const OpValue& value) { return value.written; }
bool IsNotWritten(const OpValue& value) { return !value.written; }
// What a schema calls an alias is an argument, and was counted as one.
bool IsNew(const OpValue& value) { return !value.returned_alias; }

Count Written(const OpCall& call) {
  return SumOf(call.inputs(), IsWritten) + SumOf(call.outputs(), IsNew);
}

// The bytes of all tensors but the first one.
Count AllButFirst(const OpCall& call) {
  Count sum = 0;
  bool first = true;
  for (const OpValue& value : call.inputs()) {
    for (const Shape& shape : value.tensors) {
      if (!first && !(value.written && value.name == "out")) {
        sum += shape.bytes;
      }
      first = false;
    }
  }
  return sum;
}

// Values that are added or put somewhere.
Count BytesOfSource(const OpCall& call) {
  for (const char* name : {"src", "source", "values"}) {
    if (const Shape* source = call.Tensor(name)) return source->bytes;
  }
  return Count::Unknown();
}

Count BytesOfBags(const OpCall& call) {
  const Shape* weight = call.Tensor("weight");
  if (weight == nullptr) return Count::Unknown();
  return call.Elements("indices") * call.Size("weight", 1) *
         (weight->bytes / weight->elements);
}

}  // namespace

Count BytesMoved(const OpCall& call, Traffic traffic) {
  switch (traffic) {
    case Traffic::kNone:
      return 0;
    case Traffic::kAll:
      return SumOf(call.inputs(), IsRead) + Written(call);
    case Traffic::kOverwrites: {
      // zeros_like() looks at its argument's shape alone; copy_() reads the
      // other one.
      Count read = 0;
      for (const OpValue& value : call.inputs()) {
        if (value.name == "src" || value.name == "value") {
          for (const Shape& shape : value.tensors) read += shape.bytes;
        }
      }
      return read + Written(call);
    }
    case Traffic::kTouched: {
      const Shape* rows = call.ResultShape();
      if (rows == nullptr) return Count::Unknown();
      return AllButFirst(call) + 2 * rows->bytes;
    }
    case Traffic::kBags:
      return AllButFirst(call) + BytesOfBags(call) + Written(call);
    case Traffic::kScattered: {
      const bool in_place =
          std::any_of(call.inputs().begin(), call.inputs().end(), IsWritten);
      if (!in_place) return SumOf(call.inputs(), IsRead) + Written(call);
      return SumOf(call.inputs(), IsNotWritten) + 2 * BytesOfSource(call);
    }
  }
  return Count::Unknown();
}

}  // namespace torchtape::viewer
