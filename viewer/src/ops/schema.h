#ifndef TORCHTAPE_VIEWER_SRC_OPS_SCHEMA_H_
#define TORCHTAPE_VIEWER_SRC_OPS_SCHEMA_H_

// Reads an operator's schema:
//   "aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) ->
//   ..."

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace torchtape::viewer {

struct Argument {
  std::string type;  // "Tensor(a!)", "int[2]?"
  std::string name;  // empty if the schema has none
  bool written;      // the operator writes to it
};

// The arguments, or what is returned. Empty if `schema` is not understood.
std::vector<Argument> SchemaArguments(absl::string_view schema);
std::vector<Argument> SchemaReturns(absl::string_view schema);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_OPS_SCHEMA_H_
