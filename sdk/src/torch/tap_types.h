#ifndef TORCHTAPE_SDK_TORCH_TAP_TYPES_H_
#define TORCHTAPE_SDK_TORCH_TAP_TYPES_H_

// The types of arguments and results that operators have, and numbers for them.

#include <ATen/core/ATen_fwd.h>
#include <ATen/core/IListRef.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Scalar.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "torch/features.h"

namespace torchtape::internal {

template <typename... Types>
struct TypeList {};

// A type that is not in this list is recorded as an object of unknown type.
using TappedTypes = TypeList<
    at::Tensor, Optional<at::Tensor>, at::TensorList, std::vector<at::Tensor>,
    at::ITensorListRef, c10::List<Optional<at::Tensor>>, at::Scalar,
    Optional<at::Scalar>, at::ArrayRef<at::Scalar>, int64_t, Optional<int64_t>,
    c10::SymInt, Optional<c10::SymInt>, at::IntArrayRef,
    at::OptionalIntArrayRef, c10::SymIntArrayRef, at::OptionalSymIntArrayRef,
    std::vector<int64_t>, double, Optional<double>, at::ArrayRef<double>,
    Optional<at::ArrayRef<double>>, bool, Optional<bool>, std::array<bool, 2>,
    std::array<bool, 3>, std::array<bool, 4>, c10::string_view,
    Optional<c10::string_view>, at::ScalarType, Optional<at::ScalarType>,
    at::Layout, Optional<at::Layout>, at::Device, Optional<at::Device>,
    at::MemoryFormat, Optional<at::MemoryFormat>, Optional<at::Generator>,
    at::QScheme, at::DeviceIndex, at::Storage, at::Stream>;

// Place in the list, counted from 1.
enum class TapType : uint8_t { kEnd = 0, kTensor = 1, kOther = 255 };

template <typename Type, typename... Types>
constexpr TapType TapTypeIn(TypeList<Types...>) {
  constexpr bool same[] = {std::is_same_v<Type, Types>...};
  for (size_t i = 0; i < sizeof...(Types); ++i) {
    if (same[i]) return static_cast<TapType>(i + 1);
  }
  return TapType::kOther;
}

template <typename Type>
constexpr TapType TapTypeOf() {
  return TapTypeIn<std::remove_cv_t<std::remove_reference_t<Type>>>(
      TappedTypes());
}

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_TAP_TYPES_H_
