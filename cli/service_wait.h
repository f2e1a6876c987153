#pragma once
// `ServiceWait`: waits until services are where their changes lead, shows how far they are, and
// tells in the end; with the last log lines of what failed.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/io.h"
#include "cli/manager_client.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/service_convergence.h"

namespace cube::cli {

class ServiceWait {
 public:
  // References must outlive it.
  ServiceWait(ManagerClient& client, Io& io, const Waiting& waiting)
      : client_(client), io_(io), waiting_(waiting), progress_(io, waiting.quiet) {}

  // A change that the manager accepted with this answer. `word`: "created", for what is not waited
  // for.
  void add(const api::ServiceView& wanted, std::string_view word, bool goes_back = false);
  // Until all are there, failed, or the time is up; the exit code.
  int finish();

 private:
  struct Waited {
    api::ServiceView view;
    std::uint64_t task_version;  // that the change leads to
    ServiceConvergence convergence;
    ServiceConvergence::Verdict verdict = ServiceConvergence::Verdict::waiting;
    TaskId failed;      // the last replica of it that was seen to fail
    bool gone = false;  // removed meanwhile
  };

  void wait();
  void look(Waited& waited);
  std::string progress_line(const Waited& waited) const;
  int conclude(const Waited& waited);
  int conclude_late(const Waited& waited);
  void explain(const Waited& waited);
  void warn(const Waited& waited);
  std::optional<Task> culprit(const Waited& waited);

  ManagerClient& client_;
  Io& io_;
  const Waiting& waiting_;
  Progress progress_;
  std::vector<Waited> waited_;
  std::optional<Error> unreachable_;  // of the last question
  bool interrupted_ = false;
};

}  // namespace cube::cli
