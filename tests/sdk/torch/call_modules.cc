// A library that was compiled without optimization and without NDEBUG, as one
// does while looking for mistakes.

#include "call_modules.h"

extern "C" torch::nn::Module* MakeAllWays() { return new AllWaysImpl; }

extern "C" void CallAllWays(torch::nn::Module* module) {
  static_cast<AllWaysImpl*>(module)->forward(torch::ones({1, 2}));
}
