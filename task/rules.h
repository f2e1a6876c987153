#pragma once
// Internal to task/: the rules for single texts that validate() puts together.

#include <string>
#include <string_view>

namespace cube::rules {

// Valid UTF-8 that a terminal shows as it is: no control characters (an empty text too).
bool is_plain(std::string_view text);

// An image reference as registries and engines read it: "[host[:port]/]name[:tag][@digest]", or the
// ID of an image.
bool is_image_reference(std::string_view text);

// An absolute path without "..", in its one shortest form ("/a//b/./" is "/a/b"); empty when it is
// none.
std::string normal_path(std::string_view text);

// A volume's name as the engine demands it: at least two of letters, digits, '_', '.', '-',
// beginning with a letter or digit.
bool is_volume_name(std::string_view text);

// "10.0.0.1" or an IPv6 address, written out or short.
bool is_ip_address(std::string_view text);
// Would a listener on `a` keep another from listening on `b`? Empty is every address.
bool addresses_overlap(std::string_view a, std::string_view b);

// What may stand in an HTTP request line: begins with '/', visible ASCII only.
bool is_request_path(std::string_view text);

// "node.name==n1", "node.platform!=linux/arm64", "node.labels.disk==ssd", "node.labels.gpu".
bool is_constraint(std::string_view text);

// "linux/arm64", also with a variant ("linux/arm/v7").
bool is_platform(std::string_view text);

// "SIGTERM", "TERM" or a number from 1 to 64.
bool is_signal(std::string_view text);

}  // namespace cube::rules
