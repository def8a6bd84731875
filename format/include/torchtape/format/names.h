#ifndef TORCHTAPE_FORMAT_NAMES_H_
#define TORCHTAPE_FORMAT_NAMES_H_

// Names for the numbers that a log takes from LibTorch. The tables are in
// FORMAT.md. A number that LibTorch added later is given as "dtype 99".

#include <cstdint>
#include <string>

namespace torchtape::format {

// As in PyTorch: "float32", "int64", "bool".
std::string DtypeName(uint32_t dtype);

// Bytes of one element; 0 if unknown.
uint64_t DtypeBytes(uint32_t dtype);

// "cpu", "cuda:0"; an index below 0 is left out.
std::string DeviceName(uint32_t type, int32_t index);

// "strided", "sparse".
std::string LayoutName(uint32_t layout);

// "contiguous", "channels_last".
std::string MemoryFormatName(uint32_t memory_format);

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_NAMES_H_
