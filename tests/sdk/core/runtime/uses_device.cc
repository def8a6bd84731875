// As a library of LibTorch's that uses the device: loaded by the test.

#include "fake_cudart.h"

namespace {

void* At(unsigned long address) { return reinterpret_cast<void*>(address); }

}  // namespace

// Calls each function once. The sum of what they return.
extern "C" int UseDevice() {
  void* args[] = {At(0x11)};
  cudaLaunchConfig_t config = {{1, 1, 1}, {32, 1, 1}, 0, At(0x77)};
  int sum =
      cudaLaunchKernel(At(0x22), {1, 2, 3}, {4, 5, 6}, args, 99, At(0x70));
  sum += cudaLaunchKernelExC(&config, At(0x23), args);
  sum += cudaGraphLaunch(At(0x24), At(0x71));
  sum += cudaMemcpy(At(0x30), At(0x31), 4096, 1);
  sum += cudaMemcpyAsync(At(0x32), At(0x33), 1ul << 40, 2, At(0x72));
  sum += cudaMemsetAsync(At(0x34), -1, 512, At(0x73));
  sum += cudaStreamSynchronize(At(0x74));
  sum += cudaEventSynchronize(At(0x75));
  sum += cudaDeviceSynchronize();
  return sum;
}

// So that the test need not link the runtime.
extern "C" const char* TakeCalls() { return FakeCudartTakeCalls(); }
extern "C" void Return(int error) { FakeCudartReturn(error); }
