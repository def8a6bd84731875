// Any bytes as a log: as they are, and with right checksums.

#include "read_log.h"
#include "repair.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace torchtape::format;
  std::string log(reinterpret_cast<const char*>(data), size);
  fuzz::ReadLog(FromString(log));
  fuzz::RepairLog(&log);
  fuzz::ReadLog(FromString(std::move(log)));
  return 0;
}
