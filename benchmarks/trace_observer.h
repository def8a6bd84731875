#ifndef TORCHTAPE_BENCHMARKS_TRACE_OBSERVER_H_
#define TORCHTAPE_BENCHMARKS_TRACE_OBSERVER_H_

// PyTorch's own trace observer under one name. LibTorch 1.13 has it in another
// header as "execution graph observer". With Debian's LibTorch installed both
// headers may be found, so LibTorch's version decides.

#include <torch/version.h>

#if TORCH_VERSION_MAJOR >= 2
#include <torch/csrc/profiler/standalone/execution_trace_observer.h>
#else
#include <torch/csrc/profiler/execution_graph_observer.h>
#endif

#include <string>

namespace torchtape::benchmarks {

inline void StartTraceObserver(const std::string& path) {
#if TORCH_VERSION_MAJOR >= 2
  torch::profiler::impl::addExecutionTraceObserver(path);
  torch::profiler::impl::enableExecutionTraceObserver();
#else
  torch::profiler::impl::addExecutionGraphObserver(path);
  torch::profiler::impl::enableExecutionGraphObserver();
#endif
}

inline void StopTraceObserver() {
#if TORCH_VERSION_MAJOR >= 2
  torch::profiler::impl::disableExecutionTraceObserver();
  torch::profiler::impl::removeExecutionTraceObserver();
#else
  torch::profiler::impl::disableExecutionGraphObserver();
  torch::profiler::impl::removeExecutionGraphObserver();
#endif
}

}  // namespace torchtape::benchmarks

#endif  // TORCHTAPE_BENCHMARKS_TRACE_OBSERVER_H_
