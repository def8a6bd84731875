#ifndef TORCHTAPE_TESTS_SUPPORT_FAILING_SINK_H_
#define TORCHTAPE_TESTS_SUPPORT_FAILING_SINK_H_

#include <cstddef>
#include <string>

#include "torchtape/format/byte_sink.h"

namespace torchtape::testing {

// A disk with room for `room` bytes. What fits is appended to `bytes`, which
// outlives the sink, as a real disk takes a part of what no longer fits.
class FailingSink : public format::ByteSink {
 public:
  FailingSink(size_t room, std::string* bytes) : room_(room), bytes_(bytes) {}

  absl::Status Append(absl::string_view bytes) override {
    const absl::string_view fitting = bytes.substr(0, room_);
    bytes_->append(fitting.data(), fitting.size());
    room_ -= fitting.size();
    if (fitting.size() == bytes.size()) return absl::OkStatus();
    return absl::ResourceExhaustedError("the test's disk is full");
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  size_t room_;
  std::string* const bytes_;
};

}  // namespace torchtape::testing

#endif  // TORCHTAPE_TESTS_SUPPORT_FAILING_SINK_H_
