#include "fake_cudart.h"

#include <sstream>
#include <string>

namespace {

std::string& Calls() {
  static std::string* const calls = new std::string;
  return *calls;
}
int error = 0;

template <typename... Arguments>
int Note(const char* name, Arguments... arguments) {
  std::ostringstream text;
  text << name;
  ((text << ' ' << arguments), ...);
  Calls() += text.str() + "\n";
  return error;
}

}  // namespace

extern "C" {

int cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** args,
                     size_t shared, void* stream) {
  return Note("cudaLaunchKernel", kernel, grid.x, grid.y, grid.z, block.x,
              block.y, block.z, args[0], shared, stream);
}
int cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* kernel,
                        void** args) {
  return Note("cudaLaunchKernelExC", config->stream, kernel, args[0]);
}
int cudaGraphLaunch(void* graph, void* stream) {
  return Note("cudaGraphLaunch", graph, stream);
}
int cudaMemcpy(void* to, const void* from, size_t bytes, int kind) {
  return Note("cudaMemcpy", to, from, bytes, kind);
}
int cudaMemcpyAsync(void* to, const void* from, size_t bytes, int kind,
                    void* stream) {
  return Note("cudaMemcpyAsync", to, from, bytes, kind, stream);
}
int cudaMemsetAsync(void* to, int value, size_t bytes, void* stream) {
  return Note("cudaMemsetAsync", to, value, bytes, stream);
}
int cudaStreamSynchronize(void* stream) {
  return Note("cudaStreamSynchronize", stream);
}
int cudaEventSynchronize(void* event) {
  return Note("cudaEventSynchronize", event);
}
int cudaDeviceSynchronize() { return Note("cudaDeviceSynchronize"); }

const char* FakeCudartTakeCalls() {
  static std::string taken;
  taken.swap(Calls());
  Calls().clear();
  return taken.c_str();
}
void FakeCudartReturn(int value) { error = value; }
}
