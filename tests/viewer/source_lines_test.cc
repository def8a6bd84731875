#include "source/source_lines.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "replay/replay.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::ElementsAre;

// Notes at each begin what SourceLines says: "model.cc:7", with a star if it is
// the forward op's.
class Notes : public Visitor {
 public:
  explicit Notes(const SourceLines* lines) : lines_(*lines) {}

  void OnBegin(const SpanBegin& begin) override {
    const UserLine line = lines_.Current(begin.thread.facts.number());
    std::string text = begin.frame.op->name + " -";
    if (line.frame != nullptr) {
      text = begin.frame.op->name + " " + line.frame->file + ":" +
             std::to_string(line.frame->line) + (line.of_forward ? "*" : "");
    }
    texts_.push_back(text);
  }

  std::vector<std::string> texts_;

 private:
  const SourceLines& lines_;
};

// A call site in "train" is line `address` of model.cc; one in LibTorch, or at
// an address from 1000, is nobody's.
class SourceLinesTest : public ::testing::Test {
 protected:
  uint32_t At(uint64_t line, uint32_t signature) {
    return log_.CalledFrom(signature, "/me/train", line);
  }
  uint32_t InLibTorch(uint32_t signature) {
    return log_.CalledFrom(signature, "/x/libtorch_cpu.so", 5);
  }

  std::vector<std::string> Lines() {
    SourceLines lines([this](const CallSite& call_site) -> const Site& {
      Site& site = sites_[call_site.id];
      if (call_site.address < 1000) {
        site.frames = {{"at::add", "", 0, true},
                       {"Net::forward", "model.cc",
                        static_cast<uint32_t>(call_site.address)}};
      } else {
        site.problem = "there is no such file";
      }
      return site;
    });
    Notes notes(&lines);
    auto reader = format::LogReader::Open(format::FromString(log_.Finish()));
    EXPECT_TRUE(Replay({}, {&lines, &notes}, &*reader).ok());
    notes_ = lines.Notes();
    return notes.texts_;
  }

  void Call(uint32_t signature, std::optional<int64_t> sequence = {}) {
    log_.Begin(1, ++time_ns_, signature, {}, sequence);
    log_.End(1, ++time_ns_);
  }
  void Node(uint32_t signature, int64_t sequence, uint32_t forward_thread = 1) {
    log_.BeginBackward(1, ++time_ns_, signature, sequence, forward_thread);
    log_.End(1, ++time_ns_);
  }

  LogBuilder log_;
  uint64_t time_ns_ = 0;
  std::map<uint32_t, Site> sites_;
  std::vector<std::string> notes_;
  const uint32_t add_ = log_.Op("add"), mul_ = log_.Op("mul"),
                 node_ = log_.Span(v1::SPAN_KIND_BACKWARD, "AddBackward0");
};

TEST_F(SourceLinesTest, OpHasTheLineThatCalledIt) {
  Call(At(7, add_));
  Call(At(8, mul_));
  Call(add_);
  EXPECT_THAT(Lines(),
              ElementsAre("add model.cc:7", "mul model.cc:8", "add -"));
}

TEST_F(SourceLinesTest, OpCalledByLibTorchHasTheLineOfTheSpanAround) {
  log_.Begin(1, ++time_ns_, At(7, add_));
  log_.Begin(1, ++time_ns_, InLibTorch(mul_));
  Call(InLibTorch(add_));
  Call(At(9, add_));
  Call(mul_);
  log_.End(1, ++time_ns_);
  log_.End(1, ++time_ns_);
  Call(InLibTorch(mul_));
  EXPECT_THAT(Lines(),
              ElementsAre("add model.cc:7", "mul model.cc:7", "add model.cc:7",
                          "add model.cc:9", "mul model.cc:7", "mul -"));
}

