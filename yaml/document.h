#pragma once
// `Document`: what a file asks for as JSON text, and where in the file each part of it stands, so
// that one strict decoder reads every form and each of its errors can point at a line.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cube::yaml {

// From 1; columns are bytes, as editors count them in plain text.
struct Place {
  std::size_t line = 1, column = 1;
  std::string str() const;  // "7:3"
  friend auto operator<=>(const Place&, const Place&) = default;
};

struct Document {
  std::string json;
  Place begin;
  // Members by the paths that errors of api/ begin with ("task.mounts[2].type"), in lower case, as
  // names match without regard to it. A name that comes twice, in other letters, is in it twice.
  std::multimap<std::string, Place, std::less<>> places;
};

// `error` of reading document.json, with the place of what it names in front: "7:3: Task.Imge:
// ...". What it names but is not there is looked for where it should stand.
Error located(Error error, const Document& document);

// A file of YAML: one document or several, each one of them or a list of them; empty ones are
// skipped. Errors begin with the place. Plain scalars are read by the core schema of YAML 1.2: `no`
// and `on` are texts. Aliases and merge keys are resolved, within limits.
Result<std::vector<Document>> read_yaml(std::string_view text);

// A file of JSON: one object, or a list of them. Errors begin with the place.
Result<std::vector<Document>> read_json(std::string_view text);

// Of either: larger ones are refused.
inline constexpr std::size_t file_bytes_max = 1024 * 1024;
inline constexpr std::size_t values_max = 64 * 1024;  // with all aliases followed
// JSON and paths together, of one file: what an alias bomb may make of it.
inline constexpr std::size_t resolved_bytes_max = 16 * 1024 * 1024;

}  // namespace cube::yaml
