#include "bench/measure.h"

#include <algorithm>
#include <atomic>
#include <thread>

namespace cube::bench {

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(q * static_cast<double>(values.size())))];
}

double median(std::vector<double> values) {
  return quantile(std::move(values), 0.5);
}

void in_parallel(std::size_t threads, std::size_t count,
                 const std::function<std::function<void(std::size_t)>()>& make_work) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> running;
  for (std::size_t t = 0; t < threads; ++t) {
    running.emplace_back([&] {
      const auto work = make_work();
      for (std::size_t i = next++; i < count; i = next++) work(i);
    });
  }
}

}  // namespace cube::bench
