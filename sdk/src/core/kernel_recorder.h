#ifndef TORCHTAPE_SDK_CORE_KERNEL_RECORDER_H_
#define TORCHTAPE_SDK_CORE_KERNEL_RECORDER_H_

// Records each kernel, copy and memset of CUDA devices, as CUPTI tells of them.
// A thread that launches something notes CUPTI's number of the call: that is
// all that training threads do. What the device did comes later, in buffers,
// which a thread of this recorder empties.
//
// Used under a lock of the caller's, one recording at a time.

#include <cstdint>

#include "absl/status/statusor.h"

namespace torchtape::internal {

// Becomes CUPTI's client and starts the thread; nothing is recorded yet. The
// version of CUPTI. `say` is called at most once in a recording, if CUPTI fails
// later. Otherwise fails with
//   NotFound, Unimplemented   see cupti::Load(); or a version of records that
//   is
//                             not known
//   FailedPrecondition        another client has CUPTI
//   Unavailable               CUPTI says no: there is no device, for example
//   ResourceExhausted         no memory or thread is to be had
// Takes as long as CUDA takes to start.
absl::StatusOr<uint32_t> OpenKernels(void (*say)(const char* what));

// What is launched between these is recorded, once opened. Take some
// microseconds for each kind of call.
void InstallKernels();
void RemoveKernels();

// Takes what CUPTI still has, and leaves it; what is not over is lost, and
// counted. Does nothing if it was not opened.
void CloseKernels();

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_KERNEL_RECORDER_H_
