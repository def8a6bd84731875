#ifndef TORCHTAPE_BENCHMARKS_MADE_TRAINING_H_
#define TORCHTAPE_BENCHMARKS_MADE_TRAINING_H_

// The records of a training that never ran, as fast as the encoder takes them.

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "torchtape/format/encoder.h"
#include "torchtape/format/record.h"

namespace torchtape::format {

struct MadeTensor {
  uint64_t impl = 0, memory = 0;
  uint64_t bytes = 0;  // 0: memory that others own, as a view's
};

// Addresses as malloc gives them: the last one freed of a size comes first.
class MadeHeap {
 public:
  uint64_t Take(uint64_t bytes) {
    std::vector<uint64_t>& free = free_[bytes];
    if (free.empty()) return top_ += (bytes + 63) & ~uint64_t{63};
    const uint64_t address = free.back();
    free.pop_back();
    return address;
  }
  void Give(uint64_t address, uint64_t bytes) {
    free_[bytes].push_back(address);
  }

 private:
  uint64_t top_ = 0x7f0012345640;
  std::map<uint64_t, std::vector<uint64_t>> free_;
};

// Each step does the same; how long it takes varies.
class MadeTraining {
 public:
  MadeTraining(size_t threads, bool identities)
      : identities_(identities), records_(threads) {
    for (size_t i = 0; i < threads; ++i) Define(&records_[i]);
    for (int i = 0; i < 24; ++i) {
      parameters_.push_back({heap_.Take(192), heap_.Take(65536), 0});
    }
  }

  void Step() {
    choice_.seed(7);
    Put(0, {Header(RecordKind::kStep, kRecording, 3, 0), Now(), ++step_});
    thread_ = 0;
    live_.clear();
    for (int i = 0; i < 42; ++i) live_.push_back(Span(0, false));
    thread_ = records_.size() - 1;
    for (int i = 0; i < 42; ++i) {
      const MadeTensor gradient = Span(0, true);
      Drop(live_.back());
      live_.pop_back();
      Drop(gradient);
    }
  }

  // One source a thread, of all records since the last call.
  std::vector<RecordSource> Take() {
    taken_ = std::exchange(records_, decltype(records_)(records_.size()));
    std::vector<RecordSource> sources(taken_.size());
    for (size_t i = 0; i < taken_.size(); ++i) {
      sources[i].thread.set_number(static_cast<uint32_t>(i + 1));
      sources[i].first = taken_[i];
    }
    return sources;
  }

  uint64_t now() const { return now_; }

 private:
  using Words = std::vector<uint64_t>;
  static constexpr uint32_t kSignatures = 120, kResults = 24;

  static uint64_t Header(RecordKind kind, uint64_t flags, uint64_t words,
                         uint64_t id) {
    return RecordHeader(kind, flags, words, id);
  }

  static uint32_t InputsOf(uint32_t signature) { return 1 + signature % 3; }

  uint32_t Choose(uint32_t below) {
    return static_cast<uint32_t>(choice_() % below);
  }

  // 2 to 3 us an event, with a long tail.
  uint64_t Now() {
    return now_ += 1500 + 40 * (choice_() % 37) +
                   static_cast<uint64_t>(std::exp(4 + 0.8 * jitter_(time_)));
  }

  void Put(size_t thread, std::initializer_list<uint64_t> words) {
    records_[thread].insert(records_[thread].end(), words);
  }

  static void AddTensorTag(uint32_t size, Words* words) {
    words->push_back(ValueWord(ValueTag::kTensor, 6 | uint64_t{2} << 40));
    words->insert(words->end(), {32, 64 + size});
  }

