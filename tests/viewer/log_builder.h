#ifndef TORCHTAPE_TESTS_VIEWER_LOG_BUILDER_H_
#define TORCHTAPE_TESTS_VIEWER_LOG_BUILDER_H_

// Makes logs by hand, event by event, so that a test knows every number in
// them.
//
//   LogBuilder log;
//   const uint32_t add = log.Op("aten::add");
//   log.Begin(1, 100, add);
//   log.End(1, 150);
//   std::string bytes = log.Finish();
//
// Names and types are in the dictionary of every chunk under the same index, so
// that a test can go on in a new chunk as if nothing had happened.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "torchtape/format/log_writer.h"
#include "torchtape/format/stream_cursor.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::viewer {

class LogBuilder {
 public:
  using Ids = std::vector<format::TensorId>;

  LogBuilder();

  // To be changed before the first chunk is written.
  v1::Run run;

  // Each gives the 1-based index of a signature.
  uint32_t Op(const std::string& name, const std::string& schema = "",
              std::vector<v1::Value> inputs = {},
              v1::SpanKind kind = v1::SPAN_KIND_OP);
  uint32_t Module(const std::string& path, const std::string& type,
                  v1::ModuleSource source);
  uint32_t Span(v1::SpanKind kind, const std::string& name);
  uint32_t Returns(std::vector<v1::Value> outputs);

  // The signature as it is when it is called from somewhere in an object, in a
  // function that was called at `caller`, a call site.
  uint32_t CalledFrom(uint32_t signature, const std::string& object_path,
                      uint64_t address, uint32_t caller = 0,
                      const std::string& build_id = "");
  uint32_t last_call_site() const {
    return static_cast<uint32_t>(dictionary_.call_sites_size());
  }

  // A value: a float32 tensor of this shape.
  v1::Value Tensor(std::vector<int64_t> sizes);

  // What the log says of a tensor beside its shape.
  void ChangeType(const v1::Value& tensor,
                  const std::function<void(v1::TensorType*)>& change) {
    change(dictionary_.mutable_types(tensor.tensor() - 1));
  }

  void Thread(uint32_t number, const std::string& name, uint64_t torch_id);

  void Begin(uint32_t thread, uint64_t time_ns, uint32_t signature,
             const Ids& ids = {}, std::optional<int64_t> sequence = {},
             const std::vector<double>& reals = {});
  void BeginBackward(uint32_t thread, uint64_t time_ns, uint32_t signature,
                     int64_t sequence, uint32_t forward_thread,
                     const Ids& ids = {});
  void End(uint32_t thread, uint64_t time_ns, uint32_t result = 0,
           const Ids& ids = {});
  void Threw(uint32_t thread, uint64_t time_ns);
  void Cut(uint32_t thread, uint64_t time_ns);
  // `device`: type << 8 | index + 1; the same for all of a thread in a chunk.
  void Allocate(uint32_t thread, uint64_t time_ns, uint64_t storage,
                uint64_t bytes, uint32_t device = 0);
  void Free(uint32_t thread, uint64_t time_ns, uint64_t storage);
  // Autograd keeps a storage, or lets it go, after the thread's last event,
  // which must be in the chunk.
  void Save(uint32_t thread, uint64_t storage, uint64_t bytes);
  void Release(uint32_t thread, uint64_t storage);

  void Step(uint64_t number, uint64_t time_ns, bool recorded = true);
  // Recording starts, or stops.
  void Window(uint64_t time_ns, bool recording);
  void Value(const std::string& name, double value, uint64_t time_ns);
  // What was asked for and is not there.
  void OutOfMemory(const std::string& asked, uint64_t time_ns);
  void Drop(uint32_t thread, uint64_t start_ns, uint64_t end_ns,
            uint64_t events);
  void Model(const v1::Model& model);

  // What a stream of cuda:0 took for a span, or, with thread 0, for a step.
  // `clock_ns` is of the device's clock, which is 1000 ns ahead within 20 ns.
  void DeviceTime(uint32_t thread, uint64_t number, uint64_t stream,
                  int64_t clock_ns, uint64_t duration_ns);
  void DeviceLoss(const v1::DeviceLoss& loss);
  // What the allocator of cuda:0 said of itself.
  void DeviceMemory(uint64_t time_ns, uint64_t allocated, uint64_t reserved);

  // A call, from `span` on (absent: outside of all), that CUPTI numbers so, and
  // what cuda:0 did for one. CUPTI's clock is 1000 ns ahead within 20 ns.
  void Launch(uint32_t thread, std::optional<uint64_t> span,
              uint32_t correlation, uint64_t time_ns = 0);
  void Activity(v1::ActivityKind kind, const std::string& name,
                uint32_t correlation, uint32_t stream, int64_t clock_ns,
                uint64_t duration_ns, uint64_t bytes = 0);
  void ActivityLoss(const v1::ActivityLoss& loss);
  void OwnCost(const v1::OwnCost& cost) { *statistics_.add_own_costs() = cost; }

  // Ends the chunk under construction.
  void NewChunk();

  // The log is as those from before format 1.2: steps cannot be read alone.
  void LeaveOutLive() { tells_live_ = false; }

  // The bytes of the log: finished, or as a killed program leaves it.
  std::string Finish();
  std::string Kill();

  // Offset of each chunk written so far, the Run chunk left out.
  const std::vector<uint64_t>& offsets() const { return offsets_; }

 private:
  struct State {
    v1::Thread facts;
    v1::Stream stream;
    std::vector<v1::OpenSpan> open;
    uint64_t next_span = 0;
    uint64_t time_ns = 0;
    int64_t sequence = 0;
    uint64_t marked_events = 0, marked_storage = 0;
  };

  v1::Stream* Add(uint32_t thread, v1::EventKind kind, uint64_t time_ns);
  v1::Stream* AddMark(uint32_t thread, uint64_t storage, uint64_t released);
  void PushSpan(uint32_t thread, uint64_t time_ns, uint32_t signature,
                std::optional<int64_t> sequence, uint32_t forward_thread);
  void PopSpan(uint32_t thread, bool timed = true);
  void AddIds(const Ids& ids, v1::Stream* stream);
  void TellLive();
  void Touch(uint64_t time_ns);
  format::LogWriter* writer();

  std::unique_ptr<std::string> bytes_ = std::make_unique<std::string>();
  std::unique_ptr<format::LogWriter> writer_;
  v1::Dictionary dictionary_;
  std::map<uint32_t, State> threads_;
  std::map<uint32_t, v1::Thread> facts_;  // of threads with events so far
  struct Live {
    uint64_t bytes, step;
  };
  std::map<uint64_t, Live> live_;  // by storage
  uint64_t live_bytes_ = 0;
  v1::Events events_;
  bool touched_ = false;
  bool tells_live_ = true;
  uint64_t step_ = 0, step_start_ns_ = 0;
  v1::Statistics statistics_;
  std::vector<uint64_t> offsets_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_TESTS_VIEWER_LOG_BUILDER_H_
