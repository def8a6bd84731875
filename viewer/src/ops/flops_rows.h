#ifndef TORCHTAPE_VIEWER_SRC_OPS_FLOPS_ROWS_H_
#define TORCHTAPE_VIEWER_SRC_OPS_FLOPS_ROWS_H_

// The tables of formulas.

#include "absl/types/span.h"
#include "ops/flops.h"

namespace torchtape::viewer {

absl::Span<const FlopsRow> MatrixRows();
absl::Span<const FlopsRow> SequenceRows();
absl::Span<const FlopsRow> ElementwiseRows();

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_OPS_FLOPS_ROWS_H_
