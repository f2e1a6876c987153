// A file of YAML: yaml-cpp tells what stands where, and nothing else of it is used. The values of
// scalars, duplicate keys, merge keys, aliases and all limits are decided here.

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <deque>
#include <set>
#include <sstream>

#include "api/decode.h"
#include "api/json_writer.h"
#include "base/limits.h"
#include "base/text.h"
#include "yaml/document.h"
#include "yaml/paths.h"
#include "yaml/scalar.h"

namespace cube::yaml {
namespace {

// Leaves yaml-cpp in the only way that it offers; caught where it was called.
struct Refusal {
  Error error;
};

[[noreturn]] void refuse(Place place, std::string_view what) {
  throw Refusal{{Code::invalid, fmt::format("{}: {}", place.str(), what)}};
}

struct Node;
struct Member {
  std::string key;
  Place place;  // of the key
  const Node* value = nullptr;
  bool merges = false;  // the key is a plain `<<`
};
struct Element {
  Place place;
  const Node* value = nullptr;
};
struct Node {
  enum class Kind : std::uint8_t { scalar, list, map };
  Kind kind = Kind::scalar;
  Place place;
  Scalar scalar;
  std::vector<Element> elements;
  std::vector<Member> members;  // of a complete map: with what it merges, which comes last
  bool complete = false;
};

Place place_of(const YAML::Mark& mark) {
  return {static_cast<std::size_t>(std::max(mark.line, 0)) + 1,
          static_cast<std::size_t>(std::max(mark.column, 0)) + 1};
}

// Where documents may begin. yaml-cpp takes whatever follows a document for another one, and what
// cannot begin any for an empty one, again and again.
class Borders {
 public:
  explicit Borders(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); i = text.find('\n', i) + 1)
      lines_.push_back(text.substr(i));
  }

  // REQUIRES: every line ends with a newline; called with the beginnings in order
  void check(Place place) {
    const std::size_t line = std::min(place.line, lines_.size());
    bool ended = last_ == 0 || starts(place, "---");
    for (std::size_t i = last_; i < line && !ended; ++i) ended = lines_[i].starts_with("...");
    last_ = place.line;
    if (!ended) refuse(place, "malformed YAML: the document is complete before this");
  }

 private:
  bool starts(Place place, std::string_view mark) const {
    return place.column == 1 && place.line <= lines_.size() &&
           lines_[place.line - 1].starts_with(mark);
  }

  std::vector<std::string_view> lines_;
  std::size_t last_ = 0;  // line of the last beginning
};

