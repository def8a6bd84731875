#include "graph/graph.h"
#include "ops/op_class.h"

namespace torchtape::viewer {
namespace {

OperationType TypeOfOp(const Frame& frame) {
  if (frame.backward) return OperationType::kGradientOp;
  switch (ClassOfOp(frame.op->name)) {
    case OpClass::kLayer:
      return OperationType::kLayerOp;
    case OpClass::kMemory:
      return OperationType::kMemoryOp;
    case OpClass::kCustom:
      return OperationType::kCustom;
    case OpClass::kView:
    case OpClass::kTensor:
    case OpClass::kProduct:
      return OperationType::kTensorOp;
  }
  return OperationType::kCustom;
}

}  // namespace

OperationType TypeOf(const Frame& frame) {
  switch (frame.op->kind) {
    case v1::SPAN_KIND_OP:
      return TypeOfOp(frame);
    case v1::SPAN_KIND_BACKWARD:
      return IsAccumulation(frame.op->name) ? OperationType::kGradientOp
                                            : OperationType::kBackward;
    case v1::SPAN_KIND_ENGINE:
      return OperationType::kGradientOp;
    case v1::SPAN_KIND_MODULE:
    case v1::SPAN_KIND_SCRIPT:
      return OperationType::kForward;
    default:
      return OperationType::kCustom;
  }
}

int LevelOf(const Frame& frame) {
  if (frame.nested) return 0;
  switch (frame.op->kind) {
    case v1::SPAN_KIND_OP:
      return LevelOf(ClassOfOp(frame.op->name));
    case v1::SPAN_KIND_BACKWARD:
      return LevelOf(ClassOfNode(frame.op->name));
    case v1::SPAN_KIND_ENGINE:
    case v1::SPAN_KIND_DEVICE_CALL:
      return 0;
    default:
      return 3;
  }
}

}  // namespace torchtape::viewer
