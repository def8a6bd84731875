#ifndef TORCHTAPE_VIEWER_SRC_REPORT_REPORT_COLUMNS_H_
#define TORCHTAPE_VIEWER_SRC_REPORT_REPORT_COLUMNS_H_

// How a report carries its events: columns of numbers, small ones in few
// bytes, behind a JSON text that says what there is.
// viewer/report/src/run/data.ts reads them back.
//
//   u32    length of the JSON, little endian
//   JSON   {"columns": {name: [bytes, numbers]}, ...}, in the order that
//   follows bytes  the columns, one after the other
//
// The whole is deflated (zlib) and put into the page as base64.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "replay/value_reader.h"

namespace torchtape::viewer {

// Numbers, one after the other, as varints.
class Column {
 public:
  void Add(uint64_t number);
  void AddSigned(int64_t number);  // zigzag
  void AddReal(double number);     // its eight bytes

  const std::string& bytes() const { return bytes_; }
  uint64_t count() const { return count_; }

 private:
  std::string bytes_;
  uint64_t count_ = 0;
};

// The names are keys of the page's reader.
using Columns = std::vector<std::pair<const char*, Column>>;

// The text for the page: base64 of everything, compressed. `facts` is an
// object; "columns" is added to it.
std::string PackReport(Json facts, const Columns& columns);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPORT_REPORT_COLUMNS_H_
