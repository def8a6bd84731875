#include "torch/tap.h"

#include <ATen/SequenceNumber.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <sstream>

#include "core/call_paths.h"
#include "core/thread_recorder.h"
#include "torch/op_taps.h"
#include "torch/tensor_facts.h"

namespace torchtape::internal {
namespace {

static_assert(kMaxTaps <= ThreadRecorder::kMaxNumbers, "each has a place");

// What arguments and results say, in the order of the schema. Overloads for
// every type in TappedTypes.
class TapReader {
 public:
  explicit TapReader(Values* values) : values_(values) {}

  // Reads what lies at `at` up to kEnd, and returns what follows that.
  const TapType* Read(const TapType* types, const void* const* at) {
    Values::Row row = values_->StartRow();
    for (; *types != TapType::kEnd; ++types, ++at) {
      TensorFacts facts;
      if (*types == TapType::kTensor &&
          ReadPlain(*static_cast<const at::Tensor*>(*at), &facts) &&
          row.Fits(facts)) {
        row.Put(facts, recorded.identities);
        continue;
      }
      values_->EndRow(row);
      ReadOther(*types, *at);
      row = values_->StartRow();
    }
    values_->EndRow(row);
    return types + 1;
  }

  // Of all tensors.
  c10::DispatchKeySet keys() const { return keys_; }

 private:
  void ReadOther(TapType type, const void* at);
  template <typename... Types>
  void ReadListed(TapType type, const void* at, TypeList<Types...>);

  __attribute__((always_inline)) bool ReadPlain(const at::Tensor& tensor,
                                                TensorFacts* facts) {
    if (!tensor.defined() || !ReadTensor(tensor, facts)) return false;
    keys_ = keys_ | tensor.unsafeGetTensorImpl()->key_set();
    return true;
  }
  void Add(const at::Tensor& tensor) {
    keys_ = keys_ | tensor.unsafeGetTensorImpl()->key_set();
    AddTensor(tensor, recorded.identities, values_);
  }
  // std::optional, c10::optional and c10::OptionalArrayRef.
  template <template <typename> class Maybe, typename Type>
  auto Add(const Maybe<Type>& value) -> decltype(value.has_value(), void()) {
    if (value.has_value()) {
      Add(*value);
    } else {
      values_->None();
    }
  }

  template <typename List>
  void AddList(const List& list) {
    if (!values_->List(list.size())) return;
    for (const auto& element : list) Add(element);
  }
  void Add(at::TensorList list) { AddList(list); }
  void Add(const std::vector<at::Tensor>& list) { AddList(list); }
  void Add(const at::ITensorListRef& list) { AddList(list); }
  void Add(const c10::List<Optional<at::Tensor>>& list) {
    if (!values_->List(list.size())) return;
    for (size_t i = 0; i < list.size(); ++i) Add(list.get(i));
  }
  void Add(at::ArrayRef<at::Scalar> list) { AddList(list); }
  void Add(at::ArrayRef<double> list) { AddList(list); }
  template <size_t count>
  void Add(const std::array<bool, count>& list) {
    AddList(list);
  }
  void Add(at::IntArrayRef list) {
    if (!recorded.arguments || list.empty()) return AddList(list);
    values_->Integers(list);
  }
  void Add(const std::vector<int64_t>& list) { Add(at::IntArrayRef(list)); }
  void Add(c10::SymIntArrayRef list) {
    for (const c10::SymInt& element : list) {
      if (IsSymbolic(element)) return AddList(list);
    }
    Add(at::IntArrayRef(reinterpret_cast<const int64_t*>(list.data()),
                        list.size()));
  }

