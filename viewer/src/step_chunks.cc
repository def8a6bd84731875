#include "step_chunks.h"

namespace torchtape::viewer {

std::optional<std::vector<uint64_t>> ChunksWithSteps(const v1::Index& index,
                                                     const StepRange& steps) {
  if (steps.all()) return std::nullopt;
  std::vector<uint64_t> offsets;
  bool begins = false, ends = false;
  uint64_t behind = 0;  // the last chunk
  for (const v1::IndexEntry& entry : index.chunks()) {
    if (entry.offset() < behind) return std::nullopt;  // a forged index
    behind = entry.offset() + entry.stored_bytes();
    if (entry.kind() == v1::CHUNK_KIND_MODEL) {
      offsets.push_back(entry.offset());
    }
    if (entry.kind() != v1::CHUNK_KIND_EVENTS) continue;
    begins |= entry.first_step() <= steps.first;
    ends |= entry.last_step() > steps.last;
    if (entry.first_step() <= steps.last && entry.last_step() >= steps.first) {
      offsets.push_back(entry.offset());
    }
  }
  if (!begins || !ends) return std::nullopt;
  return offsets;
}

}  // namespace torchtape::viewer
