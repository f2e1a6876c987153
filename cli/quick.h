#pragma once
// A task from flags instead of a file: `cube run --image echo --port 7777`. Pure.

#include <string_view>

#include "base/result.h"
#include "cli/options.h"
#include "task/spec.h"

namespace cube::cli {

// "7777", "8080:7777", "127.0.0.1:8080:7777", "[::1]:8080:7777", each with "/udp" or "/tcp".
// One number is both host and container port; host port 0 is chosen by the engine.
Result<PortBinding> parse_port_flag(std::string_view text);

// "data:/var/lib/x", "/srv/x:/x:ro", "tmpfs:/tmp". An absolute source is a host directory.
Result<Mount> parse_mount_flag(std::string_view text);

// Errors name the flag. The result is valid (task/spec.h).
Result<TaskSpec> spec_from(const QuickTask& quick);

// "registry:5000/team/echo-server:latest" -> "echo-server".
std::string name_from_image(std::string_view image);

}  // namespace cube::cli
