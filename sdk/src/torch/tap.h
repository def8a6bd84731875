#ifndef TORCHTAPE_SDK_TORCH_TAP_H_
#define TORCHTAPE_SDK_TORCH_TAP_H_

// Taps: wrappers of LibTorch's own functions that stand in import slots while
// steps are recorded. Every call of an operator, from the program or from
// inside LibTorch, goes through such a slot, so a wrapper sees its typed
// arguments and its result, and RecordFunction is not involved at all.
//
// One wrapper for each operator is made here from `at::_ops::NAME`; the list of
// names is generated for the LibTorch at hand (cmake/TorchtapeTaps.cmake). All
// recording is out of line, in tap.cc: 3,000 wrappers are small, and the code
// that records is one, and warm.

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include "torch/tap_types.h"

namespace torchtape::internal {

class ThreadRecorder;

// An operator's place among the taps, and all that a call of its wrapper reads:
// one cache line, since most are cold.
struct alignas(64) Tap {
  // Where the call goes on: LibTorch's function. Set before the wrapper is
  // placed.
  void* next = nullptr;
  uint32_t number = 0;
  // Of the arguments, kEnd, of the results, kEnd.
  TapType types[52] = {};
};
static_assert(sizeof(Tap) == 64, "one cache line");

// What there is to know of it otherwise.
struct TapFacts {
  // Mangled: it encodes the types, so it fits or is not met.
  const char* symbol;
  const char* name;  // "aten::add"
  const char* overload;
  const void* wrapper;
  Tap* tap;
};

struct TapTable {
  const TapFacts* facts;
  size_t count;
};

// All operators, in the order of their numbers. Generated.
extern const TapTable* const kTapTables[];
extern const size_t kTapTableCount;
inline constexpr size_t kMaxTaps = 4096;

// One call of a wrapper. Ends with its destructor at the latest, so that an
// exception passes through unharmed and is told of.
class TapCall {
 public:
  // Records the begin. `arguments`: addresses of the call's arguments.
  // `frame`: the wrapper's __builtin_frame_address(0).
  TapCall(const Tap& tap, const void* const* arguments,
          const void* frame) noexcept;
  // Records the end, with the results at these addresses.
  void End(const void* const* results) noexcept;
  ~TapCall() {
    if (__builtin_expect(recorder_ != nullptr, 0)) Throw();
  }

  TapCall(const TapCall&) = delete;
  TapCall& operator=(const TapCall&) = delete;

 private:
  void Throw() noexcept;

  ThreadRecorder* recorder_;  // null: not recorded, or ended
  const TapType* results_;
};

// The results of a function: those of a tuple are several.
template <typename Result>
struct TapResults {
  template <typename... Arguments>
  static constexpr Tap MakeTap(uint32_t number) {
    return {nullptr,
            number,
            {TapTypeOf<Arguments>()..., TapType::kEnd, TapTypeOf<Result>()}};
  }
  static void End(TapCall* call, const Result& result) noexcept {
    const void* const at[] = {&result};
    call->End(at);
  }
};
template <typename... Elements>
struct TapResults<std::tuple<Elements...>> {
  template <typename... Arguments>
  static constexpr Tap MakeTap(uint32_t number) {
    return {
        nullptr,
        number,
        {TapTypeOf<Arguments>()..., TapType::kEnd, TapTypeOf<Elements>()...}};
  }
  static void End(TapCall* call,
                  const std::tuple<Elements...>& result) noexcept {
    std::apply(
        [call](const auto&... elements) {
          const void* const at[] = {&elements...};
          call->End(at);
        },
        result);
  }
};
template <>
struct TapResults<void> {
  template <typename... Arguments>
  static constexpr Tap MakeTap(uint32_t number) {
    return {nullptr, number, {TapTypeOf<Arguments>()...}};
  }
};

template <typename Op, uint32_t number, typename Schema = typename Op::schema>
struct TapWrapper;

template <typename Op, uint32_t number, typename Result, typename... Arguments>
struct TapWrapper<Op, number, Result(Arguments...)> {
  using Results = TapResults<std::remove_cv_t<std::remove_reference_t<Result>>>;

  static Tap tap;

  static Result Call(Arguments... arguments) {
    const void* const at[] = {&arguments..., nullptr};
    TapCall call(tap, at, __builtin_frame_address(0));
    const auto next = reinterpret_cast<Result (*)(Arguments...)>(tap.next);
    if constexpr (std::is_void_v<Result>) {
      next(std::forward<Arguments>(arguments)...);
      call.End(nullptr);
    } else {
      Result result = next(std::forward<Arguments>(arguments)...);
      Results::End(&call, result);
      return result;
    }
  }
};

template <typename Op, uint32_t number, typename Result, typename... Arguments>
Tap TapWrapper<Op, number, Result(Arguments...)>::tap =
    Results::template MakeTap<Arguments...>(number);

// Not a function, so that the compiler and not the program fills the tables.
#define TORCHTAPE_TAP(op, number, symbol)                    \
  {                                                          \
    symbol, at::_ops::op::name, at::_ops::op::overload_name, \
        reinterpret_cast<const void*>(                       \
            &TapWrapper<at::_ops::op, number>::Call),        \
        &TapWrapper<at::_ops::op, number>::tap               \
  }

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_TAP_H_
