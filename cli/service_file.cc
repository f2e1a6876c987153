#include "cli/service_file.h"

#include <fmt/format.h>

#include <istream>
#include <map>

#include "api/service.h"
#include "base/text.h"
#include "cli/text_file.h"

namespace cube::cli {
namespace {

bool is_json(const std::string& file, std::string_view text) {
  if (file.ends_with(".json")) return true;
  if (file.ends_with(".yaml") || file.ends_with(".yml")) return false;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

// "web.yaml:" in front of "7:3: ..."
Error of_file(Error error, const std::string& file) {
  return {error.code, fmt::format("{}:{}", printable(called_file(file)), error.message)};
}

}  // namespace

Result<std::vector<yaml::Document>> read_documents(const std::string& file,
                                                   std::istream& standard_input) {
  const auto text = read_text(file, standard_input, yaml::file_bytes_max);
  CUBE_TRY(text);
  auto documents = is_json(file, *text) ? yaml::read_json(*text) : yaml::read_yaml(*text);
  if (!documents.ok()) return of_file(std::move(documents).error(), file);
  return documents;
}

Error in_file(Error error, const std::string& file, const yaml::Document& document) {
  return of_file(yaml::located(std::move(error), document), file);
}

Result<std::vector<FileService>> read_services(const std::vector<std::string>& files,
                                               std::istream& standard_input) {
  std::vector<FileService> all;
  std::map<std::string, std::string> names;  // and where each was
  for (const std::string& file : files) {
    const auto documents = read_documents(file, standard_input);
    CUBE_TRY(documents);
    if (documents->empty())
      return Error{Code::invalid, printable(called_file(file)) + ": no service in it"};
    for (const yaml::Document& d : *documents) {
      auto spec = api::parse_service_spec(d.json);
      if (!spec.ok()) return in_file(std::move(spec).error(), file, d);
      const std::string source = fmt::format("{}:{}", called_file(file), d.begin.str());
      const auto [first, is_new] = names.emplace(spec->name, source);
      if (!is_new)
        return in_file({Code::invalid, fmt::format("Name: service `{}` is in {} too", spec->name,
                                                   printable(first->second))},
                       file, d);
      all.push_back({source, *std::move(spec)});
    }
  }
  return all;
}

}  // namespace cube::cli
