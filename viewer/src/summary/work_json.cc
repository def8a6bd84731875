#include "summary/work_json.h"

#include <limits>

namespace torchtape::viewer {
namespace {

// Beyond what a whole number in JSON can be it is rounded.
Json Whole(absl::uint128 number) {
  if (number <= std::numeric_limits<uint64_t>::max()) {
    return static_cast<uint64_t>(number);
  }
  return static_cast<double>(number);
}

Json SumJson(const WorkSum& sum) {
  return {{"matrix_flops", Whole(sum.matrix_flops)},
          {"arithmetic_flops", Whole(sum.arithmetic_flops)},
          {"transcendental_calls", Whole(sum.transcendental_calls)},
          {"moved_bytes", Whole(sum.moved_bytes)},
          {"counted_ops", sum.counted_ops},
          {"unknown_ops", sum.unknown_ops},
          {"unknown_ns", sum.unknown_ns},
          {"timed_flops", Whole(sum.timed_flops)},
          {"timed_ns", sum.timed_ns}};
}

}  // namespace

Json WorkJson(const DirectedWork& work) {
  if (work.empty()) return nullptr;
  return {{"forward", SumJson(work.forward)},
          {"backward", SumJson(work.backward)}};
}

}  // namespace torchtape::viewer
