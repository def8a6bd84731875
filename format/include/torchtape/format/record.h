#ifndef TORCHTAPE_FORMAT_RECORD_H_
#define TORCHTAPE_FORMAT_RECORD_H_

// Records: what a recording thread leaves behind for each event before the
// encoder turns it into columns. They live in memory, in one ring a thread, and
// are made of 64-bit words so that writing one is a few stores.
//
// A stream of records explains itself: an operator or signature is defined in
// it before it is first used, under an id that is the thread's own.
//
// Header word: kind (bits 0-7), flags (8-15), words in the record, this one
// included (16-31), id (32-63). What follows:
//
//   kPad        nothing that counts; fills the ring up to its end
//   kOperator   id: operator. SpanKind (bits 0-31), ModuleSource (32-63); then
//               three texts: name, overload, schema
//   kSignature  id: signature. operator id, or 0 for returned values; the
//               address the op was called from if kHasCallSite; with
//               kHasCallers how many addresses follow, from which the function
//               of the one before was called; then value tags as ValueTag says.
//               Flag kValuesRecorded
//   kForget     all signatures of this stream so far
//   kBegin      id: signature. ticks; sequence number if kHasSequence; forward
//               thread if kBackward; then dynamic words
//   kEnd        id: signature of what was returned, or 0. ticks; dynamic words.
//               Flags kThrew, kCut
//   kAllocate   id: device type << 8 | device index + 1. ticks, address, bytes;
//               with kHasTotals the bytes that the device's allocator then had
//               given out, and those that it held
//   kFree       id: as kAllocate, if kHasTotals. ticks, address; likewise
//   kStep       ticks, number of the step that begins. Flag kRecording
//   kWindow     ticks. Flag kRecording: recording starts, else it stops
//   kValue      id: operator whose name is the value's. ticks, bits of a double
//   kModel      id: which of the recorder's waiting models. ticks
//   kDrop       ticks of the first and of the last lost event, how many
//   kAudit      ticks, calls that taps and callbacks have seen, calls that
//               callbacks alone have seen
//   kSave       ticks, address of the memory of a tensor that autograd keeps
//               for the backward pass, bytes of its storage
//   kRelease    ticks, address of the memory of such a tensor that it lets go
//   kDeviceTime id: thread of the span. ticks when the time became known; which
//               of the spans that began with kTimed it is, from 1 on, or the
//               number of a step if kOfStep; stream; device type << 8 | device
//               index + 1; start in ns of the device's clock; duration in ns;
//               ticks before its first and before its second event was recorded
//   kDeviceLoss ticks; the four counts of v1::DeviceLoss in their order, since
//               the last such record
//   kLaunch     id: CUPTI's number of a call that asks a device for something.
//               ticks
//   kActivity   id: operator whose name is the activity's. Flags:
//               v1::ActivityKind. ticks when it became known; start in ns of
//               CUPTI's clock; duration in ns; number of the call (bits 0-31),
//               stream (32-63); device (0-31), context (32-63); bytes
//   kActivityClock  ticks, a time of CUPTI's clock in ns, ticks before it was
//               read
//   kActivityLoss   ticks; the three counts of v1::ActivityLoss in their order,
//               since the last such record
//
// A text is a word with its length in bytes and then the bytes, padded with
// zeros to whole words.
//
// Dynamic words are what changes from call to call while the signature stays:
// first, only with kHasIdentities, for each tensor of the signature the address
// of its TensorImpl and the address of its memory; then for each real its bits.

#include <cstddef>
#include <cstdint>

