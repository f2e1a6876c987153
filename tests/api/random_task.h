#pragma once
// Specs and tasks drawn from a seed, for properties.

#include "base/rng.h"
#include "task/task.h"

namespace cube::api {

// A spec that validate() accepts, with any mix of fields.
TaskSpec random_spec(Rng& rng);
// A status with any mix of fields, of the attempt `key`.
AttemptStatus random_status(Rng& rng, const AttemptKey& key);
// A task that a reply can show: what the wire does not carry is as parse_task leaves it.
Task random_task(Rng& rng);

}  // namespace cube::api
