// The history: every change worth telling gets the next revision.

#include "manager/impl.h"
#include "manager/records.h"

namespace cube::manager {

void Core::tell(std::string_view kind, TaskEntry& t, std::string text) {
  Event e;
  e.kind = kind;
  e.task = t.task.id;
  e.name = t.task.spec->name;
  e.node = t.task.node;
  e.attempt = t.task.attempt;
  e.restart = t.task.status.restart;
  e.text = std::move(text);
  t.task.revision = revision_ + 1;
  save(t);
  append(std::move(e));
}

void Core::tell(std::string_view kind, const NodeEntry& n, std::string text) {
  Event e;
  e.kind = kind;
  e.node = n.shown();
  e.text = std::move(text);
  append(std::move(e));
}

void Core::tell(std::string_view kind, std::string text) {
  Event e;
  e.kind = kind;
  e.text = std::move(text);
  append(std::move(e));
}

void Core::append(Event event) {
  event.revision = ++revision_;
  event.at = now_.wall;
  fx_->writes.push_back(event_record(event));
  fx_->events.push_back(event);
  events_.push_back(std::move(event));
  while (events_.size() > limits::events_kept_max) {
    fx_->writes.push_back(store::Write::erase(event_key(events_.front().revision)));
    events_.pop_front();
  }
}

}  // namespace cube::manager