  // Arguments that were not asked for keep their place.
  bool Skip() {
    if (recorded.arguments) return false;
    values_->Elided(0);
    return true;
  }
  void Add(int64_t value) {
    if (!Skip()) values_->Integer(value);
  }
  void Add(double value) {
    if (!Skip()) values_->Real(value);
  }
  void Add(bool value) {
    if (!Skip()) values_->Boolean(value);
  }
  void Add(c10::string_view value) {
    if (!Skip()) values_->Text(value.data(), value.size());
  }
  void Add(const c10::SymInt& value) {
    if (IsSymbolic(value)) return AddObject("SymInt");
    Add(value.as_int_unchecked());
  }
  void Add(const at::Scalar& value) {
    if (Skip()) return;
    if (value.isFloatingPoint()) return values_->Real(value.toDouble());
    if (value.isBoolean()) return values_->Boolean(value.toBool());
    if (value.isComplex()) {
      const auto number = value.toComplexDouble();
      return values_->Complex(number.real(), number.imag());
    }
    if (value.isSymbolic()) return AddObject("SymInt");
    values_->Integer(value.toLong());
  }
  void Add(at::Device device) {
    if (Skip()) return;
    values_->Device(static_cast<uint8_t>(device.type()),
                    static_cast<uint8_t>(device.index() + 1));
  }
  // LibTorch's schemas call these integers.
  void Add(at::ScalarType value) { Add(static_cast<int64_t>(value)); }
  void Add(at::Layout value) { Add(static_cast<int64_t>(value)); }
  void Add(at::MemoryFormat value) { Add(static_cast<int64_t>(value)); }
  void Add(at::QScheme value) { Add(static_cast<int64_t>(value)); }
  void Add(at::DeviceIndex value) { Add(static_cast<int64_t>(value)); }
  void Add(const at::Generator&) { AddObject("Generator"); }
  void Add(const at::Storage&) { AddObject("Storage"); }
  void Add(const at::Stream&) { AddObject("Stream"); }
  void AddObject(absl::string_view type) {
    if (!Skip()) values_->Object(type.data(), type.size());
  }

