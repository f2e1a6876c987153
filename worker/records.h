#pragma once
// The worker's records: docs/store-format.md, section "Worker", is their specification.
//
//   'n'                      the node: who this worker is and whom it obeys
//   'a' task(16) attempt(4)  one attempt: what is asked (written when that changes)
//   's' task(16) attempt(4)  one attempt: what is observed (written as it goes)

#include <cstdint>
#include <string>
#include <string_view>

#include "api/messages.h"
#include "base/result.h"
#include "worker/attempt.h"

namespace cube::worker {

// Tables. NEVER REUSE A BYTE.
inline constexpr char table_node = 'n';
inline constexpr char table_asked = 'a';
inline constexpr char table_observed = 's';

struct NodeRecord {
  WorkerId worker;
  bool accepted = false;      // an assignment was accepted, ever
  ManagerId manager;          // of it
  api::Fence fence;           // of it
  std::string boot_id;        // of the boot whose containers have all been looked at
  std::string name, cluster;  // whose the containers are; empty: written by an older version
  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

std::string node_key();
std::string key(char table, const AttemptKey& attempt);
Result<AttemptKey> parse_key(std::string_view key);  // of either attempt table

std::string encode(const NodeRecord& node);
Result<NodeRecord> decode_node(std::string_view record);

// key, origin, want, created, spec
std::string encode_asked(const Attempt& attempt);
Result<void> decode_asked(std::string_view record, Attempt& into);

// status, backoff
std::string encode_observed(const Attempt& attempt);
Result<void> decode_observed(std::string_view record, Attempt& into);

}  // namespace cube::worker
