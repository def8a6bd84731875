#include "torchtape/format/names.h"

#include <cstddef>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace torchtape::format {
namespace {

struct Dtype {
  absl::string_view name;
  uint64_t bytes;
};

constexpr Dtype kDtypes[] = {
    {"uint8", 1},
    {"int8", 1},
    {"int16", 2},
    {"int32", 4},
    {"int64", 8},
    {"float16", 2},
    {"float32", 4},
    {"float64", 8},
    {"complex32", 4},
    {"complex64", 8},
    {"complex128", 16},
    {"bool", 1},
    {"qint8", 1},
    {"quint8", 1},
    {"qint32", 4},
    {"bfloat16", 2},
    {"quint4x2", 1},
    {"quint2x4", 1},
    {"bits1x8", 1},
    {"bits2x4", 1},
    {"bits4x2", 1},
    {"bits8", 1},
    {"bits16", 2},
    {"float8_e5m2", 1},
    {"float8_e4m3fn", 1},
    {"float8_e5m2fnuz", 1},
    {"float8_e4m3fnuz", 1},
    {"uint16", 2},
    {"uint32", 4},
    {"uint64", 8},
    {"uint1", 1},
    {"uint2", 1},
    {"uint3", 1},
    {"uint4", 1},
    {"uint5", 1},
    {"uint6", 1},
    {"uint7", 1},
    {"int1", 1},
    {"int2", 1},
    {"int3", 1},
    {"int4", 1},
    {"int5", 1},
    {"int6", 1},
    {"int7", 1},
    {"float8_e8m0fnu", 1},
    {"float4_e2m1fn_x2", 1},
};

constexpr absl::string_view kDevices[] = {
    "cpu",  "cuda", "mkldnn", "opengl", "opencl", "ideep", "hip",
    "fpga", "maia", "xla",    "vulkan", "metal",  "xpu",   "mps",
    "meta", "hpu",  "ve",     "lazy",   "ipu",    "mtia",  "privateuseone",
};

constexpr absl::string_view kLayouts[] = {
    "strided",    "sparse",     "sparse_csr", "mkldnn",
    "sparse_csc", "sparse_bsr", "sparse_bsc", "jagged",
};

constexpr absl::string_view kMemoryFormats[] = {
    "contiguous", "preserve", "channels_last", "channels_last_3d"};

template <size_t kSize>
std::string NameOf(const absl::string_view (&names)[kSize],
                   absl::string_view what, uint32_t number) {
  if (number < kSize) return std::string(names[number]);
  return absl::StrCat(what, " ", number);
}

}  // namespace

std::string DtypeName(uint32_t dtype) {
  if (dtype < std::size(kDtypes)) return std::string(kDtypes[dtype].name);
  return absl::StrCat("dtype ", dtype);
}

uint64_t DtypeBytes(uint32_t dtype) {
  return dtype < std::size(kDtypes) ? kDtypes[dtype].bytes : 0;
}

std::string DeviceName(uint32_t type, int32_t index) {
  std::string name = NameOf(kDevices, "device", type);
  if (index >= 0) absl::StrAppend(&name, ":", index);
  return name;
}

std::string LayoutName(uint32_t layout) {
  return NameOf(kLayouts, "layout", layout);
}

std::string MemoryFormatName(uint32_t memory_format) {
  return NameOf(kMemoryFormats, "memory format", memory_format);
}

}  // namespace torchtape::format
