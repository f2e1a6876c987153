#pragma once
// `SseReader`: the data of server-sent events out of pieces of any size
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). Pure.

#include <string>
#include <string_view>
#include <vector>

namespace cube::cli {

class SseReader {
 public:
  // The data of each event that `piece` completes, several data lines joined by newlines.
  // Comments, names and IDs are skipped: the data of our events has them all.
  std::vector<std::string> feed(std::string_view piece);

 private:
  std::string rest_, data_;
  bool has_data_ = false;
};

}  // namespace cube::cli
