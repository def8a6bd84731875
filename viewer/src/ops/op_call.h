#ifndef TORCHTAPE_VIEWER_SRC_OPS_OP_CALL_H_
#define TORCHTAPE_VIEWER_SRC_OPS_OP_CALL_H_

// One call of an operator by its shapes and whole-number arguments, for
// formulas that ask by the names of the schema.
//
//   const OpCall call(inputs, outputs);
//   Count flops = 2 * call.Elements("input") * call.Size("weight", 0);

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ops/count.h"
#include "ops/schema.h"
#include "replay/visitor.h"

namespace torchtape::viewer {

struct Shape {
  std::vector<int64_t> sizes;
  Count elements = 0;
  // Of memory: a dimension that was expanded counts once.
  Count bytes = 0;
  bool on_cpu = true;
  bool is_dense = true;
  bool is_complex = false;
  uint64_t tensor = 0;  // 0: not recorded
};

// A value in a signature. Of a list of tensors, those that are defined.
struct OpValue {
  std::string name;  // of the argument; empty: not known
  bool written = false;
  bool returned_alias = false;  // of an argument, as its schema says
  bool is_none = false;         // None or an undefined tensor
  std::vector<Shape> tensors;
  std::optional<std::vector<int64_t>> integers;  // also booleans; absent: none
};

// What a call was given or has returned. Absent if the log does not say.
std::optional<std::vector<OpValue>> ReadOpValues(
    const Values& values, const std::vector<Argument>& names);

class OpCall {
 public:
  // Both must outlive this.
  OpCall(const std::vector<OpValue>* inputs,
         const std::vector<OpValue>* outputs)
      : inputs_(*inputs), outputs_(*outputs) {}

  // Whether there is an argument that is not None.
  bool Has(absl::string_view argument) const;

  // The first tensor argument; of a list all together.
  Count First() const;
  // What is computed: the first tensor that is returned, or else First().
  Count Result() const;
  const Shape* FirstShape() const;   // null: there is none
  const Shape* ResultShape() const;  // null: nothing is returned

  // Of a tensor; of a list all together.
  Count Elements(absl::string_view argument) const;
  // A dimension below 0 counts from the last.
  Count Size(absl::string_view argument, int dimension) const;
  const Shape* Tensor(absl::string_view argument) const;
  const std::vector<Shape>& Tensors(absl::string_view argument) const;

  // A whole number or boolean, or one of a list.
  std::optional<int64_t> Integer(absl::string_view argument,
                                 size_t index = 0) const;
  Count Number(absl::string_view argument, size_t index = 0) const {
    const std::optional<int64_t> number = Integer(argument, index);
    return number ? Count::Of(*number) : Count::Unknown();
  }
  // The length of a list; absent: it is none.
  std::optional<size_t> Length(absl::string_view argument) const;
  bool IsTrue(absl::string_view argument, size_t index = 0) const {
    return Integer(argument, index).value_or(0) != 0;
  }

  const std::vector<OpValue>& inputs() const { return inputs_; }
  const std::vector<OpValue>& outputs() const { return outputs_; }

 private:
  const OpValue* Find(absl::string_view argument) const;

  const std::vector<OpValue>& inputs_;
  const std::vector<OpValue>& outputs_;
};

// Product of the sizes from `first` on, without the last `without_last`.
Count Product(const Shape& shape, size_t first, size_t without_last = 0);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_OPS_OP_CALL_H_
