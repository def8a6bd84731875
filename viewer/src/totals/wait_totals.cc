#include "totals/wait_totals.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "ops/op_call.h"
#include "ops/schema.h"
#include "totals/host_states.h"

namespace torchtape::viewer {
namespace {

bool Copies(absl::string_view call) {
  return absl::StrContains(call, "Memcpy");
}

// As cudaMemcpyKind numbers them.
const char* DirectionOf(std::optional<int64_t> kind) {
  switch (kind.value_or(-1)) {
    case 0:
      return "copy from host to host";
    case 1:
      return "copy to device";
    case 2:
      return "copy to host";
    case 3:
      return "copy on device";
    default:
      return "copy";
  }
}

// The outermost op or backward node.
std::string OpAround(const ThreadState& thread) {
  for (const Frame& frame : thread.stack) {
    if (frame.op->kind == v1::SPAN_KIND_OP ||
        frame.op->kind == v1::SPAN_KIND_BACKWARD) {
      return frame.op->name;
    }
  }
  return "";
}

}  // namespace

void WaitTotals::OnBegin(const SpanBegin& begin) {
  const Operator& op = *begin.frame.op;
  if (op.kind != v1::SPAN_KIND_DEVICE_CALL) return;
  const uint32_t number = begin.thread.facts.number();
  Thread& thread = threads_[number];
  thread.frame = lines_.Current(number).frame;
  const bool in_unit = !OpAround(begin.thread).empty();
  thread.unit = in_unit ? attribution_.CurrentUnit(number) : kNoUnit;
  if (!Copies(op.name)) return;
  const auto inputs = ReadOpValues(begin.inputs, SchemaArguments(op.schema));
  thread.copy = {thread.unit, DirectionOf({}), 0};
  if (!inputs) return;
  const std::vector<OpValue> none;
  const OpCall call(&*inputs, &none);
  thread.copy.cause = DirectionOf(call.Integer("kind"));
  const int64_t bytes = call.Integer("bytes").value_or(0);
  thread.copy.bytes = bytes < 0 ? 0 : static_cast<uint64_t>(bytes);
}

void WaitTotals::OnEnd(const SpanEnd& end) {
  const Operator& op = *end.frame.op;
  if (!WaitsForDevice(op)) return;
  Thread& thread = threads_[end.thread.facts.number()];
  WaitTotal wait;
  if (thread.frame != nullptr) wait.frame = *thread.frame;
  wait.op = OpAround(end.thread);
  wait.call = op.name;
  wait.count = 1;
  wait.wait_ns = end.duration_ns();
  const bool own = Copies(op.name);
  if (own || (thread.unit != kNoUnit && thread.copy.unit == thread.unit)) {
    wait.cause = thread.copy.cause;
    wait.copied_bytes = thread.copy.bytes;
    thread.copy = {};  // a later wait is for something else
  }
  if (!steps_.Contains(end.frame.step)) return;
  if (thread.unit != kNoUnit) {
    waiting_[thread.unit].push_back(std::move(wait));
    return;
  }
  wait.module = attribution_.Current(end.thread.facts.number());
  Add(wait);
}

void WaitTotals::OnUnits(absl::Span<const Unit> units) {
  if (waiting_.empty()) return;
  for (const Unit& unit : units) {
    const auto it = waiting_.find(unit.number);
    if (it == waiting_.end()) continue;
    for (WaitTotal& wait : it->second) {
      wait.module = unit.owner.module;
      Add(wait);
    }
    waiting_.erase(it);
  }
}

void WaitTotals::Add(const WaitTotal& wait) {
  const auto [it, added] = totals_.try_emplace(
      {wait.frame.file, wait.frame.line, wait.frame.function, wait.module,
       wait.op, wait.call, wait.cause},
      wait);
  if (added) return;
  WaitTotal& total = it->second;
  total.count += wait.count;
  total.wait_ns += wait.wait_ns;
  total.copied_bytes += wait.copied_bytes;
}

std::vector<WaitTotal> WaitTotals::totals() const {
  std::vector<WaitTotal> totals;
  for (const auto& [key, total] : totals_) totals.push_back(total);
  std::stable_sort(totals.begin(), totals.end(),
                   [](const WaitTotal& a, const WaitTotal& b) {
                     return a.wait_ns > b.wait_ns;
                   });
  return totals;
}

}  // namespace torchtape::viewer
