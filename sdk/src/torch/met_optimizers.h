#ifndef TORCHTAPE_SDK_TORCH_MET_OPTIMIZERS_H_
#define TORCHTAPE_SDK_TORCH_MET_OPTIMIZERS_H_

// Tells the log of each optimizer when it makes its first recorded step: its
// class and which parameters are in which of its groups.

namespace torch::optim {
class Optimizer;
}

namespace torchtape::internal {

class ThreadRecorder;

// `type` as in "Adam". The first time of an optimizer, or when it has other
// parameters than before: locks and allocates. Else a few loads.
void MeetOptimizer(const torch::optim::Optimizer& optimizer, const char* type,
                   ThreadRecorder* recorder) noexcept;

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_MET_OPTIMIZERS_H_
