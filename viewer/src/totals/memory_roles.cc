#include "totals/memory_roles.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "modules/optimizer_step.h"

namespace torchtape::viewer {
namespace {

// The node that adds to the gradient of a leaf. Its input becomes the gradient
// where there is none yet.
bool AddsToGradient(const Operator& op) {
  return op.kind == v1::SPAN_KIND_BACKWARD &&
         absl::StrContains(op.name, "AccumulateGrad");
}

bool IsInAddingToGradient(const ThreadState& thread) {
  return std::any_of(
      thread.stack.begin(), thread.stack.end(),
      [](const Frame& frame) { return AddsToGradient(*frame.op); });
}

}  // namespace

const char* MemoryRoleName(MemoryRole role) {
  switch (role) {
    case MemoryRole::kTemporary:
      return "temporary";
    case MemoryRole::kSaved:
      return "saved";
    case MemoryRole::kOptimizerState:
      return "optimizer_state";
    case MemoryRole::kGradient:
      return "gradient";
    case MemoryRole::kParameter:
      return "parameter";
  }
  return "";
}

void MemoryRoles::OnBegin(const SpanBegin& begin) {
  if (!AddsToGradient(*begin.frame.op)) return;
  for (const format::TensorId& input : begin.inputs.tensors) {
    if (input.storage != 0) sink_(input.storage, MemoryRole::kGradient);
  }
}

void MemoryRoles::OnAllocate(const Allocation& allocation) {
  const ThreadState& thread = allocation.thread;
  if (IsInAddingToGradient(thread)) {
    sink_(allocation.storage, MemoryRole::kGradient);
  } else if (IsInOptimizerStep(thread)) {
    in_optimizer_[allocation.storage] = thread.facts.number();
  }
}

void MemoryRoles::OnFree(const Allocation& free) {
  in_optimizer_.erase(free.storage);
}

void MemoryRoles::OnSave(const SavedTensor& saved) {
  sink_(saved.storage, MemoryRole::kSaved);
}

void MemoryRoles::OnEnd(const SpanEnd& end) {
  if (!IsOptimizerStep(*end.frame.op)) return;
  const uint32_t thread = end.thread.facts.number();
  absl::erase_if(in_optimizer_, [&](const auto& made) {
    if (made.second != thread) return false;
    sink_(made.first, MemoryRole::kOptimizerState);
    return true;
  });
}

}  // namespace torchtape::viewer
