// A program that reads logs and has no LibTorch:  count_chunks LOG

#include <torchtape/format/log_reader.h>

#include <iostream>

namespace format = torchtape::format;

int main(int, char** argv) {
  auto file = format::OpenFile(argv[1]);
  if (!file.ok()) return 1;
  auto reader = format::LogReader::Open(*std::move(file));
  if (!reader.ok()) return 1;
  int count = 0;
  while (true) {
    const auto chunk = reader->Next();
    if (!chunk.ok()) return 1;
    if (!chunk->has_value()) break;
    ++count;
  }
  std::cout << count << " chunks, " << reader->skipped().size() << " gaps\n";
  return count > 0 && reader->skipped().empty() ? 0 : 1;
}
