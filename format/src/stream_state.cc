// What another StreamBuilder needs to go on where one stopped.

#include "stream_builder.h"

namespace torchtape::format {

void StreamBuilder::SaveCallPath(const std::vector<CodeAddress>& path,
                                 v1::SpanState* span) {
  for (size_t i = 0; i < path.size(); ++i) {
    v1::CodePlace place;
    if (path[i].object != 0) {
      *place.mutable_object() = shared_->objects[path[i].object - 1];
    }
    place.set_address(path[i].address);
    if (i != 0) {
      *span->add_callers() = std::move(place);
      continue;
    }
    if (place.has_object())
      span->mutable_object()->Swap(place.mutable_object());
    span->set_address(place.address());
  }
}

bool StreamBuilder::RestoreCallPath(const v1::SpanState& span,
                                    std::vector<CodeAddress>* path) {
  if (span.address() == 0) return true;
  if (span.callers_size() > static_cast<int>(kMostCallers)) return false;
  path->push_back(
      {span.has_object() ? Intern(span.object()) : 0, span.address()});
  for (const v1::CodePlace& place : span.callers()) {
    path->push_back(
        {place.has_object() ? Intern(place.object()) : 0, place.address()});
  }
  return true;
}

void StreamBuilder::Save(bool whole, v1::StreamState* state) {
  whole |= rewritten_;
  *state->mutable_thread() = thread_;
  state->set_whole(whole);
  const size_t from = whole ? 0 : saved_;
  state->mutable_definitions()->Add(definitions_.begin() + from,
                                    definitions_.end());
  saved_ = definitions_.size();
  rewritten_ = false;
  for (const Open& open : open_) {
    v1::SpanState* span = state->add_open();
    span->set_number(open.number);
    span->set_start_time_ns(open.start_time_ns);
    span->set_start_ticks(open.start_ticks);
    if (open.sequence) span->set_sequence(*open.sequence);
    span->set_forward_thread(open.forward_thread);
    span->set_recorded(open.recorded);
    span->set_children_ns(open.children_ns);
    if (open.signature->op != 0) {
      *span->mutable_op() = shared_->operators[open.signature->op - 1];
    }
    SaveCallPath(open.signature->call_path, span);
    span->set_values_recorded(open.signature->values_recorded);
    span->set_values(open.signature->words);
  }
  state->set_next_span(next_number_);
  state->set_last_time_ns(last_time_ns_);
  state->set_timed_spans(timed_spans_);
  for (const auto& [which, number] : timed_) {
    state->add_waiting_for_time(which);
    state->add_waiting_for_time(number);
  }
}

bool StreamBuilder::Restore(const v1::StreamState& state) {
  if (state.whole()) {
    operators_.clear();
    signatures_.clear();
    definitions_.clear();
  }
  for (absl::Span<const uint64_t> rest(state.definitions().data(),
                                       state.definitions_size());
       !rest.empty();) {
    const size_t words = WordsOf(rest[0]);
    if (words == 0 || words > rest.size()) return false;
    if (!Define(rest.subspan(0, words))) return false;
    rest.remove_prefix(words);
  }
  saved_ = definitions_.size();
  rewritten_ = false;
  open_.clear();
  retired_.clear();
  for (const v1::SpanState& span : state.open()) {
    auto signature = std::make_unique<SignatureWords>();
    if (span.has_op()) signature->op = Intern(span.op());
    if (!RestoreCallPath(span, &signature->call_path)) return false;
    signature->values_recorded = span.values_recorded();
    signature->words = span.values();
    if (signature->words.size() % sizeof(uint64_t) != 0) return false;
    if (!signature->Count()) return false;
    Open open{signature.get(),
              span.number(),
              span.start_time_ns(),
              span.start_ticks(),
              {},
              span.forward_thread(),
              span.recorded(),
              span.children_ns()};
    if (span.has_sequence()) open.sequence = span.sequence();
    open_.push_back(open);
    retired_.push_back(std::move(signature));
  }
  next_number_ = state.next_span();
  last_time_ns_ = state.last_time_ns();
  timed_spans_ = state.timed_spans();
  timed_.clear();
  const auto& waiting = state.waiting_for_time();
  if (waiting.size() % 2 != 0) return false;
  for (int i = 0; i < waiting.size(); i += 2)
    timed_[waiting[i]] = waiting[i + 1];
  return true;
}

}  // namespace torchtape::format
