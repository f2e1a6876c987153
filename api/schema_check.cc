#include "api/schema_check.h"

#include <fmt/format.h>

#include "api/decode.h"

namespace cube::api {

namespace {

std::string_view text_of(const Value& v) {
  if (v.text() == nullptr) return {};
  return *v.text();
}

bool has_type(const Value& v, std::string_view type) {
  if (type == "null") return v.is_null();
  if (type == "boolean") return v.boolean() != nullptr;
  if (type == "integer") return v.integer() != nullptr;
  if (type == "number") return v.integer() != nullptr || v.real() != nullptr;
  if (type == "string") return v.text() != nullptr;
  if (type == "array") return v.list() != nullptr;
  return type == "object" && v.object() != nullptr;
}

double number_of(const Value& v) {
  if (v.real() != nullptr) return v.real()->number;
  auto magnitude = static_cast<double>(v.integer()->magnitude);
  return v.integer()->negative ? -magnitude : magnitude;
}

bool same(const Value& a, const Value& b) {
  if (a.text() != nullptr && b.text() != nullptr) return *a.text() == *b.text();
  if (a.text() != nullptr || b.text() != nullptr) return false;
  return a.describe() == b.describe();  // numbers, booleans and null describe themselves
}

class Checker {
 public:
  explicit Checker(const Value& document) : document_(document) {}

  Result<void> check(const Value& schema, const Value& value, const At& at) const {
    if (const Value* ref = schema.find("$ref")) return check(follow(text_of(*ref)), value, at);
    if (const Value* choices = schema.find("anyOf")) return check_any(*choices, value, at);
    CUBE_TRY(check_type(schema, value, at));
    CUBE_TRY(check_enum(schema, value, at));
    CUBE_TRY(check_range(schema, value, at));
    CUBE_TRY(check_format(schema, value, at));
    CUBE_TRY(check_members(schema, value, at));
    return check_items(schema, value, at);
  }

 private:
  // "#/components/schemas/Task"
  const Value& follow(std::string_view ref) const {
    const Value* v = &document_;
    CUBE_ASSERT(ref.starts_with("#/"));
    for (std::string_view rest = ref.substr(2); v != nullptr && !rest.empty();) {
      auto slash = rest.find('/');
      v = v->find(rest.substr(0, slash));
      rest = slash == rest.npos ? "" : rest.substr(slash + 1);
    }
    CUBE_ASSERT(v != nullptr);
    return *v;
  }

  Result<void> check_any(const Value& choices, const Value& value, const At& at) const {
    std::string why;
    for (const Value& choice : *choices.list()) {
      auto fits = check(choice, value, at);
      if (fits) return {};
      why += (why.empty() ? "" : "; or ") + fits.error().message;
    }
    return Error{Code::invalid, why};
  }

  static Result<void> check_type(const Value& schema, const Value& value, const At& at) {
    const Value* type = schema.find("type");
    if (type == nullptr) return {};
    if (type->text() != nullptr) {
      if (has_type(value, *type->text())) return {};
      return at.expected(*type->text(), value);
    }
    std::string names;
    for (const Value& one : *type->list()) {
      if (has_type(value, text_of(one))) return {};
      names += (names.empty() ? "" : " or ") + std::string(text_of(one));
    }
    return at.expected(names, value);
  }

  static Result<void> check_enum(const Value& schema, const Value& value, const At& at) {
    const Value* allowed = schema.find("enum");
    if (allowed == nullptr) return {};
    for (const Value& one : *allowed->list())
      if (same(one, value)) return {};
    std::string shown = value.text() != nullptr ? printable(*value.text()) : value.describe();
    return at.error(fmt::format("{} is none of the allowed values", shown));
  }

  static Result<void> check_range(const Value& schema, const Value& value, const At& at) {
    if (!has_type(value, "number")) return {};
    const Value* least = schema.find("minimum");
    const Value* most = schema.find("maximum");
    if (least != nullptr && number_of(value) < number_of(*least))
      return at.error(fmt::format("{} is below the minimum", value.describe()));
    if (most != nullptr && number_of(value) > number_of(*most))
      return at.error(fmt::format("{} is above the maximum", value.describe()));
    return {};
  }

  static Result<void> check_format(const Value& schema, const Value& value, const At& at) {
    const Value* format = schema.find("format");
    if (format == nullptr || value.text() == nullptr) return {};
    if (text_of(*format) == "uuid" && !Uuid::parse(*value.text())) return at.error("is no UUID");
    if (text_of(*format) == "date-time" && !parse_time(*value.text()))
      return at.error("is no RFC 3339 time");
    return {};
  }

  Result<void> check_members(const Value& schema, const Value& value, const At& at) const {
    if (value.object() == nullptr) return {};
    if (const Value* required = schema.find("required")) {
      for (const Value& name : *required->list())
        if (value.find(text_of(name)) == nullptr)
          return at.error(fmt::format("has no {}", text_of(name)));
    }
    const Value* properties = schema.find("properties");
    const Value* others = schema.find("additionalProperties");
    const bool* any = others != nullptr ? others->boolean() : nullptr;
    bool free = others == nullptr ? properties == nullptr : any != nullptr && *any;
    for (const Member& m : *value.object()) {
      const Value* known = properties != nullptr ? properties->find(m.key) : nullptr;
      if (known == nullptr && others != nullptr && any == nullptr) known = others;
      if (known != nullptr) {
        CUBE_TRY(check(*known, m.value, At(at, m.key)));
      } else if (!free) {
        return At(at, m.key).error("is not in the document");
      }
    }
    return {};
  }

  Result<void> check_items(const Value& schema, const Value& value, const At& at) const {
    const Value* items = schema.find("items");
    if (items == nullptr || value.list() == nullptr) return {};
    for (std::size_t i = 0; i < value.list()->size(); ++i)
      CUBE_TRY(check(*items, (*value.list())[i], At(at, i)));
    return {};
  }

  const Value& document_;
};

}  // namespace

Result<void> check_schema(const Value& document, const Value& schema, const Value& value) {
  return Checker(document).check(schema, value, At(Reading::message));
}

}  // namespace cube::api
