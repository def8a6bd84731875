#ifndef TORCHTAPE_FORMAT_SRC_SPLICED_LOG_H_
#define TORCHTAPE_FORMAT_SRC_SPLICED_LOG_H_

// A log as recovery shows it, without writing it anew.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "torchtape/format/byte_source.h"

namespace torchtape::format::internal {

// A chunk whose bytes the recorder was about to give back.
struct Release {
  uint64_t begin;
  uint64_t end;
  std::string header;  // takes its place; then zeros
};

// The beginning of one source, where chunks may be released, and some bytes
// behind it.
class SplicedLog : public ByteSource {
 public:
  SplicedLog(std::shared_ptr<ByteSource> source, uint64_t bytes,
             std::vector<Release> releases, std::string tail)
      : source_(std::move(source)),
        bytes_(bytes),
        releases_(std::move(releases)),
        tail_(std::move(tail)) {}

  uint64_t size() const override { return bytes_ + tail_.size(); }

  absl::StatusOr<std::string> Read(uint64_t offset,
                                   size_t length) const override {
    std::string read;
    if (offset < bytes_) {
      absl::StatusOr<std::string> front =
          source_->Read(offset, std::min<uint64_t>(length, bytes_ - offset));
      if (!front.ok()) return front;
      read = *std::move(front);
      Cover(offset, &read);
      offset = bytes_;
      length -= read.size();
    }
    if (offset - bytes_ < tail_.size()) {
      read.append(tail_, offset - bytes_, length);
    }
    return read;
  }

 private:
  // Puts what is released into `read`, which begins at `offset`.
  void Cover(uint64_t offset, std::string* read) const {
    const uint64_t end = offset + read->size();
    auto release = std::partition_point(
        releases_.begin(), releases_.end(),
        [offset](const Release& each) { return each.end <= offset; });
    for (; release != releases_.end() && release->begin < end; ++release) {
      for (uint64_t at = std::max(offset, release->begin);
           at < std::min(end, release->end); ++at) {
        const uint64_t in = at - release->begin;
        (*read)[at - offset] =
            in < release->header.size() ? release->header[in] : '\0';
      }
    }
  }

  const std::shared_ptr<ByteSource> source_;
  const uint64_t bytes_;
  const std::vector<Release> releases_;  // in order
  const std::string tail_;
};

}  // namespace torchtape::format::internal

#endif  // TORCHTAPE_FORMAT_SRC_SPLICED_LOG_H_
