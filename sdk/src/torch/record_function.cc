#include "torch/record_function.h"

// RecordFunction::inputs() is inline and reads a member that exists only in
// programs built without NDEBUG; LibTorch is built with it. CMake defines
// NDEBUG for this file whatever the program's build type.
#ifndef NDEBUG
#error "record_function.cc must be compiled with NDEBUG, as LibTorch is"
#endif

#include <ATen/core/function_schema.h>

#include <sstream>

#include "core/op_source.h"
#include "core/thread_recorder.h"
#include "torch/tensor_facts.h"

namespace torchtape::internal {
namespace {

constexpr absl::string_view kEnginePrefix =
    "autograd::engine::evaluate_function: ";

// Lists within lists beyond this depth are elided; readers bound it too.
constexpr int kMaxNesting = 16;

void AddValue(const c10::IValue& value, Values* values, int nesting = 0);

void AddList(c10::ArrayRef<c10::IValue> list, Values* values, int nesting) {
  if (nesting == kMaxNesting) return values->Elided(list.size());
  if (!values->List(list.size())) return;
  for (const c10::IValue& element : list) {
    AddValue(element, values, nesting + 1);
  }
}

// Names of kinds of values that are known by their kind only. Literals, since
// IValue's own names are made on the heap.
absl::string_view ObjectName(const c10::IValue& value) {
  if (value.isGenerator()) return "Generator";
  if (value.isStream()) return "Stream";
  if (value.isStorage()) return "Storage";
  if (value.isGenericDict()) return "Dict";
  if (value.isFuture()) return "Future";
  if (value.isObject()) return "Object";
  if (value.isCapsule()) return "Capsule";
  if (value.isSymInt()) return "SymInt";
  if (value.isSymFloat()) return "SymFloat";
  return "other";
}

void AddPlain(const c10::IValue& value, Values* values) {
  if (!recorded.arguments) {
    // Keeps the place: something was here, and was not asked for.
    return values->Elided(0);
  }
  if (value.isInt()) return values->Integer(value.toInt());
  if (value.isBool()) return values->Boolean(value.toBool());
  if (value.isDouble()) return values->Real(value.toDouble());
  if (value.isString()) {
    const std::string& text = value.toStringRef();
    return values->Text(text.data(), text.size());
  }
  if (value.isDevice()) {
    const c10::Device device = value.toDevice();
    return values->Device(static_cast<uint8_t>(device.type()),
                          static_cast<uint8_t>(device.index() + 1));
  }
  if (value.isComplexDouble()) {
    const c10::complex<double> number = value.toComplexDouble();
    return values->Complex(number.real(), number.imag());
  }
  const absl::string_view name = ObjectName(value);
  values->Object(name.data(), name.size());
}

// Lists of plain numbers are recorded more tightly than lists of values.
bool AddNumbers(c10::ArrayRef<c10::IValue> list, Values* values) {
  if (!recorded.arguments || list.empty() || !list[0].isInt()) return false;
  for (const c10::IValue& element : list) {
    if (!element.isInt()) return false;
  }
  struct Numbers {
    c10::ArrayRef<c10::IValue> list;
    struct Iterator {
      const c10::IValue* at;
      int64_t operator*() const { return at->toInt(); }
      void operator++() { ++at; }
      bool operator!=(const Iterator& other) const { return at != other.at; }
    };
    size_t size() const { return list.size(); }
    Iterator begin() const { return {list.begin()}; }
    Iterator end() const { return {list.end()}; }
  };
  values->Integers(Numbers{list});
  return true;
}

void AddValue(const c10::IValue& value, Values* values, int nesting) {
  if (value.isTensor()) {
    return AddTensor(value.toTensor(), recorded.identities, values);
  }
  if (value.isNone()) return values->None();
  if (value.isList()) {
    const c10::ArrayRef<c10::IValue> list = value.toListRef();
    if (!AddNumbers(list, values)) AddList(list, values, nesting);
    return;
  }
  if (value.isTuple()) {
    const auto& elements = value.toTupleRef().elements();
    if (nesting == kMaxNesting) return values->Elided(elements.size());
    if (!values->List(elements.size())) return;
    for (const c10::IValue& element : elements) {
      AddValue(element, values, nesting + 1);
    }
    return;
  }
  AddPlain(value, values);
}

SpanKind KindOf(at::RecordScope scope) {
  switch (scope) {
    case at::RecordScope::BACKWARD_FUNCTION:
      return SpanKind::kBackward;
    case at::RecordScope::TORCHSCRIPT_FUNCTION:
      return SpanKind::kScript;
    case at::RecordScope::USER_SCOPE:
      return SpanKind::kRange;
    default:
      return SpanKind::kOp;
  }
}

// An operator whose name was not seen on this thread. Allocates.
KnownOperator* AddOperator(const at::RecordFunction& function, const char* name,
                           ThreadRecorder* recorder) {
  const auto schema = function.operator_schema();
  if (!schema.has_value()) return nullptr;
  std::ostringstream text;
  text << *schema;
  return recorder->AddByAddress(name, SpanKind::kOp, name,
                                schema->overload_name(), text.str());
}

KnownOperator* FindOperator(const at::RecordFunction& function,
                            ThreadRecorder* recorder) {
  const char* name = function.name();
  SpanKind kind = KindOf(function.scope());
  absl::string_view text;
  if (kind == SpanKind::kOp) {
    if (KnownOperator* known = recorder->FindByAddress(name)) return known;
    // Some spans of this kind are no operators and have only a name: the
    // engine's work around a node, and markers.
    text = name;
    if (text.substr(0, kEnginePrefix.size()) == kEnginePrefix) {
      kind = SpanKind::kEngine;
    } else if (KnownOperator* op = AddOperator(function, name, recorder)) {
      return op;
    }
  } else {
    text = name;
  }
  if (KnownOperator* known = recorder->FindByText(kind, text)) return known;
  return recorder->AddByText(kind, text);
}

bool IsOnTimedDevice(const c10::IValue& value) {
  if (value.isTensor()) {
    const at::Tensor& tensor = value.toTensor();
    return tensor.defined() && static_cast<int>(tensor.device().type()) ==
                                   recorded.timed_device_type;
  }
  return value.isTensorList() && !value.toListRef().empty() &&
         IsOnTimedDevice(value.toListRef()[0]);
}

// The engine's span around a node is none of the device's: the node is.
void SetTimed(const at::RecordFunction& function, ThreadRecorder::Call* call) {
  if (call->backward) {
    call->timed = ThreadRecorder::Call::kAlways;
    call->times_all = true;
    return;
  }
  if (!recorded.Times(DeviceTime::kOps) || !recorded.shapes ||
      function.scope() != at::RecordScope::FUNCTION) {
    return;
  }
  const absl::string_view name = function.name();
  if (name.substr(0, kEnginePrefix.size()) == kEnginePrefix) return;
  for (const c10::IValue& input : function.inputs()) {
    if (!IsOnTimedDevice(input)) continue;
    call->timed = ThreadRecorder::Call::kOutside;
    call->times_all = true;
    return;
  }
}

void Begin(const at::RecordFunction& function, ThreadRecorder* recorder) {
  ThreadRecorder::Call call;
  call.key = &function;
  call.sequence = function.seqNr();
  call.in_libtorch = function.scope() != at::RecordScope::USER_SCOPE;
  call.backward = function.scope() == at::RecordScope::BACKWARD_FUNCTION;
  if (call.backward) {
    call.forward_thread = static_cast<uint32_t>(function.forwardThreadId());
  }
  if (recorded.Times(DeviceTime::kModules)) SetTimed(function, &call);
  if (KnownOperator* op = FindOperator(function, recorder)) {
    if (recorded.shapes) {
      Values& values = recorder->values();
      values.Clear();
      for (const c10::IValue& input : function.inputs()) {
        AddValue(input, &values);
      }
      call.has_values = true;
      call.identities = recorded.identities;
      call.signature = recorder->SignatureOf(op->id);
    } else {
      call.signature = recorder->BareSignature(op);
    }
  }
  recorder->Begin(call);
}

}  // namespace

// Nothing may pass from here into LibTorch. An op that could not be looked at
// is recorded without a signature, which counts it as dropped.
std::unique_ptr<at::ObserverContext> BeginSpan(
    const at::RecordFunction& function) {
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) return nullptr;
  const CostSample sample(&recorder->own_cost(), CostKind::kOps);
  try {
    Begin(function, recorder);
  } catch (...) {
    ThreadRecorder::Call call;
    call.key = &function;
    recorder->Begin(call);
  }
  return nullptr;
}

void EndSpan(const at::RecordFunction& function, at::ObserverContext*) {
  const uint64_t ticks = Ticks();
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) return;
  const CostSample sample(&recorder->own_cost(), CostKind::kOps);
  uint32_t signature = 0;
  if (recorded.shapes && recorder->WantsResult(&function)) {
    const std::vector<c10::IValue>& outputs = function.outputs();
    if (!outputs.empty()) {
      try {
        Values& values = recorder->values();
        values.Clear();
        for (const c10::IValue& output : outputs) AddValue(output, &values);
        signature = recorder->SignatureOf(0);
      } catch (...) {
        signature = 0;
      }
    }
  }
  recorder->End(&function, ticks, signature, recorded.identities);
}

}  // namespace torchtape::internal
