#include "output/units.h"

#include "absl/strings/str_format.h"

namespace torchtape::viewer {

// The bounds are where one decimal would round up to the next unit.
std::string TimeText(double ns) {
  if (ns < 999.5) return absl::StrFormat("%.0f ns", ns);
  if (ns < 999.95e3) return absl::StrFormat("%.1f us", ns / 1e3);
  if (ns < 999.95e6) return absl::StrFormat("%.1f ms", ns / 1e6);
  return absl::StrFormat("%.1f s", ns / 1e9);
}

std::string BytesText(double bytes) {
  constexpr double kKibi = 1024;
  if (bytes < kKibi) return absl::StrFormat("%.0f B", bytes);
  if (bytes < 1023.95 * kKibi)
    return absl::StrFormat("%.1f KiB", bytes / kKibi);
  if (bytes < 1023.95 * kKibi * kKibi) {
    return absl::StrFormat("%.1f MiB", bytes / kKibi / kKibi);
  }
  return absl::StrFormat("%.1f GiB", bytes / kKibi / kKibi / kKibi);
}

std::string CountText(uint64_t count) {
  const double number = static_cast<double>(count);
  if (count < 100000) return absl::StrFormat("%d", count);
  if (number < 999.95e3) return absl::StrFormat("%.1f k", number / 1e3);
  if (number < 999.95e6) return absl::StrFormat("%.1f M", number / 1e6);
  return absl::StrFormat("%.1f G", number / 1e9);
}

std::string AmountText(double amount) {
  if (amount < 999.5) return absl::StrFormat("%.0f ", amount);
  const char* prefix = "kMGTPE";
  for (amount /= 1e3; amount >= 999.95 && prefix[1] != '\0'; ++prefix) {
    amount /= 1e3;
  }
  return absl::StrFormat("%.1f %c", amount, *prefix);
}

std::string ShareText(double part, double whole) {
  if (whole <= 0) return "-";
  const double percent = part / whole * 100;
  return absl::StrFormat(percent < 9.95 ? "%.1f %%" : "%.0f %%", percent);
}

std::string InstantText(uint64_t time_ns) {
  return absl::StrFormat("%d.%06d ms", time_ns / 1000000, time_ns % 1000000);
}

}  // namespace torchtape::viewer
