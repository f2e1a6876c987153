#include "cli/service_convergence.h"

#include <fmt/format.h>

namespace cube::cli {

using Verdict = ServiceConvergence::Verdict;

std::string readiness(const api::ServiceView& view) {
  const api::ServiceStatus& s = view.status;
  std::string text = fmt::format("{} of {} ready", s.ready, s.replicas);
  if (s.updated != s.ready) text += fmt::format(", {} of the new version", s.updated);
  return text;
}

namespace {

// "rolling back: CAUSE", "rolled back to version 2: CAUSE": the cause.
std::string cause_of(const std::string& message) {
  if (!message.starts_with("roll")) return message;
  const auto at = message.find(": ");
  return at == std::string::npos ? "" : message.substr(at + 2);
}

}  // namespace

Verdict ServiceConvergence::failed(std::string why) {
  why_ = std::move(why);
  return Verdict::failed;
}

Verdict ServiceConvergence::observe(const api::ServiceView& now) {
  const std::string& state = now.status.state;
  why_ = now.status.message;
  if (state == "removing") return failed("it is being removed");
  // A step back that nobody here asked for is what an update that failed leads to.
  // It may be over by the next look: then a replica that failed tells it from anybody's change.
  const bool is_back = now.task_version < task_version_ && !now.status.failed.is_nil();
  if ((state == "rolling-back" || is_back) && !goes_back_) {
    if (!rolled_back_) reason_ = cause_of(why_);
    rolled_back_ = true;
  }
  if (rolled_back_) {
    if (state == "rolling-back") return Verdict::waiting;
    const std::string cause = reason_.empty() ? "" : ": " + reason_;
    if (now.status.converged()) return failed("the update failed and was rolled back" + cause);
    if (state == "paused") return failed("the update failed, and so did its rollback" + cause);
    return Verdict::waiting;
  }
  if (now.task_version != task_version_)
    return failed(fmt::format("it was changed again in the meantime, to version {}", now.version));
  if (state == "paused") return failed(why_.empty() ? "its update is paused" : why_);
  return now.status.converged() ? Verdict::converged : Verdict::waiting;
}

}  // namespace cube::cli
