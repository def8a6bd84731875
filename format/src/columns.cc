#include "columns.h"

#include <algorithm>
#include <cstring>

namespace torchtape::format {
namespace {

constexpr size_t kLeastBytes = 256;
constexpr size_t kLengthDelimited = 2;  // protobuf's wire type

size_t VarintBytes(uint64_t value) {
  size_t bytes = 1;
  while (value >>= 7) ++bytes;
  return bytes;
}

uint64_t Tag(int field) {
  return static_cast<uint64_t>(field) << 3 | kLengthDelimited;
}

void AppendVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) {
    out->push_back(static_cast<char>(value | 0x80));
  }
  out->push_back(static_cast<char>(value));
}

}  // namespace

void StartField(int field, size_t bytes, std::string* out) {
  AppendVarint(Tag(field), out);
  AppendVarint(bytes, out);
}

size_t FieldBytes(int field, size_t bytes) {
  return VarintBytes(Tag(field)) + VarintBytes(bytes) + bytes;
}

void Column::Clear() {
  const size_t capacity = end_ - buffer_.get();
  if (capacity > kLeastBytes && capacity / 4 > bytes().size()) {
    buffer_.reset();
    end_ = nullptr;
  }
  at_ = buffer_.get();
}

void Column::Grow() {
  const size_t used = bytes().size();
  const size_t capacity = std::max(2 * used, kLeastBytes);
  std::unique_ptr<char[]> larger(new char[capacity]);  // not zeroed
  if (used != 0) std::memcpy(larger.get(), buffer_.get(), used);
  buffer_ = std::move(larger);
  at_ = buffer_.get() + used;
  end_ = buffer_.get() + capacity;
}

std::array<Column*, 17> Columns::All() {
  return {&kinds,           &times,
          &signatures,      &sequences,
          &forward_threads, &results,
          &tensors,         &storages,
          &reals,           &allocations,
          &sizes,           &addresses,
          &frees,           &allocation_devices,
          &saves,           &saved_storages,
          &saved_bytes};
}

size_t Columns::ByteSize() {
  size_t sum = 0;
  for (const Column* column : All()) {
    if (column->empty()) continue;
    sum += FieldBytes(column->field(), column->bytes().size());
  }
  return sum;
}

void Columns::AppendTo(std::string* out) {
  for (const Column* column : All()) {
    if (column->empty()) continue;
    StartField(column->field(), column->bytes().size(), out);
    out->append(column->bytes().data(), column->bytes().size());
  }
}

void Columns::Clear() {
  for (Column* column : All()) column->Clear();
}

}  // namespace torchtape::format
