// Any bytes are acceptable as a journal: cut anywhere, any bit flipped.

#include <map>
#include <set>

#include "gmock/gmock.h"
#include "journal_layout.h"
#include "support/journaled_run.h"
#include "support/recovered.h"
#include "support/replayed_log.h"
#include "support/status_matchers.h"
#include "support/temp_folder.h"

namespace torchtape::format {
namespace {

using internal::kPageBytes;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::JournaledRun;
using testing::Records;

// A source that ends early, or of which one bit is another.
class Damaged : public ByteSource {
 public:
  explicit Damaged(const std::string& bytes)
      : bytes_(bytes), size_(bytes.size()) {}

  void CutTo(uint64_t size) { size_ = size; }
  void Flip(uint64_t at, int bit) {
    at_ = at;
    mask_ = static_cast<char>(1 << bit);
  }

  uint64_t size() const override { return size_; }
  absl::StatusOr<std::string> Read(uint64_t offset,
                                   size_t length) const override {
    if (offset >= size_) return std::string();
    std::string read =
        bytes_.substr(offset, std::min<uint64_t>(length, size_ - offset));
    if (at_ - offset < read.size()) read[at_ - offset] ^= mask_;
    return read;
  }

 private:
  const std::string& bytes_;
  uint64_t size_;
  uint64_t at_ = ~uint64_t{0};
  char mask_ = 0;
};

class JournalDamageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    {
      JournaledRun run(folder_ / "run.tape");
      Records main(1), other(2);
      for (Records* thread : {&main, &other}) {
        thread->Operator(1, "aten::add").Signature(1, 1);
      }
      v1::Model model;
      model.set_name("net");
      run.AddModel(0, model);
      main.Begin(10, 1).Model(11, 0).End(20);
      run.Publish(1, main);
      ASSERT_THAT(run.WriteChunk(), IsOk());
      main.Begin(30, 1).End(40);
      other.Begin(35, 1).End(45);
      run.Publish(1, main);
      run.Publish(2, other);
    }
    log_ = testing::ReadFile(folder_ / "run.tape");
    journal_ = testing::ReadFile(folder_ / "run.tape.journal");
  }

  // Recovers, and reads what comes out.
  // Returns how many events are there; 0 if the log alone has to do.
  uint64_t EventsWith(const Damaged& journal) {
    auto recovery = Recover(FromString(log_), journal);
    if (!recovery.ok()) {
      EXPECT_NE(recovery.status().message(), "");
      return 0;
    }
    auto bytes = recovery->log->Read(0, recovery->log->size());
    const testing::ReplayedLog log = testing::Replay(*bytes);
    EXPECT_THAT(log.problems, IsEmpty());
    return log.events.size();
  }

  // The bytes that are not only zero, page by page, and what is next to them.
  std::vector<uint64_t> Offsets() const {
    std::set<uint64_t> offsets;
    for (uint64_t at = 0; at < journal_.size(); ++at) {
      if (journal_[at] == 0 && at % kPageBytes != 0) continue;
      for (uint64_t near = at; near < at + 9; ++near) offsets.insert(near);
    }
    offsets.insert(journal_.size());
    while (*offsets.rbegin() > journal_.size()) {
      offsets.erase(std::prev(offsets.end()));
    }
    return {offsets.begin(), offsets.end()};
  }

  static constexpr size_t kEvents = 6;
  testing::TempFolder folder_;
  std::string log_, journal_;
};

TEST_F(JournalDamageTest, UndamagedGivesEverything) {
  EXPECT_EQ(EventsWith(Damaged(journal_)), kEvents);
}

TEST_F(JournalDamageTest, CutAnywhereKeepsWhatIsBefore) {
  uint64_t before = 0;
  for (uint64_t size : Offsets()) {
    Damaged journal(journal_);
    journal.CutTo(size);
    const uint64_t events = EventsWith(journal);
    EXPECT_GE(events, before) << size;
    before = events;
  }
  EXPECT_EQ(before, kEvents);
}

TEST_F(JournalDamageTest, AnyFlippedBitIsSurvived) {
  std::map<uint64_t, int> counts;
  for (uint64_t at : Offsets()) {
    if (at == journal_.size()) break;
    Damaged journal(journal_);
    journal.Flip(at, static_cast<int>(at % 8));
    ++counts[EventsWith(journal)];
  }
  EXPECT_GT(counts[kEvents], 0);
}

TEST_F(JournalDamageTest, FlippedBitInASectionHeaderIsTold) {
  for (uint64_t page = kPageBytes; page < journal_.size(); page += kPageBytes) {
    if (journal_.compare(page, 8, "\xc5TAPEJ\x0a\xf5") != 0) continue;
    Damaged journal(journal_);
    journal.Flip(page + 20, 3);
    auto recovery = Recover(FromString(log_), journal);
    if (!recovery.ok()) continue;
    ASSERT_FALSE(recovery->problems.empty());
    EXPECT_EQ(recovery->problems[0].find(absl::StrCat("offset ", page)), 0)
        << recovery->problems[0];
  }
}

TEST_F(JournalDamageTest, WithoutItsNewestCheckpointTheRingsAreOfNoUse) {
  // The older one lets the released part of a ring be read again.
  const size_t last = journal_.rfind("TPCK");
  ASSERT_NE(last, std::string::npos);
  Damaged journal(journal_);
  journal.Flip(last + sizeof(internal::FrameHeader) + 4, 0);
  auto recovery = Recover(FromString(log_), journal);
  EXPECT_EQ(recovery.status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(JournalDamageTest, OtherFilesAreNoJournals) {
  for (const std::string& bytes :
       {std::string(), std::string("text"), std::string(10000, '\0'), log_}) {
    auto recovery = Recover(FromString(log_), *FromString(bytes));
    EXPECT_EQ(recovery.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace torchtape::format
