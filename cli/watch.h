#pragma once
// `watch`: what `status` and `node` show with --watch, until Ctrl-C or until nobody reads.

#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"

namespace cube::cli {

constexpr Duration kWatchEvery = 500ms;

// How a list of items is watched.
template <class Item>
struct Watched {
  std::function<Result<std::vector<Item>>()> look;
  std::function<std::string(const Item&)> key;          // tells the items apart
  std::function<std::string(const Item&)> fingerprint;  // other when it is worth showing again
  std::function<std::string(const std::vector<Item>&)> text;
  bool has_titles = false;  // the first line of `text`; appended lines come without it
  bool redrawn = false;     // all of it on a terminal, at each change; else changed items appended
};

// A manager that goes away in the midst of it is said once, and waited for.
template <class Item>
int watch(const Watched<Item>& watched, Io& io) {
  std::map<std::string, std::string> before;  // fingerprints by key
  bool first = true, complained = false;
  do {
    const Result<std::vector<Item>> items = watched.look();
    if (!items.ok()) {
      if (first || !may_pass(items.error())) return fail(io, items.error());
      if (!std::exchange(complained, true)) fail(io, items.error());
      continue;
    }
    complained = false;
    std::map<std::string, std::string> now;
    std::vector<Item> changed;
    for (const Item& item : *items) {
      const auto [it, is_new] = now.emplace(watched.key(item), watched.fingerprint(item));
      const auto old = before.find(it->first);
      if (is_new && (old == before.end() || old->second != it->second)) changed.push_back(item);
    }
    if (watched.redrawn && (first || now != before)) {
      io.out << "\x1b[H\x1b[2J" << watched.text(*items) << std::flush;
    } else if (!watched.redrawn && (first || !changed.empty())) {
      std::string text = watched.text(changed);
      if (!first && watched.has_titles) text.erase(0, text.find('\n') + 1);
      io.out << text << std::flush;
    }
    before = std::move(now);
    first = false;
  } while (io.out.good() && io.sleep(kWatchEvery));
  return 0;
}

}  // namespace cube::cli
