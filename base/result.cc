#include "base/result.h"

namespace cube {

int http_status(Code code) {
  switch (code) {
    case Code::invalid:
      return 400;
    case Code::not_found:
      return 404;
    case Code::conflict:
      return 409;
    case Code::stale:
      return 412;
    case Code::too_large:
      return 413;
    case Code::unavailable:
      return 503;
    case Code::timeout:
      return 504;
    case Code::no_space:
      return 507;
    case Code::corrupt:
    case Code::internal:
      return 500;
  }
  CUBE_UNREACHABLE();
}

}  // namespace cube
