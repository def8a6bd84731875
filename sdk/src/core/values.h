#ifndef TORCHTAPE_SDK_CORE_VALUES_H_
#define TORCHTAPE_SDK_CORE_VALUES_H_

// Collects what an op was given or returned, split as records want it: tags,
// which are the same call after call and become a signature, and dynamic words,
// which are not. Fixed room, no allocation.
//
// A value that does not fit is recorded as elided, with its number of elements.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "torchtape/format/record.h"

namespace torchtape::internal {

// What a source knows of a tensor, as plain numbers.
struct TensorFacts {
  uint64_t tensor_address;
  uint64_t memory_address;  // 0: no memory
  uint8_t dtype;
  uint8_t device_type;
  uint8_t device_index_plus_1;
  uint8_t layout;
  bool requires_grad;
  uint32_t dimensions;
  const int64_t* sizes;
  const int64_t* strides;  // null if contiguous
  int64_t offset;
};

class Values {
 public:
  static constexpr size_t kMaxTags = 12288;
  static constexpr size_t kMaxIds = 8192;
  static constexpr size_t kMaxReals = 4096;
  static constexpr size_t kMaxDimensions = 64;

  void Clear() { tags_ = ids_ = reals_ = owed_ = 0; }

  void None() { Plain(format::ValueTag::kNone); }
  void UndefinedTensor() { Plain(format::ValueTag::kUndefinedTensor); }
  void Boolean(bool value) { Plain(format::ValueTag::kBoolean, value); }
  void Device(uint8_t type, uint8_t index_plus_1) {
    Plain(format::ValueTag::kDevice, type | uint64_t{index_plus_1} << 8);
  }
  void Elided(uint64_t elements) { Plain(format::ValueTag::kElided, elements); }

  void Integer(int64_t value) {
    if (!Fits(2)) return (void)Elide(1);
    Push(format::ValueWord(format::ValueTag::kInteger));
    Push(static_cast<uint64_t>(value));
  }

  void Real(double value) {
    if (!Fits(1, 0, 1)) return (void)Elide(1);
    Push(format::ValueWord(format::ValueTag::kReal));
    PushReal(value);
  }

  void Complex(double real, double imaginary) {
    if (!Fits(1, 0, 2)) return (void)Elide(1);
    Push(format::ValueWord(format::ValueTag::kComplex));
    PushReal(real);
    PushReal(imaginary);
  }

  void Text(const char* text, size_t bytes) {
    AddText(format::ValueTag::kText, text, bytes);
  }
  void Object(const char* type, size_t bytes) {
    AddText(format::ValueTag::kObject, type, bytes);
  }

  // The next `elements` values are elements of a list. False if so many cannot
  // fit: then the list is elided, and they must not be added.
  bool List(size_t elements) {
    if (!Fits(1 + elements)) return Elide(elements);
    Push(format::ValueWord(format::ValueTag::kList, elements));
    owed_ += elements;
    return true;
  }

  template <typename Range>
  void Integers(const Range& values) {
    if (!Fits(1 + values.size())) return (void)Elide(values.size());
    Push(format::ValueWord(format::ValueTag::kIntegers, values.size()));
    for (int64_t value : values) Push(static_cast<uint64_t>(value));
  }

  template <typename Range>
  void Reals(const Range& values) {
    if (!Fits(1, 0, values.size())) return (void)Elide(values.size());
    Push(format::ValueWord(format::ValueTag::kReals, values.size()));
    for (double value : values) PushReal(value);
  }

  template <typename Range>
  void Booleans(const Range& values) {
    if (!Fits(1 + values.size())) return (void)Elide(values.size());
    Push(format::ValueWord(format::ValueTag::kBooleans, values.size()));
    for (bool value : values) Push(value);
  }

  void Tensor(const TensorFacts& facts, bool identities) {
    if (!Fits(2 * kMaxDimensions + 2, 2) || facts.dimensions > kMaxDimensions) {
      return (void)Elide(1);
    }
    Row row = StartRow();
    row.Put(facts, identities);
    EndRow(row);
  }

