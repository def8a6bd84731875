#include "dictionary.h"

#include <cstring>

#include "torchtape/format/record.h"

namespace torchtape::format {
namespace {

using Words = absl::Span<const uint64_t>;

constexpr int kMaxNesting = 32;  // lists within lists

// The words of the type at the front of `words`, its tag included; 0 if they
// are cut short.
size_t TensorWords(Words words) {
  const uint64_t tag = words[0];
  const uint64_t flags = tag >> 40 & 0xff;
  const uint64_t dimensions = tag >> 48;
  const uint64_t count = 1 + dimensions + (flags & kStrided ? dimensions : 0) +
                         (flags & kOffset ? 1 : 0);
  return count <= words.size() ? count : 0;
}

// Words of a plain value behind its tag.
uint64_t PlainWords(uint64_t word) {
  switch (TagOf(word)) {
    case ValueTag::kInteger:
      return 1;
    case ValueTag::kText:
    case ValueTag::kObject:
      return TextWords(RestOf(word));
    case ValueTag::kIntegers:
    case ValueTag::kBooleans:
      return RestOf(word);
    default:
      return 0;
  }
}

// Counts the value at the front of `words` and removes it from there.
bool CountValue(Words* words, int nesting, SignatureWords* signature) {
  if (words->empty() || nesting > kMaxNesting) return false;
  const uint64_t word = words->front();
  if (TagOf(word) == ValueTag::kTensor) {
    const size_t count = TensorWords(*words);
    if (count == 0) return false;
    words->remove_prefix(count);
    ++signature->tensors;
    return true;
  }
  const uint64_t plain = PlainWords(word);
  if (plain > words->size() - 1) return false;
  words->remove_prefix(1 + plain);
  switch (TagOf(word)) {
    case ValueTag::kReal:
      signature->reals += 1;
      return true;
    case ValueTag::kComplex:
      signature->reals += 2;
      return true;
    case ValueTag::kReals:
      if (RestOf(word) > kMaxRecordWords) return false;
      signature->reals += RestOf(word);
      return true;
    case ValueTag::kElided:
      if (RestOf(word) != 0) ++signature->elided;
      return true;
    case ValueTag::kList:
      for (uint64_t i = 0; i < RestOf(word); ++i) {
        if (!CountValue(words, nesting + 1, signature)) return false;
      }
      return true;
    default:
      return TagOf(word) >= ValueTag::kNone && TagOf(word) <= ValueTag::kElided;
  }
}

Words AsWords(const std::string& bytes) {
  return Words(reinterpret_cast<const uint64_t*>(bytes.data()),
               bytes.size() / sizeof(uint64_t));
}

}  // namespace

bool TakeText(Words* words, std::string* text) {
  if (words->empty()) return false;
  const uint64_t bytes = words->front();
  if (bytes > kMaxRecordWords * sizeof(uint64_t)) return false;
  if (TextWords(bytes) > words->size() - 1) return false;
  text->assign(reinterpret_cast<const char*>(words->data() + 1), bytes);
  words->remove_prefix(1 + TextWords(bytes));
  return true;
}

bool SignatureWords::Count() {
  tensors = reals = elided = 0;
  for (Words rest = AsWords(words); !rest.empty();) {
    if (!CountValue(&rest, 0, this)) return false;
  }
  return true;
}

void Dictionary::Clear() {
  message_.Clear();
  operators_.clear();
  objects_.clear();
  call_sites_.clear();
  types_.clear();
  signatures_.clear();
  size_bytes_ = 0;
  ++chunk_;
}

uint32_t Dictionary::OperatorIndex(uint32_t op,
                                   const std::vector<v1::Operator>& operators) {
  if (op == 0) return 0;
  auto [it, added] = operators_.try_emplace(op, 0);
  if (added) {
    *message_.add_operators() = operators[op - 1];
    it->second = message_.operators_size();
    size_bytes_ += operators[op - 1].ByteSizeLong() + 8;
  }
  return it->second;
}

uint32_t Dictionary::ObjectIndex(uint32_t object,
                                 const std::vector<v1::CodeObject>& objects) {
  if (object == 0) return 0;
  auto [it, added] = objects_.try_emplace(object, 0);
  if (added) {
    *message_.add_objects() = objects[object - 1];
    it->second = message_.objects_size();
    size_bytes_ += objects[object - 1].ByteSizeLong() + 8;
  }
  return it->second;
}

uint32_t Dictionary::CallSiteIndex(const std::vector<CodeAddress>& call_path,
                                   const std::vector<v1::CodeObject>& objects) {
  uint32_t index = 0;
  for (size_t i = call_path.size(); i-- > 0;) {  // callers first
    const CodeAddress& at = call_path[i];
    const uint32_t caller = index;
    auto [it, added] = call_sites_.try_emplace(
        std::make_tuple(at.object, at.address, caller), 0);
    if (added) {
      v1::CallSite* message = message_.add_call_sites();
      message->set_object(ObjectIndex(at.object, objects));
      message->set_address(at.address);
      message->set_caller(caller);
      size_bytes_ += 20;
      it->second = message_.call_sites_size();
    }
    index = it->second;
  }
  return index;
}

void Dictionary::Find(const SignatureWords& signature,
                      const std::vector<v1::Operator>& operators,
                      const std::vector<v1::CodeObject>& objects) {
  std::string key = signature.words;
  key.append(reinterpret_cast<const char*>(&signature.op), sizeof signature.op);
  for (const CodeAddress& at : signature.call_path) {
    key.append(reinterpret_cast<const char*>(&at.object), sizeof at.object);
    key.append(reinterpret_cast<const char*>(&at.address), sizeof at.address);
  }
  key.push_back(static_cast<char>(signature.call_path.size()));
  key.push_back(signature.values_recorded ? 1 : 0);
  auto [it, added] = signatures_.try_emplace(std::move(key), 0);
  if (added) {
    const uint32_t op = OperatorIndex(signature.op, operators);
    v1::Signature* message = message_.add_signatures();
    message->set_op(op);
    message->set_values_recorded(signature.values_recorded);
    message->set_call_site(CallSiteIndex(signature.call_path, objects));
    for (Words rest = AsWords(signature.words); !rest.empty();) {
      AddValue(&rest, message->add_values());
    }
    it->second = message_.signatures_size();
    size_bytes_ += signature.words.size() * 2 + 16;
  }
  signature.chunk = chunk_;
  signature.index = it->second;
}

uint32_t Dictionary::TypeIndex(Words words) {
  auto [it, added] = types_.try_emplace(
      std::string(reinterpret_cast<const char*>(words.data()),
                  words.size() * sizeof(uint64_t)),
      0);
  if (!added) return it->second;
  const uint64_t tag = words[0];
  const uint64_t flags = tag >> 40 & 0xff;
  const size_t dimensions = tag >> 48;
  v1::TensorType* type = message_.add_types();
  type->set_dtype(tag >> 8 & 0xff);
  type->set_device_type(tag >> 16 & 0xff);
  type->set_device_index(static_cast<int32_t>(tag >> 24 & 0xff) - 1);
  type->set_layout(tag >> 32 & 0xff);
  type->set_requires_grad((flags & kRequiresGrad) != 0);
  for (uint64_t size : words.subspan(1, dimensions)) {
    type->add_sizes(static_cast<int64_t>(size));
  }
  if (flags & kStrided) {
    type->set_strided_explicitly(true);
    for (uint64_t stride : words.subspan(1 + dimensions, dimensions)) {
      type->add_strides(static_cast<int64_t>(stride));
    }
  }
  if (flags & kOffset) {
    type->set_storage_offset(static_cast<int64_t>(words.back()));
  }
  it->second = message_.types_size();
  return it->second;
}

// The words were counted when the signature was defined, so they are whole.
void Dictionary::AddValue(Words* words, v1::Value* value) {
  const uint64_t word = words->front();
  const uint64_t rest = RestOf(word);
  if (TagOf(word) == ValueTag::kTensor) {
    const size_t count = TensorWords(*words);
    value->set_tensor(TypeIndex(words->subspan(0, count)));
    words->remove_prefix(count);
    return;
  }
  const Words plain = words->subspan(1, PlainWords(word));
  words->remove_prefix(1 + plain.size());
  const auto text = [&] {
    return std::string(reinterpret_cast<const char*>(plain.data()), rest);
  };
  switch (TagOf(word)) {
    case ValueTag::kUndefinedTensor:
      return value->set_undefined_tensor(true);
    case ValueTag::kBoolean:
      return value->set_boolean(rest != 0);
    case ValueTag::kInteger:
      return value->set_integer(static_cast<int64_t>(plain[0]));
    case ValueTag::kReal:
      return value->set_real(true);
    case ValueTag::kComplex:
      return value->set_complex(true);
    case ValueTag::kText:
      return value->set_text(text());
    case ValueTag::kObject:
      return value->set_object(text());
    case ValueTag::kDevice:
      value->mutable_device()->set_type(rest & 0xff);
      value->mutable_device()->set_index(
          static_cast<int32_t>(rest >> 8 & 0xff) - 1);
      return;
    case ValueTag::kList:
      value->mutable_list();
      for (uint64_t i = 0; i < rest; ++i) {
        AddValue(words, value->mutable_list()->add_values());
      }
      return;
    case ValueTag::kIntegers:
      value->mutable_integers();
      for (uint64_t integer : plain) {
        value->mutable_integers()->add_values(static_cast<int64_t>(integer));
      }
      return;
    case ValueTag::kReals:
      return value->set_reals(rest);
    case ValueTag::kBooleans:
      value->mutable_booleans();
      for (uint64_t boolean : plain) {
        value->mutable_booleans()->add_values(boolean != 0);
      }
      return;
    case ValueTag::kElided:
      return value->set_elided(rest);
    default:
      return value->set_none(true);
  }
}

}  // namespace torchtape::format
