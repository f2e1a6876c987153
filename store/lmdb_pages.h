#pragma once
// `check_pages`: is a file of LMDB 0.9 sound? LMDB trusts its file: an offset that leads out of a
// page, or a page that belongs to two tables, would crash it or corrupt what it writes next. So the
// whole file is walked once before LMDB may use it.
//
// What is checked: every page of every table is inside the file, is of its table alone and says its
// own number; every entry lies inside its page; keys are in order, also against the keys that led
// to them; the counts in the tables' headers; the list of free pages names none that is in use.
// Values are not looked into: whoever wrote them has checksums for that. Format: LMDB 0.9 lmdb.h
// and mdb.c, "Page Structure", "Meta Page" and "Node Structure".

#include <cstddef>
#include <span>

#include "base/result.h"

namespace cube::store {

// `file` is the whole of data.mdb; the caller sees to it that nobody writes meanwhile. A file that
// does not begin as one of LMDB's is left to LMDB, which has an error of its own for it. Error:
// corrupt, with the page and what is wrong with it.
Result<void> check_pages(std::span<const std::byte> file);

}  // namespace cube::store
