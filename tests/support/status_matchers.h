#ifndef TORCHTAPE_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define TORCHTAPE_TESTS_SUPPORT_STATUS_MATCHERS_H_

// EXPECT_THAT(sink->Append("x"), IsOk());
// EXPECT_THAT(OpenFile("gone"), StatusIs(absl::StatusCode::kNotFound,
//                                        HasSubstr("gone")));
// Both take an absl::Status or an absl::StatusOr.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace torchtape::testing {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

MATCHER(IsOk, "is ok") {
  const absl::Status& status = StatusOf(arg);
  *result_listener << status.ToString();
  return status.ok();
}

MATCHER_P2(StatusIs, code, message, "") {
  const absl::Status& status = StatusOf(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         ::testing::Matches(message)(std::string(status.message()));
}

}  // namespace torchtape::testing

#endif  // TORCHTAPE_TESTS_SUPPORT_STATUS_MATCHERS_H_
