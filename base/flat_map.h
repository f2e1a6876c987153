#pragma once
// `FlatMap`: an ordered map in one array, for many small maps or few large ones that grow at their
// end: a third of a std::map's memory. Adding or removing moves what lies behind, and ends the
// validity of iterators and references.

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace cube {

template <class Key, class T>
class FlatMap {
 public:
  using value_type = std::pair<Key, T>;
  using iterator = typename std::vector<value_type>::iterator;
  using const_iterator = typename std::vector<value_type>::const_iterator;

  iterator begin() { return all_.begin(); }
  iterator end() { return all_.end(); }
  const_iterator begin() const { return all_.begin(); }
  const_iterator end() const { return all_.end(); }
  std::size_t size() const { return all_.size(); }
  bool empty() const { return all_.empty(); }

  iterator lower_bound(const Key& key) {
    return std::ranges::lower_bound(all_, key, {}, &value_type::first);
  }
  const_iterator lower_bound(const Key& key) const {
    return std::ranges::lower_bound(all_, key, {}, &value_type::first);
  }
  iterator find(const Key& key) {
    const auto at = lower_bound(key);
    return at != end() && at->first == key ? at : end();
  }
  const_iterator find(const Key& key) const {
    const auto at = lower_bound(key);
    return at != end() && at->first == key ? at : end();
  }
  bool contains(const Key& key) const { return find(key) != end(); }

  // Adds it unless the key is there; whether it did.
  std::pair<iterator, bool> try_emplace(const Key& key, T value) {
    const auto at = lower_bound(key);
    if (at != end() && at->first == key) return {at, false};
    return {all_.emplace(at, key, std::move(value)), true};
  }
  T& operator[](const Key& key) { return try_emplace(key, T()).first->second; }

  iterator erase(const_iterator at) {
    const auto next = all_.erase(at);
    if (all_.size() * 4 < all_.capacity()) {  // what many once needed is given back
      const auto i = next - all_.begin();
      all_.shrink_to_fit();
      return all_.begin() + i;
    }
    return next;
  }
  std::size_t erase(const Key& key) {
    const auto at = find(key);
    if (at == end()) return 0;
    erase(at);
    return 1;
  }

 private:
  std::vector<value_type> all_;
};

}  // namespace cube
