#ifndef TORCHTAPE_TESTS_SDK_CORE_RUNTIME_FAKE_CUDART_H_
#define TORCHTAPE_TESTS_SDK_CORE_RUNTIME_FAKE_CUDART_H_

// A stand-in for CUDA's runtime library, with the functions that are tapped. It
// notes each call with all its arguments, and returns what it is told to.

#include <cstddef>

extern "C" {

struct dim3 {
  unsigned x, y, z;
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  void* stream;
};

int cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** args,
                     size_t shared, void* stream);
int cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* kernel,
                        void** args);
int cudaGraphLaunch(void* graph, void* stream);
int cudaMemcpy(void* to, const void* from, size_t bytes, int kind);
int cudaMemcpyAsync(void* to, const void* from, size_t bytes, int kind,
                    void* stream);
int cudaMemsetAsync(void* to, int value, size_t bytes, void* stream);
int cudaStreamSynchronize(void* stream);
int cudaEventSynchronize(void* event);
int cudaDeviceSynchronize();

// The calls since the last time, one a line. Valid until the next one.
const char* FakeCudartTakeCalls();
void FakeCudartReturn(int error);
}

#endif  // TORCHTAPE_TESTS_SDK_CORE_RUNTIME_FAKE_CUDART_H_
