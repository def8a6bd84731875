#ifndef TORCHTAPE_TESTS_SUPPORT_FAKE_ACCELERATOR_H_
#define TORCHTAPE_TESTS_SUPPORT_FAKE_ACCELERATOR_H_

// An accelerator for tests, inside of a CPU-only LibTorch: linking it makes
// "hpu:0" a device that models can be moved to and trained on. HPU is a type
// that every LibTorch knows and none of the CPU has.
//
// Its memory is the host's, and its kernels run on the CPU at once. Its time is
// a count of its own: each kernel takes kKernelNs of its stream, each copy
// kCopyNs, and nothing is over until the device's time has come so far, which
// it does when the test says so or when the program waits for it. So every time
// that the device tells is known beforehand.

#include <cstddef>
#include <cstdint>

namespace torchtape::testing {

class FakeAccelerator {
 public:
  static constexpr int64_t kKernelNs = 5000;
  static constexpr int64_t kCopyNs = 1000;
  static constexpr int64_t kNone = -1;

  // As if it had just been switched on.
  static void Reset();

  // How much work its streams were given since Reset().
  static int64_t WorkNs();
  // Lets all of it be over.
  static void Finish();

  // What the program made it do since Reset().
  static int Synchronizations();  // waits for an event, a stream or the device
  static int TimingEvents();      // recorded
  static int CapturedTimingEvents();  // recorded into a stream in capture

  // The stream that is being captured; kNone.
  static void Capture(int64_t stream);

  // From the so-manieth timing event on, recording one fails; 0: never.
  static void FailFrom(int timing_event);

  // Whether the program has used it. Once it has, this stays.
  static bool IsUsed();

  // What its allocator knows of itself, in bytes: what is allocated now, the
  // most that was since Reset(), and what it holds, which only grows, by
  // kSegmentBytes at a time.
  static size_t LiveBytes();
  static size_t PeakBytes();
  static size_t ReservedBytes();
  static constexpr size_t kSegmentBytes = size_t{1} << 20;
};

}  // namespace torchtape::testing

#endif  // TORCHTAPE_TESTS_SUPPORT_FAKE_ACCELERATOR_H_
