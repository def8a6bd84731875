#ifndef TORCHTAPE_FORMAT_ENCODER_H_
#define TORCHTAPE_FORMAT_ENCODER_H_

// Turns records into the chunks of a log: merges threads in time, gives
// tensors and storages ids that are never reused, and builds columns and
// dictionaries.
//
//   Encoder encoder(options, &writer);
//   encoder.Consume(sources, clock, limit_ticks);   // again and again
//   encoder.Flush();
//   writer.Close(encoder.statistics());
//
// Lives in `format` because what a killed process leaves behind is records:
// whoever recovers a log encodes them with the same code.
//
// Not thread-safe. Memory: the chunk under construction, the signatures of the
// threads' streams, and one entry for each live storage and tensor address.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "torchtape/format/log_writer.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

// Converts ticks of the recording clock into nanoseconds since the run's start.
struct ClockLine {
  uint64_t ticks = 0;  // at this instant ...
  double ns = 0;       // ... it was so late
  double ns_per_tick = 1;

  uint64_t ToNs(uint64_t at) const {
    const double delta =
        static_cast<double>(static_cast<int64_t>(at - ticks)) * ns_per_tick;
    const double result = ns + delta;
    return result > 0 ? static_cast<uint64_t>(result + 0.5) : 0;
  }
};

// The records of one thread that are ready: at most two runs of words, since
// a ring has one seam. `Consume()` moves `position` over what it took.
struct RecordSource {
  v1::Thread thread;  // name and numbers for the log
  absl::Span<const uint64_t> first;
  absl::Span<const uint64_t> second;
  size_t position = 0;  // words taken, of first.size() + second.size()
  // Where the words stopped making sense; what follows was dropped.
  absl::optional<size_t> malformed;
};

// Told of each chunk of events that is in the log; `events` is its payload. The
// sources' positions are at the chunk's end, and so is what `Encoder::Save()`
// returns.
using ChunkObserver = std::function<void(absl::string_view events)>;

struct EncoderOptions {
  // Write ALLOCATE and FREE events. Their records are needed for storage ids
  // in any case.
  bool memory = true;

  // Write ids of tensors and storages.
  bool identities = true;

  // Events count from the first one on; false: from the first kWindow record
  // that says so.
  bool recording = true;

  // A chunk is written when it has this many events or spans this much time.
  uint32_t max_chunk_events = 1 << 16;
  uint64_t max_chunk_ns = uint64_t{2000} * 1000 * 1000;
};

class Encoder {
 public:
  // Where the recorder keeps a model that a kModel record announces. Tensor and
  // storage fields of its parameters hold addresses, which become ids here.
  using ModelLookup = std::function<v1::Model(uint32_t id)>;

  // The executable or shared library that lies at an address; nullopt if none
  // does. Asked once for each call site of a thread, when it is defined.
  using ObjectLookup =
      std::function<absl::optional<v1::CodeObject>(uint64_t address)>;

  // `writer` must outlive the encoder.
  Encoder(const EncoderOptions& options, LogWriter* writer, ModelLookup models,
          ObjectLookup objects = nullptr);
  ~Encoder();

  void set_observer(ChunkObserver observer);

  // Encodes, in the order of time, all records not later than `limit_ticks`.
  // Records that make no sense end their source's stream: the rest of it is
  // dropped and counted. Returns the writer's status.
  absl::Status Consume(absl::Span<RecordSource> sources, const ClockLine& clock,
                       uint64_t limit_ticks);

  // Writes the chunk under construction, if it holds anything.
  absl::Status Flush();

  // Tells of events that never became records, as for a thread without ring.
  void AddDrop(const v1::Drop& drop);

  // The thread is gone and its records are encoded: frees what it defined.
  void EndThread(uint32_t number);

  // What another encoder needs to go on from here, where no chunk is under
  // construction. The definitions of operators and signatures are many and
  // change rarely: without `whole`, only those since the last call are in it.
  std::string Save(bool whole);

  // Takes over what `Save()` returned: a whole state, then those that followed
  // it, in order. Fails with DataLoss if it makes no sense; then the encoder
  // must not be used.
  absl::Status Restore(absl::string_view saved);

  // Sums over everything encoded so far.
  const v1::Statistics& statistics() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_ENCODER_H_