// One document as nodes. An alias is another pointer to the same node: resolving costs nothing yet.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(Borders& borders) : borders_(borders) {}
  const Node* root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& mark) override { borders_.check(place_of(mark)); }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    place(new_node(Node::Kind::scalar, mark, anchor), place_of(mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Node* node = anchors_.at(anchor);
    if (!node->complete) refuse(place_of(mark), "an alias within what it stands for");
    place(node, place_of(mark));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node* node = new_node(Node::Kind::scalar, mark, anchor);
    const bool plain = tag.empty() || tag == "?";
    node->scalar = plain ? plain_scalar(value) : tagged(tag, value, node->place);
    const bool merges = value == "<<" && (plain || tag == "tag:yaml.org,2002:merge");
    place(node, node->place, plain ? &value : nullptr, merges);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(tag, "tag:yaml.org,2002:seq", place_of(mark));
    open(new_node(Node::Kind::list, mark, anchor));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_tag(tag, "tag:yaml.org,2002:map", place_of(mark));
    open(new_node(Node::Kind::map, mark, anchor));
  }
  void OnMapEnd() override {
    Node& map = *open_.back();
    check_duplicates(map);
    merge(map);
    close();
  }

 private:
  Node* new_node(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (nodes_.size() >= values_max)
      refuse(place_of(mark), fmt::format("more than {} values", values_max));
    Node& node = nodes_.emplace_back();
    node.kind = kind;
    node.place = place_of(mark);
    node.complete = kind == Node::Kind::scalar;
    if (anchor != YAML::NullAnchor) anchors_[anchor] = &node;
    return &node;
  }

  static Scalar tagged(const std::string& tag, const std::string& value, Place place) {
    constexpr std::string_view core = "tag:yaml.org,2002:";
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return {Scalar::Kind::text, value};
    if (tag == "tag:yaml.org,2002:merge") return {Scalar::Kind::text, value};
    const std::string_view name =
        tag.starts_with(core) ? std::string_view(tag).substr(core.size()) : std::string_view();
    const Scalar scalar = plain_scalar(value);
    const bool fits = (name == "null" && scalar.kind == Scalar::Kind::null) ||
                      (name == "bool" && scalar.kind == Scalar::Kind::boolean) ||
                      ((name == "int" || name == "float") && scalar.kind == Scalar::Kind::number);
    if (fits) return scalar;
    refuse(place, fmt::format("the tag `{}` does not fit here", printable(tag.substr(0, 64))));
  }
  static void check_tag(const std::string& tag, std::string_view own, Place place) {
    if (tag.empty() || tag == "?" || tag == "!" || tag == own) return;
    refuse(place, fmt::format("the tag `{}` does not fit here", printable(tag.substr(0, 64))));
  }

  void open(Node* node) {
    if (open_.size() >= limits::json_depth_max)
      refuse(node->place, fmt::format("nested deeper than {}", limits::json_depth_max));
    place(node, node->place);
    open_.push_back(node);
  }
  void close() {
    open_.back()->complete = true;
    open_.pop_back();
  }

  // Puts a value, or a key, where it belongs. `plain` is the text of a plain scalar.
  void place(const Node* node, Place at, const std::string* plain = nullptr, bool merges = false) {
    if (open_.empty()) {
      root_ = node;
      return;
    }
    Node& parent = *open_.back();
    if (parent.kind == Node::Kind::list) {
      parent.elements.push_back({at, node});
    } else if (parent.members.empty() || parent.members.back().value != nullptr) {
      parent.members.push_back({key_of(*node, at, plain), at, nullptr, merges});
    } else {
      parent.members.back().value = node;
    }
  }
  // A number or a word such as `true` is a key by what is written; nothing and lists are none.
  static std::string key_of(const Node& node, Place at, const std::string* plain) {
    const bool is_text = node.kind == Node::Kind::scalar && node.scalar.kind != Scalar::Kind::null;
    if (!is_text) refuse(at, "a key must be a text");
    return plain != nullptr ? *plain : node.scalar.text;
  }

  static void check_duplicates(const Node& map) {
    std::vector<const Member*> sorted;
    for (const Member& m : map.members) sorted.push_back(&m);
    std::ranges::stable_sort(sorted, {}, [](const Member* m) { return std::string_view(m->key); });
    const Member* worst = nullptr;  // the first in the file
    const Member* twin = nullptr;
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i]->key != sorted[i - 1]->key) continue;
      if (worst != nullptr && worst->place < sorted[i]->place) continue;
      worst = sorted[i];
      twin = sorted[i - 1];
    }
    if (worst == nullptr) return;
    refuse(worst->place, fmt::format("duplicate key `{}`; first at {}",
                                     printable(worst->key.substr(0, 64)), twin->place.str()));
  }

  // Takes over what `<<` names: what the map says itself counts first, then the earlier source.
  void merge(Node& map) {
    const auto at = std::ranges::find_if(map.members, &Member::merges);
    if (at == map.members.end()) return;
    const Member key = *at;
    map.members.erase(at);
    std::set<std::string, std::less<>> known;
    for (const Member& m : map.members) known.insert(m.key);
    if (key.value->kind == Node::Kind::list) {
      for (const Element& e : key.value->elements) merge_from(*e.value, e.place, known, map);
    } else {
      merge_from(*key.value, key.place, known, map);
    }
  }
  void merge_from(const Node& source, Place at, std::set<std::string, std::less<>>& known,
                  Node& map) {
    if (source.kind != Node::Kind::map)
      refuse(at, "what `<<` merges must be an object, or a list of them");
    merged_ += source.members.size() + 1;
    if (merged_ > values_max) refuse(at, fmt::format("more than {} values merged", values_max));
    for (const Member& m : source.members)
      if (known.insert(m.key).second) map.members.push_back(m);
  }

  Borders& borders_;
  std::deque<Node> nodes_;  // all of them, so that none owns another
  std::map<YAML::anchor_t, const Node*> anchors_;
  std::vector<Node*> open_;
  const Node* root_ = nullptr;
  std::size_t merged_ = 0;
};

// Nodes as JSON text, aliases followed.
class Writer {
 public:
  Document write(const Node& node, Place begin) {
    Document document;
    document.begin = begin;
    document_ = &document;
    value(node, api::At(api::Reading::submission), begin, 0);
    return document;
  }

