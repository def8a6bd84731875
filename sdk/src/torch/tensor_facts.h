#ifndef TORCHTAPE_SDK_TORCH_TENSOR_FACTS_H_
#define TORCHTAPE_SDK_TORCH_TENSOR_FACTS_H_

// A tensor as plain numbers. On the hot path: nothing here allocates, and what
// only some tensors have (strides, storage) is asked of those alone, since the
// others would throw.

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/variable.h>

#include "core/values.h"

namespace torchtape::internal {

// As TensorImpl::requires_grad(), without a virtual call: LibTorch has one kind
// of AutogradMeta.
inline bool RequiresGrad(const c10::TensorImpl& impl) {
  using torch::autograd::AutogradMeta;
  const auto* meta = static_cast<const AutogradMeta*>(impl.autograd_meta());
  return meta != nullptr && meta->AutogradMeta::requires_grad();
}

// False for tensors that have no sizes to speak of, such as nested ones.
__attribute__((always_inline)) inline bool ReadTensor(const at::Tensor& tensor,
                                                      TensorFacts* facts) {
  c10::TensorImpl* impl = tensor.unsafeGetTensorImpl();
  if (impl->key_set().has(c10::DispatchKey::NestedTensor)) return false;
  const c10::Layout layout = impl->layout();
  const c10::Device device = impl->device();
  const c10::IntArrayRef sizes = impl->sizes();
  const bool strided = layout == c10::kStrided;
  facts->tensor_address = reinterpret_cast<uintptr_t>(impl);
  facts->memory_address =
      strided && impl->has_storage()
          ? reinterpret_cast<uintptr_t>(impl->unsafe_storage().data_ptr().get())
          : 0;
  facts->dtype = static_cast<uint8_t>(c10::typeMetaToScalarType(impl->dtype()));
  facts->device_type = static_cast<uint8_t>(device.type());
  facts->device_index_plus_1 = static_cast<uint8_t>(device.index() + 1);
  facts->layout = static_cast<uint8_t>(layout);
  facts->requires_grad = RequiresGrad(*impl);
  facts->dimensions = static_cast<uint32_t>(sizes.size());
  facts->sizes = sizes.data();
  facts->strides =
      strided && !impl->is_contiguous() ? impl->strides().data() : nullptr;
  facts->offset = strided ? impl->storage_offset() : 0;
  return true;
}

__attribute__((always_inline)) inline void AddTensor(const at::Tensor& tensor,
                                                     bool identities,
                                                     Values* values) {
  if (!tensor.defined()) return values->UndefinedTensor();
  TensorFacts facts;
  if (!ReadTensor(tensor, &facts)) return values->Object("NestedTensor", 12);
  values->Tensor(facts, identities);
}

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_TENSOR_FACTS_H_
