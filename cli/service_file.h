#pragma once
// The services of files: JSON or YAML, from a path or standard input.

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/spec.h"
#include "yaml/document.h"

namespace cube::cli {

// The documents of a file, or of `standard_input` for "-". By the end of its name it is JSON
// (.json) or YAML (.yaml, .yml); else JSON when it begins with `{` or `[`. Errors begin with the
// file, and the line and column where there is one: "web.yaml:7:3: ...".
Result<std::vector<yaml::Document>> read_documents(const std::string& file,
                                                   std::istream& standard_input);

// `error` of reading `document`, with file, line and column.
Error in_file(Error error, const std::string& file, const yaml::Document& document);

struct FileService {
  std::string source;  // "web.yaml:9:1", for messages
  service::ServiceSpec spec;
};
// All services of all files, valid; at least one. A name that comes twice is an error.
Result<std::vector<FileService>> read_services(const std::vector<std::string>& files,
                                               std::istream& standard_input);

}  // namespace cube::cli
