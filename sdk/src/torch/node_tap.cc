#include "torch/node_tap.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/graph_task.h>
#include <torch/csrc/autograd/input_buffer.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <typeinfo>
#include <utility>

#include "core/thread_recorder.h"
#include "torch/op_taps.h"
#include "torch/tensor_facts.h"

namespace torchtape::internal {
namespace {

using torch::autograd::GraphTask;
using torch::autograd::InputBuffer;
using torch::autograd::Node;

// A member function, called as the platform calls those: with its object
// first. The last argument, a queue, only passes through.
using Evaluate = void (*)(void* engine, std::shared_ptr<GraphTask>& task,
                          Node* node, InputBuffer& inputs, const void* queue);
Evaluate original_evaluate;

// As the engine decides: of a gradient with respect to some tensors only, nodes
// that lead nowhere are not evaluated.
bool IsEvaluated(const GraphTask& task, Node* node) {
  if (task.exec_info_.empty()) return true;
  const auto info = task.exec_info_.find(node);
  return info != task.exec_info_.end() && info->second.needed_;
}

std::atomic<uint64_t> vtables{0};  // changes when they may lie elsewhere

// What nodes of a type have in common and is in the cache: the address of their
// virtual functions. Apart from ids of operators and numbers of taps.
uint64_t KeyOf(const Node& node) {
  uintptr_t vtable;
  std::memcpy(&vtable, static_cast<const void*>(&node), sizeof vtable);
  const uint64_t turn = vtables.load(std::memory_order_relaxed) & 0x7fff;
  return uint64_t{1} << 63 | turn << 48 | vtable;
}

// By type, since a node's name is made on the heap.
KnownOperator* FindOperator(const Node& node, const char* type,
                            ThreadRecorder* recorder) {
  if (KnownOperator* known = recorder->FindByAddress(type)) return known;
  return recorder->AddByAddress(type, SpanKind::kBackward, node.name(), "", "");
}

// Python's nodes are of one type and of many names.
uint32_t SignatureOfPython(const Node& node, ThreadRecorder* recorder) {
  const std::string name = node.name();
  KnownOperator* op = recorder->FindByText(SpanKind::kBackward, name);
  if (op == nullptr) op = recorder->AddByText(SpanKind::kBackward, name);
  return op ? recorder->SignatureOf(op->id, 0, recorded.shapes) : 0;
}

// The signature of an evaluation that was not foreseen; 0 if there is no room.
__attribute__((noinline)) uint32_t FindSignature(const Node& node,
                                                 uint64_t hash,
                                                 ThreadRecorder* recorder) {
  const char* type = typeid(node).name();
  if (std::strstr(type, "PyNode") != nullptr) {
    return SignatureOfPython(node, recorder);
  }
  KnownOperator* op = FindOperator(node, type, recorder);
  return op ? recorder->FindSignature(op->id, CallPath(), recorded.shapes, hash)
            : 0;
}

void Begin(const Node& node, InputBuffer& inputs, ThreadRecorder* recorder) {
  ThreadRecorder::Call call;
  call.key = &node;
  call.watch_exceptions = false;
  call.in_libtorch = true;
  call.backward = true;
  call.sequence = static_cast<int64_t>(node.sequence_nr());
  call.forward_thread = static_cast<uint32_t>(node.thread_id());
  if (recorded.Times(DeviceTime::kModules)) {
    // The engine changes to the node's stream only inside.
    call.timed = ThreadRecorder::Call::kAlways;
    call.times_all = true;
    call.node = &node;
  }
  Values& values = recorder->values();
  values.Clear();
  if (recorded.shapes) {
    for (uint32_t i = 0; i < node.num_inputs(); ++i) {
      AddTensor(inputs[i], recorded.identities, &values);
    }
    call.has_values = true;
    call.identities = recorded.identities;
  }
  const uint64_t hash = recorder->HashOfValues(KeyOf(node), 0, recorded.shapes);
  call.signature = recorder->GuessSignature(hash);
  if (__builtin_expect(call.signature == 0, 0)) {
    call.signature = FindSignature(node, hash, recorder);
  }
  recorder->Begin(call);
}

// Ends the span when the evaluation is over, or has thrown.
class NodeCall {
 public:
  NodeCall(const Node& node, InputBuffer& inputs) noexcept
      : node_(&node), recorder_(ThreadRecorder::Current()) {
    if (recorder_ == nullptr) return;
    const CostSample sample(&recorder_->own_cost(), CostKind::kBackwardNodes);
    try {
      Begin(node, inputs, recorder_);
    } catch (...) {
      ThreadRecorder::Call call;
      call.key = &node;
      call.watch_exceptions = false;
      recorder_->Begin(call);  // without a signature: dropped and counted
    }
  }
  void End() noexcept {
    const uint64_t ticks = Ticks();
    ThreadRecorder* const recorder = std::exchange(recorder_, nullptr);
    if (recorder == nullptr || recorder != ThreadRecorder::Current()) return;
    const CostSample sample(&recorder->own_cost(), CostKind::kBackwardNodes);
    recorder->End(node_, ticks, 0, false);
  }
  ~NodeCall() {
    if (recorder_ == nullptr || recorder_ != ThreadRecorder::Current()) return;
    recorder_->EndThrown(node_, Ticks());
  }

 private:
  const Node* node_;
  ThreadRecorder* recorder_;  // null: not recorded, or ended
};

void OnEvaluate(void* engine, std::shared_ptr<GraphTask>& task, Node* node,
                InputBuffer& inputs, const void* queue) {
  if (!recorded.backward || !IsEvaluated(*task, node)) {
    return original_evaluate(engine, task, node, inputs, queue);
  }
  NodeCall call(*node, inputs);
  original_evaluate(engine, task, node, inputs, queue);
  call.End();
}

}  // namespace

const char kEvaluateFunction[] =
    "_ZN5torch8autograd6Engine17evaluate_functionERSt10shared_ptrINS0_"
    "9GraphTaskEEPNS0_4NodeERNS0_11InputBufferERKS2_INS0_10ReadyQueueEE";

void ForgetVtables() { vtables.fetch_add(1, std::memory_order_relaxed); }

const void* NodeTap(void* target) {
  original_evaluate = reinterpret_cast<Evaluate>(target);
  return reinterpret_cast<const void*>(&OnEvaluate);
}

}  // namespace torchtape::internal
