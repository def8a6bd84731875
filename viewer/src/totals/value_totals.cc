#include "totals/value_totals.h"

#include <cmath>

namespace torchtape::viewer {

// The least and greatest leave out what is not a number.
void ValueTotals::OnValue(const v1::LoggedValue& value) {
  if (!steps_.Contains(value.step())) return;
  const auto [it, added] = index_.try_emplace(value.name(), totals_.size());
  if (added) {
    ValueTotal total;
    total.name = value.name();
    total.first = total.least = total.greatest = value.value();
    total.first_step = value.step();
    totals_.push_back(std::move(total));
  }
  ValueTotal& total = totals_[it->second];
  ++total.count;
  total.last = value.value();
  total.last_step = value.step();
  if (std::isnan(value.value())) return;
  if (!(total.least <= value.value())) total.least = value.value();
  if (!(total.greatest >= value.value())) total.greatest = value.value();
}

}  // namespace torchtape::viewer
