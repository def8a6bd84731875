#ifndef TORCHTAPE_TESTS_SUPPORT_RECORDED_H_
#define TORCHTAPE_TESTS_SUPPORT_RECORDED_H_

// A log as plain values, for tests that train: they see LibTorch's headers, so
// they must not see protobuf's.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace torchtape::testing {

struct RecordedTensor {
  uint64_t tensor = 0;
  uint64_t storage = 0;
  std::string type;  // "float32[2, 3]", with strides and offset if not plain
  bool requires_grad = false;
  std::vector<int64_t> strides;
  int64_t offset = 0;
};

struct RecordedSpan {
  std::string name;
  std::string overload;
  std::string schema;
  // "op", "backward", "range", "script", "module", "engine", "device_call".
  std::string kind;
  std::string source;     // of a module call: "scope", "tap"; else ""
  std::string call_site;  // base name of the object it was called from; "" not
                          // known
  std::string
      parent;  // name of the span around it that is no module; "" outside
  std::string module;   // path of the innermost module called around it; ""
  uint32_t thread = 0;  // Thread.number
  uint64_t torch_thread = 0;
  uint64_t forward_thread = 0;
  int64_t sequence = -1;
  uint64_t start_ns = 0;
  uint64_t duration_ns = 0;
  bool ended = false;
  bool threw = false;
  bool in_backward = false;  // inside a backward node or the engine
  uint64_t step = 0;
  // The arguments, as text: "tensor", "undefined", "none", "3", "2.5", "true",
  // "[1, 2]", "\"text\"", "cpu", "<Generator>".
  std::vector<std::string> arguments;
  std::vector<RecordedTensor> inputs;
  std::vector<RecordedTensor> outputs;
};

struct RecordedMemory {
  bool allocation = false;
  uint64_t storage = 0;
  uint64_t bytes = 0;  // of allocations
  std::string span;    // in which it happened; "" outside
  uint32_t thread = 0;
  std::string device;  // of allocations: "cpu", "cuda:0"
};

// What the allocator of a device said of itself.
struct RecordedDeviceMemory {
  std::string device;
  uint64_t allocated_bytes = 0;
  uint64_t reserved_bytes = 0;
};

// What a device took for a span, or for a step.
struct RecordedDeviceTime {
  size_t span = 0;    // which of Recorded::spans; kStep of a step
  uint64_t step = 0;  // of a step: its number
  uint64_t stream = 0;
  int64_t start_ns = 0;
  uint64_t error_ns = 0;
  uint64_t duration_ns = 0;

  static constexpr size_t kStep = ~size_t{0};
};

// What autograd keeps, or lets go.
struct RecordedSave {
  bool kept = false;
  uint64_t storage = 0;
  uint64_t bytes = 0;  // where it is kept
  std::string span;    // in which it happened; "" outside
  uint32_t thread = 0;
};

struct RecordedParameter {
  std::string path;
  std::vector<std::string> aliases;
  std::string module_path;
  std::string type;
  uint64_t tensor = 0;
  uint64_t storage = 0;
  uint64_t bytes = 0;
  bool buffer = false;
};

struct Recorded {
  std::vector<RecordedSpan> spans;  // in the order of their beginning by thread
  std::vector<RecordedMemory> memory;
  std::vector<RecordedDeviceTime> device_times;
  uint64_t lost_device_times = 0;
  std::vector<RecordedDeviceMemory> device_memory;
  std::vector<RecordedSave> saved;
  std::vector<std::string> modules;  // "path type", "training" appended if so
  std::vector<RecordedParameter> parameters;
  // Storages of parameters by group of an optimizer, "Adam#1.0".
  std::map<std::string, std::vector<uint64_t>> optimizers;
  std::vector<uint64_t> recorded_steps;
  std::map<std::string, std::vector<double>> values;
  uint64_t threads = 0;
  uint64_t dropped = 0;
  uint64_t steps = 0;
  bool finished = false;  // the log was closed
  bool damaged = false;
  std::map<std::string, std::string> run;  // facts by their names in the schema

  // How often each name began, of all spans but ranges and calls of modules.
  std::map<std::string, int> Counts() const;
  // The spans of that name.
  std::vector<RecordedSpan> Named(const std::string& name) const;
};

// Reads a log, and what its journal adds if its run was killed. Aborts the test
// with an exception if it is not one.
Recorded ReadRecorded(const std::string& path);

}  // namespace torchtape::testing

#endif  // TORCHTAPE_TESTS_SUPPORT_RECORDED_H_
