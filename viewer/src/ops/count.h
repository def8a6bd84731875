#ifndef TORCHTAPE_VIEWER_SRC_OPS_COUNT_H_
#define TORCHTAPE_VIEWER_SRC_OPS_COUNT_H_

// A number of things that may not be known. What is computed from one that is
// not known, or grows too large, is not known either.

#include <cstdint>
#include <limits>
#include <optional>

namespace torchtape::viewer {

class Count {
 public:
  constexpr Count(uint64_t value) : value_(value) {}
  // A size from a log; one below 0 says nothing.
  static constexpr Count Of(int64_t size) {
    return size < 0 ? Unknown() : Count(static_cast<uint64_t>(size));
  }
  static constexpr Count Unknown() { return Count(kUnknown); }

  constexpr bool known() const { return value_ != kUnknown; }
  constexpr uint64_t value() const { return value_; }  // if known()

  friend Count operator*(Count a, Count b) {
    uint64_t product = 0;
    const bool fits = a.known() && b.known() &&
                      !__builtin_mul_overflow(a.value_, b.value_, &product);
    return fits ? Count(product) : Unknown();
  }
  friend Count operator+(Count a, Count b) {
    uint64_t sum = 0;
    const bool fits = a.known() && b.known() &&
                      !__builtin_add_overflow(a.value_, b.value_, &sum);
    return fits ? Count(sum) : Unknown();
  }
  // Rounded down.
  friend Count operator/(Count a, Count b) {
    const bool divides = a.known() && b.known() && b.value_ != 0;
    return divides ? Count(a.value_ / b.value_) : Unknown();
  }
  Count& operator+=(Count other) { return *this = *this + other; }
  Count& operator*=(Count other) { return *this = *this * other; }

 private:
  static constexpr uint64_t kUnknown = std::numeric_limits<uint64_t>::max();

  uint64_t value_;
};

// Adds to a sum that is absent until something was added to it.
inline void AddTo(std::optional<uint64_t>* sum, std::optional<uint64_t> part) {
  if (part) *sum = sum->value_or(0) + *part;
}

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_OPS_COUNT_H_
