#ifndef TORCHTAPE_FORMAT_SRC_NO_SEQUENCE_H_
#define TORCHTAPE_FORMAT_SRC_NO_SEQUENCE_H_

#include <cstdint>

namespace torchtape::format {

// Stands in place of the forward thread of a backward node that has no sequence
// number.
constexpr uint32_t kNoSequence = 0xffffffff;

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_SRC_NO_SEQUENCE_H_
