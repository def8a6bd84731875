#ifndef TORCHTAPE_VIEWER_SRC_REPLAY_VISITOR_H_
#define TORCHTAPE_VIEWER_SRC_REPLAY_VISITOR_H_

// What happened in a run, told event by event. Replay() calls a visitor in the
// order of time, threads merged; everything that the viewer shows is a visitor.
//
// Everything that a call is given is valid during that call only, except
// Operator, CallSite and CodeObject, which live as long as the replay's report.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "torchtape/format/device_activities.h"
#include "torchtape/format/device_memory.h"
#include "torchtape/format/device_times.h"
#include "torchtape/format/log_reader.h"
#include "torchtape/format/stream_cursor.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::viewer {

struct Operator {
  uint32_t id;  // 0, 1, 2, ... in the order of first use in the log
  v1::SpanKind kind;
  std::string name;
  std::string overload;
  std::string schema;
  v1::ModuleSource module_source;  // of a module call: who told of it
};

// An executable or shared library of the recorded process.
struct CodeObject {
  std::string path;      // where it was loaded from
  std::string build_id;  // empty: it has none
};

// The return address of a call, as v1::CallSite.
struct CallSite {
  uint32_t id;  // 0, 1, 2, ... in the order of first use in the log
  const CodeObject* object;  // null: in none that is known
  uint64_t address;
  const CallSite* caller = nullptr;  // null: not told, as for most
};

// A span that is open.
struct Frame {
  uint64_t number = 0;  // in its thread
  uint64_t start_ns = 0;
  uint64_t step = 0;  // that was running when the span began
  const Operator* op = nullptr;
  const CallSite* call_site = nullptr;  // null: not known
  std::optional<int64_t> sequence;
  uint32_t forward_thread = 0;
  uint64_t children_ns = 0;  // of the children that have ended
  bool nested = false;       // inside an op or a backward node
  bool backward = false;     // is or is inside a backward or engine span
};

// `stack` is outermost first.
struct ThreadState {
  v1::Thread facts;
  std::vector<Frame> stack;
};

// What a span was given or returned. Ids and reals are in the order in which
// the signature calls for them; empty if not recorded.
struct Values {
  const v1::Dictionary* dictionary = nullptr;
  const v1::Signature* signature = nullptr;  // null: nothing is known
  absl::Span<const format::TensorId> tensors;
  absl::Span<const double> reals;
};

struct SpanBegin {
  const ThreadState& thread;  // the span is the last of its stack
  const Frame& frame;
  Values inputs;
  // The event itself is in a damaged or released chunk; its start and name are
  // known.
  bool resumed = false;
  // In a released one, whose summary counts it.
  bool summarized = false;
};

enum class Ending {
  kReturned,
  kThrew,
  kUnknown,  // END_UNKNOWN: it ended at an unknown time before `time_ns`
  kLost,     // its end is in a damaged chunk, or the log stops before it
};

struct SpanEnd {
  const ThreadState& thread;  // the span is still the last of its stack
  const Frame& frame;
  Ending ending = Ending::kReturned;
  uint64_t time_ns = 0;
  Values outputs;

  bool timed() const {
    return ending == Ending::kReturned || ending == Ending::kThrew;
  }
  // 0 unless timed. Self time is what no child took.
  uint64_t duration_ns() const {
    return timed() ? time_ns - frame.start_ns : 0;
  }
  uint64_t self_ns() const {
    const uint64_t duration = duration_ns();
    return duration > frame.children_ns ? duration - frame.children_ns : 0;
  }
};

struct Allocation {
  const ThreadState& thread;
  uint64_t time_ns;
  uint64_t storage;
  uint64_t bytes;    // 0 for a free
  uint64_t address;  // 0 for a free
  uint32_t device_type;
  int32_t device_index;
};

// A storage that autograd keeps for the backward pass, or lets go.
struct SavedTensor {
  const ThreadState& thread;
  uint64_t time_ns;  // of the thread's event before
  uint64_t storage;
  uint64_t bytes;  // of the storage; 0 if it lets it go
};

struct StepStart {
  uint64_t number;
  uint64_t start_ns;
  bool recorded;
  bool marked;  // a StepMark says so; false: deduced from a chunk
};

// A call that asked a device for something, told at the end of its chunk.
struct LaunchCall {
  const format::Launch& launch;
  const ThreadState* thread;  // at the end of the chunk; null: not known
};

// A chunk begins. `events` is null for the other kinds.
struct ChunkStart {
  const format::Chunk& chunk;
  const v1::Events* events;  // without its streams
  uint64_t event_count;      // in the streams
};

// Chunks were left out: what spans were open has ended, and what comes next
// begins with another step.
struct Seek {
  // In rising order: the storages that are live where the log goes on. What was
  // told of as allocated and is not among them was freed unseen.
  absl::Span<const uint64_t> live;
};

class Visitor {
 public:
  virtual ~Visitor() = default;

  // Before OnChunk() of the chunk with which the log goes on.
  virtual void OnSeek(const Seek&) {}
  virtual void OnChunk(const ChunkStart&) {}
  virtual void OnModel(const v1::Model&) {}
  // An optimizer and its parameter groups, as its modules.
  virtual void OnOptimizer(const v1::Model&) {}
  virtual void OnStep(const StepStart&) {}
  virtual void OnWindow(const v1::Window&) {}
  // Begins and ends nest within a thread, and each begin gets its end.
  virtual void OnBegin(const SpanBegin&) {}
  virtual void OnEnd(const SpanEnd&) {}
  virtual void OnAllocate(const Allocation&) {}
  virtual void OnFree(const Allocation&) {}
  virtual void OnSave(const SavedTensor&) {}
  virtual void OnRelease(const SavedTensor&) {}
  virtual void OnValue(const v1::LoggedValue&) {}
  virtual void OnDrop(const v1::Drop&) {}
  virtual void OnAudit(const v1::Audit&) {}
  // At the end of the chunk in which it became known: its span has ended.
  virtual void OnDeviceTime(const format::DeviceTime&) {}
  virtual void OnDeviceLoss(const v1::DeviceLoss&) {}
  // At the end of its chunk, device by device.
  virtual void OnDeviceMemory(const format::DeviceMemory&) {}
  // At the end of the chunk in which it became known; calls before activities.
  virtual void OnLaunch(const LaunchCall&) {}
  virtual void OnActivity(const format::DeviceActivity&) {}
  virtual void OnActivityLoss(const v1::ActivityLoss&) {}
  // Nothing comes after it. Every span has ended.
  virtual void OnLogEnd() {}
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPLAY_VISITOR_H_
