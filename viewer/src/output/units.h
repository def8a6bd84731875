#ifndef TORCHTAPE_VIEWER_SRC_OUTPUT_UNITS_H_
#define TORCHTAPE_VIEWER_SRC_OUTPUT_UNITS_H_

// Numbers as people read them. Inside the viewer time is nanoseconds and size
// is bytes; here, and nowhere else, they become other units.

#include <cstdint>
#include <string>

namespace torchtape::viewer {

// "812 ns", "12.3 us", "61.2 ms", "4.2 s".
std::string TimeText(double ns);

// "812 B", "1.5 KiB", "412.3 MiB".
std::string BytesText(double bytes);

// Short: "512", "4.3 M". Exact up to 99999.
std::string CountText(uint64_t count);

// Of large numbers, with an SI prefix behind: "512 ", "4.3 M", "1.8 T".
std::string AmountText(double amount);

// "31 %" or, below ten percent, "2.4 %"; "-" if `whole` is 0.
std::string ShareText(double part, double whole);

// A time within the run, exact to the nanosecond: "12.345678 ms".
std::string InstantText(uint64_t time_ns);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_OUTPUT_UNITS_H_
