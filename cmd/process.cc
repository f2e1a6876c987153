#include "cmd/process.h"

#include <fmt/format.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "cli/exit_codes.h"
#include "store/lmdb_store.h"
#include "store/memory_store.h"

namespace cube::cmd {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

// Unmaps the pages of code and constants that the start has touched, which nobody has written to:
// most are of libraries that only the command line uses (OpenSSL's alone are 3 MB). What goes on
// being used comes back from the page cache at its next use.
void give_back_pages_of_the_start() {
  const auto give_back = [](dl_phdr_info* object, std::size_t, void*) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (std::size_t i = 0; i < object->dlpi_phnum; ++i) {
      const ElfW(Phdr)& segment = object->dlpi_phdr[i];
      if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
      const std::uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
      const std::uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
      (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
    return 0;
  };
  ::dl_iterate_phdr(give_back, nullptr);
}

}  // namespace

DaemonProcess::DaemonProcess() {
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a file size limit is an error of the write, not a death
  // A thousand connections need more than the usual soft limit of 1024 files.
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
  }
}

std::string DaemonProcess::wait_for_signal() {
  give_back_pages_of_the_start();
  const sigset_t set = ending_signals();
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  return signal == SIGINT ? "SIGINT" : "SIGTERM";
}

daemon::Log::Format format_of(cli::LogFormat format) {
  switch (format) {
    case cli::LogFormat::text:
      return daemon::Log::Format::text;
    case cli::LogFormat::json:
      return daemon::Log::Format::json;
  }
  CUBE_UNREACHABLE();
}

Result<std::unique_ptr<store::Store>> open_store(const std::string& dbtype,
                                                 const std::string& data_dir,
                                                 const std::string& role) {
  if (dbtype == "memory") {
    return std::unique_ptr<store::Store>(std::make_unique<store::MemoryStore>());
  }
  store::LmdbOptions options;
  options.directory = data_dir;
  options.role = role;
  return store::open_lmdb(options);
}

void warn_when_exposed(daemon::Log& log, const std::string& host, std::uint16_t port) {
  if (host.starts_with("127.") || host == "localhost" || host == "::1") return;
  log.warn(
      "security.exposed",
      fmt::format("{}:{} is open to other machines, and nothing protects it: whoever reaches it "
                  "can run containers as root here. Let a firewall admit only your cluster",
                  host, port));
}

int could_not_start(daemon::Log& log, const Error& error) {
  log.error("start.failed", error.message);
  return cli::exit_failed;
}

}  // namespace cube::cmd
