"""A short life of a group of three, as tests/clients/life.py tells it at length for the clients of
other languages: members come, are killed and paused, the broker crashes and is stopped."""
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "clients")]

import life  # noqa: E402
from broker import BUILD  # noqa: E402
from programs import has_kcat, say  # noqa: E402

RECORDS = 12_000
SESSION_MS = 10000  # who lives beats in time, also on a slow machine; who is dead is waited for


@unittest.skipUnless(has_kcat(), "kcat is not installed")
class GroupLifeTest(unittest.TestCase):
    def test_every_record_is_processed_and_every_commit_is_kept(self):
        member = [BUILD / "tests" / "e2e" / "e2e_life_member", SESSION_MS]
        say(life.run(member, "classic", records=RECORDS,
                     settings={"group.min.session.timeout.ms": str(SESSION_MS)}))


if __name__ == "__main__":
    unittest.main()
