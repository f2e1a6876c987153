// `cube logs`: what a task writes, as it is. On a terminal without what could take it over.

#include <ostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/views.h"

namespace cube::cli {
namespace {

constexpr std::size_t kLineBytesMax = 1024 * 1024;

// Hands on whole lines: for a terminal each one made printable (tabs stay), else untouched.
class LineWriter {
 public:
  explicit LineWriter(Io& io) : io_(io) {}
  ~LineWriter() {
    if (!rest_.empty()) io_.out << printable_line(rest_) << std::flush;
  }
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // False when nobody reads any more.
  bool write(std::string_view piece) {
    if (!io_.out_is_tty) {
      io_.out << piece << std::flush;
      return io_.out.good();
    }
    rest_ += piece;
    std::size_t start = 0;
    for (std::size_t end = 0; (end = rest_.find('\n', start)) != std::string::npos; start = end + 1)
      io_.out << printable_line(std::string_view(rest_).substr(start, end - start)) << '\n';
    rest_.erase(0, start);
    if (rest_.size() > kLineBytesMax) io_.out << printable_line(std::exchange(rest_, {}));
    io_.out.flush();
    return io_.out.good();
  }

 private:
  Io& io_;
  std::string rest_;
};

}  // namespace

int logs(const LogsOptions& options, Io& io) {
  ManagerClient client(options.manager);
  const auto task = find_task(client, options.ref);
  if (!task.ok()) return fail(io, task.error());
  const LogQuery query{options.follow, options.timestamps, options.tail, options.since};
  LineWriter writer(io);
  const auto done = client.logs(task->id.str(), query,
                                [&](std::string_view piece) { return writer.write(piece); });
  return done.ok() ? exit_fine : fail(io, done.error());
}

}  // namespace cube::cli
