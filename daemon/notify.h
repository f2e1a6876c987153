#pragma once
// Readiness for systemd: one datagram to $NOTIFY_SOCKET (sd_notify(3)); nothing when it is unset.

#include <string_view>

namespace cube::daemon {

void notify_service_manager(std::string_view state);  // "READY=1", "STOPPING=1"

}  // namespace cube::daemon
