#ifndef TORCHTAPE_TESTS_VIEWER_DEVICE_RUN_H_
#define TORCHTAPE_TESTS_VIEWER_DEVICE_RUN_H_

// Logs of trainings on cuda:0 of which a test knows each launch and kernel, and
// shorthands to look at them.
//
//   DeviceRun run;
//   run.Op("linear", kFirstWeight, 995, 1000);
//   run.Ran(1010, 1020);
//   EXPECT_EQ(run.Kernels()["total_ns"], 10);

#include <map>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "viewer/fixture_run.h"
#include "viewer/owners.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {

inline constexpr v1::ActivityKind kKernel = v1::ACTIVITY_KIND_KERNEL;
inline constexpr v1::ActivityKind kCopy = v1::ACTIVITY_KIND_COPY;
inline constexpr v1::ActivityKind kSet = v1::ACTIVITY_KIND_SET;

// What tells nothing of a module: no weight is read.
inline constexpr uint64_t kNoWeight = 0;

VerbOptions By(const std::string& table);

// The log is whole, and this is what is in it.
nlohmann::json WholeSummaryOf(const std::string& bytes,
                              const VerbOptions& options = {});

// In what `summary` says.
nlohmann::json ModuleOf(const nlohmann::json& summary, const std::string& path);

class DeviceRun {
 public:
  // The model is TwoLayers(). Kernels are recorded, and the calls of CUDA's
  // runtime library.
  explicit DeviceRun(bool device_calls = true);

  // An op that reads the weight of a module, or none. It launches what Ran()
  // tells next, and ends 5 ns after.
  void Op(const std::string& name, uint64_t weight, uint64_t begin_ns,
          uint64_t launch_ns, uint32_t thread = 1);
  // A call of the runtime library, or an op of no module.
  void Call(const std::string& name, uint64_t begin_ns, uint64_t end_ns,
            uint32_t thread = 1);

  // Any span.
  void Begin(uint32_t signature, uint64_t time_ns, uint32_t thread = 1,
             const LogBuilder::Ids& ids = {});
  void BeginOp(const std::string& name, uint64_t weight, uint64_t time_ns,
               uint32_t thread = 1);
  void End(uint64_t time_ns, uint32_t thread = 1);
  // It ends at some time before.
  void Cut(uint64_t time_ns, uint32_t thread = 1);

  // A call in the innermost open span, and what cuda:0 did for the last one.
  void Launch(uint64_t time_ns, uint32_t thread = 1);
  void Ran(int64_t from_ns, int64_t to_ns, v1::ActivityKind kind = kKernel,
           uint32_t stream = 7, const std::string& name = "gemm");

  // Ops that begin from now on were called from there.
  void CalledFrom(const FixtureCall& call) { from_ = call; }

  // `kernels` of the summary.
  nlohmann::json Kernels(const VerbOptions& options = {});

  LogBuilder log;

 private:
  struct Thread {
    uint64_t spans = 0;
    std::vector<uint64_t> open;  // their numbers
  };

  uint32_t OpSignature(const std::string& name,
                       const std::vector<v1::Value>& inputs);

  std::map<uint32_t, Thread> threads_;
  uint32_t calls_ = 69;
  int64_t sequence_ = 0;
  std::optional<FixtureCall> from_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_TESTS_VIEWER_DEVICE_RUN_H_
