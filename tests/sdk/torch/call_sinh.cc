// A library that calls an operator, for tests that load it.

#include <ATen/ops/sinh.h>

extern "C" at::Tensor CallSinh(const at::Tensor& tensor) {
  return at::sinh(tensor);
}