  // Tensors one after another, faster: their place stays in registers.
  //
  //   Values::Row row = values.StartRow();
  //   if (row.Fits(facts)) row.Put(facts, true);
  //   values.EndRow(row);   // before anything else is added
  //
  // Not for elements of a list.
  class Row {
   public:
    bool Fits(const TensorFacts& facts) const {
      return tag_ < tag_end_ && id_ < id_end_ &&
             facts.dimensions <= kMaxDimensions;
    }
    __attribute__((always_inline)) void Put(const TensorFacts& facts,
                                            bool identities) {
      const uint64_t flags = (facts.requires_grad ? format::kRequiresGrad : 0) |
                             (facts.strides ? format::kStrided : 0) |
                             (facts.offset != 0 ? format::kOffset : 0);
      *tag_++ = static_cast<uint64_t>(format::ValueTag::kTensor) |
                uint64_t{facts.dtype} << 8 | uint64_t{facts.device_type} << 16 |
                uint64_t{facts.device_index_plus_1} << 24 |
                uint64_t{facts.layout} << 32 | flags << 40 |
                uint64_t{facts.dimensions} << 48;
      for (uint32_t i = 0; i < facts.dimensions; ++i) *tag_++ = facts.sizes[i];
      if (facts.strides) {
        for (uint32_t i = 0; i < facts.dimensions; ++i)
          *tag_++ = facts.strides[i];
      }
      if (facts.offset != 0) *tag_++ = static_cast<uint64_t>(facts.offset);
      if (identities) {
        *id_++ = facts.tensor_address;
        *id_++ = facts.memory_address;
      }
    }

   private:
    friend class Values;
    uint64_t* tag_;
    uint64_t* id_;
    const uint64_t* tag_end_;
    const uint64_t* id_end_;
  };
  Row StartRow() {
    Row row;
    row.tag_ = tag_words_ + tags_;
    row.id_ = id_words_ + ids_;
    row.tag_end_ = tag_words_ + kMaxTags - kMargin - 2 * kMaxDimensions - 2;
    row.id_end_ = id_words_ + kMaxIds - 2;
    return row;
  }
  void EndRow(const Row& row) {
    tags_ = static_cast<size_t>(row.tag_ - tag_words_);
    ids_ = static_cast<size_t>(row.id_ - id_words_);
  }

  const uint64_t* tag_words() const { return tag_words_; }
  size_t tags() const { return tags_; }

  size_t dynamic_words() const { return ids_ + reals_; }
  void CopyDynamic(uint64_t* to) const {
    for (size_t i = 0; i < ids_; ++i) to[i] = id_words_[i];
    for (size_t i = 0; i < reals_; ++i) to[ids_ + i] = real_words_[i];
  }

 private:
  // Always left free, so that what does not fit can still be called elided.
  static constexpr size_t kMargin = 256;

  // Whether the next value fits. Every value asks once; elements of lists have
  // one word each set aside.
  bool Fits(size_t tags, size_t ids = 0, size_t reals = 0) {
    if (owed_ != 0) --owed_;
    return tags_ + tags + owed_ + kMargin <= kMaxTags &&
           ids_ + ids <= kMaxIds && reals_ + reals <= kMaxReals;
  }
  bool Elide(uint64_t elements) {
    if (tags_ < kMaxTags) {
      Push(format::ValueWord(format::ValueTag::kElided, elements));
    }
    return false;
  }
  void Plain(format::ValueTag tag, uint64_t rest = 0) {
    Fits(1);
    if (tags_ < kMaxTags) Push(format::ValueWord(tag, rest));
  }
  void Push(uint64_t word) { tag_words_[tags_++] = word; }
  void PushReal(double value) {
    std::memcpy(&real_words_[reals_++], &value, sizeof value);
  }
  void AddText(format::ValueTag tag, const char* text, size_t bytes) {
    const size_t words = format::TextWords(bytes);
    if (!Fits(1 + words)) return (void)Elide(bytes);
    Push(format::ValueWord(tag, bytes));
    if (words == 0) return;
    tag_words_[tags_ + words - 1] = 0;
    std::memcpy(tag_words_ + tags_, text, bytes);
    tags_ += words;
  }

  size_t tags_ = 0;
  size_t ids_ = 0;
  size_t reals_ = 0;
  size_t owed_ = 0;  // elements of lists that are still to come
  uint64_t tag_words_[kMaxTags];
  uint64_t id_words_[kMaxIds];
  uint64_t real_words_[kMaxReals];
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_VALUES_H_
