#pragma once
// What the measuring programs share: figures of many values, and work on several threads.

#include <cstddef>
#include <functional>
#include <vector>

namespace cube::bench {

// The value that a share `q` (0 to 1) of them does not exceed; 0 when there is none.
double quantile(std::vector<double> values, double q);
double median(std::vector<double> values);

// Runs `work(i)` for every i < count on `threads` threads; each makes a `work` of its own.
void in_parallel(std::size_t threads, std::size_t count,
                 const std::function<std::function<void(std::size_t)>()>& make_work);

}  // namespace cube::bench
