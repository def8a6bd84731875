#ifndef TORCHTAPE_SDK_CORE_ACTIVITY_READER_H_
#define TORCHTAPE_SDK_CORE_ACTIVITY_READER_H_

// Reads the activities that CUPTI has put into one buffer.

#include <cstdint>
#include <string>

#include "core/activity_buffers.h"
#include "core/cupti.h"
#include "core/thread_recorder.h"

namespace torchtape::internal {

class ActivityReader {
 public:
  // Counts of what is lost, in the order of v1::ActivityLoss.
  enum Loss { kDropped, kUnfinished, kUnreadable, kLosses };

  // Both must outlive the reader.
  ActivityReader(const cupti::Library& library,
                 const ActivityBuffers::Full& full)
      : library_(library), full_(full) {}

  // The next activity that is over, whose name lives until the next call; adds
  // those that are not to `losses`. False at the end.
  bool Next(ThreadRecorder::Activity* activity, uint64_t (&losses)[kLosses]);

 private:
  enum Found { kActivity, kOther, kNotOver, kNonsense };

  Found Read(ThreadRecorder::Activity* activity);
  // The record at hand; null if it reaches beyond the buffer.
  template <typename Record>
  const Record* As() const;
  template <typename Record>
  Found ReadCopy(ThreadRecorder::Activity* activity);

  const cupti::Library& library_;
  const ActivityBuffers::Full& full_;
  const uint32_t* record_ = nullptr;  // begins with its kind
  std::string name_;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_ACTIVITY_READER_H_
