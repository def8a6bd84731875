#ifndef TORCHTAPE_OPTIONS_H_
#define TORCHTAPE_OPTIONS_H_

// What a tracker records, when, and what it may cost.
//
// Each option can be overridden from outside without a rebuild, by an
// environment variable that is read once, when the tracker is made:
//
//   TORCHTAPE=FILE               log_path, and more: a program that is linked
//                                with the SDK is recorded even if it makes no
//                                tracker, from its start to its exit; steps end
//                                where those of its optimizers do
//   TORCHTAPE_ENABLED=0          record nothing
//   TORCHTAPE_LOG_PATH=FILE      log_path
//   TORCHTAPE_SHAPES=0|1         and likewise IDENTITIES, ARGUMENTS, MEMORY,
//                                BACKWARD, SAVED_TENSORS, DEVICE_CALLS,
//                                COMMAND_LINE
//   TORCHTAPE_OP_SOURCE=...      auto, taps or callbacks
//   TORCHTAPE_DEVICE_TIME=...    off, steps, modules, ops or kernels
//   TORCHTAPE_AUDIT_EVERY=N      audit_every
//   TORCHTAPE_MAX_BUFFER_BYTES=N max_buffer_bytes
//   TORCHTAPE_SYNC_WITHIN_MS=N   sync_within_ms
//   TORCHTAPE_KEEP_LAST=...      keep_last: "100" steps, or "512MiB"
//   TORCHTAPE_SCHEDULE=...       such as "wait=5,warmup=1,active=3,repeat=2",
//                                with the names of the fields of Schedule; it
//                                replaces the program's as a whole

#include <cstddef>
#include <cstdint>
#include <string>

namespace torchtape {

// Which steps are recorded. A step ends with `Tracker::Step()`; the first is
// step 0. A step is recorded if every rule that is set says so; by default all
// steps are. Between recorded steps nothing is hooked.
struct Schedule {
  // These many steps at the start are not recorded.
  uint64_t skip_first = 0;

  // Then cycles of `wait` steps that are not recorded, `warmup` steps that are
  // recorded but thrown away, and `active` steps that are kept; `repeat`
  // cycles, 0 for ever. No cycles if `active` is 0.
  uint64_t wait = 0;
  uint64_t warmup = 0;
  uint64_t active = 0;
  uint64_t repeat = 0;

  // Every so-manieth step: 0 and 1 for all.
  uint64_t every = 1;

  // Only the first steps of each epoch, as told by `Tracker::StartEpoch()`; 0
  // for all.
  uint64_t first_of_epoch = 0;
};

// Where operators and backward nodes are seen.
enum class OpSource {
  // Taps where LibTorch can be tapped, callbacks beside them for what taps do
  // not see, and callbacks alone elsewhere.
  kAuto,

  // Wrappers in the import slots of all loaded objects: every call between the
  // program and LibTorch, and inside LibTorch, for about half of what callbacks
  // cost. Linux on x86-64, shared LibTorch. Where that is not so, the tracker
  // is off and says so.
  kTaps,

  // LibTorch's RecordFunction callbacks.
  kCallbacks,
};

// What gets a device time. Each level up to `kOps` has those before it.
enum class DeviceTime {
  kOff,
  kSteps,
  // Calls of modules, backward nodes and steps of optimizers.
  kModules,
  // Also operators outside of other operators and of backward nodes.
  kOps,
  // Steps, and each kernel, copy and memset of CUDA devices, with the operator
  // and module that launched it, as NVIDIA's CUPTI tells of them. CUPTI is
  // found at run time, of CUDA 11.8 to 13.5, and has one client at a time: a
  // profiler such as Kineto cannot be used meanwhile. Where it cannot be had,
  // one line on stderr and the log say why, and `kOps` serves instead. Starts
  // CUDA. Buffers of 16 MiB at most hold what CUPTI tells; what they have no
  // room for is counted in the log.
  kKernels,
};

// How much of an endless run stays in full: its last steps. Of all steps before
// them summaries stay, and what they took of the disk is given back while the
// run goes on. 0 does not bound; if both are set, what either wants to keep is
// kept.
struct KeepLast {
  // Steps, besides the one that is running. Also steps that are not recorded
  // count.
  uint64_t steps = 0;

