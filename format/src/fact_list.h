#ifndef TORCHTAPE_FORMAT_SRC_FACT_LIST_H_
#define TORCHTAPE_FORMAT_SRC_FACT_LIST_H_

// What the index repeats of single chunks (v1::LogFacts), as long as it is not
// too much.

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

class FactList {
 public:
  // A thread of which the log has events; what was known of it is replaced.
  void Add(const v1::Thread& thread) {
    if (HasRoom(threads_.size())) threads_[thread.number()] = thread;
  }
  void Add(const v1::Drop& drop) {
    if (HasRoom(facts_.drops_size())) *facts_.add_drops() = drop;
  }
  void Add(const v1::Audit& audit) {
    if (HasRoom(facts_.audits_size())) *facts_.add_audits() = audit;
  }

  void Write(v1::Statistics* statistics) const {
    statistics->clear_facts();
    if (too_many_) return;
    *statistics->mutable_facts() = facts_;
    for (const auto& [number, thread] : threads_) {
      *statistics->mutable_facts()->add_threads() = thread;
    }
  }

  // Goes on from what was written.
  void Read(const v1::Statistics& statistics) {
    too_many_ = !statistics.has_facts();
    facts_ = statistics.facts();
    threads_.clear();
    for (const v1::Thread& thread : facts_.threads()) {
      threads_[thread.number()] = thread;
    }
    facts_.clear_threads();
  }

 private:
  static constexpr size_t kMost = 1024;  // of each kind

  bool HasRoom(size_t have) {
    too_many_ |= have >= kMost;
    return !too_many_;
  }

  bool too_many_ = false;
  std::map<uint32_t, v1::Thread> threads_;
  v1::LogFacts facts_;  // without the threads
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_SRC_FACT_LIST_H_
