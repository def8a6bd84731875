#ifndef TORCHTAPE_SDK_AUTOMATIC_H_
#define TORCHTAPE_SDK_AUTOMATIC_H_

// A recording that no code of the program's asked for, but its environment:
// TORCHTAPE=FILE, set by the user or by `torchtape record`. Its steps end where
// those of the program's optimizers do (core/step_finder.h). It stops when the
// process exits.
//
// There may be several copies of the SDK in a process: one that the program is
// linked with, and the one in the library that `torchtape record` preloads
// (preload/). The program's own goes first.

namespace torchtape::internal {

// Starts it, if the environment asks for one in this process. Once a process.
void StartAutomatic() noexcept;

// A tracker of the program's own is about to start: what this copy of the SDK
// records automatically ends, and says so. Its log is deleted if not even a
// step was in it.
void StopAutomatic() noexcept;

// The same of the preloaded library, if there is one; it starts no more.
void DismissPreloaded() noexcept;

// Both, but not for a tracker that is the automatic one.
void GiveWay() noexcept;

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_AUTOMATIC_H_
