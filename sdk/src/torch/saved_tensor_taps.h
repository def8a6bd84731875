#ifndef TORCHTAPE_SDK_TORCH_SAVED_TENSOR_TAPS_H_
#define TORCHTAPE_SDK_TORCH_SAVED_TENSOR_TAPS_H_

// Taps on what autograd keeps for the backward pass: on the constructors of
// SavedVariable, which run inside of the op whose backward needs the tensor,
// and on SavedVariable::reset_data, which runs when that is over. A graph that
// is thrown away may let its tensors go without any call: then the storage is
// freed, and the log tells that anyway.
//
// They stand apart from the taps on ops, since they serve callbacks, too.

namespace torchtape::internal {

// Whether LibTorch's SavedVariable can be tapped: not in a static LibTorch.
bool CanTapSavedTensors();

// Places the taps, and puts back what the slots held. Under a lock of the
// caller's.
void InstallSavedTensorTaps();
void RemoveSavedTensorTaps();

// Looks at libraries that were loaded since, while placed.
void RefreshSavedTensorTaps();

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_SAVED_TENSOR_TAPS_H_
