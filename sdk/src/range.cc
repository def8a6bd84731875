#include "torchtape/range.h"

#include "core/thread_recorder.h"

namespace torchtape {

using internal::ThreadRecorder;

Range::Range(absl::string_view name) noexcept {
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) return;
  ThreadRecorder::Call call;
  call.key = this;
  try {
    internal::KnownOperator* op =
        recorder->FindByText(internal::SpanKind::kRange, name);
    if (op == nullptr)
      op = recorder->AddByText(internal::SpanKind::kRange, name);
    if (op != nullptr) call.signature = recorder->BareSignature(op);
  } catch (...) {
    // No memory for a new name: the range is dropped and counted.
  }
  recorder->Begin(call);
}

Range::~Range() {
  const uint64_t ticks = internal::Ticks();
  if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
    recorder->End(this, ticks, /*signature=*/0, /*identities=*/false);
  }
}

}  // namespace torchtape
