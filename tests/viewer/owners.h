#ifndef TORCHTAPE_TESTS_VIEWER_OWNERS_H_
#define TORCHTAPE_TESTS_VIEWER_OWNERS_H_

// Logs of a few ops, of which a test asks whose work they are.
//
//   OwnersLog run(TwoLayers());
//   run.Op("linear", {1, kFirstWeight}, {2}, 1);
//   EXPECT_THAT(run.Owners(), ElementsAre("linear: m.a by parameter"));

#include <optional>
#include <string>
#include <vector>

#include "viewer/log_builder.h"

namespace torchtape::viewer {

// Of TwoLayers().
inline constexpr uint64_t kFirstWeight = 901, kSecondWeight = 902,
                          kSecondBias = 903;

// m of type Net with m.a and m.b of type Layer, which have a weight each; m.b
// has a bias too.
v1::Model TwoLayers();

class OwnersLog {
 public:
  explicit OwnersLog(const v1::Model& model, v1::DeviceTimeLevel device_time =
                                                 v1::DEVICE_TIME_LEVEL_OFF) {
    log.run.mutable_options()->set_device_time(device_time);
    log.Model(model);
  }

  // An op of 10 ns, 10 ns after what came before. Tensors are told by numbers,
  // each in a storage of the same number.
  void Op(const std::string& name, const std::vector<uint64_t>& reads,
          const std::vector<uint64_t>& makes,
          std::optional<int64_t> sequence = {}, const std::string& schema = "");
  // With other storages than tensors.
  void OpOn(const std::string& name, const LogBuilder::Ids& reads,
            const LogBuilder::Ids& makes, std::optional<int64_t> sequence = {},
            const std::string& schema = "");
  void Node(const std::string& name, const std::vector<uint64_t>& reads,
            int64_t sequence, uint32_t forward_thread = 1);
  void Begin(uint32_t signature);
  void End();
  void Step(uint64_t number);

  // "linear: m.a by parameter" for each span, in the order in which they
  // began: calls but the first have a number, as in "m.a#2". An op of nobody is
  // "relu: none", one of the optimizer "add_: optimizer by parameter".
  std::vector<std::string> Owners();

  LogBuilder log;

 private:
  uint64_t time_ns_ = 0;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_TESTS_VIEWER_OWNERS_H_
