#ifndef TORCHTAPE_SDK_TORCH_FEATURES_H_
#define TORCHTAPE_SDK_TORCH_FEATURES_H_

// Where LibTorch 1.13 to 2.13 differ: the one place that tells versions apart,
// by what the headers declare and not by their version numbers.

#include <ATen/core/ivalue.h>
#include <c10/core/Allocator.h>

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

namespace torchtape::internal {

// c10::optional was a class of its own up to LibTorch 2.4.
template <typename Type>
using Optional =
    decltype(std::declval<c10::IValue&>().template toOptional<Type>());

// Whether an integer of a shape has no value yet. Never so outside of
// compilers.
template <typename Integer>
auto IsSymbolic(const Integer& integer)
    -> decltype(integer.is_heap_allocated()) {
  return integer.is_heap_allocated();
}
template <typename Integer, typename... None>
bool IsSymbolic(const Integer& integer, None...) {
  return integer.is_symbolic();
}

// c10::Allocator::allocate() was a const member function up to LibTorch 2.0.
inline constexpr bool kAllocateIsConst =
    std::is_same_v<decltype(&c10::Allocator::allocate),
                   c10::DataPtr (c10::Allocator::*)(size_t) const>;

// An allocator whose `Allocate()` serves whichever allocate() there is. Also
// gives copy_data(), which 2.2 made necessary: for memory of the CPU it is
// memcpy everywhere.
template <bool allocate_is_const>
class AllocatorBase : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) { return Allocate(bytes); }
  void copy_data(void* to, const void* from, std::size_t bytes) const {
    std::memcpy(to, from, bytes);
  }

 protected:
  virtual c10::DataPtr Allocate(size_t bytes) const = 0;
};

template <>
class AllocatorBase<true> : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) const { return Allocate(bytes); }

 protected:
  virtual c10::DataPtr Allocate(size_t bytes) const = 0;
};

using PortableAllocator = AllocatorBase<kAllocateIsConst>;

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_FEATURES_H_
