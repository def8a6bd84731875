#ifndef TORCHTAPE_SDK_TORCH_CALLBACKS_BESIDE_TAPS_H_
#define TORCHTAPE_SDK_TORCH_CALLBACKS_BESIDE_TAPS_H_

// What taps cannot see, beside them: ranges, TorchScript functions, operators
// that their interpreter calls, and all others that are called without an
// import slot. A call that a tap has told of is left to the tap.
//
// A callback that does nothing makes LibTorch slower, so what is not needed is
// not installed. In an audit, which is the first recorded step or the first
// 10,000 operators, all callbacks are there; afterwards those stay that had
// anything to tell. TorchScript's are there again from its first call on.
namespace torchtape::internal {

class CallbacksBesideTaps {
 public:
  CallbacksBesideTaps();  // there is one at a time
  void Install();
  void Remove();

  // Looks at all calls again, until EndAudit(). Called while installed.
  void StartAudit();

  // Ends the audit, if one is going on and has seen anything, and records what
  // it found.
  static void EndAudit();

  // TorchScript is about to run. From any thread; does nothing while removed.
  static void WatchScopes();
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_CALLBACKS_BESIDE_TAPS_H_
