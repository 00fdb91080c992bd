#!/usr/bin/env python3
"""Each check of tools/tidy bites: on a small made-up tree that is tidy, one thing is made wrong, and
tidy must say so, name the place, and say how to mend it."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TIDY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "tidy")

TIDY_TREE = {
    "CMakeLists.txt": "foreach(floor low high)\nendforeach()\n",
    "low/CMakeLists.txt": "module(low\n    PUBLIC low.h\n    SOURCES low.c inner.c)\n",
    "low/low.h": '#ifndef LOW\n#define LOW\n\nint low_count(int start); /* time(NULL) */\n\n#endif\n',
    "low/low.c": '#include "low/low.h"\n\n#include "low/inner.h"\n\n'
                 'static const char *const words[] = {"rand(1)", "two"};\n\n'
                 "int low_count(int start)\n{\n    return inner_step(start) + words[0][0];\n}\n",
    "low/inner.h": "#ifndef INNER\n#define INNER\n\nint inner_step(int start);\n\n#endif\n",
    "low/inner.c": '#include "low/inner.h"\n\nint inner_step(int start)\n{\n    return start + 1;\n}\n',
    "high/CMakeLists.txt": "module(high PUBLIC high.h SOURCES high.c USES low)\n",
    "high/high.h": "#ifndef HIGH\n#define HIGH\n\nint high_sum(void);\n\n#endif\n",
    "high/high.c": '#include "high/high.h"\n\n#include "low/low.h"\n\n'
                   "int high_sum(void)\n{\n    return low_count(2);\n}\n",
    "tests/high_test.c": '#include "high/high.h"\n\nint main(void)\n{\n    return high_sum();\n}\n',
    "README.md": "Listens on http://127.0.0.1:9644/metrics; see https://kafka.apache.org/protocol.\n",
}


class TidyTest(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="tidy-")
        self.addCleanup(shutil.rmtree, self.root)
        for path, text in TIDY_TREE.items():
            self.write(path, text)

    def write(self, path, text):
        place = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8") as file:
            file.write(text)

    def append(self, path, text):
        self.write(path, TIDY_TREE[path] + text)

    def replace(self, path, old, new):
        self.assertIn(old, TIDY_TREE[path])
        self.write(path, TIDY_TREE[path].replace(old, new))

    def tidy(self, *arguments):
        return subprocess.run([sys.executable, TIDY, "--root", self.root, *arguments],
                              capture_output=True, text=True, check=False)

    def expect_finding(self, place, *words, arguments=()):
        """Exactly one finding, at `place` (path:line), which says all of `words`."""
        run = self.tidy(*arguments)
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        findings = [row for row in run.stdout.splitlines() if not row.startswith(("note:", "tidy:"))]
        self.assertEqual(len(findings), 1, run.stdout)
        self.assertTrue(findings[0].startswith(f"{place}: "), findings[0])
        for word in words:
            self.assertIn(word, findings[0])

    def test_tidy_tree_has_no_findings(self):
        run = self.tidy()
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("0 findings", run.stdout)

    def test_build_leftovers_are_not_looked_at(self):
        self.write("build/debug/x.c", "int time(void) { return rand(); }\n")
        self.assertEqual(self.tidy().returncode, 0)

    def test_include_of_unused_module(self):
        self.replace("high/CMakeLists.txt", " USES low", "")
        self.expect_finding("high/high.c:3", "does not use low", "add low to its USES")

    def test_include_of_private_header(self):
        self.replace("high/high.c", "low/low.h", "low/inner.h")
        self.replace("tests/high_test.c", "#include", '#include "low/low.h"\n#include')
        self.replace("high/high.c", '#include "low/low.h"',
                     '#include "low/inner.h"\n#include "low/low.h"')
        self.expect_finding("high/high.c:3", "not PUBLIC", "public header")

    def test_use_of_higher_floor(self):
        self.replace("low/CMakeLists.txt", "inner.c)", "inner.c\n    USES high)")
        self.expect_finding("low/CMakeLists.txt:1", "not on a lower floor", "move what is shared down")

    def test_use_of_no_module(self):
        self.replace("high/CMakeLists.txt", "USES low", "USES low middle")
        self.expect_finding("high/CMakeLists.txt:1", "USES middle", "remove it")

    def test_include_that_is_not_there(self):
        self.replace("high/high.c", '#include "low/low.h"', '#include "low.h"\n#include "low/low.h"')
        self.expect_finding("high/high.c:3", "not in the tree", "from the top of the tree")

    def test_include_of_a_test(self):
        self.write("tests/check.h", "#define CHECK 1\n")
        self.replace("high/high.c", '#include "low/low.h"',
                     '#include "low/low.h"\n#include "tests/check.h"')
        self.expect_finding("high/high.c:4", "belongs to no module", "must not depend on tests")

    def test_circle(self):
        self.replace("low/inner.c", '#include "low/inner.h"',
                     '#include "low/inner.h"\n\n#include "low/low.h"')
        self.expect_finding("low/inner.h:1", "circle (low/inner, low/low)", "third file")

    def test_comment_that_names_no_file(self):
        self.append("high/high.c", "\n/* See low.c, low/inner.h, x*y.c and other/place.c; and gone.h. */\n")
        self.expect_finding("high/high.c:10", "names gone.h", "that has it now")
        self.append("high/high.c", "\n/* In low/high.c. */\n")
        self.expect_finding("high/high.c:10", "names low/high.c", "that has it now")

    def test_long_file(self):
        self.append("low/inner.c", "\n" * 1000)
        self.expect_finding("low/inner.c:1006", "1006 lines", "split")

    def test_declared_never_defined(self):
        self.replace("high/high.h", "int high_sum(void);", "int high_sum(void);\nint *high_all(void);")
        self.expect_finding("high/high.h:5", "high_all is declared and never defined")

    def test_used_only_in_its_file(self):
        self.replace("low/low.h", "int low_count", "int low_twice(int start);\nint low_count")
        self.replace("low/low.c", "int low_count", "int low_twice(int start)\n{\n    return start;\n}\n"
                     "\nint low_count")
        self.expect_finding("low/low.h:4", "low_twice", "remove it")
        self.replace("low/low.c", "int low_count(int start)\n{\n    return",
                     "int low_twice(int start)\n{\n    return start;\n}\n\n"
                     "int low_count(int start)\n{\n    return low_twice(start) +")
        self.expect_finding("low/low.h:4", "low_twice", "make it static")

    def test_inline_function_nobody_uses(self):
        self.replace("low/low.h", "int low_count",
                     "static inline int low_zero(void)\n{\n    return 0;\n}\n\nint low_count")
        self.expect_finding("low/low.h:4", "low_zero is used by no other file", "remove it")

    def test_source_that_nobody_builds(self):
        self.write("low/lost.c", "int lost;\n")
        self.expect_finding("low/lost.c:1", "no CMakeLists.txt builds", "add it to SOURCES")

    def test_header_that_nobody_includes(self):
        self.write("low/lost.h", "#define LOST 1\n")
        self.expect_finding("low/lost.h:1", "no file includes", "remove it")

    def test_marks(self):
        self.append("low/low.c", "/* TO" "DO: later */\n")
        self.expect_finding("low/low.c:11", "do it now")

    def test_banned_call(self):
        for call, mend in (("time(0)", "io_now_ns"), ("rand()", "prng"), ("open(\"x\", 0)", "io/io.h"),
                           ("socket(1, 2, 3)", "io/io.h"), ("strtol(\"1\", 0, 0)", "text_parse_i64")):
            self.replace("low/inner.c", "return start", f"return {call} + start")
            self.expect_finding("low/inner.c:5", f"calls {call.split('(')[0]}", mend)

    def test_calls_through_members_and_in_text_are_not_calls(self):
        self.replace("low/inner.c", "return start",
                     'return sink->write(1) + table.read(2) + my_open("open(1)") + start')
        self.assertEqual(self.tidy().returncode, 0)

    def test_main_may_read_the_environment_but_not_misuse(self):
        self.replace("high/CMakeLists.txt", "high.c", "high.c main.c")
        self.write("high/main.c", "int main(void)\n{\n    return getenv(\"X\") != 0;\n}\n")
        self.assertEqual(self.tidy().returncode, 0)
        self.write("high/main.c", "int main(void)\n{\n    return atoi(\"1\");\n}\n")
        self.expect_finding("high/main.c:3", "calls atoi")

    def test_system_header(self):
        self.append("low/inner.c", "#include <sys/socket.h>\n")
        self.expect_finding("low/inner.c:7", "<sys/socket.h>", "io/io.h")

    def test_sleeping_tests(self):
        self.replace("tests/high_test.c", "return", "usleep" "(5);\n    return")
        self.expect_finding("tests/high_test.c:5", "calls usleep")
        self.write("tests/high_test.c", TIDY_TREE["tests/high_test.c"])
        self.write("tests/wait.py", "import time\ntime" ".sleep(1)\n")
        self.expect_finding("tests/wait.py:2", "wait for the event")

    def test_places(self):
        self.write("README.md", "Fetch it from https:/" "/mirror.somewhere.org/x.\n")
        self.expect_finding("README.md:1", "mirror.somewhere.org", "without a place")
        self.write("README.md", "\nLook into /ho" "me/me/x.\n")
        self.expect_finding("README.md:2", "path of one machine", "relative")

    def test_map(self):
        table = "| floor | folder | holds |\n|---|---|---|\n| 2 | `high` | x |\n| 1 | `low` | y |\n"
        self.write("HACKING.md", table)
        self.assertEqual(self.tidy().returncode, 0)
        self.write("HACKING.md", table + "| 0 | `cellar` | z |\n")
        self.expect_finding("HACKING.md:5", "cellar", "remove the row")
        self.write("HACKING.md", table.replace("| 2 | `high` | x |\n", ""))
        self.expect_finding("HACKING.md:1", "lacks the folder high", "add its row")

    def test_figures(self):
        self.replace("low/inner.c", "    return", "    assert(start > 0);\n    return")
        lines = self.tidy("--figures").stdout.splitlines()
        rows = dict(re.split(r"  +", line, maxsplit=1) for line in lines)
        self.assertEqual(rows["functions"], "3")
        self.assertEqual(rows["lines per function, median / p95 / largest"], "4 / 5 / 5")
        self.assertEqual(rows["asserts per function"], "0.33")

    def build(self, source):
        """A build of low/inner.c alone, made by hand."""
        self.write("low/inner.c", source)
        build = os.path.join(self.root, "build")
        os.makedirs(build)
        output = "inner.c.o"
        place = os.path.join(self.root, "low/inner.c")
        subprocess.run(["cc", "-fPIE", "-I", self.root, "-c", place, "-o",
                        os.path.join(build, output)], check=True)
        commands = [{"directory": build, "file": place, "command": f"cc -o {output} -c {place}"}]
        self.write("build/compile_commands.json", json.dumps(commands))
        self.write("build/CMakeCache.txt", "TAILRACE_KIND:STRING=debug\n")
        return ("--build", build)

    def test_mutable_globals(self):
        for declaration in ("int counter;", "static int counter = 1;", "_Thread_local int counter;"):
            source = TIDY_TREE["low/inner.c"].replace("int inner_step", declaration + "\nint inner_step")
            arguments = self.build(source.replace("start + 1", "start + counter++"))
            self.expect_finding("low/inner.c:1", "counter is a mutable global", "make it const",
                                arguments=arguments)
            shutil.rmtree(os.path.join(self.root, "build"))

    def test_constants_are_no_mutable_globals(self):
        arguments = self.build(TIDY_TREE["low/inner.c"].replace(
            "int inner_step", 'const char *const inner_words[] = {"a", "b"};\n\nint inner_step'))
        run = self.tidy(*arguments)
        self.assertEqual(run.returncode, 0, run.stdout)

    def test_use_in_generated_code_counts(self):
        self.replace("high/high.h", "int high_sum(void);", "int high_sum(void);\nint high_made(void);")
        arguments = self.build(TIDY_TREE["low/inner.c"])
        self.write("build/generated/high/made.c", "int high_made(void) { return 1; }\n")
        self.assertEqual(self.tidy(*arguments).returncode, 0)

    def test_format(self):
        shutil.copy(os.path.join(os.path.dirname(TIDY), "..", ".clang-format"), self.root)
        run = self.tidy()
        if "layout not checked" in run.stdout:
            self.skipTest("no clang-format 14 on this machine")
        self.assertEqual(run.returncode, 0, run.stdout)
        self.replace("low/inner.c", "    return", "  return")
        self.expect_finding("low/inner.c:4", "layout", "./dev format")


if __name__ == "__main__":
    unittest.main()
