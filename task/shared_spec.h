#pragma once
// `SharedSpec`: a TaskSpec that many tasks have in common, kept once. It reads like a pointer
// (`task.spec->image`); a copy costs a count, and may be used on any thread.

#include <memory>
#include <utility>

#include "task/spec.h"

namespace cube {

class SharedSpec {
 public:
  SharedSpec() : spec_(none()) {}
  SharedSpec(TaskSpec spec) : spec_(std::make_shared<TaskSpec>(std::move(spec))) {}

  const TaskSpec& operator*() const { return *spec_; }
  const TaskSpec* operator->() const { return spec_.get(); }
  operator const TaskSpec&() const { return *spec_; }

  // To be changed, before others look at it: a spec of one's own, copied when it is shared.
  TaskSpec& edit() {
    if (spec_.use_count() != 1) spec_ = std::make_shared<TaskSpec>(*spec_);
    return *spec_;
  }

  friend bool operator==(const SharedSpec& a, const SharedSpec& b) {
    return a.spec_ == b.spec_ || *a.spec_ == *b.spec_;
  }

 private:
  static const std::shared_ptr<TaskSpec>& none() {
    static const auto spec = std::make_shared<TaskSpec>();
    return spec;
  }

  std::shared_ptr<TaskSpec> spec_;  // never null
};

}  // namespace cube
