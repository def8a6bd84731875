#include "stream_builder.h"

#include <algorithm>

#include "no_sequence.h"

namespace torchtape::format {
namespace {

using Words = absl::Span<const uint64_t>;

// More ids than a thread ever has at a time: a bound for damaged records.
constexpr uint32_t kMaxLocalId = 1 << 20;

static_assert(static_cast<int>(SpanKind::kDeviceCall) ==
                      v1::SPAN_KIND_DEVICE_CALL &&
                  static_cast<int>(SpanKind::kModule) == v1::SPAN_KIND_MODULE &&
                  static_cast<int>(SpanKind::kBackward) ==
                      v1::SPAN_KIND_BACKWARD &&
                  static_cast<int>(ModuleSource::kTap) == v1::MODULE_SOURCE_TAP,
              "records and payloads number the kinds of spans alike");

}  // namespace

StreamBuilder::StreamBuilder(const v1::Thread& thread, Shared* shared)
    : thread_(thread), shared_(shared) {}

bool StreamBuilder::Define(Words record) {
  switch (KindOf(record[0])) {
    case RecordKind::kPad:
      return true;
    case RecordKind::kOperator:
      if (!DefineOperator(record)) return false;
      break;
    case RecordKind::kSignature:
      if (!DefineSignature(record)) return false;
      break;
    case RecordKind::kForget:
      Forget();
      return true;
    default:
      return false;
  }
  definitions_.insert(definitions_.end(), record.begin(), record.end());
  return true;
}

uint32_t StreamBuilder::Intern(v1::Operator op) {
  auto [it, added] =
      shared_->operator_index.try_emplace(op.SerializeAsString(), 0);
  if (added) {
    shared_->operators.push_back(std::move(op));
    it->second = static_cast<uint32_t>(shared_->operators.size());
  }
  return it->second;
}

bool StreamBuilder::DefineOperator(Words record) {
  const uint32_t id = IdOf(record[0]);
  if (record.size() < 2 || id == 0 || id > kMaxLocalId) return false;
  v1::Operator op;
  op.set_kind(static_cast<v1::SpanKind>(record[1] & 0xffffffff));
  op.set_module_source(static_cast<v1::ModuleSource>(record[1] >> 32));
  Words rest = record.subspan(2);
  if (!TakeText(&rest, op.mutable_name()) ||
      !TakeText(&rest, op.mutable_overload()) ||
      !TakeText(&rest, op.mutable_schema())) {
    return false;
  }
  if (operators_.size() < id) operators_.resize(id);
  operators_[id - 1] = Intern(std::move(op));
  return true;
}

bool StreamBuilder::DefineSignature(Words record) {
  const uint32_t id = IdOf(record[0]);
  if (record.size() < 2 || id == 0 || id > kMaxLocalId) return false;
  auto signature = std::make_unique<SignatureWords>();
  if (record[1] != 0) {
    if (record[1] > operators_.size()) return false;
    signature->op = operators_[record[1] - 1];
  }
  signature->values_recorded = (FlagsOf(record[0]) & kValuesRecorded) != 0;
  Words tags = record.subspan(2);
  if (FlagsOf(record[0]) & kHasCallSite) {
    if (!TakeCallPath((FlagsOf(record[0]) & kHasCallers) != 0, &tags,
                      &signature->call_path)) {
      return false;
    }
  }
  signature->words.assign(reinterpret_cast<const char*>(tags.data()),
                          tags.size() * sizeof(uint64_t));
  if (!signature->Count()) return false;
  if (signatures_.size() < id) signatures_.resize(id);
  if (signatures_[id - 1]) retired_.push_back(std::move(signatures_[id - 1]));
  signatures_[id - 1] = std::move(signature);
  return true;
}

bool StreamBuilder::TakeCallPath(bool has_callers, Words* words,
                                 std::vector<CodeAddress>* path) {
  if (words->empty()) return false;
  path->push_back(Resolve(words->front()));
  words->remove_prefix(1);
  if (!has_callers) return true;
  if (words->empty()) return false;
  const uint64_t callers = words->front();
  words->remove_prefix(1);
  if (callers > kMostCallers || callers > words->size()) return false;
  for (uint64_t address : words->subspan(0, callers)) {
    path->push_back(Resolve(address));
  }
  words->remove_prefix(callers);
  return true;
}

CodeAddress StreamBuilder::Resolve(uint64_t address) {
  absl::optional<v1::CodeObject> object;
  if (shared_->object_lookup) object = shared_->object_lookup(address);
  if (!object) return {0, address};
  const uint64_t at = address - object->load_address();
  return {Intern(*std::move(object)), at};
}

uint32_t StreamBuilder::Intern(v1::CodeObject object) {
  auto same = [&object](const v1::CodeObject& known) {
    return known.load_address() == object.load_address() &&
           known.path() == object.path();
  };
  std::vector<v1::CodeObject>& objects = shared_->objects;
  auto known = std::find_if(objects.begin(), objects.end(), same);
  if (known == objects.end()) {
    known = objects.insert(objects.end(), std::move(object));
  }
  return static_cast<uint32_t>(known - objects.begin() + 1);
}

void StreamBuilder::Forget() {
  for (auto& signature : signatures_) {
    if (signature) retired_.push_back(std::move(signature));
  }
  signatures_.clear();
  // Of what made them, the operators stay.
  std::vector<uint64_t> kept;
  for (Words rest = definitions_; !rest.empty();) {
    const Words record = rest.subspan(0, WordsOf(rest[0]));
    if (KindOf(record[0]) == RecordKind::kOperator) {
      kept.insert(kept.end(), record.begin(), record.end());
    }
    rest.remove_prefix(record.size());
  }
  definitions_ = std::move(kept);
  rewritten_ = true;
}

const std::string* StreamBuilder::OperatorName(uint32_t id) const {
  if (id == 0 || id > operators_.size() || operators_[id - 1] == 0) {
    return nullptr;
  }
  return &shared_->operators[operators_[id - 1] - 1].name();
}

void StreamBuilder::Start() {
  stream_.set_thread(thread_.number());
  stream_.set_start_time_ns(last_time_ns_);
  stream_.set_first_span(next_number_);
  stream_.set_tensor_base(shared_->tensor_base);
  stream_.set_storage_base(shared_->storage_base);
  tensor_coder_.Start(shared_->tensor_base);
  storage_coder_.Start(shared_->storage_base);
  last_sequence_ = 0;
  last_address_ = 0;
  marked_events_ = 0;
  marked_storage_ = 0;
  for (const Open& open : open_) {
    if (!open.recorded) continue;
    v1::OpenSpan* span = stream_.add_open();
    span->set_number(open.number);
    span->set_start_time_ns(open.start_time_ns);
    span->set_signature(shared_->Index(*open.signature));
    if (open.sequence) span->set_sequence(*open.sequence);
    span->set_forward_thread(open.forward_thread);
    span->set_children_ns(open.children_ns);
  }
}

void StreamBuilder::Add(v1::EventKind kind, uint64_t time_ns) {
  if (!has_events()) {
    if (last_time_ns_ == 0) last_time_ns_ = time_ns;
    Start();
  }
  // Clock lines are fitted anew now and then; time still never goes back.
  time_ns = std::max(time_ns, last_time_ns_);
  columns_.kinds.AddByte(static_cast<uint8_t>(kind));
  columns_.times.AddVarint(time_ns - last_time_ns_);
  last_time_ns_ = time_ns;
  ++shared_->events;
  shared_->words += 2;
}

void StreamBuilder::AddIdentities(Words words, uint64_t ticks,
                                  const Open* ending) {
  for (size_t i = 0; i < words.size(); i += 2) {
    const uint64_t tensor = words[i], memory = words[i + 1];
    const TensorId id = ending
                            ? shared_->identities.Output(tensor, memory, ticks,
                                                         ending->start_ticks)
                            : shared_->identities.Input(tensor, memory, ticks);
    columns_.tensors.AddVarint(tensor_coder_.Code(id.tensor));
    columns_.storages.AddVarint(storage_coder_.Code(id.storage));
  }
}

bool StreamBuilder::DynamicFits(const SignatureWords& signature, uint64_t flags,
                                Words words) {
  const size_t ids = (flags & kHasIdentities) ? 2 * signature.tensors : 0;
  return words.size() == signature.reals + ids;
}

void StreamBuilder::AddDynamic(const SignatureWords& signature, uint64_t flags,
                               Words words, uint64_t ticks,
                               const Open* ending) {
  const size_t ids = (flags & kHasIdentities) ? 2 * signature.tensors : 0;
  if (shared_->write_ids && ids != 0) {
    AddIdentities(words.subspan(0, ids), ticks, ending);
  } else if (shared_->write_ids) {
    // Columns hold an entry for each tensor or for none.
    for (uint32_t i = 0; i < signature.tensors; ++i) {
      columns_.tensors.AddVarint(0);
      columns_.storages.AddVarint(0);
    }
  }
  for (uint64_t bits : words.subspan(ids)) columns_.reals.AddFixed64(bits);
  shared_->counts.elided_values += signature.elided;
  shared_->words += words.size();
}

bool StreamBuilder::Begin(Words record, uint64_t time_ns) {
  const uint64_t flags = FlagsOf(record[0]);
  const bool backward = (flags & kBackward) != 0;
  const bool sequenced = (flags & kHasSequence) != 0;
  const SignatureWords* signature = Signature(IdOf(record[0]));
  size_t used = 2 + (sequenced ? 1 : 0) + (backward ? 1 : 0);
  if (signature == nullptr || record.size() < used ||
      !DynamicFits(*signature, flags, record.subspan(used))) {
    return false;
  }
  Open open{signature, 0, time_ns, record[1], {}, 0, shared_->recording};
  if (sequenced) open.sequence = static_cast<int64_t>(record[2]);
  if (backward) open.forward_thread = static_cast<uint32_t>(record[used - 1]);
  if ((flags & kTimed) != 0) {
    timed_[++timed_spans_] = open.recorded ? next_number_ + 1 : 0;
  }
  if (!open.recorded) {
    open_.push_back(open);
    return true;
  }
  Add(backward    ? v1::EVENT_KIND_BEGIN_BACKWARD
      : sequenced ? v1::EVENT_KIND_BEGIN_SEQUENCED
                  : v1::EVENT_KIND_BEGIN,
      time_ns);
  open.start_time_ns = last_time_ns_;
  open.number = next_number_++;
  columns_.signatures.AddVarint(shared_->Index(*signature));
  if (sequenced || backward) {
    const int64_t sequence = sequenced ? *open.sequence : last_sequence_;
    columns_.sequences.AddZigzag(
        static_cast<int64_t>(static_cast<uint64_t>(sequence) -
                             static_cast<uint64_t>(last_sequence_)));
    last_sequence_ = sequence;
  }
  if (backward) {
    columns_.forward_threads.AddVarint(sequenced ? open.forward_thread
                                                 : kNoSequence);
  }
  open_.push_back(open);
  ++shared_->counts.spans_begun;
  AddDynamic(*signature, flags, record.subspan(used), record[1], nullptr);
  return true;
}

bool StreamBuilder::End(Words record, uint64_t time_ns) {
  if (record.size() < 2) return false;
  if (open_.empty()) return true;  // it began before anything was recorded
  const Open open = open_.back();
  if (!open.recorded) {
    Pop();
    return true;
  }
  const uint64_t flags = FlagsOf(record[0]);
  const v1::EventKind kind = (flags & kCut)     ? v1::EVENT_KIND_END_UNKNOWN
                             : (flags & kThrew) ? v1::EVENT_KIND_END_THREW
                                                : v1::EVENT_KIND_END;
  const bool has_result = kind == v1::EVENT_KIND_END && IdOf(record[0]) != 0;
  const SignatureWords* result =
      has_result ? Signature(IdOf(record[0])) : nullptr;
  if (has_result &&
      (result == nullptr || !DynamicFits(*result, flags, record.subspan(2)))) {
    return false;
  }
  Add(kind, time_ns);  // a chunk that starts here has the span among its open
  Pop();
  ++shared_->counts.spans_ended;
  if (kind == v1::EVENT_KIND_END_UNKNOWN) {
    ++shared_->counts.cut_spans;
  } else if (!open_.empty()) {
    open_.back().children_ns += last_time_ns_ - open.start_time_ns;
  }
  if (kind != v1::EVENT_KIND_END) return true;
  columns_.results.AddVarint(has_result ? shared_->Index(*result) : 0);
  if (has_result) {
    AddDynamic(*result, flags, record.subspan(2), record[1], &open);
  }
  return true;
}

bool StreamBuilder::TakeTimed(uint64_t which,
                              absl::optional<uint64_t>* number) {
  const auto found = timed_.find(which);
  if (found == timed_.end()) return false;
  number->reset();
  if (found->second != 0) *number = found->second - 1;
  timed_.erase(found);
  return true;
}

void StreamBuilder::Pop() {
  open_.pop_back();
  if (open_.empty()) retired_.clear();
}

void StreamBuilder::Cut(uint64_t time_ns) {
  for (auto open = open_.rbegin(); open != open_.rend(); ++open) {
    if (!open->recorded) continue;
    Add(v1::EVENT_KIND_END_UNKNOWN, time_ns);
    ++shared_->counts.spans_ended;
    ++shared_->counts.cut_spans;
    open->recorded = false;
  }
}

void StreamBuilder::Finish(std::string* events) {
  if (!any_device_) columns_.allocation_devices.Clear();
  any_device_ = false;
  StartField(v1::Events::kStreamsFieldNumber,
             stream_.ByteSizeLong() + columns_.ByteSize(), events);
  stream_.AppendToString(events);
  columns_.AppendTo(events);
  stream_.Clear();
  columns_.Clear();
}

absl::optional<uint64_t> StreamBuilder::InnermostSpan() const {
  for (auto open = open_.rbegin(); open != open_.rend(); ++open) {
    if (open->recorded) return open->number;
  }
  return absl::nullopt;
}

bool StreamBuilder::has_open() const {
  return std::any_of(open_.begin(), open_.end(),
                     [](const Open& open) { return open.recorded; });
}

}  // namespace torchtape::format
