"""What Debian's librdkafka makes of each answer that an idempotent producer can get, and that nothing
is lost or doubled by it: the rows of docs/idempotence.md. tests/clients/idempotence does the same
with other clients, and writes the page."""
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support")]

import idempotence_page  # noqa: E402
from broker import external_address  # noqa: E402
from idempotence import NUMBERS, ROWS, run_rows  # noqa: E402


@unittest.skipIf(external_address(), "needs a broker that the test started itself")
class IdempotenceTest(unittest.TestCase):
    def test_every_row_holds(self):
        version, cells = idempotence_page.read("librdkafka")
        self.assertEqual(list(cells), [row.code for row in ROWS])
        for result in run_rows([NUMBERS]):
            with self.subTest(result.row.code):
                self.assertEqual(result.wrongs, [])
                if result.version == version:
                    self.assertEqual(result.text, cells[result.row.code])


if __name__ == "__main__":
    unittest.main()
