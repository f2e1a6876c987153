#pragma once
// Transcripts: tests that read as stories. A file holds commands and, below each, everything that
// was printed:
//
//     # What is told here, in words. Comments and blank lines are kept as they are.
//     > assign web image=echo
//       create cube-web-a1-r0 image=echo
//     > status
//       web a1.0 running
//
// A line that begins with "> " is a command; lines indented by two spaces are its output. The test
// runs every command in order in one fresh world per file and compares. With CUBE_UPDATE_GOLDEN=1
// in the environment it rewrites the files instead: review the change as a diff.

#include <functional>
#include <string>

namespace cube::test {

// Runs one command line (without the "> ") and returns what it printed: lines ended by '\n', or
// nothing. An unknown command should be printed as such: a misspelt one then shows in the review.
using RunCommand = std::function<std::string(const std::string& line)>;

// Makes the fresh world of one file.
using MakeWorld = std::function<RunCommand()>;

// Every *.txt of tests/golden/<folder>, in order of name. Fails the doctest case for each command
// whose output differs, showing both; fails when the folder holds none.
void run_transcripts(const std::string& folder, const MakeWorld& make_world);

// The transcript `text` with every output replaced by what `run` prints now. Pure but for `run`.
std::string replay_transcript(const std::string& text, const RunCommand& run);

}  // namespace cube::test
