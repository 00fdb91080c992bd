#!/usr/bin/env python3
"""The schema compiler must say where a mistake stands, what it is and how to mend it."""
from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPILER = ROOT / "tools" / "schema" / "compile.py"
API = "api Thing, key 7, versions 0-3, flexible 2+\n\nrequest\n"
END = "\nresponse\n  error_code: int16\n"


def compile_text(text: str, name: str = "07_thing.msg", what: str = "message") -> tuple[int, str]:
    """Exit status and message of the compiler."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, "-B", str(COMPILER), what, str(path), "--prefix", "x/y",
                               "--output", folder], capture_output=True, text=True, check=False)
        return done.returncode, done.stderr.replace(folder + "/", "")


class Mistakes(unittest.TestCase):
    def refused(self, text: str, line: int, *words: str, name: str = "07_thing.msg") -> None:
        status, message = compile_text(text, name)
        self.assertEqual(status, 1, message)
        self.assertTrue(message.startswith(f"{name}:{line}: "), message)
        for word in words:
            self.assertIn(word, message)
        self.assertIn(";", message, "says how to mend it")

    def test_a_field_that_is_no_field(self):
        self.refused(API + "  acks int16\n" + END, 4, "'acks int16' is not a field")

    def test_a_type_that_is_described_nowhere(self):
        self.refused(API + "  acks: int15\n" + END, 4, "'int15' is described nowhere", "int16")

    def test_odd_indentation(self):
        self.refused(API + "   acks: int16\n" + END, 4, "indent by 2")

    def test_a_field_below_a_scalar(self):
        self.refused(API + "  acks: int16\n    more: int16\n" + END, 5, "belongs to no struct")

    def test_a_version_outside_the_message(self):
        self.refused(API + "  acks: int16  // v4+\n" + END, 4, "in no version")

    def test_a_comment_that_is_no_range(self):
        self.refused(API + "  acks: int16  // how many\n" + END, 4, "describe it above")

    def test_null_for_a_number(self):
        self.refused(API + "  acks: nullable int16\n" + END, 4, "cannot be null")

    def test_a_null_default_that_is_not_nullable_everywhere(self):
        self.refused(API + "  name: nullable(v2+) string = null\n" + END, 4, "every version")

    def test_a_default_that_does_not_fit(self):
        self.refused(API + "  acks: int8 = 200\n" + END, 4, "does not fit int8")

    def test_a_tag_before_the_first_flexible_version(self):
        self.refused(API + "  acks: int16, tag 0\n" + END, 4, "flexible")

    def test_a_gap_between_tags(self):
        self.refused(API + "  acks: int16, tag 1  // v2+\n" + END, 4, "where 0 is next")

    def test_records_under_a_tag(self):
        self.refused(API + "  all: records, tag 0  // v2+\n" + END, 4, "stand alone")

    def test_two_fields_of_one_name(self):
        self.refused(API + "  acks: int16\n  acks: int32\n" + END, 5, "second field")

    def test_a_type_that_holds_itself(self):
        self.refused(API + "  trees: [tree]\n    branches: [tree]\n" + END, 5, "holds itself")

    def test_a_type_that_is_described_twice(self):
        self.refused(API + "  a: one\n    x: int8\n  b: one\n    y: int8\n" + END, 6, "described twice")

    def test_an_unknown_attribute(self):
        self.refused(API + "  acks: int16, optional\n" + END, 4, "'optional' is not an attribute")

    def test_a_file_that_has_the_wrong_number(self):
        self.refused(API + "  acks: int16\n" + END, 1, "07_thing.msg", name="08_thing.msg")

    def test_an_api_without_response(self):
        self.refused(API + "  acks: int16\n", 1, "one request and one response")

    def test_served_versions_that_are_not_described(self):
        self.refused(API.replace("flexible", "served 0-4, flexible") + "  a: int8\n" + END, 1, "served")

    def test_a_schema_without_mistakes_compiles_in_silence(self):
        self.assertEqual(compile_text(API + "  acks: int16\n" + END), (0, ""))

    def test_a_key_that_is_taken_twice(self):
        text = "record One, key 3, versions 0, flexible 0+\n  a: int8\n\n"
        status, message = compile_text(text + text.replace("One", "Two"), "some.msg", "list")
        self.assertEqual(status, 1)
        self.assertTrue(message.startswith("some.msg:4: key 3 is taken at"), message)


if __name__ == "__main__":
    unittest.main()
