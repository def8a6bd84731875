#include "read_speed.h"

#include <ctime>
#include <memory>
#include <stdexcept>

#include "torchtape/format/log_reader.h"
#include "torchtape/format/stream_cursor.h"

namespace torchtape::benchmarks {
namespace {

using format::Event;
using format::StreamCursor;

void CountEvents(const format::EventsView& events, ReadCost* cost) {
  const auto counts =
      std::make_shared<const format::SignatureCounts>(events.head);
  for (const format::StreamView& stream : events.streams) {
    StreamCursor cursor(counts, stream, StreamCursor::Columns::kOps);
    for (Event event; cursor.Next(&event);) {
      cost->events += 1;
      cost->spans += event.kind <= v1::EVENT_KIND_BEGIN_BACKWARD;
    }
    if (!cursor.status().ok()) {
      throw std::runtime_error(cursor.status().ToString());
    }
  }
}

}  // namespace

ReadCost ReadLog(const std::string& path) {
  ReadCost cost;
  const std::clock_t start = std::clock();
  auto reader = format::LogReader::Open(format::OpenFile(path).value());
  if (!reader.ok()) throw std::runtime_error(reader.status().ToString());
  while (true) {
    auto chunk = reader->Next();
    if (!chunk.ok() || !chunk->has_value()) break;
    if ((*chunk)->kind != v1::CHUNK_KIND_EVENTS) continue;
    CountEvents(format::EventsView::Parse((*chunk)->payload).value(), &cost);
  }
  const double seconds =
      static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  cost.mops_per_s = cost.spans / seconds / 1e6;
  cost.mevents_per_s = cost.events / seconds / 1e6;
  return cost;
}

}  // namespace torchtape::benchmarks
