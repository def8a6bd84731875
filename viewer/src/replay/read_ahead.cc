#include "replay/read_ahead.h"

#include <new>
#include <optional>
#include <system_error>
#include <utility>

namespace torchtape::viewer {
namespace {

// Reading takes less time than playing: enough to bridge a chunk that is read
// slowly.
constexpr size_t kMostWaiting = 2;

absl::StatusOr<format::EventsView> EventsOf(const format::Chunk& chunk) {
  if (chunk.kind != v1::CHUNK_KIND_EVENTS) return format::EventsView();
  return format::EventsView::Parse(chunk.payload);
}

}  // namespace

ParsedChunk::ParsedChunk(format::Chunk read)
    : chunk(std::move(read)), events(EventsOf(chunk)) {}

ReadAhead::ReadAhead(format::LogReader* reader) : reader_(*reader) {
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::system_error&) {
  }
}

ReadAhead::~ReadAhead() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

ReadAhead::Result ReadAhead::Read() {
  absl::StatusOr<std::optional<format::Chunk>> chunk = reader_.Next();
  if (!chunk.ok()) return chunk.status();
  if (!chunk->has_value()) return nullptr;
  return std::make_unique<ParsedChunk>(**std::move(chunk));
}

// What is thrown here nobody would catch.
ReadAhead::Result ReadAhead::TryRead() {
  try {
    return Read();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("a chunk does not fit into memory");
  }
}

void ReadAhead::Run() {
  for (bool more = true; more;) {
    Result result = TryRead();
    more = result.ok() && *result != nullptr;
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(
        lock, [this] { return stopped_ || waiting_.size() < kMostWaiting; });
    if (stopped_) return;
    waiting_.push_back(std::move(result));
    changed_.notify_all();
  }
}

ReadAhead::Result ReadAhead::Next() {
  if (!thread_.joinable()) return Read();
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return !waiting_.empty(); });
  Result result = std::move(waiting_.front());
  waiting_.pop_front();
  lock.unlock();
  changed_.notify_all();
  // What it read of the log is known once it is done.
  if (!result.ok() || *result == nullptr) thread_.join();
  return result;
}

}  // namespace torchtape::viewer
