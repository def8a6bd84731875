#ifndef TORCHTAPE_VIEWER_SRC_REPLAY_VALUE_READER_H_
#define TORCHTAPE_VIEWER_SRC_REPLAY_VALUE_READER_H_

// Puts together what a span was given or returned: the signature says which
// values there are, the columns hold the ids and reals among them.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "replay/visitor.h"

namespace torchtape::viewer {

using Json = nlohmann::ordered_json;

// Takes ids and reals in the order of the signature. What was not recorded
// comes out empty.
class ValueReader {
 public:
  explicit ValueReader(const Values& values)
      : dictionary_(*values.dictionary),
        tensors_(values.tensors),
        reals_(values.reals) {}

  // The type of a tensor value; null if the log lacks it.
  const v1::TensorType* Type(const v1::Value& value) const;
  format::TensorId TakeTensor();  // zeros if not recorded
  std::optional<double> TakeReal();
  size_t reals_left() const { return reals_.size(); }

 private:
  const v1::Dictionary& dictionary_;
  absl::Span<const format::TensorId> tensors_;
  absl::Span<const double> reals_;
};

// Whether the log says what the values are.
bool AreKnown(const Values& values);

// One text or JSON value for each value of the signature. README.md
// ("Values") describes both. Empty unless `AreKnown()`.
std::vector<std::string> ValuesText(const Values& values);
std::vector<Json> ValuesJson(const Values& values);

// "float32[8, 16]"
std::string TypeText(const v1::TensorType& type);

// Strides in elements, the contiguous ones where the log leaves them out.
std::vector<int64_t> StridesOf(const v1::TensorType& type);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPLAY_VALUE_READER_H_
