#pragma once
// Where a task goes: filter, score, choose. The result is a node or an explanation.
//
// `Pool` holds what scheduling needs of every node, in arrays of its own, kept up to date by its
// one owner (the manager core); it knows nothing of tasks beyond their demand, of services or of
// storage. Placement never exceeds what a node has; nodes that are not ready are never candidates;
// ties break by a hash of (demand seed, node name), never by list order.
// docs/scheduling.md has the formulas and their sources.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "task/node.h"
#include "task/spec.h"

namespace cube::scheduler {

enum class Policy : std::uint8_t { roundrobin, epvm, spread, binpack };
std::string_view name(Policy);
Result<Policy> policy_from(std::string_view name);  // the error lists the four

// Stable for the life of the Pool; reused after remove().
enum class NodeIndex : std::uint32_t {};

struct NodeFacts {
  std::string name;
  std::string machine;   // nodes with the same one share host ports
  std::string platform;  // "linux/amd64"
  std::map<std::string, std::string> labels;
  Resources capacity;
};

// A parsed `Constraints` entry: "node.name==n1", "node.labels.zone!=b",
// "node.platform==linux/arm64"; a bare "node.labels.gpu" asks that the label is there.
struct Constraint {
  enum class Key : std::uint8_t { node_name, label, platform };
  enum class Op : std::uint8_t { equal, not_equal, present };
  Key key = Key::label;
  std::string label;
  Op op = Op::equal;
  std::string value;
  static Result<Constraint> parse(std::string_view text);  // the error names what is allowed
};

// Does a node with these facts meet the constraint? A missing label differs from every value.
bool meets(const NodeFacts& facts, const Constraint& constraint);

struct HostPortDemand {
  std::uint16_t port = 0;
  std::string protocol;
  friend auto operator<=>(const HostPortDemand&, const HostPortDemand&) = default;
};

// What one task needs of a node. Made once per task.
struct Demand {
  std::uint64_t seed = 0;   // of the task's id: breaks ties
  Resources resources;
  std::vector<HostPortDemand> ports;  // fixed host ports only
  std::vector<Constraint> constraints;
  std::string platform;     // empty: any
  // Parses the spec's constraints. REQUIRES: validate(spec).ok()
  static Demand of(const TaskSpec& spec, std::uint64_t seed);
};

struct Avoided {
  NodeIndex node;
  std::string reason;  // "failed to start there: port 7777 is in use"
};

// Why nothing fits: one line per reason with the number of nodes, most common first, e.g.
// "2 nodes: not enough memory (needs 512 MiB, 310 MiB free); 1 node: not ready".
struct Explanation {
  struct Line {
    std::uint32_t nodes = 0;
    std::string reason;
  };
  std::vector<Line> lines;
  bool never = false;  // larger than every node that is known: waiting will not help by itself
  std::string str() const;
};

struct Decision {
  std::optional<NodeIndex> node;
  Explanation explanation;  // when there is no node
};

class Pool {
 public:
  explicit Pool(Policy policy);
  ~Pool();
  Pool(Pool&&) noexcept;

  // Adds a node, or replaces the facts of the one so named. Not ready until told so.
  NodeIndex put(const NodeFacts& facts);
  void remove(NodeIndex);
  void set_ready(NodeIndex, bool ready, std::string reason);

  // What a placed task takes. Reserving more than there is, is allowed (a worker may report tasks
  // that the manager did not know); the node is then no candidate until there is room.
  void reserve(NodeIndex, const Demand&);
  void release(NodeIndex, const Demand&);  // REQUIRES: reserved before

  // Does not reserve. Advances the round-robin cursor.
  Decision place(const Demand& demand, const std::vector<Avoided>& avoided = {});

  Resources reserved(NodeIndex) const;
  Resources capacity(NodeIndex) const;
  std::uint32_t tasks(NodeIndex) const;
  std::size_t size() const;
  Policy policy() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cube::scheduler
