#include "output/table.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "output/text_escape.h"

namespace torchtape::viewer {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kSmallestName = 16;

std::string Pad(const std::string& text, size_t width, bool left) {
  const size_t used = TextWidth(text);
  const std::string space(width > used ? width - used : 0, ' ');
  return left ? text + space : space + text;
}

// A place in a file keeps its line: "transfor..:42".
std::string FitCell(const std::string& cell, size_t width) {
  const size_t colon = cell.rfind(':');
  if (colon == std::string::npos || colon + 1 == cell.size() ||
      !std::all_of(cell.begin() + static_cast<ptrdiff_t>(colon) + 1, cell.end(),
                   absl::ascii_isdigit)) {
    return FitText(cell, width);
  }
  const std::string line = cell.substr(colon);
  return line.size() >= width
             ? FitText(cell, width)
             : FitText(cell.substr(0, colon), width - line.size()) + line;
}

}  // namespace

Table::Table(std::vector<std::string> header, size_t left) : left_(left) {
  rows_.push_back(std::move(header));
}

void Table::AddRow(std::vector<std::string> cells) {
  cells.resize(rows_[0].size());
  rows_.push_back(std::move(cells));
}

std::vector<size_t> Table::Widths() const {
  std::vector<size_t> widths(rows_[0].size());
  for (const std::vector<std::string>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], TextWidth(row[i]));
    }
  }
  size_t total = kGap * (widths.size() - 1);
  for (size_t width : widths) total += width;
  // The widest name gives way, but not so far that nothing is left; what the
  // rows are about, last.
  const auto end = widths.begin() + static_cast<ptrdiff_t>(left_);
  for (auto begin : {widths.begin() + 1, widths.begin()}) {
    while (total > kScreenColumns && begin < end) {
      const auto widest = std::max_element(begin, end);
      if (*widest <= kSmallestName) break;
      --*widest;
      --total;
    }
  }
  return widths;
}

std::string Table::Line(const std::vector<std::string>& cells,
                        const std::vector<size_t>& widths) const {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line.append(kGap, ' ');
    line += Pad(FitCell(cells[i], widths[i]), widths[i], i < left_);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

void Table::Print(std::ostream& out, bool colour) const {
  const std::vector<size_t> widths = Widths();
  for (size_t i = 0; i < rows_.size(); ++i) {
    const bool bold = colour && i == 0;
    out << (bold ? "\x1b[1m" : "") << Line(rows_[i], widths)
        << (bold ? "\x1b[0m" : "") << '\n';
  }
}

}  // namespace torchtape::viewer