TEST_F(SourceLinesTest, OpCalledByHeaderCodeHasTheLineThatCalledThat) {
  const uint32_t direct = At(7, add_);
  log_.CalledFrom(mul_, "/me/train", 1001, log_.last_call_site());
  const uint32_t through =
      log_.CalledFrom(mul_, "/me/train", 1000, log_.last_call_site());
  At(8, add_);
  const uint32_t elsewhere =
      log_.CalledFrom(mul_, "/me/train", 1000, log_.last_call_site());
  Call(direct);
  Call(through);
  Call(elsewhere);
  Call(At(1000, mul_));
  EXPECT_THAT(Lines(), ElementsAre("add model.cc:7", "mul model.cc:7",
                                   "mul model.cc:8", "mul -"));
}

// Nobody writes that; a damaged file may have it.
TEST_F(SourceLinesTest, CallersThatLeadNowhereAreNone) {
  const uint32_t own = log_.last_call_site() + 1;
  Call(log_.CalledFrom(mul_, "/me/train", 1000, own));
  Call(log_.CalledFrom(mul_, "/me/train", 1001, 1u << 31));
  for (int i = 0; i < 100000; ++i) {
    log_.CalledFrom(mul_, "/me/train", 2000 + i, log_.last_call_site());
  }
  Call(log_.CalledFrom(mul_, "/me/train", 1002, log_.last_call_site()));
  EXPECT_THAT(Lines(), ElementsAre("mul -", "mul -", "mul -"));
}

TEST_F(SourceLinesTest, BackwardNodeHasTheLineOfItsForwardOp) {
  Call(At(7, add_), 3);
  Call(At(8, add_), 4);
  log_.BeginBackward(1, ++time_ns_, InLibTorch(node_), 3, 1);
  Call(InLibTorch(mul_));
  log_.End(1, ++time_ns_);
  Node(node_, 5);
  Node(node_, 3, /*forward_thread=*/2);
  EXPECT_THAT(Lines(),
              ElementsAre("add model.cc:7", "add model.cc:8",
                          "AddBackward0 model.cc:7*", "mul model.cc:7*",
                          "AddBackward0 -", "AddBackward0 -"));
}

// A function of the user's with a backward pass of its own.
TEST_F(SourceLinesTest, UsersLineInTheBackwardPassIsItsOwn) {
  Call(At(7, add_), 3);
  log_.BeginBackward(1, ++time_ns_, node_, 3, 1);
  Call(At(20, mul_));
  log_.End(1, ++time_ns_);
  EXPECT_THAT(Lines(), ElementsAre("add model.cc:7", "AddBackward0 model.cc:7*",
                                   "mul model.cc:20"));
}

TEST_F(SourceLinesTest, ForwardOpIsRememberedForAStep) {
  Call(At(7, add_), 3);
  log_.Step(1, ++time_ns_);
  Node(node_, 3);
  log_.Step(2, ++time_ns_);
  Node(node_, 3);
  EXPECT_THAT(Lines(), ElementsAre("add model.cc:7", "AddBackward0 model.cc:7*",
                                   "AddBackward0 -"));
}

TEST_F(SourceLinesTest, CallSiteIsTheSameInEveryChunk) {
  const uint32_t add = At(7, add_);
  log_.Begin(1, ++time_ns_, add);
  log_.NewChunk();
  Call(mul_);
  log_.End(1, ++time_ns_);
  Call(add);
  EXPECT_THAT(Lines(), ElementsAre("add model.cc:7", "mul model.cc:7",
                                   "add model.cc:7"));
  EXPECT_EQ(sites_.size(), 1u);
}

TEST_F(SourceLinesTest, ObjectOfTheUsersWithoutLinesIsNotedOnce) {
  Call(At(1000, add_));
  Call(At(1001, add_));
  Call(log_.CalledFrom(add_, "/usr/lib/libc.so", 1002));
  Call(log_.CalledFrom(add_, "/x/libtorch_cpu.so", 1003));
  EXPECT_THAT(Lines(), ElementsAre("add -", "add -", "add -", "add -"));
  EXPECT_THAT(notes_,
              ElementsAre("no source lines of /me/train: there is no such file "
                          "(--symbols DIR looks elsewhere)"));
}

}  // namespace
}  // namespace torchtape::viewer
