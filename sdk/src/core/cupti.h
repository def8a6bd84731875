#ifndef TORCHTAPE_SDK_CORE_CUPTI_H_
#define TORCHTAPE_SDK_CORE_CUPTI_H_

// What we need of CUPTI, NVIDIA's library for tools, found at run time: neither
// its headers nor the library are needed to build.
//
// Records of activities change from version to version: CUPTI appends fields
// and gives the record a new number. Those declared here, at its beginning, lie
// where the headers of
// CUDA 11.8, 12.1, 12.4, 12.6, 12.8, 12.9, 13.0, 13.1, 13.2 and 13.5 have them.
// Other versions are refused.

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"

namespace torchtape::internal {
namespace cupti {

using Result = int;
inline constexpr Result kSuccess = 0;
inline constexpr Result kNoMoreRecords = 12;  // MAX_LIMIT_REACHED
inline constexpr Result kOtherClient =
    39;  // MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED

inline constexpr uint32_t kFlushForced = 1;

// CUpti_ActivityKind, of those that are asked for.
enum Kind : uint32_t {
  kCopy = 1,
  kSet = 2,
  kSerialKernel = 3,
  kKernel = 10,
  kPeerCopy = 22,
};

// CUpti_CallbackDomain.
enum Domain : int { kDriver = 1, kRuntime = 2 };

struct KernelRecord {
  uint32_t kind;
  uint32_t unused[3];
  uint64_t start, end;  // ns of CUPTI's clock; 0: not known
  uint64_t completed;
  uint32_t device, context, stream;
  int32_t grid[3], block[3];
  int32_t shared_bytes[2];
  uint32_t local_bytes[2];
  uint32_t correlation;
  int64_t grid_id;
  const char* name;  // mangled
};
static_assert(offsetof(KernelRecord, start) == 16 &&
              offsetof(KernelRecord, end) == 24 &&
              offsetof(KernelRecord, device) == 40 &&
              offsetof(KernelRecord, context) == 44 &&
              offsetof(KernelRecord, stream) == 48 &&
              offsetof(KernelRecord, correlation) == 92 &&
              offsetof(KernelRecord, name) == 104);

struct CopyRecord {
  uint32_t kind;
  uint8_t direction;  // CUpti_ActivityMemcpyKind
  uint8_t from, to;   // CUpti_ActivityMemoryKind
  uint8_t flags;
  uint64_t bytes;
  uint64_t start, end;
  uint32_t device, context, stream;
  uint32_t correlation;
};
static_assert(offsetof(CopyRecord, direction) == 4 &&
              offsetof(CopyRecord, bytes) == 8 &&
              offsetof(CopyRecord, start) == 16 &&
              offsetof(CopyRecord, device) == 32 &&
              offsetof(CopyRecord, correlation) == 44);

struct PeerCopyRecord {
  uint32_t kind;
  uint8_t direction, from, to, flags;
  uint64_t bytes;
  uint64_t start, end;
  uint32_t device, context, stream;
  uint32_t from_device, from_context, to_device, to_context;
  uint32_t correlation;
};
static_assert(offsetof(PeerCopyRecord, device) == 32 &&
              offsetof(PeerCopyRecord, correlation) == 60);

struct SetRecord {
  uint32_t kind;
  uint32_t value;
  uint64_t bytes;
  uint64_t start, end;
  uint32_t device, context, stream;
  uint32_t correlation;
};
static_assert(offsetof(SetRecord, bytes) == 8 &&
              offsetof(SetRecord, start) == 16 &&
              offsetof(SetRecord, device) == 32 &&
              offsetof(SetRecord, correlation) == 44);

// CUpti_CallbackData, of calls of the driver and the runtime.
struct CallData {
  int site;  // kEnter: the call is about to be made
  const char* function;
  const void* parameters;
  void* result;
  const char* symbol;
  void* context;
  uint32_t context_id;
  uint64_t* data;
  uint32_t correlation;
};
inline constexpr int kEnter = 0;
static_assert(offsetof(CallData, context_id) == 48 &&
              offsetof(CallData, correlation) == 64);

using OnCall = void (*)(void* user, Domain domain, uint32_t call,
                        const CallData* data);
using RequestBuffer = void (*)(uint8_t** buffer, size_t* bytes,
                               size_t* max_records);
using CompleteBuffer = void (*)(void* context, uint32_t stream, uint8_t* buffer,
                                size_t bytes, size_t valid_bytes);

// Its functions, under their names less "cupti".
struct Library {
  Result (*GetVersion)(uint32_t* version);
  Result (*GetResultString)(Result result, const char** text);
  Result (*GetTimestamp)(uint64_t* ns);
  Result (*GetCallbackName)(Domain domain, uint32_t call, const char** name);
  Result (*Subscribe)(void** subscriber, OnCall callback, void* user);
  Result (*Unsubscribe)(void* subscriber);
  Result (*EnableCallback)(uint32_t enable, void* subscriber, Domain domain,
                           uint32_t call);
  Result (*ActivityRegisterCallbacks)(RequestBuffer request,
                                      CompleteBuffer complete);
  Result (*ActivityEnable)(Kind kind);
  Result (*ActivityDisable)(Kind kind);
  Result (*ActivityFlushAll)(uint32_t flag);
  Result (*ActivityGetNextRecord)(uint8_t* buffer, size_t valid_bytes,
                                  const uint32_t** record);
  Result (*ActivityGetNumDroppedRecords)(void* context, uint32_t stream,
                                         size_t* dropped);
};

// Whether records of this version are laid out as above.
bool IsKnownVersion(uint32_t version);

// The CUPTI that the process has loaded, else the one that lies beside LibTorch
// or CUDA's runtime, else one of the usual name; never unloaded. Fails with
// NotFound if there is none, and Unimplemented if it lacks one of the
// functions.
absl::StatusOr<Library> Load();

}  // namespace cupti
}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_CUPTI_H_
