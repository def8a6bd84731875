#ifndef TORCHTAPE_TESTS_SUPPORT_ENCODING_H_
#define TORCHTAPE_TESTS_SUPPORT_ENCODING_H_

#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support/records.h"
#include "support/replayed_log.h"
#include "torchtape/format/encoder.h"
#include "torchtape/format/log_writer.h"

namespace torchtape::testing {

// Records into a log in memory, and out of it again. A tick is a nanosecond.
class Encoding {
 public:
  explicit Encoding(const format::EncoderOptions& options = {})
      : writer_(format::ToString(&bytes_), v1::Run()),
        encoder_(
            options, &writer_,
            [this](uint32_t id) {
              return id < models_.size() ? models_[id] : v1::Model();
            },
            [this](uint64_t address) { return ObjectAt(address); }) {}

  // Encodes what these threads have recorded since the last time.
  absl::Status Consume(const std::vector<Records*>& threads,
                       uint64_t limit_ticks = ~uint64_t{0} - 1) {
    std::vector<format::RecordSource> sources;
    for (Records* thread : threads) sources.push_back(thread->Source(seam_));
    const absl::Status status =
        encoder_.Consume(absl::MakeSpan(sources), clock_, limit_ticks);
    for (size_t i = 0; i < threads.size(); ++i) threads[i]->Take(sources[i]);
    return status;
  }
  absl::Status Flush() { return encoder_.Flush(); }

  // Finishes the log.
  ReplayedLog Finish() {
    (void)encoder_.Flush();
    (void)writer_.Close(encoder_.statistics());
    return Replay(bytes_);
  }
  ReplayedLog Finish(const std::vector<Records*>& threads) {
    (void)Consume(threads);
    return Finish();
  }

  // The log, once it is finished.
  const std::string& bytes() const { return bytes_; }
  format::Encoder& encoder() { return encoder_; }
  void set_clock(const format::ClockLine& clock) { clock_ = clock; }
  // Words before the ring's seam.
  void set_seam(size_t words) { seam_ = words; }
  // Code from here on belongs to it, up to the next object.
  void AddObject(v1::CodeObject object) {
    objects_[object.load_address()] = std::move(object);
  }
  void AddModel(v1::Model model) { models_.push_back(std::move(model)); }

 private:
  absl::optional<v1::CodeObject> ObjectAt(uint64_t address) {
    auto after = objects_.upper_bound(address);
    if (after == objects_.begin()) return absl::nullopt;
    return std::prev(after)->second;
  }

  std::string bytes_;
  std::vector<v1::Model> models_;
  std::map<uint64_t, v1::CodeObject> objects_;
  format::ClockLine clock_;
  size_t seam_ = ~size_t{0};
  format::LogWriter writer_;
  format::Encoder encoder_;
};

}  // namespace torchtape::testing

#endif  // TORCHTAPE_TESTS_SUPPORT_ENCODING_H_
