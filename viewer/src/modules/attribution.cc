#include "modules/attribution.h"

#include <algorithm>
#include <utility>

#include "modules/module_span.h"
#include "modules/optimizer_step.h"
#include "ops/op_class.h"

namespace torchtape::viewer {
namespace {

// More units than a step of a large model has. A run without steps is decided
// in pieces of this size.
constexpr size_t kMaxUnits = size_t{1} << 15;

// Whether a span is a unit by itself.
bool IsUnit(const Frame& frame) {
  return !frame.nested && (frame.op->kind == v1::SPAN_KIND_OP ||
                           frame.op->kind == v1::SPAN_KIND_BACKWARD);
}

// Whether the result is the same values in another form.
bool KeepsValues(const Operator& op) {
  const OpClass op_class = ClassOfOp(op.name);
  return op_class == OpClass::kView || op_class == OpClass::kMemory ||
         op.name.find("weight_norm") != std::string::npos;
}

// The span around the innermost one.
const Frame* Around(const ThreadState& thread) {
  const std::vector<Frame>& stack = thread.stack;
  return stack.size() < 2 ? nullptr : &stack[stack.size() - 2];
}

}  // namespace

void Attribution::OnModel(const v1::Model& model) { tree_.Add(model); }

void Attribution::OnStep(const StepStart&) {
  Decide();
  forward_ops_.Age();
  parameters_.Age();
  calls_.StartStep();
}

void Attribution::OnBegin(const SpanBegin& begin) {
  const Frame& frame = begin.frame;
  ThreadModules& thread = Of(begin.thread.facts.number());
  thread.runs_model |= frame.op->kind == v1::SPAN_KIND_MODULE || frame.backward;
  if (frame.op->kind == v1::SPAN_KIND_MODULE) {
    BeginModule(*frame.op, &thread);
  } else if (frame.op->kind == v1::SPAN_KIND_ENGINE) {
    thread.node = kNoUnit;
  } else if (IsOptimizerStep(*frame.op)) {
    thread.step_first = NextUnit();
    thread.runs_model = false;
  } else if (IsUnit(frame)) {
    BeginUnit(begin, &thread);
  }
  if (frame.op->kind == v1::SPAN_KIND_OP) {
    forward_ops_.Remember(begin, thread.unit);
  }
}

// A scope around what a tap sees too is one call.
void Attribution::BeginModule(const Operator& op, ThreadModules* thread) {
  ModuleCall call = {tree_.Find(op.name), SourceOfCall(op), 0, ++module_calls_};
  const ModuleCall around =
      thread->calls.empty() ? ModuleCall() : thread->calls.back();
  if (call.module == kNoModule) {
    call.module = tree_.AddCalled(op.name, op.overload, around.module);
  }
  const bool same =
      around.module == call.module && around.source != call.source;
  if (same) {
    call = around;
  } else {
    call.number = calls_.Count(call.module);
  }
  thread->calls.push_back(call);
}

void Attribution::BeginUnit(const SpanBegin& begin, ThreadModules* thread) {
  if (units_.size() - carried_ >= kMaxUnits) Decide();
  const Frame& frame = begin.frame;
  Unit unit;
  unit.number = NextUnit();
  unit.op = frame.op;
  unit.call_site = frame.call_site;
  unit.thread = begin.thread.facts.number();
  unit.span = frame.number;
  unit.step = frame.step;
  unit.start_ns = frame.start_ns;
  unit.backward = frame.backward;
  unit.reads_tensors = !begin.inputs.tensors.empty();
  thread->unit = unit.number;
  if (unit.backward) {
    OwnByOrigin(begin, *thread, &unit);
    if (frame.op->kind == v1::SPAN_KIND_BACKWARD) thread->node = unit.number;
  } else {
    OwnByInputs(begin, thread, &unit);
    flow_.AddReads(static_cast<uint32_t>(units_.size()), begin.inputs.tensors);
  }
  units_.push_back(std::move(unit));
}

void Attribution::OwnByInputs(const SpanBegin& begin, ThreadModules* thread,
                              Unit* unit) {
  const Operator& op = *begin.frame.op;
  const ParameterUse use = parameters_.Of(op, begin.inputs);
  thread->only_parameters = use.only;
  if (!thread->calls.empty()) {
    const ModuleCall& call = thread->calls.back();
    unit->owner = {call.module, call.source, false};
    unit->call = call.number;
    unit->module_span = call.ordinal;
    unit->parameter_module = use.module;
  } else if (use.changes) {
    unit->owner = {kNoModule, ModuleSource::kParameter, true};
  } else if (use.module == kNoModule) {
    return;
  } else if (begin.frame.sequence || ClassOfOp(op.name) == OpClass::kLayer) {
    unit->owner = {use.module, ModuleSource::kParameter, false};
    if (!use.only) unit->parameter_module = use.module;
  } else {
    // Without gradients nothing tells a forward pass from an optimizer, which
    // computes with parameters too.
    unit->parameter_module = use.module;
  }
}

// A node comes from the op that made it; the sum of a parameter's gradients,
// which no op made, from what made the gradient; and what the engine does
// around a node from that node.
void Attribution::OwnByOrigin(const SpanBegin& begin,
                              const ThreadModules& thread, Unit* unit) {
  if (begin.frame.op->kind == v1::SPAN_KIND_OP) {
    unit->origin = thread.node;
    return;
  }
  unit->origin = forward_ops_.Find(begin.frame, kNoUnit);
  if (unit->origin != kNoUnit) return;
  const int64_t maker = flow_.MakerOf(begin.inputs.tensors);
  if (maker >= 0) unit->origin = units_[static_cast<size_t>(maker)].number;
}

void Attribution::OnEnd(const SpanEnd& end) {
  const Frame& frame = end.frame;
  ThreadModules& thread = Of(end.thread.facts.number());
  thread.ending = kNoUnit;
  if (frame.op->kind == v1::SPAN_KIND_MODULE && !thread.calls.empty()) {
    thread.calls.pop_back();
  } else if (frame.op->kind == v1::SPAN_KIND_ENGINE) {
    thread.node = kNoUnit;
  } else if (IsOptimizerStep(*frame.op)) {
    OwnStep(end.thread.facts.number(), &thread);
  } else if (IsUnit(frame) && thread.unit != kNoUnit) {
    EndUnit(end, &thread);
  } else if (thread.unit != kNoUnit) {
    // A backward node returns its gradients to nobody who records them, but
    // the ops that it called did.
    const Frame* around = Around(end.thread);
    if (around == nullptr || around->op->kind != v1::SPAN_KIND_BACKWARD) return;
    flow_.AddMakes(PlaceOf(thread.unit), end.outputs.tensors);
  }
}

// All ops of an optimizer's step are its own, unless it ran the model by a
// closure.
void Attribution::OwnStep(uint32_t thread, ThreadModules* modules) {
  const uint64_t first = std::exchange(modules->step_first, kNoUnit);
  if (first == kNoUnit || modules->runs_model) return;
  for (uint64_t i = PlaceOf(std::max(first, first_)); i < units_.size(); ++i) {
    if (units_[i].thread != thread) continue;
    units_[i].owner = {kNoModule, ModuleSource::kTap, true};
  }
}

void Attribution::EndUnit(const SpanEnd& end, ThreadModules* thread) {
  Unit& unit = *FindMutable(thread->unit);
  unit.ended = true;
  unit.timed = end.timed();
  unit.duration_ns = end.duration_ns();
  flow_.AddMakes(PlaceOf(unit.number), end.outputs.tensors);
  if (thread->only_parameters && !unit.backward &&
      unit.owner.source == ModuleSource::kParameter && !unit.owner.optimizer &&
      KeepsValues(*unit.op)) {
    parameters_.NoteDerived(unit.owner.module, end.outputs);
  }
  thread->ending = std::exchange(thread->unit, kNoUnit);
}

// Most events are of the same thread as the one before.
Attribution::ThreadModules& Attribution::Of(uint32_t thread) {
  if (last_ == nullptr || thread != last_thread_) {
    last_ = &threads_[thread];
    last_thread_ = thread;
  }
  return *last_;
}

const Attribution::ThreadModules& Attribution::Of(uint32_t thread) const {
  static const ThreadModules none;
  if (last_ != nullptr && thread == last_thread_) return *last_;
  const auto it = threads_.find(thread);
  return it == threads_.end() ? none : it->second;
}

int Attribution::Current(uint32_t thread) const {
  const ThreadModules& modules = Of(thread);
  if (modules.unit != kNoUnit) return OwnerOf(modules.unit).module;
  return modules.calls.empty() ? kNoModule : modules.calls.back().module;
}

int Attribution::Ending(uint32_t thread) const {
  return OwnerOf(Of(thread).ending).module;
}

uint64_t Attribution::CurrentUnit(uint32_t thread) const {
  return Of(thread).unit;
}

ModuleCall Attribution::CurrentCall(uint32_t thread) const {
  const std::vector<ModuleCall>& calls = Of(thread).calls;
  return calls.empty() ? ModuleCall() : calls.back();
}

// Where a unit is if it is there.
uint32_t Attribution::PlaceOf(uint64_t number) const {
  if (number >= first_) {
    return static_cast<uint32_t>(carried_ + (number - first_));
  }
  const auto end = units_.begin() + static_cast<ptrdiff_t>(carried_);
  const auto it = std::lower_bound(
      units_.begin(), end, number,
      [](const Unit& unit, uint64_t other) { return unit.number < other; });
  return static_cast<uint32_t>(it - units_.begin());
}

Unit* Attribution::FindMutable(uint64_t number) {
  return &units_[PlaceOf(number)];
}

const Unit* Attribution::Find(uint64_t number) const {
  if (number == kNoUnit) return nullptr;
  const uint32_t place = PlaceOf(number);
  const bool found = place < units_.size() && units_[place].number == number;
  return found ? &units_[place] : nullptr;
}

// Until it is decided, a unit of the backward pass has the owner of the unit
// that it comes from.
Owner Attribution::OwnerOf(uint64_t number) const {
  // An origin began before: it has a smaller number.
  for (const Unit* unit = Find(number); unit != nullptr; unit = Find(number)) {
    if (unit->owner.known() || unit->origin >= number) return unit->owner;
    number = unit->origin;
  }
  if (number < previous_first_) return {};
  const uint64_t place = number - previous_first_;
  return place < previous_.size() ? previous_[place] : Owner();
}

// Whether the log has calls of any module of this one's type.
bool Attribution::IsTypeTold(int module) const {
  const std::vector<int>& same = tree_.OfType(tree_.modules()[module].type);
  return std::any_of(same.begin(), same.end(),
                     [this](int other) { return calls_.IsTold(other); });
}

// A call that nobody tells of, as that of a BatchNorm, seems to be a part of
// the call around it. But what works with the parameter of a module whose calls
// are told, outside of these, is of who lent it: such as a decoder that shares
// the weight of its embedding.
void Attribution::FindUntoldCalls() {
  absl::flat_hash_map<int, bool> told;
  for (size_t i = carried_; i < units_.size(); ++i) {
    Unit& unit = units_[i];
    const int module = unit.parameter_module;
    if (module == kNoModule) continue;
    if (unit.module_span == 0) {
      const int around = tree_.modules()[module].parent;
      const bool lent = unit.owner.module == module && calls_.IsTold(module);
      if (lent && around != kNoModule) unit.owner.module = around;
      continue;
    }
    // LibTorch's own modules call no module that taps do not see.
    if (unit.owner.source == ModuleSource::kTap) continue;
    if (module == unit.owner.module ||
        !tree_.IsWithin(module, unit.owner.module)) {
      continue;
    }
    const auto [it, added] = told.try_emplace(module);
    if (added) it->second = IsTypeTold(module);
    if (it->second) continue;
    unit.owner = {module, ModuleSource::kParameter, false};
    unit.call = 0;
    unit.module_span = 0;
  }
}

void Attribution::Decide() {
  FindUntoldCalls();
  if (call_sites_ != nullptr) call_sites_->Tell(tree_, carried_, &units_);
  flow_.Infer(tree_, carried_, &units_);
  for (size_t i = carried_; i < units_.size(); ++i) {
    Unit& unit = units_[i];
    if (unit.backward) unit.owner = OwnerOf(unit.origin);
  }
  calls_.Number(tree_, carried_, &units_);
  Tell();
  StartBatch();
}

void Attribution::Tell() {
  ended_.clear();
  for (const Unit& unit : units_) {
    if (unit.ended) ended_.push_back(unit);
  }
  for (UnitVisitor* visitor : visitors_) visitor->OnUnits(ended_);
}

void Attribution::StartBatch() {
  flow_.Clear();
  if (units_.size() > carried_) {
    previous_.clear();
    for (size_t i = carried_; i < units_.size(); ++i) {
      previous_.push_back(units_[i].owner);
    }
    previous_first_ = first_;
    first_ += units_.size() - carried_;
  }
  units_.erase(std::remove_if(units_.begin(), units_.end(),
                              [](const Unit& unit) { return unit.ended; }),
               units_.end());
  carried_ = units_.size();
}

}  // namespace torchtape::viewer
