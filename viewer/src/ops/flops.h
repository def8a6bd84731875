#ifndef TORCHTAPE_VIEWER_SRC_OPS_FLOPS_H_
#define TORCHTAPE_VIEWER_SRC_OPS_FLOPS_H_

// How much an operator computes and moves, by the shapes and arguments that it
// was called with: nothing here is measured. README.md ("FLOPs") describes what
// counts. The formulas are in flops_matrix.cc, flops_sequences.cc,
// flops_elementwise.cc and flops_bytes.cc.

#include "absl/strings/string_view.h"
#include "ops/op_call.h"

namespace torchtape::viewer {

// One multiply-add is two FLOPs. The three kinds are never added up without
// being asked: a machine does them at different speeds.
struct Flops {
  Count matrix = 0;          // products, convolutions, attention, recurrences
  Count arithmetic = 0;      // all else: +, -, *, /, comparisons
  Count transcendental = 0;  // calls of exp, tanh, sqrt, ...

  bool known() const {
    return matrix.known() && arithmetic.known() && transcendental.known();
  }
};

// How an operator's tensors count as bytes.
enum class Traffic {
  kAll,         // reads its tensors, writes its results
  kOverwrites,  // does not read what it writes to
  kTouched,     // of its first tensor, only the rows that it takes
  kBags,        // the same, each row adding to a smaller result
  kScattered,   // of its first tensor, only the rows that it adds to
  kNone,        // moves nothing
};

// A row of the tables. `names` are without "aten::" and trailing underscore.
struct FlopsRow {
  const char* names;
  Flops (*formula)(const OpCall& call, const FlopsRow& row);
  uint32_t arithmetic = 0;      // for each element
  uint32_t transcendental = 0;  // for each element
  Traffic traffic = Traffic::kAll;
  bool of_complex = false;  // also right for complex numbers
};

enum class WorkKind {
  kFormula,    // counts with all that is inside of it
  kView,       // computes and moves nothing; what is inside counts by itself
  kComposite,  // does nothing but call others, which count by themselves
  kUnknown,    // nobody knows; what is inside counts by itself
};

struct OpWorkRule {
  WorkKind kind = WorkKind::kUnknown;
  const FlopsRow* row = nullptr;  // of a formula
};

// Of "aten::add_". Operators that are not PyTorch's own are unknown.
OpWorkRule RuleOf(absl::string_view name);

// Compulsory traffic: each tensor is read once and written once, as if caches
// were endless.
Count BytesMoved(const OpCall& call, Traffic traffic);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_OPS_FLOPS_H_
