// The small languages inside a spec: constraints, ports, mounts, image references, platforms.

#include "cli/quick.h"
#include "runtime/image_pull.h"
#include "scheduler/filters.h"
#include "task/rules.h"
#include "tests/fuzz/target.h"

using namespace cube;

namespace {

void check_constraint(std::string_view text) {
  using scheduler::Constraint;
  const auto parsed = Constraint::parse(text);
  // What validate() lets in, placement understands.
  if (rules::is_constraint(text)) CUBE_ASSERT(parsed.ok());
  if (!parsed.ok()) return;
  const auto again = Constraint::parse(scheduler::text_of(*parsed));
  CUBE_ASSERT(again.ok());
  CUBE_ASSERT(again->key == parsed->key && again->label == parsed->label);
  CUBE_ASSERT(again->op == parsed->op && again->value == parsed->value);
  scheduler::NodeFacts node{"n1", "m", "linux/amd64", {{"disk", "ssd"}}, {}};
  Constraint opposite = *parsed;
  if (opposite.op == Constraint::Op::present) return;
  opposite.op =
      opposite.op == Constraint::Op::equal ? Constraint::Op::not_equal : Constraint::Op::equal;
  CUBE_ASSERT(scheduler::meets(node, *parsed) != scheduler::meets(node, opposite));
}

void check_ports(std::string_view text) {
  if (const auto port = Port::parse(text); port.ok()) {
    const auto again = Port::parse(port->str());
    CUBE_ASSERT(again.ok());
    CUBE_ASSERT(*again == *port);
  }
  if (const auto binding = cli::parse_port_flag(text); binding.ok()) {
    CUBE_ASSERT(binding->container.number != 0);
  }
}

void check_paths(std::string_view text) {
  const std::string path = rules::normal_path(text);
  if (!path.empty()) {
    CUBE_ASSERT(path.front() == '/');
    CUBE_ASSERT(rules::normal_path(path) == path);
    CUBE_ASSERT(path.find("/../") == path.npos && !path.ends_with("/.."));
  }
  (void)cli::parse_mount_flag(text);
}

void check_image(std::string_view text) {
  (void)cli::name_from_image(text);
  const auto parts = runtime::split_image(text);
  if (!rules::is_image_reference(text)) return;
  CUBE_ASSERT(!parts.repository.empty());
  CUBE_ASSERT(!parts.tag.empty());
}

}  // namespace

FUZZ_TARGET(constraints) {
  check_constraint(bytes);
  check_ports(bytes);
  check_paths(bytes);
  check_image(bytes);
  (void)rules::is_volume_name(bytes);
  (void)rules::is_platform(bytes);
  (void)rules::is_signal(bytes);
  (void)rules::is_request_path(bytes);
  (void)rules::is_plain(bytes);
  if (rules::is_ip_address(bytes)) CUBE_ASSERT(rules::addresses_overlap(bytes, bytes));
}
