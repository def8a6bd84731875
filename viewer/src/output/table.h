#ifndef TORCHTAPE_VIEWER_SRC_OUTPUT_TABLE_H_
#define TORCHTAPE_VIEWER_SRC_OUTPUT_TABLE_H_

// A plain text table of at most 100 columns. The first columns hold names, and
// the widest gives way when space is short; the others hold numbers with their
// units.

#include <ostream>
#include <string>
#include <vector>

namespace torchtape::viewer {

inline constexpr size_t kScreenColumns = 100;

class Table {
 public:
  // The first `left` columns are aligned left, the others right.
  Table(std::vector<std::string> header, size_t left);

  // Cells are escaped already. A row has as many as the header.
  void AddRow(std::vector<std::string> cells);

  bool empty() const { return rows_.size() == 1; }

  // `colour` makes the header bold.
  void Print(std::ostream& out, bool colour) const;

 private:
  std::vector<size_t> Widths() const;
  std::string Line(const std::vector<std::string>& cells,
                   const std::vector<size_t>& widths) const;

  std::vector<std::vector<std::string>> rows_;  // the first is the header
  size_t left_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_OUTPUT_TABLE_H_
