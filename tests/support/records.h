#ifndef TORCHTAPE_TESTS_SUPPORT_RECORDS_H_
#define TORCHTAPE_TESTS_SUPPORT_RECORDS_H_

// One thread's records, written by hand.
//
//   Records records(1);
//   records.Operator(1, "aten::add").Signature(1, 1, {kTensorWord});
//   records.Begin(10, 1).End(20);

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "torchtape/format/encoder.h"
#include "torchtape/format/record.h"

namespace torchtape::testing {

// A tensor on the CPU without dimensions; what varies is its identity.
inline constexpr uint64_t kScalarTensor =
    format::ValueWord(format::ValueTag::kTensor);

inline uint64_t BitsOf(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// The words of a text without its length.
inline std::vector<uint64_t> WordsOfText(const std::string& text) {
  std::vector<uint64_t> words(format::TextWords(text.size()));
  if (!words.empty()) std::memcpy(words.data(), text.data(), text.size());
  return words;
}

class Records {
 public:
  using Words = std::vector<uint64_t>;

  explicit Records(uint32_t thread) : thread_(thread) {}

  Records& Add(format::RecordKind kind, uint64_t flags, uint64_t id,
               const Words& rest) {
    words_.push_back(format::RecordHeader(kind, flags, 1 + rest.size(), id));
    words_.insert(words_.end(), rest.begin(), rest.end());
    return *this;
  }
  Records& AddWord(uint64_t word) {
    words_.push_back(word);
    return *this;
  }

  Records& Operator(uint32_t id, const std::string& name,
                    format::SpanKind kind = format::SpanKind::kOp) {
    Words rest = {static_cast<uint64_t>(kind), name.size()};
    const Words text = WordsOfText(name);
    rest.insert(rest.end(), text.begin(), text.end());
    rest.insert(rest.end(), {0, 0});  // no overload, no schema
    return Add(format::RecordKind::kOperator, 0, id, rest);
  }
  Records& Signature(uint32_t id, uint32_t op, const Words& values = {}) {
    Words rest = {op};
    rest.insert(rest.end(), values.begin(), values.end());
    return Add(format::RecordKind::kSignature, format::kValuesRecorded, id,
               rest);
  }
  // Of calls that return to `address`.
  Records& SignatureAt(uint64_t address, uint32_t id, uint32_t op,
                       const Words& values = {}) {
    Words rest = {op, address};
    rest.insert(rest.end(), values.begin(), values.end());
    return Add(format::RecordKind::kSignature,
               format::kValuesRecorded | format::kHasCallSite, id, rest);
  }
  // Of calls that come by a path: return addresses, from inside to outside.
  Records& SignatureBy(const Words& path, uint32_t id, uint32_t op) {
    Words rest = {op, path.at(0), path.size() - 1};
    rest.insert(rest.end(), path.begin() + 1, path.end());
    return Add(
        format::RecordKind::kSignature,
        format::kValuesRecorded | format::kHasCallSite | format::kHasCallers,
        id, rest);
  }
  Records& Forget() { return Add(format::RecordKind::kForget, 0, 0, {}); }

  Records& Begin(uint64_t ticks, uint32_t signature, const Words& dynamic = {},
                 uint64_t flags = 0) {
    Words rest = {ticks};
    rest.insert(rest.end(), dynamic.begin(), dynamic.end());
    return Add(format::RecordKind::kBegin, flags, signature, rest);
  }
  // With the addresses of tensors and of their memory.
  Records& BeginWith(uint64_t ticks, uint32_t signature, const Words& ids) {
    return Begin(ticks, signature, ids, format::kHasIdentities);
  }
  Records& End(uint64_t ticks, uint32_t result = 0, const Words& dynamic = {},
               uint64_t flags = 0) {
    Words rest = {ticks};
    rest.insert(rest.end(), dynamic.begin(), dynamic.end());
    return Add(format::RecordKind::kEnd, flags, result, rest);
  }
  Records& EndWith(uint64_t ticks, uint32_t result, const Words& ids) {
    return End(ticks, result, ids, format::kHasIdentities);
  }

  Records& Allocate(uint64_t ticks, uint64_t address, uint64_t bytes,
                    uint32_t device = 0) {
    return Add(format::RecordKind::kAllocate, 0, device,
               {ticks, address, bytes});
  }
  // With what the device's allocator has given out and holds.
  Records& AllocateOn(uint32_t device, uint64_t ticks, uint64_t address,
                      uint64_t bytes, uint64_t allocated, uint64_t reserved) {
    return Add(format::RecordKind::kAllocate, format::kHasTotals, device,
               {ticks, address, bytes, allocated, reserved});
  }
  Records& FreeOn(uint32_t device, uint64_t ticks, uint64_t address,
                  uint64_t allocated, uint64_t reserved) {
    return Add(format::RecordKind::kFree, format::kHasTotals, device,
               {ticks, address, allocated, reserved});
  }
  Records& Free(uint64_t ticks, uint64_t address) {
    return Add(format::RecordKind::kFree, 0, 0, {ticks, address});
  }
  Records& Save(uint64_t ticks, uint64_t address, uint64_t bytes) {
    return Add(format::RecordKind::kSave, 0, 0, {ticks, address, bytes});
  }
  Records& Release(uint64_t ticks, uint64_t address) {
    return Add(format::RecordKind::kRelease, 0, 0, {ticks, address});
  }
  Records& Step(uint64_t ticks, uint64_t number, bool recording = true) {
    return Add(format::RecordKind::kStep, recording ? format::kRecording : 0, 0,
               {ticks, number});
  }
  Records& Window(uint64_t ticks, bool recording) {
    return Add(format::RecordKind::kWindow, recording ? format::kRecording : 0,
               0, {ticks});
  }
  Records& Value(uint64_t ticks, uint32_t op, double value) {
    return Add(format::RecordKind::kValue, 0, op, {ticks, BitsOf(value)});
  }
  Records& Model(uint64_t ticks, uint32_t id) {
    return Add(format::RecordKind::kModel, 0, id, {ticks});
  }
  Records& Audit(uint64_t ticks, uint64_t tapped, uint64_t missed) {
    return Add(format::RecordKind::kAudit, 0, 0, {ticks, tapped, missed});
  }
  Records& Drop(uint64_t first_ticks, uint64_t last_ticks, uint64_t events) {
    return Add(format::RecordKind::kDrop, 0, 0,
               {first_ticks, last_ticks, events});
  }

  // Of a span that has a device time.
  Records& BeginTimed(uint64_t ticks, uint32_t signature) {
    return Begin(ticks, signature, {}, format::kTimed);
  }
  // `words` as record.h has them, behind the thread's number: `words[1]`.
  Records& DeviceTime(Words words) {
    const uint64_t thread = words[1];
    words.erase(words.begin() + 1);
    return Add(format::RecordKind::kDeviceTime, 0, thread, words);
  }
  Records& DeviceTimeOfStep(Words words) {
    words.erase(words.begin() + 1);
    return Add(format::RecordKind::kDeviceTime, format::kOfStep, 0, words);
  }
  Records& DeviceLoss(const Words& words) {
    return Add(format::RecordKind::kDeviceLoss, 0, 0, words);
  }

  Records& Launch(uint64_t ticks, uint32_t correlation) {
    return Add(format::RecordKind::kLaunch, 0, correlation, {ticks});
  }
  // `kind`: of v1::ActivityKind. `op`: whose name is the activity's.
  Records& Activity(uint64_t kind, uint64_t ticks, uint32_t op,
                    uint64_t start_ns, uint64_t duration_ns,
                    uint64_t correlation, uint64_t stream, uint64_t device,
                    uint64_t context, uint64_t bytes = 0) {
    return Add(format::RecordKind::kActivity, kind, op,
               {ticks, start_ns, duration_ns, correlation | stream << 32,
                device | context << 32, bytes});
  }
  Records& ActivityClock(uint64_t after_ticks, uint64_t cupti_ns,
                         uint64_t before_ticks) {
    return Add(format::RecordKind::kActivityClock, 0, 0,
               {after_ticks, cupti_ns, before_ticks});
  }
  Records& ActivityLoss(uint64_t ticks, uint64_t dropped, uint64_t unfinished,
                        uint64_t unreadable) {
    return Add(format::RecordKind::kActivityLoss, 0, 0,
               {ticks, dropped, unfinished, unreadable});
  }

  // What was not taken so far, as a ring whose seam is after `first` words.
  format::RecordSource Source(size_t first = ~size_t{0}) const {
    format::RecordSource source;
    source.thread.set_number(thread_);
    source.thread.set_torch_id(thread_);
    const auto rest = absl::MakeConstSpan(words_).subspan(taken_);
    source.first = rest.subspan(0, first);
    source.second = rest.subspan(source.first.size());
    return source;
  }
  void Take(const format::RecordSource& source) { taken_ += source.position; }

  size_t size() const { return words_.size(); }
  bool all_taken() const { return taken_ == words_.size(); }

 private:
  uint32_t thread_;
  Words words_;
  size_t taken_ = 0;
};

}  // namespace torchtape::testing

#endif  // TORCHTAPE_TESTS_SUPPORT_RECORDS_H_
