#pragma once
// The fields of a TaskSpec on the wire, shared by tasks, submissions and assignments.

#include <span>

#include "api/decode.h"
#include "api/json_writer.h"
#include "task/spec.h"

namespace cube::api {

// Writes the members of `spec` into the object that is open. The contract's own fields always;
// what Cube adds only when it is set.
void write_spec(JsonWriter& w, const TaskSpec& spec);

// What asks for no host port at all: without a word about PublishAll it is published (an old
// client's way of asking), so that `false` is written out.
bool publishes_by_default(const TaskSpec& spec);

// The table that reads them. Lists of ports come out sorted.
Part<TaskSpec> spec_part(TaskSpec& out);

}  // namespace cube::api
