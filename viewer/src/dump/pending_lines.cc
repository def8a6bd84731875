#include "dump/pending_lines.h"

#include <utility>

namespace torchtape::viewer {
namespace {

constexpr size_t kMaxBytes = size_t{32} << 20;

}  // namespace

void PendingLines::Take() { Add(Line()); }

void PendingLines::TakeBegin(uint32_t thread) {
  Line line;
  line.begin = true;
  line.unit = attribution_.CurrentUnit(thread);
  if (line.unit == kNoUnit) line.call = attribution_.CurrentCall(thread);
  Add(std::move(line));
}

void PendingLines::Add(Line line) {
  line.text = text_.str();
  text_.str("");
  bytes_ += line.text.size() + sizeof(Line);
  lines_.push_back(std::move(line));
  if (bytes_ > kMaxBytes) attribution_.Decide();
}

void PendingLines::OnUnits(absl::Span<const Unit>) {
  for (Line& line : lines_) {
    if (!line.begin) {
      out_ << line.text;
      continue;
    }
    Owner owner = {line.call.module, line.call.source, false};
    uint32_t call = line.call.number;
    if (const Unit* unit = attribution_.Find(line.unit)) {
      owner = unit->owner;
      call = unit->call;
    }
    out_ << format_.Completed(std::move(line.text), attribution_.tree(), owner,
                              call);
  }
  lines_.clear();
  bytes_ = 0;
}

}  // namespace torchtape::viewer
