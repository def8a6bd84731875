#ifndef TORCHTAPE_TESTS_FORMAT_FUZZ_LEFT_BEHIND_H_
#define TORCHTAPE_TESTS_FORMAT_FUZZ_LEFT_BEHIND_H_

// A log and its journal in one string for a fuzzer, without the megabytes of
// zeros that a journal has: the log's length in 4 bytes, the log, and runs of
// the journal's bytes, each with its offset and length in 4 bytes.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

namespace torchtape::format::fuzz {

// Longer ones than a small run leaves are cut off.
inline constexpr size_t kMaxJournalBytes = size_t{3} << 20;

struct LeftBehind {
  std::string log;
  std::string journal;
};

inline uint32_t TakeNumber(absl::string_view* bytes) {
  uint32_t number = 0;
  const size_t size = std::min(bytes->size(), sizeof number);
  std::memcpy(&number, bytes->data(), size);
  bytes->remove_prefix(size);
  return number;
}

inline std::string TakeBytes(size_t size, absl::string_view* bytes) {
  std::string taken(bytes->substr(0, size));
  bytes->remove_prefix(taken.size());
  return taken;
}

inline LeftBehind UnpackLeftBehind(absl::string_view packed) {
  LeftBehind files;
  files.log = TakeBytes(TakeNumber(&packed), &packed);
  while (!packed.empty()) {
    const uint32_t offset = TakeNumber(&packed);
    const std::string run = TakeBytes(TakeNumber(&packed), &packed);
    if (offset > kMaxJournalBytes - run.size()) break;
    const size_t end = offset + run.size();
    if (files.journal.size() < end) files.journal.resize(end);
    files.journal.replace(offset, run.size(), run);
  }
  return files;
}

inline void AppendNumber(size_t number, std::string* to) {
  const uint32_t value = static_cast<uint32_t>(number);
  to->append(reinterpret_cast<const char*>(&value), sizeof value);
}

// The last page is kept even if it is zeros: it tells the length.
inline std::string PackLeftBehind(const LeftBehind& files) {
  constexpr size_t kGap = 64;  // fewer zeros are part of a run
  std::string packed;
  AppendNumber(files.log.size(), &packed);
  packed += files.log;
  const std::string& journal = files.journal;
  const std::string gap(kGap, '\0');
  size_t begin = 0;
  while ((begin = journal.find_first_not_of('\0', begin)) !=
         std::string::npos) {
    const size_t end = std::min(journal.find(gap, begin), journal.size());
    AppendNumber(begin, &packed);
    AppendNumber(end - begin, &packed);
    packed.append(journal, begin, end - begin);
    begin = end;
  }
  AppendNumber(journal.size() - 1, &packed);
  AppendNumber(1, &packed);
  packed += journal.substr(journal.size() - 1);
  return packed;
}

}  // namespace torchtape::format::fuzz

#endif  // TORCHTAPE_TESTS_FORMAT_FUZZ_LEFT_BEHIND_H_
