#include "runtime/image_pull.h"

#include <algorithm>

namespace cube::runtime {

ImageReference split_image(std::string_view image) {
  if (const std::size_t at = image.find('@'); at != std::string_view::npos) {
    std::string_view repository = image.substr(0, at);
    const std::size_t colon = repository.rfind(':');
    // "repo:tag@digest": the digest alone decides.
    if (colon != std::string_view::npos && repository.find('/', colon) == std::string_view::npos) {
      repository = repository.substr(0, colon);
    }
    return {std::string(repository), std::string(image.substr(at + 1))};
  }
  const std::size_t colon = image.rfind(':');
  // "host:5000/repo" has a port, not a tag.
  const bool tagged =
      colon != std::string_view::npos && image.find('/', colon) == std::string_view::npos;
  if (!tagged) return {std::string(image), "latest"};
  return {std::string(image.substr(0, colon)), std::string(image.substr(colon + 1))};
}

std::string PullProgress::take(const PullLine& line) {
  const bool starts = line.status == "Pulling fs layer" || line.status == "Waiting";
  const bool done = line.status == "Pull complete" || line.status == "Already exists";
  if (line.layer.empty() || (!starts && !done)) return "";
  layers_[line.layer] = done;
  const auto complete =
      std::count_if(layers_.begin(), layers_.end(), [](const auto& layer) { return layer.second; });
  std::string words =
      std::to_string(complete) + " of " + std::to_string(layers_.size()) + " layers";
  if (words == words_) return "";
  words_ = words;
  return words;
}

}  // namespace cube::runtime