 private:
  void value(const Node& node, const api::At& at, Place place, std::size_t depth) {
    if (depth > limits::json_depth_max)
      refuse(place, fmt::format("nested deeper than {}", limits::json_depth_max));
    std::string& out = document_->json;
    spend(node.scalar.text.size() + 1, place);
    if (++values_ > values_max)
      refuse(place, fmt::format("more than {} values, aliases followed", values_max));
    switch (node.kind) {
      case Node::Kind::scalar:
        return scalar(node.scalar, place);
      case Node::Kind::list:
        out += '[';
        for (std::size_t i = 0; i < node.elements.size(); ++i) {
          const Element& e = node.elements[i];
          if (i > 0) out += ',';
          const api::At child(at, i);
          record(child, e.place);
          value(*e.value, child, e.place, depth + 1);
        }
        out += ']';
        return;
      case Node::Kind::map:
        out += '{';
        for (std::size_t i = 0; i < node.members.size(); ++i) {
          const Member& m = node.members[i];
          spend(m.key.size() + 1, m.place);
          if (i > 0) out += ',';
          api::append_json_string(out, m.key);
          out += ':';
          const api::At child(at, m.key);
          record(child, m.place);
          value(*m.value, child, m.place, depth + 1);
        }
        out += '}';
        return;
    }
  }

  void scalar(const Scalar& scalar, Place place) {
    std::string& out = document_->json;
    switch (scalar.kind) {
      case Scalar::Kind::null:
        out += "null";
        return;
      case Scalar::Kind::boolean:
      case Scalar::Kind::number:
        out += scalar.text;
        return;
      case Scalar::Kind::text:
        api::append_json_string(out, scalar.text);
        return;
      case Scalar::Kind::beyond:
        refuse(place, fmt::format("`{}` is a number that cannot be used here",
                                  printable(scalar.text.substr(0, 64))));
    }
  }

  void record(const api::At& at, Place place) {
    std::string path = lower(at.path());
    spend(path.size(), place);
    document_->places.emplace(std::move(path), place);
  }
  void spend(std::size_t bytes, Place place) {
    spent_ += bytes;
    if (spent_ > resolved_bytes_max)
      refuse(place,
             "too large with its aliases followed: more than " + format_bytes(resolved_bytes_max));
  }

  Document* document_ = nullptr;
  std::size_t spent_ = 0, values_ = 0;
};

// What yaml-cpp would take for something else, or change: it ends a text at a 4, and repairs UTF-8.
Result<void> check_bytes(std::string_view text) {
  if (text.size() > file_bytes_max)
    return Error{Code::invalid, "1:1: larger than " + format_bytes(file_bytes_max)};
  std::size_t number = 1;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const auto odd = std::ranges::find_if(
        line, [](char c) { return (c >= 0 && c < 0x20 && c != '\t' && c != '\r') || c == 0x7f; });
    if (odd != line.end()) {
      const Place place{number, static_cast<std::size_t>(odd - line.begin()) + 1};
      return Error{Code::invalid, place.str() + ": a control character"};
    }
    if (!is_valid_utf8(line)) return Error{Code::invalid, Place{number, 1}.str() + ": not UTF-8"};
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    ++number;
  }
  return {};
}

// A list of services is as good as several documents.
void write_documents(const Node& root, Writer& writer, std::vector<Document>& out) {
  if (root.kind == Node::Kind::list) {
    for (const Element& e : root.elements) out.push_back(writer.write(*e.value, e.place));
  } else if (root.kind != Node::Kind::scalar || root.scalar.kind != Scalar::Kind::null) {
    out.push_back(writer.write(root, root.place));
  }
}

// `lines`: of the text, before its end was marked.
Error in_words(const YAML::Exception& error, std::size_t lines) {
  std::string_view message = error.msg;
  if (message == YAML::ErrorMsg::DOC_IN_SCALAR && place_of(error.mark).line > lines)
    message = "a quoted text without its end";
  const std::string what =
      message.empty() ? "malformed YAML" : "malformed YAML: " + printable(message.substr(0, 200));
  return {Code::invalid, fmt::format("{}: {}", place_of(error.mark).str(), what)};
}

}  // namespace

Result<std::vector<Document>> read_yaml(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  CUBE_TRY(check_bytes(text));
  // The end is marked: yaml-cpp would take a quoted text that is cut off there for a whole one.
  std::string marked(text);
  if (!marked.empty() && marked.back() != '\n') marked += '\n';
  const auto lines = static_cast<std::size_t>(std::ranges::count(marked, '\n'));
  marked += "...\n";
  std::istringstream in{marked};
  Borders borders(marked);
  std::vector<Document> documents;
  Writer writer;
  try {
    YAML::Parser parser(in);
    while (true) {
      Builder builder(borders);
      if (!parser.HandleNextDocument(builder)) break;
      if (builder.root() != nullptr) write_documents(*builder.root(), writer, documents);
    }
  } catch (const Refusal& refusal) {
    return refusal.error;
  } catch (const YAML::Exception& error) {
    return in_words(error, lines);
  }
  return documents;
}

}  // namespace cube::yaml
