#include "core/activity_reader.h"

#include <iterator>

#include "absl/strings/str_cat.h"

namespace torchtape::internal {
namespace {

using format::ActivityKind;
using Activity = ThreadRecorder::Activity;

// CUpti_ActivityMemcpyKind and CUpti_ActivityMemoryKind, from 0 on.
constexpr const char* kDirections[] = {"",     "HtoD", "DtoH", "HtoA",
                                       "AtoH", "AtoA", "AtoD", "DtoA",
                                       "DtoD", "HtoH", "PtoP"};
constexpr const char* kMemories[] = {
    "Unknown", "Pageable", "Pinned",        "Device",
    "Array",   "Managed",  "Device Static", "Managed Static"};

const char* MemoryOf(uint8_t kind) {
  return kMemories[kind < std::size(kMemories) ? kind : 0];
}

// As PyTorch's profiler names them.
template <typename Record>
std::string NameOfCopy(const Record& copy) {
  const char* const direction = copy.direction < std::size(kDirections)
                                    ? kDirections[copy.direction]
                                    : "";
  return absl::StrCat("Memcpy", *direction ? " " : "", direction, " (",
                      MemoryOf(copy.from), " -> ", MemoryOf(copy.to), ")");
}

// What all records have. False if it is not over.
template <typename Record>
bool ReadCommon(const Record& record, Activity* activity) {
  if (record.start == 0 || record.end < record.start) return false;
  activity->device = record.device;
  activity->context = record.context;
  activity->stream = record.stream;
  activity->correlation = record.correlation;
  activity->start_ns = record.start;
  activity->duration_ns = record.end - record.start;
  return true;
}

}  // namespace

template <typename Record>
const Record* ActivityReader::As() const {
  const uintptr_t offset = reinterpret_cast<uintptr_t>(record_) -
                           reinterpret_cast<uintptr_t>(full_.buffer);
  if (offset > full_.valid_bytes ||
      full_.valid_bytes - offset < sizeof(Record) ||
      offset % alignof(Record) != 0) {
    return nullptr;
  }
  return reinterpret_cast<const Record*>(record_);
}

template <typename Record>
ActivityReader::Found ActivityReader::ReadCopy(Activity* activity) {
  const Record* const copy = As<Record>();
  if (copy == nullptr) return kNonsense;
  if (!ReadCommon(*copy, activity)) return kNotOver;
  name_ = NameOfCopy(*copy);
  activity->kind = ActivityKind::kCopy;
  activity->name = name_;
  activity->bytes = copy->bytes;
  return kActivity;
}

ActivityReader::Found ActivityReader::Read(Activity* activity) {
  const uint32_t* const kind = As<uint32_t>();
  if (kind == nullptr) return kNonsense;
  switch (*kind) {
    case cupti::kKernel:
    case cupti::kSerialKernel: {
      const auto* const kernel = As<cupti::KernelRecord>();
      if (kernel == nullptr) return kNonsense;
      if (!ReadCommon(*kernel, activity)) return kNotOver;
      activity->kind = ActivityKind::kKernel;
      activity->name = kernel->name == nullptr ? "" : kernel->name;
      activity->bytes = 0;
      return kActivity;
    }
    case cupti::kCopy:
      return ReadCopy<cupti::CopyRecord>(activity);
    case cupti::kPeerCopy:
      return ReadCopy<cupti::PeerCopyRecord>(activity);
    case cupti::kSet: {
      const auto* const set = As<cupti::SetRecord>();
      if (set == nullptr) return kNonsense;
      if (!ReadCommon(*set, activity)) return kNotOver;
      activity->kind = ActivityKind::kSet;
      activity->name = "Memset";
      activity->bytes = set->bytes;
      return kActivity;
    }
    default:
      return kOther;
  }
}

bool ActivityReader::Next(Activity* activity, uint64_t (&losses)[kLosses]) {
  while (true) {
    const cupti::Result result = library_.ActivityGetNextRecord(
        full_.buffer, full_.valid_bytes, &record_);
    if (result == cupti::kNoMoreRecords) return false;
    Found found = kNonsense;
    if (result == cupti::kSuccess) found = Read(activity);
    if (found == kActivity) return true;
    if (found == kNotOver) ++losses[kUnfinished];
    if (found != kNonsense) continue;
    // What follows in the buffer cannot be found.
    ++losses[kUnreadable];
    return false;
  }
}

}  // namespace torchtape::internal
