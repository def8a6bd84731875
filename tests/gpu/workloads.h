#ifndef TORCHTAPE_TESTS_GPU_WORKLOADS_H_
#define TORCHTAPE_TESTS_GPU_WORKLOADS_H_

// What is trained on the GPU. Each does the same in every step and run.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace torchtape::gpu {

struct Workload {
  const char* name;
  // Makes it ready; each call of what comes back is a step.
  std::function<std::function<void()>()> make;
};

// cnn, gpt, gpt_autocast, two_streams, out_of_memory; and gpt_graph if it was
// built with the headers of CUDA.
const std::vector<Workload>& Workloads();

// What the allocator of the first GPU says of itself; absent without the
// headers of CUDA.
struct AllocatorBytes {
  int64_t allocated, reserved;
};
std::optional<AllocatorBytes> ReadAllocator();

}  // namespace torchtape::gpu

#endif  // TORCHTAPE_TESTS_GPU_WORKLOADS_H_