  static void Define(Words* words) {
    for (uint32_t op = 1; op <= 40; ++op) {
      words->insert(
          words->end(),
          {Header(RecordKind::kOperator, 0, 6, op),
           static_cast<uint64_t>(SpanKind::kOp), 5,
           'a' | 't' << 8 | 'e' << 16 | uint64_t{'0' + op} << 32, 0, 0});
    }
    for (uint32_t id = 1; id <= kSignatures + kResults; ++id) {
      const bool is_result = id > kSignatures;
      Words tags;
      for (uint32_t i = 0; i < (is_result ? 1 : InputsOf(id)); ++i) {
        AddTensorTag(id + i, &tags);
      }
      words->insert(words->end(),
                    {Header(RecordKind::kSignature, 0, 2 + tags.size(), id),
                     is_result ? 0 : 1 + id % 40});
      words->insert(words->end(), tags.begin(), tags.end());
    }
  }

  void PutIdentity(const MadeTensor& tensor) {
    if (identities_) Put(thread_, {tensor.impl, tensor.memory});
  }

  // A span whose spans inside it are of depth + 1. Returns what it makes.
  MadeTensor Span(int depth, bool backward) {
    const uint32_t signature = 1 + Choose(kSignatures);
    const uint32_t inputs = InputsOf(signature);
    const bool sequenced = depth == 0;
    const uint64_t flags = (sequenced ? kHasSequence : 0) |
                           (sequenced && backward ? kBackward : 0) |
                           (identities_ ? kHasIdentities : 0);
    const uint64_t words =
        2 + (sequenced ? backward ? 2 : 1 : 0) + (identities_ ? 2 * inputs : 0);
    Put(thread_, {Header(RecordKind::kBegin, flags, words, signature), Now()});
    if (sequenced) Put(thread_, {backward ? --sequence_ : sequence_++});
    if (sequenced && backward) Put(thread_, {1});
    MadeTensor input;
    for (uint32_t i = 0; i < inputs; ++i) {
      const bool parameter = i != 0 || live_.empty();
      input = parameter ? parameters_[Choose(24)]
                        : live_[live_.size() - 1 - Choose(live_.size()) % 4];
      PutIdentity(input);
    }
    MadeTensor made;
    if (depth < 2) {
      const uint32_t inside = depth == 0 ? 1 + Choose(2) : Choose(2) * 2;
      for (uint32_t i = 0; i < inside; ++i) {
        if (i != 0) Drop(made);
        made = Span(depth + 1, backward);
      }
    }
    if (made.impl == 0) made = Make(input);
    Put(thread_, {Header(RecordKind::kEnd, identities_ ? kHasIdentities : 0,
                         identities_ ? 4 : 2, kSignatures + 1 + signature % 24),
                  Now()});
    PutIdentity(made);
    ++spans_;
    return made;
  }

  MadeTensor Make(const MadeTensor& input) {
    const uint32_t size = Choose(16);
    MadeTensor tensor{heap_.Take(192), input.memory, 0};
    if (size >= 12) return tensor;  // a view
    tensor.bytes = uint64_t{4096} << size % 5;
    tensor.memory = heap_.Take(tensor.bytes);
    Put(thread_, {Header(RecordKind::kAllocate, 0, 4, 0), Now(), tensor.memory,
                  tensor.bytes});
    return tensor;
  }

  void Drop(const MadeTensor& tensor) {
    heap_.Give(tensor.impl, 192);
    if (tensor.bytes == 0) return;
    heap_.Give(tensor.memory, tensor.bytes);
    Put(thread_, {Header(RecordKind::kFree, 0, 3, 0), Now(), tensor.memory});
  }

  const bool identities_;
  std::vector<Words> records_, taken_;
  size_t thread_ = 0;
  std::mt19937 choice_{7}, time_{9};
  std::normal_distribution<double> jitter_;
  MadeHeap heap_;
  std::vector<MadeTensor> parameters_, live_;
  uint64_t now_ = 0, step_ = 0, sequence_ = 0;
  uint64_t spans_ = 0;

 public:
  uint64_t spans() const { return spans_; }
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_BENCHMARKS_MADE_TRAINING_H_
