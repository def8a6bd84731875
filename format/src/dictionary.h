#ifndef TORCHTAPE_FORMAT_SRC_DICTIONARY_H_
#define TORCHTAPE_FORMAT_SRC_DICTIONARY_H_

// Operators, signatures and tensor types of the chunk under construction, each
// once however many threads use it, and the way from a record's words to them.

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

// Where code lies: in the encoder's object of that index, 0 for none.
struct CodeAddress {
  uint32_t object = 0;
  uint64_t address = 0;  // as in v1::CallSite
};

// A signature as a thread defined it.
struct SignatureWords {
  uint32_t op = 0;  // index into the encoder's operators; 0 returned values
  // The call site, and its callers; empty: not known.
  std::vector<CodeAddress> call_path;
  bool values_recorded = false;
  std::string words;     // the value tags
  uint32_t tensors = 0;  // how many dynamic words a call has:
  uint32_t reals = 0;    // two a tensor and one a real
  uint64_t elided = 0;   // kElided values
  // Cache: its index in the dictionary of chunk `chunk`.
  mutable uint64_t chunk = 0;
  mutable uint32_t index = 0;

  // Counts tensors, reals and elided values. False if the words are malformed.
  bool Count();
};

class Dictionary {
 public:
  // Forgets everything: the next chunk begins.
  void Clear();

  // 1-based index of a signature, which is added if it is new.
  uint32_t Index(const SignatureWords& signature,
                 const std::vector<v1::Operator>& operators,
                 const std::vector<v1::CodeObject>& objects) {
    if (signature.chunk != chunk_) Find(signature, operators, objects);
    return signature.index;
  }

  // A rough upper bound of the encoded size in bytes.
  size_t size_bytes() const { return size_bytes_; }

  const v1::Dictionary& message() const { return message_; }

 private:
  void Find(const SignatureWords& signature,
            const std::vector<v1::Operator>& operators,
            const std::vector<v1::CodeObject>& objects);
  uint32_t OperatorIndex(uint32_t op,
                         const std::vector<v1::Operator>& operators);
  uint32_t CallSiteIndex(const std::vector<CodeAddress>& call_path,
                         const std::vector<v1::CodeObject>& objects);
  uint32_t ObjectIndex(uint32_t object,
                       const std::vector<v1::CodeObject>& objects);
  uint32_t TypeIndex(absl::Span<const uint64_t> words);
  // Adds the value at the front of `words` and removes it from there.
  void AddValue(absl::Span<const uint64_t>* words, v1::Value* value);

  v1::Dictionary message_;
  absl::flat_hash_map<uint32_t, uint32_t> operators_;
  absl::flat_hash_map<uint32_t, uint32_t> objects_;
  // By object, address and caller.
  absl::flat_hash_map<std::tuple<uint32_t, uint64_t, uint32_t>, uint32_t>
      call_sites_;
  absl::flat_hash_map<std::string, uint32_t> types_;
  absl::flat_hash_map<std::string, uint32_t> signatures_;
  size_t size_bytes_ = 0;
  uint64_t chunk_ = 1;
};

// Reads the text at the front of `words` and removes it from there. False if
// the words are malformed.
bool TakeText(absl::Span<const uint64_t>* words, std::string* text);

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_SRC_DICTIONARY_H_
