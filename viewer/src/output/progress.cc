#include "output/progress.h"

#include <iostream>

#include "output/units.h"

namespace torchtape::viewer {

void Progress::Update(uint64_t done_bytes, uint64_t total_bytes) {
  const Clock::time_point now = Clock::now();
  if (now - start_ < std::chrono::seconds(1)) return;
  if (shown_ && now - shown_at_ < std::chrono::milliseconds(100)) return;
  shown_ = true;
  shown_at_ = now;
  std::cerr << "\r\x1b[Ktorchtape: read "
            << ShareText(static_cast<double>(done_bytes),
                         static_cast<double>(total_bytes))
            << " of " << BytesText(static_cast<double>(total_bytes))
            << std::flush;
}

Progress::~Progress() {
  if (shown_) std::cerr << "\r\x1b[K" << std::flush;
}

}  // namespace torchtape::viewer