  // Bytes of the log, at least 64 KiB.
  uint64_t bytes = 0;
};

struct TrackerOptions {
  // Where to write. "{rank}" and "{pid}" in it are replaced. Its folder must
  // exist. A log of that name is never destroyed: it is kept as "run.1.tape".
  // "run.tape.journal" lies beside it while it is written, and stays if the
  // process is killed: `torchtape` reads both.
  std::string log_path = "run.tape";

  // False: the tracker does nothing at all.
  bool enabled = true;

  // Types of tensors: shape, strides, dtype, device, layout.
  bool shapes = true;

  // Which tensor and which memory: links ops to each other and to parameters.
  // Needs `shapes`.
  bool identities = true;

  // Scalars, lists, strings and other plain arguments. Needs `shapes`.
  bool arguments = true;

  // Every allocation and free of memory, of the CPU and of devices.
  bool memory = true;

  // Nodes of the backward pass. Ops inside them are recorded in any case.
  bool backward = true;

  // Which memory autograd keeps for the backward pass, and when it lets go of
  // it. Needs `identities`, and a shared LibTorch.
  bool saved_tensors = true;

  // How long devices such as GPUs take for the program's steps, modules and
  // operators: two timing events are put into the current stream of the device,
  // and looked at later. Training is never synchronised. For the first device
  // type that this LibTorch has; needs LibTorch 2.13, which tells whether a
  // stream is being captured into a graph. Where device times cannot be had,
  // the log says why. A program that uses no device pays nothing for it.
  DeviceTime device_time = DeviceTime::kOff;

  // What the host asks of a device through its runtime library: launches,
  // copies, memsets and synchronisations, with bytes, stream and the time that
  // the host spent in each. CUDA's runtime, where it is a shared library; a
  // program that has none pays nothing for it.
  bool device_calls = false;

  OpSource op_source = OpSource::kAuto;

  // Callbacks look beside taps in the first recorded step, and then in each
  // so-manieth recorded step; 0: in no other. What only they see from then on
  // is recorded. An audited step costs what callbacks cost.
  uint64_t audit_every = 0;

  // The program's command line among the run facts. It may hold secrets.
  bool command_line = false;

  // Upper bound of the memory that holds events on their way to the log, in
  // bytes, at least 1 MiB. Each recording thread takes about 4.2 MiB of it, or
  // less if the bound is below 16 MiB, and half a MiB beside it.
  // When it is full, events are dropped and counted; training never waits.
  // The thread that writes the log needs up to 64 MiB more.
  size_t max_buffer_bytes = size_t{128} << 20;

  // What was recorded is on the disk, where a loss of power leaves it, at the
  // latest so many milliseconds later, if the disk is as fast; 0: whenever the
  // operating system writes it. A thread of its own waits for the disk.
  uint64_t sync_within_ms = 1000;

  Schedule schedule;

  // Of an endless run the last steps. The log takes of the disk what this keeps
  // and up to a quarter more, since steps leave it in batches (of 1 to 4 MiB);
  // besides some 20 bytes a step for the summaries. What was last before a
  // logged value was not finite, before memory ran out or before
  // `Tracker::Keep()` stays in full, too, up to four times. Needs a file system
  // that can make holes in a file, as ext4, XFS, Btrfs and tmpfs can; elsewhere
  // the tracker says so once and keeps everything. The thread that writes the
  // log reads it once more for it; training does nothing for it.
  KeepLast keep_last;
};

}  // namespace torchtape

#endif  // TORCHTAPE_OPTIONS_H_
