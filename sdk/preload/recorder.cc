// What the preloaded library (preload.cc) calls of the recorder.

#include "automatic.h"

#pragma GCC visibility push(default)
extern "C" {

void torchtape_recorder_start() { torchtape::internal::StartAutomatic(); }

void torchtape_recorder_stop() { torchtape::internal::StopAutomatic(); }
}
#pragma GCC visibility pop