  Values* const values_;
  c10::DispatchKeySet keys_;
};

template <typename... Types>
void TapReader::ReadListed(TapType type, const void* at, TypeList<Types...>) {
  using Reader = void (*)(TapReader*, const void*);
  static constexpr Reader kReaders[] = {[](TapReader* reader, const void* at) {
    reader->Add(*static_cast<const Types*>(at));
  }...};
  kReaders[static_cast<size_t>(type) - 1](this, at);
}

void TapReader::ReadOther(TapType type, const void* at) {
  if (type == TapType::kOther) return AddObject("other");
  ReadListed(type, at, TappedTypes());
}

// As RecordFunction numbers its spans: of the node that autograd would make
// next, where it is on for this call.
int64_t SequenceNumber(const TapReader& reader) {
  const c10::impl::LocalDispatchKeySet local =
      c10::impl::tls_local_dispatch_key_set();
  const c10::DispatchKeySet keys =
      (reader.keys() | local.included_) - local.excluded_;
  if (!keys.has_any(c10::autograd_dispatch_keyset) ||
      !at::GradMode::is_enabled()) {
    return -1;
  }
  return static_cast<int64_t>(at::sequence_number::peek());
}

// Whether any of the tensors is on a device that is not the CPU, which has the
// lowest bit.
bool IsOnDevice(c10::DispatchKeySet keys) {
  const c10::BackendComponent highest = keys.highestBackendKey();
  return highest != c10::BackendComponent::InvalidBit &&
         highest != c10::BackendComponent::CPUBit;
}

// An operator that this thread has not recorded. Allocates.
KnownOperator* AddOperator(uint32_t number, ThreadRecorder* recorder) {
  const TapFacts& tap = TapAt(number);
  std::ostringstream schema;
  const auto op =
      c10::Dispatcher::singleton().findSchema({tap.name, tap.overload});
  if (op.has_value()) schema << op->schema();
  return recorder->AddByNumber(number, SpanKind::kOp, tap.name, tap.overload,
                               schema.str());
}

// The signature of a call that was not foreseen; 0 if there is no room.
__attribute__((noinline)) uint32_t FindSignature(uint32_t number,
                                                 const CallPath& path,
                                                 uint64_t hash,
                                                 ThreadRecorder* recorder) {
  try {
    KnownOperator* op = recorder->FindByNumber(number);
    if (op == nullptr) op = AddOperator(number, recorder);
    if (op == nullptr) return 0;
    return recorder->FindSignature(op->id, path, recorded.shapes, hash);
  } catch (...) {
    return 0;  // no memory: the op is dropped and counted
  }
}

// Numbers of taps are apart from ids of operators.
uint64_t KeyOf(uint32_t number) { return uint64_t{number} << 32; }

// The signature of a call that came through LibTorch's code; `found` if it
// cannot be told by which way.
__attribute__((noinline)) uint32_t FollowPath(uint32_t number,
                                              const CallFrame* frame,
                                              uint32_t found,
                                              ThreadRecorder* recorder) {
  const CallPaths::Followed* followed = recorder->call_paths().Follow(frame);
  if (followed == nullptr) return found;
  const uint64_t hash =
      recorder->HashOfValues(KeyOf(number), followed->hash, recorded.shapes);
  const uint32_t guess = recorder->GuessSignature(hash);
  return guess != 0 ? guess
                    : FindSignature(number, followed->path, hash, recorder);
}

}  // namespace

TapCall::TapCall(const Tap& tap, const void* const* arguments,
                 const void* frame_address) noexcept
    : recorder_(ThreadRecorder::Current()) {
  if (__builtin_expect(recorder_ == nullptr, 0)) return;
  const CostSample sample(&recorder_->own_cost(), CostKind::kOps);
  const CallFrame* const frame = CallFrame::At(frame_address);
  ThreadRecorder::Call call;
  call.key = this;
  call.watch_exceptions = false;
  call.in_libtorch = true;
  Values& values = recorder_->values();
  values.Clear();
  if (recorded.shapes) {
    TapReader reader(&values);
    results_ = reader.Read(tap.types, arguments);
    call.sequence = SequenceNumber(reader);
    if (__builtin_expect(recorded.Times(DeviceTime::kOps), 0) &&
        IsOnDevice(reader.keys())) {
      call.timed = ThreadRecorder::Call::kOutside;
      call.times_all = true;
    }
    call.has_values = true;
    call.identities = recorded.identities;
  }
  const uint64_t hash = recorder_->HashOfValues(
      KeyOf(tap.number), frame->return_address, recorded.shapes);
  uint32_t found = recorder_->GuessSignature(hash);
  if (__builtin_expect(found == 0, 0)) {
    found = FindSignature(tap.number, CallPath(frame->return_address), hash,
                          recorder_);
  }
  if (__builtin_expect(recorder_->WantsPath(found), 0)) {
    found = FollowPath(tap.number, frame, found, recorder_);
  }
  call.signature = found & ThreadRecorder::kSignatureId;
  recorder_->Begin(call);
  if (__builtin_expect(taps_announce.load(std::memory_order_relaxed), 0)) {
    recorder_->Announce(tap.number + 1);
  }
}

void TapCall::End(const void* const* results) noexcept {
  const uint64_t ticks = Ticks();
  ThreadRecorder* const recorder = recorder_;
  recorder_ = nullptr;
  if (__builtin_expect(recorder == nullptr, 0)) return;
  if (__builtin_expect(recorder != ThreadRecorder::Current(), 0)) return;
  const CostSample sample(&recorder->own_cost(), CostKind::kOps);
  uint32_t signature = 0;
  if (recorded.shapes && *results_ != TapType::kEnd &&
      recorder->WantsResult(this)) {
    Values& values = recorder->values();
    values.Clear();
    TapReader(&values).Read(results_, results);
    signature = recorder->SignatureOf(0);
  }
  recorder->End(this, ticks, signature, recorded.identities);
  recorder->Announce(0);
}

void TapCall::Throw() noexcept {
  const uint64_t ticks = Ticks();
  ThreadRecorder* const recorder = recorder_;
  recorder_ = nullptr;
  if (recorder != ThreadRecorder::Current()) return;
  recorder->EndThrown(this, ticks);
  recorder->Announce(0);
}

}  // namespace torchtape::internal
