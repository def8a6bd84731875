// Any bytes as what a killed run left behind: as they are, and with right
// checksums.

#include "left_behind.h"
#include "read_log.h"
#include "repair.h"
#include "torchtape/format/recovery.h"

namespace {

using namespace torchtape::format;

// What is recovered is a finished log, whatever it is made of.
void TryToRecover(const std::string& log, const std::string& journal) {
  const absl::StatusOr<Recovery> recovery =
      Recover(FromString(log), *FromString(journal));
  if (!recovery.ok()) return;
  const absl::StatusOr<LogReader> reader = LogReader::Open(recovery->log);
  fuzz::Promise(reader.ok() && reader->index().has_value());
  fuzz::ReadLog(recovery->log);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::LeftBehind files = fuzz::UnpackLeftBehind(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  TryToRecover(files.log, files.journal);
  fuzz::RepairLog(&files.log);
  fuzz::RepairJournal(&files.journal);
  TryToRecover(files.log, files.journal);
  return 0;
}
