// Names and signatures: what repeats in a recording is told once, and has a
// number from then on.

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/hash.h"
#include "core/thread_recorder.h"

namespace torchtape::internal {

using format::RecordHeader;
using format::RecordKind;

namespace {

size_t TextRecordWords(absl::string_view text) {
  return 1 + format::TextWords(text.size());
}

uint64_t* PutText(uint64_t* to, absl::string_view text) {
  *to++ = text.size();
  const size_t words = format::TextWords(text.size());
  if (words != 0) {
    to[words - 1] = 0;
    std::memcpy(to, text.data(), text.size());
  }
  return to + words;
}

// Longer names and schemas are cut: a record has a bound.
absl::string_view Bounded(absl::string_view text) {
  constexpr size_t kMaxBytes = 32768;
  return text.substr(0, kMaxBytes);
}

}  // namespace

uint32_t ThreadRecorder::DefineOperator(SpanKind kind, absl::string_view name,
                                        absl::string_view overload,
                                        absl::string_view schema,
                                        ModuleSource source) {
  name = Bounded(name);
  overload = Bounded(overload);
  schema = Bounded(schema);
  const size_t words = 2 + TextRecordWords(name) + TextRecordWords(overload) +
                       TextRecordWords(schema);
  uint64_t* record = Reserve(words);
  if (record == nullptr) return 0;
  const uint32_t id = ++last_operator_;
  record[0] = RecordHeader(RecordKind::kOperator, 0, words, id);
  record[1] = format::OperatorWord(kind, source);
  PutText(PutText(PutText(record + 2, name), overload), schema);
  ring_->Commit(words);
  return id;
}

KnownOperator* ThreadRecorder::AddByAddress(const char* address, SpanKind kind,
                                            absl::string_view name,
                                            absl::string_view overload,
                                            absl::string_view schema) {
  if (addresses_ >= kAddressSlots / 4 * 3) return nullptr;
  const uint32_t id = DefineOperator(kind, name, overload, schema);
  if (id == 0) return nullptr;
  size_t slot = AddressSlot(address);
  while (by_address_[slot].name != nullptr &&
         by_address_[slot].name != address) {
    slot = (slot + 1) % kAddressSlots;
  }
  AddressEntry& entry = by_address_[slot];
  if (entry.name == nullptr) ++addresses_;
  entry = AddressEntry();
  entry.name = address;
  entry.known.id = id;
  std::memcpy(entry.text, address, strnlen(address, kTextBytes));
  return &entry.known;
}

KnownOperator* ThreadRecorder::AddByNumber(uint32_t number, SpanKind kind,
                                           absl::string_view name,
                                           absl::string_view overload,
                                           absl::string_view schema) {
  const uint32_t id = DefineOperator(kind, name, overload, schema);
  if (id == 0) return nullptr;
  by_number_[number].id = id;
  return &by_number_[number];
}

KnownOperator* ThreadRecorder::FindByText(SpanKind kind,
                                          absl::string_view name) {
  text_key_.assign(1, static_cast<char>(kind));
  text_key_.append(name.data(), name.size());
  auto it = by_text_.find(text_key_);
  return it == by_text_.end() ? nullptr : &it->second;
}

KnownOperator* ThreadRecorder::AddByText(SpanKind kind,
                                         absl::string_view name) {
  if (by_text_.size() >= kMaxTexts) return nullptr;
  const uint32_t id = DefineOperator(kind, name, "", "");
  if (id == 0) return nullptr;
  FindByText(kind, name);  // makes the key
  return &(by_text_[text_key_] = KnownOperator{id, 0});
}

ModuleTable::Entry* ThreadRecorder::AddModule(const ModuleInstance& instance,
                                              ModuleSource source,
                                              absl::string_view path,
                                              absl::string_view type) {
  // One path is one operator for each type and source.
  const std::string key =
      absl::StrCat(path, absl::string_view("\0", 1), type,
                   absl::string_view("\0", 1), static_cast<uint32_t>(source));
  KnownOperator* op = FindByText(SpanKind::kModule, key);
  if (op == nullptr) {
    if (by_text_.size() >= kMaxTexts) return nullptr;
    const uint32_t id =
        DefineOperator(SpanKind::kModule, path, type, "", source);
    if (id == 0) return nullptr;
    FindByText(SpanKind::kModule, key);  // makes the key
    op = &(by_text_[text_key_] = KnownOperator{id, 0});
  }
  return modules_.Add(instance, op->id);
}

void ThreadRecorder::Define(ModuleTable::Entry* module, const CallPath& path) {
  if (module_signatures_ == kMaxModuleSignatures) Forget();
  if (module_signatures_ == kMaxModuleSignatures) return;  // no room to
  ++module_signatures_;
  module->signature = DefineSignature(module->op, path, false);
}

uint32_t ThreadRecorder::DefineSignature(uint32_t op, const CallPath& path,
                                         bool values_recorded) {
  const size_t tags = values_recorded ? values_->tags() : 0;
  const bool has_callers = path.count > 1;
  const size_t words = 2 + path.count + has_callers + tags;
  uint64_t* record = Reserve(words);
  if (record == nullptr) return 0;
  const uint32_t id = ++last_signature_;
  record[0] = RecordHeader(RecordKind::kSignature,
                           (values_recorded ? format::kValuesRecorded : 0) |
                               (path.count != 0 ? format::kHasCallSite : 0) |
                               (has_callers ? format::kHasCallers : 0),
                           words, id);
  record[1] = op;
  uint64_t* rest = record + 2;
  for (size_t i = 0; i < path.count; ++i) {
    *rest++ = path.addresses[i];
    if (i == 0 && has_callers) *rest++ = path.count - 1;
  }
  for (size_t i = 0; i < tags; ++i) *rest++ = values_->tag_words()[i];
  ring_->Commit(words);
  return id;
}

uint32_t ThreadRecorder::BareSignature(KnownOperator* op) {
  if (op->bare_signature == 0)
    op->bare_signature = DefineSignature(op->id, CallPath(), false);
  return op->bare_signature;
}

uint32_t ThreadRecorder::FindSignature(uint32_t op, const CallPath& path,
                                       bool values_recorded, uint64_t hash) {
  if (__builtin_expect(forget_, 0)) Forget();
  uint32_t slot = (hash >> 20) % kSignatureSlots;
  while (signature_slots_[slot].hash != 0 &&
         signature_slots_[slot].hash != hash) {
    slot = (slot + 1) % kSignatureSlots;
  }
  if (signature_slots_[slot].hash == 0) {
    // Only if there was no room to forget; the search above must end.
    if (signatures_ >= kSignatureSlots - 1) return 0;
    uint32_t id = DefineSignature(op, path, values_recorded);
    if (id == 0) return 0;
    if (path.count == 1) {
      const CodeKind kind = call_paths_.KindOf(path.addresses[0]);
      if (kind == CodeKind::kHeader) id |= kThroughHeaders;
      if (kind == CodeKind::kLibTorch) id |= kFromLibTorch;
    }
    signature_slots_[slot] = {hash, id, used_};
    // Shapes or arguments that never repeat: start over before the next one.
    if (++signatures_ >= kMaxSignatures) forget_ = true;
  }
  SignatureSlot& found = signature_slots_[slot];
  guess_ = found.seen + 1;
  found.seen = used_;
  HistoryAt(used_++) = (hash & kHashMask) | found.id;
  return found.id;
}

void ThreadRecorder::Forget() {
  uint64_t* record = Reserve(1);
  if (record == nullptr) return;
  record[0] = RecordHeader(RecordKind::kForget, 0, 1, 0);
  ring_->Commit(1);
  forget_ = false;
  for (SignatureSlot& entry : signature_slots_) entry = SignatureSlot();
  std::fill(history_.begin(), history_.end(), 0);
  signatures_ = 0;
  last_signature_ = 0;
  for (AddressEntry& entry : by_address_) entry.known.bare_signature = 0;
  for (auto& [text, known] : by_text_) known.bare_signature = 0;
  modules_.ForgetSignatures();
  module_signatures_ = 0;
}

}  // namespace torchtape::internal
