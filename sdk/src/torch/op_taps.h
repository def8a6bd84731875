#ifndef TORCHTAPE_SDK_TORCH_OP_TAPS_H_
#define TORCHTAPE_SDK_TORCH_OP_TAPS_H_

// Operators and backward nodes through taps in import slots (tap.h), without
// RecordFunction and its boxed arguments. In the first recorded step, callbacks
// count beside the taps; where they find calls that no tap sees, they stay and
// record those.

#include <atomic>
#include <cstdint>
#include <memory>

#include "core/op_source.h"

namespace torchtape::internal {

class ThreadRecorder;
struct TapFacts;

// Null if this LibTorch cannot be tapped: it is static, or not the one that
// the wrappers were made for, or this is another kind of processor.
//
// Audits: the first recorded step, and then each `audit_every`th; 0: no other.
std::unique_ptr<OpSource> MakeOpTaps(uint64_t audit_every);

// Whether taps announce their calls to callbacks, so that a call that both see
// is recorded once. Each `true` is followed by a `false`; from any thread.
void AnnounceTaps(bool announce);
extern std::atomic<int> taps_announce;

// Name of the operator that a tap of this thread has announced and nobody has
// taken; null if there is none.
const char* TakeAnnouncedTap(ThreadRecorder* recorder);

const TapFacts& TapAt(uint32_t number);

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_OP_TAPS_H_
