#pragma once
// One attempt x its containers -> the next engine operation. Pure, and the one place where it is
// decided: whatever was lost, repeated or found, asking again gives the way on from there.

#include "worker/attempt.h"

namespace cube::worker {

struct Next {
  Verb verb = Verb::nothing;
  std::uint32_t restart = 0;  // which container
  friend bool operator==(const Next&, const Next&) = default;
};

// Guarantees: never a create or start while another container of the attempt may live; nothing
// while an operation is under way; nothing once what is wanted is there.
// `blocked`: an older attempt of the same task may still have a live container, or the lease that
// it needs is not held.
Next next_operation(const Attempt& attempt, Instant now, bool blocked);

}  // namespace cube::worker
