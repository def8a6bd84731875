#include "torch/met_optimizers.h"

#include <torch/optim/optimizer.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/add_model.h"
#include "core/thread_recorder.h"
#include "torch/module_tree.h"

namespace torchtape::internal {
namespace {

// What tells an optimizer from others that lie or lay at its address.
struct Met {
  uint64_t session = 0;
  const void* optimizer = nullptr;
  const void* first = nullptr;  // of its parameters
  size_t parameters = 0;

  bool operator==(const Met& other) const {
    return session == other.session && optimizer == other.optimizer &&
           first == other.first && parameters == other.parameters;
  }
};

Met Read(const torch::optim::Optimizer& optimizer) {
  Met met;
  met.session = ThreadRecorder::active_session();
  met.optimizer = &optimizer;
  for (const auto& group : optimizer.param_groups()) {
    if (met.first == nullptr && !group.params().empty()) {
      met.first = group.params().front().unsafeGetTensorImpl();
    }
    met.parameters += group.params().size();
  }
  return met;
}

// Those of all threads.
class Log {
 public:
  static Log& Get() {
    static Log* const log = new Log;
    return *log;
  }

  void Tell(const Met& met, const torch::optim::Optimizer& optimizer,
            const char* type, ThreadRecorder* recorder) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (met.session != session_) {
      session_ = met.session;
      told_.clear();
      names_.clear();
      numbers_.clear();
    }
    for (const Met& told : told_) {
      if (told == met) return;
    }
    told_.push_back(met);
    std::string& name = names_[met.optimizer];
    if (name.empty()) name = absl::StrCat(type, "#", ++numbers_[type]);
    AddModel(DescribeOptimizer(optimizer, name, type), recorder);
  }

 private:
  std::mutex mutex_;
  uint64_t session_ = 0;  // that the rest is about
  std::vector<Met> told_;
  std::map<const void*, std::string> names_;
  std::map<std::string, int> numbers_;  // how many there are, by type
};

}  // namespace

void MeetOptimizer(const torch::optim::Optimizer& optimizer, const char* type,
                   ThreadRecorder* recorder) noexcept {
  // A training has one optimizer, or two that take turns.
  constexpr size_t kLately = 2;
  thread_local Met lately[kLately];
  thread_local size_t next = 0;
  try {
    const Met met = Read(optimizer);
    for (const Met& each : lately) {
      if (each == met) return;
    }
    Log::Get().Tell(met, optimizer, type, recorder);
    lately[next++ % kLately] = met;
  } catch (...) {
    // No memory: the log does not know its groups.
  }
}

}  // namespace torchtape::internal
