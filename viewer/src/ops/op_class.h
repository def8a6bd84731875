#ifndef TORCHTAPE_VIEWER_SRC_OPS_OP_CLASS_H_
#define TORCHTAPE_VIEWER_SRC_OPS_OP_CLASS_H_

// What sort of work an operator does, told from its name.

#include <string>

#include "absl/strings/string_view.h"

namespace torchtape::viewer {

enum class OpClass {
  kView,     // another look at the same memory, or a question about it
  kMemory,   // makes, fills or copies tensors
  kTensor,   // arithmetic and comparison, element by element or reducing
  kProduct,  // products of matrices, and whatever has no other class
  kLayer,    // what a layer of a network does: convolution, norm, loss
  kCustom,   // an operator that is not PyTorch's own
};

// Of "aten::add_": namespace and a trailing underscore do not matter.
OpClass ClassOfOp(absl::string_view name);

// Of an autograd node: "AddmmBackward0" is of the class of "addmm".
OpClass ClassOfNode(absl::string_view name);

// Whether the node only adds to a gradient.
bool IsAccumulation(absl::string_view node_name);

// The highest level of abstraction, 0 to 3, at which an op or node that is not
// a detail of another is shown. README.md ("Levels") describes them.
int LevelOf(OpClass op_class);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_OPS_OP_CLASS_H_
