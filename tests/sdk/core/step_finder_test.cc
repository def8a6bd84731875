#include "core/step_finder.h"

#include <string>

#include "gtest/gtest.h"

namespace torchtape::internal {
namespace {

// Optimizers as letters, in the order of their steps; a bar where a step of the
// training ends.
std::string Steps(const std::string& optimizers) {
  StepFinder finder;
  std::string steps;
  for (const char optimizer : optimizers) {
    steps += optimizer;
    if (finder.EndsStep(static_cast<uint64_t>(optimizer))) steps += '|';
  }
  return steps;
}

TEST(StepFinder, EachStepOfTheOnlyOptimizerEndsOne) {
  EXPECT_EQ(Steps("aaa"), "a|a|a|");
}

TEST(StepFinder, OptimizersThatTakeTurnsMakeOneStepTogether) {
  EXPECT_EQ(Steps("dgdgdg"), "d|gd|gd|g");
  EXPECT_EQ(Steps("abcabcabc"), "a|bca|bca|bc");
}

TEST(StepFinder, AnOptimizerThatStepsMoreOftenLeads) {
  EXPECT_EQ(Steps("dddgdddg"), "d|d|d|gd|d|d|g");
  EXPECT_EQ(Steps("gdddgdddg"), "g|dd|d|gd|d|d|g");
}

TEST(StepFinder, TheNextPhaseOfATrainingHasItsOwnLeader) {
  EXPECT_EQ(Steps("aabbbb"), "a|a|bb|b|b|");
  EXPECT_EQ(Steps("aabcbcbc"), "a|a|bcb|cb|c");
}

}  // namespace
}  // namespace torchtape::internal
