"""`tailrace topic consume` where the disk has changed records: it prints what can be read, and then
ends and says which partition it is and where. It does not wait for ever for what will not come."""
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "reader")]

from broker import Broker  # noqa: E402
from programs import AT_ONCE, create_topic, tailrace  # noqa: E402
import reader  # noqa: E402

TOPIC, PARTITIONS = "orders", 2
# Each goes to the segment as a frame of its own, because it is large.
BATCHES = [b"".join(b"%d.%d %s\n" % (i, k, b"x" * 500) for k in range(100)) for i in range(5)]
BROKEN = 2  # the batch of partition 0 that gets a wrong bit
GOOD = BROKEN * 100  # records before it


class Damaged(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = Broker({"group.initial.rebalance.delay.ms": "0"})
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start()
        create_topic(cls.broker, TOPIC, "-p", str(PARTITIONS))
        for partition in range(PARTITIONS):
            for batch in BATCHES:
                tailrace(cls.broker, "topic", "produce", TOPIC, "-p", str(partition), *AT_ONCE,
                         data=batch)
        assert cls.broker.stop() == 0
        cls.spoil()
        cls.broker.start()

    @classmethod
    def spoil(cls):
        store = reader.Store(cls.broker.folder / "data")
        segment = store.segments[TOPIC, 0][0]
        frame, = (f for f in segment.frames if f.base_offset == GOOD)
        assert frame.last_offset == GOOD + 99
        with open(segment.path, "r+b") as file:
            file.seek(frame.position + 64 + 61 + 20)
            byte = file.read(1)[0]
            file.seek(-1, 1)
            file.write(bytes([byte ^ 0x10]))

    def consume(self, *words):
        """What it prints, when it ends with an error that names the place."""
        done = tailrace(self.broker, "topic", "consume", TOPIC, *words, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f"partition 0: the broker cannot read the records from offset {GOOD} on",
                      done.stderr.decode())
        return done.stdout

    def test_up_to_the_end(self):
        self.assertEqual(self.consume("-p", "0", "-o", "start:end"), b"".join(BATCHES[:BROKEN]))

    def test_without_an_end(self):
        self.assertEqual(self.consume("-p", "0"), b"".join(BATCHES[:BROKEN]))

    def test_the_first_record(self):
        self.assertEqual(self.consume("-p", "0", "-o", str(GOOD)), b"")

    def test_beside_others(self):
        """The other partition is printed whole."""
        lines = sorted(b"".join([*BATCHES, *BATCHES[:BROKEN]]).splitlines())
        self.assertEqual(sorted(self.consume().splitlines()), lines)

    def test_in_a_group(self):
        """What was printed is committed, and the next member stops at the same place at once; put
        behind it, the group goes on."""
        lines = sorted(b"".join([*BATCHES, *BATCHES[:BROKEN]]).splitlines())
        self.assertEqual(sorted(self.consume("-g", "readers").splitlines()), lines)
        self.assertEqual(self.consume("-g", "readers"), b"")
        tailrace(self.broker, "group", "seek", "readers", "--to-offset", str(GOOD + 100), "--topic",
                 f"{TOPIC}:0")
        rest = b"".join(BATCHES[BROKEN + 1:])
        self.assertEqual(tailrace(self.broker, "topic", "consume", TOPIC, "-g", "readers", "-n",
                                  str(len(rest.splitlines()))), rest)

    def test_what_lies_behind_is_served(self):
        self.assertEqual(tailrace(self.broker, "topic", "consume", TOPIC, "-p", "0", "-o",
                                  f"{GOOD + 100}:end"), b"".join(BATCHES[BROKEN + 1:]))


if __name__ == "__main__":
    unittest.main()