namespace torchtape::format {

enum class RecordKind : uint8_t {
  kPad = 0,
  kOperator = 1,
  kSignature = 2,
  kForget = 3,
  kBegin = 4,
  kEnd = 5,
  kAllocate = 6,
  kFree = 7,
  kStep = 8,
  kWindow = 9,
  kValue = 10,
  kModel = 11,
  kDrop = 12,
  kAudit = 13,
  kSave = 14,
  kRelease = 15,
  kDeviceTime = 16,
  kDeviceLoss = 17,
  kLaunch = 18,
  kActivity = 19,
  kActivityClock = 20,
  kActivityLoss = 21,
};

// What a device did. The numbers are those of v1::ActivityKind.
enum class ActivityKind : uint32_t { kKernel = 1, kCopy = 2, kSet = 3 };

// What a span is. The numbers are those of v1::SpanKind; sources of records use
// this one so that they need no protobuf.
enum class SpanKind : uint32_t {
  kOp = 0,
  kBackward = 1,
  kRange = 2,
  kScript = 3,
  kModule = 4,
  kEngine = 5,
  kDeviceCall = 6,
};

// Who told of a module call. The numbers are those of v1::ModuleSource.
enum class ModuleSource : uint32_t {
  kUnspecified = 0,
  kScope = 1,
  kTap = 2,
};

constexpr uint64_t OperatorWord(SpanKind kind, ModuleSource source) {
  return static_cast<uint64_t>(kind) | static_cast<uint64_t>(source) << 32;
}

// Flags of a header word. A bit means what its record's kind says.
inline constexpr uint64_t kValuesRecorded = 1;  // kSignature
inline constexpr uint64_t kHasCallSite = 2;     // kSignature
inline constexpr uint64_t kHasCallers = 4;      // kSignature, kHasCallSite too
inline constexpr uint64_t kHasSequence = 1;     // kBegin
inline constexpr uint64_t kBackward = 2;        // kBegin
inline constexpr uint64_t kThrew = 1;           // kEnd
inline constexpr uint64_t kCut = 2;             // kEnd
inline constexpr uint64_t kHasIdentities = 4;   // kBegin, kEnd
inline constexpr uint64_t kHasTotals = 1;       // kAllocate, kFree
inline constexpr uint64_t kTimed = 8;           // kBegin: has a device time
inline constexpr uint64_t kOfStep = 1;          // kDeviceTime
inline constexpr uint64_t kRecording = 1;       // kStep, kWindow
// kValue: no value, but a reason to keep what is there.
inline constexpr uint64_t kKeep = 1;
inline constexpr uint64_t kOutOfMemory = 2;

// At most, of one call site.
inline constexpr size_t kMostCallers = 31;

// Words of a kDeviceTime and of a kDeviceLoss.
inline constexpr size_t kDeviceTimeWords = 9;
inline constexpr size_t kDeviceLossWords = 6;
// Likewise of those of activities.
inline constexpr size_t kActivityWords = 7;
inline constexpr size_t kActivityClockWords = 4;
inline constexpr size_t kActivityLossWords = 5;

// No record is longer. The length has 16 bits.
inline constexpr uint32_t kMaxRecordWords = 0xffff;

constexpr uint64_t RecordHeader(RecordKind kind, uint64_t flags, uint64_t words,
                                uint64_t id) {
  return static_cast<uint64_t>(kind) | flags << 8 | words << 16 | id << 32;
}
constexpr RecordKind KindOf(uint64_t header) {
  return static_cast<RecordKind>(header & 0xff);
}
constexpr uint64_t FlagsOf(uint64_t header) { return header >> 8 & 0xff; }
constexpr uint32_t WordsOf(uint64_t header) {
  return static_cast<uint32_t>(header >> 16 & 0xffff);
}
constexpr uint32_t IdOf(uint64_t header) {
  return static_cast<uint32_t>(header >> 32);
}

// The tag word of one value in a signature: tag (bits 0-7), then as follows.
//
//   kTensor     dtype (8-15), device type (16-23), device index + 1 (24-31),
//               layout (32-39), TensorFlags (40-47), dimensions (48-63);
//               then the sizes; the strides if kStrided; the offset if kOffset
//   kBoolean    value (8)
//   kInteger    a word follows
//   kReal       dynamic: one word
//   kComplex    dynamic: two words
//   kText       length in bytes (8-63); the bytes follow, padded to words
//   kObject     as kText: the name of the value's type
//   kDevice     device type (8-15), device index + 1 (16-23)
//   kList       number of elements (8-63); the elements' tags follow
//   kIntegers   number (8-63); one word each follows
//   kReals      number (8-63); dynamic: one word each
//   kBooleans   number (8-63); one word each follows
//   kElided     number of elements that were too large to record (8-63); 0: not
//               asked for
enum class ValueTag : uint8_t {
  kNone = 1,
  kUndefinedTensor = 2,
  kTensor = 3,
  kBoolean = 4,
  kInteger = 5,
  kReal = 6,
  kComplex = 7,
  kText = 8,
  kObject = 9,
  kDevice = 10,
  kList = 11,
  kIntegers = 12,
  kReals = 13,
  kBooleans = 14,
  kElided = 15,
};

// Bits 40-47 of a kTensor tag.
inline constexpr uint64_t kRequiresGrad = 1;
inline constexpr uint64_t kStrided = 2;
inline constexpr uint64_t kOffset = 4;

constexpr uint64_t ValueWord(ValueTag tag, uint64_t rest = 0) {
  return static_cast<uint64_t>(tag) | rest << 8;
}
constexpr ValueTag TagOf(uint64_t word) {
  return static_cast<ValueTag>(word & 0xff);
}
constexpr uint64_t RestOf(uint64_t word) { return word >> 8; }

constexpr uint64_t TextWords(uint64_t bytes) { return (bytes + 7) / 8; }

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_RECORD_H_
