#ifndef TORCHTAPE_VIEWER_SRC_REPLAY_READ_AHEAD_H_
#define TORCHTAPE_VIEWER_SRC_REPLAY_READ_AHEAD_H_

// The chunks of a log in order, read, unpacked and parsed by a thread of its
// own while those before are played.
//
//   ReadAhead chunks(&reader);
//   while (true) {
//     absl::StatusOr<std::unique_ptr<ParsedChunk>> chunk = chunks.Next();
//     if (!chunk.ok() || *chunk == nullptr) break;
//   }
//
// Memory: a few chunks. Where no thread can be had, Next() reads by itself.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/status/statusor.h"
#include "torchtape/format/events_view.h"
#include "torchtape/format/log_reader.h"

namespace torchtape::viewer {

struct ParsedChunk {
  explicit ParsedChunk(format::Chunk read);
  ParsedChunk(const ParsedChunk&) = delete;
  ParsedChunk& operator=(const ParsedChunk&) = delete;

  const format::Chunk chunk;
  // Of kind Events: points into the chunk.
  absl::StatusOr<format::EventsView> events;
};

class ReadAhead {
 public:
  using Result = absl::StatusOr<std::unique_ptr<ParsedChunk>>;

  // `reader` must outlive this and is this one's until Next() has told of the
  // end.
  explicit ReadAhead(format::LogReader* reader);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // Null at the end; fails as LogReader::Next(). Not to be called again then.
  Result Next();

 private:
  Result Read();
  Result TryRead();
  void Run();

  format::LogReader& reader_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Result> waiting_;
  bool stopped_ = false;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPLAY_READ_AHEAD_H_
