"""Many records of real text in one partition, through rolls, retention and restarts: what is left is
in order, and found from any offset and any time.

    TAILRACE_RECORDS  how many (default 400,000; the full proof takes 24000000)
    TAILRACE_PLACES   random offsets and times looked at after each restart (default 200; 10000)
    TAILRACE_SEED     repeats a run's choice of places"""
import json
import os
import pathlib
import random
import struct
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "wire")]

from broker import BUILD, Broker, external_address  # noqa: E402
from patience import until  # noqa: E402
from programs import create_topic, package_index, run, say, tailrace  # noqa: E402
from wire import Connection, Reader  # noqa: E402

PROGRAM = BUILD / "tests" / "e2e" / "e2e_long_text"
RECORDS = int(os.environ.get("TAILRACE_RECORDS", 400_000))
PLACES = int(os.environ.get("TAILRACE_PLACES", 200))
PLACES_AT_ONCE = 20  # on a busy machine each waiting for an answer takes its time, whatever is asked
SEGMENTS = 12      # what is written fills about so many
KEPT_SEGMENTS = 10
SEGMENT_BYTES_MIN = 1 << 20
RECORD_OVERHEAD_BYTES = 16
TIMEOUT_SECONDS = 1800
TOPIC = "text"
FIRST_TIME_MS, RECORDS_PER_MS = 1_700_000_000_000, 8  # as long_text.c has them
FETCH_BYTES = 20_000
BATCH_HEAD = struct.Struct(">qiibIhiqqqhii")


def record_at(data, wanted):
    """(key, value) of the record at an offset in the uncompressed batches of a fetch."""
    at = 0
    while at + BATCH_HEAD.size <= len(data):
        base, size, _, _, _, _, last_delta, *_ = BATCH_HEAD.unpack_from(data, at)
        if base <= wanted <= base + last_delta:
            reader = Reader(data[at + BATCH_HEAD.size:at + 12 + size])
            for _ in range(wanted - base):
                reader.take(reader.varint())
            record = Reader(reader.take(reader.varint()))
            record.take(1)
            record.varint(), record.varint()
            key = bytes(record.take(record.varint()))
            return key, bytes(record.take(record.varint()))
        at += 12 + size
    return None


@unittest.skipIf(external_address(), "restarts the broker")
class LongTextTest(unittest.TestCase):
    def setUp(self):
        text = package_index()
        if text is None:
            self.skipTest("apt has no package index here (apt-get update)")
        self.lines = text.split(b"\n")[:-1]
        file = tempfile.NamedTemporaryFile(prefix="tailrace-text-")
        self.addCleanup(file.close)
        file.write(text)
        file.flush()
        self.file = file.name
        self.seed = int(os.environ.get("TAILRACE_SEED", random.SystemRandom().randrange(1 << 32)))
        record_bytes = len(text) / len(self.lines) + RECORD_OVERHEAD_BYTES
        self.segment_bytes = max(SEGMENT_BYTES_MIN, int(RECORDS * record_bytes / SEGMENTS))
        self.broker = Broker({"log.retention.check.interval.ms": 200}).start()
        self.addCleanup(self.broker.close)

    def tool(self, mode):
        started = time.monotonic()
        said = run([PROGRAM, mode, self.broker.address, TOPIC, self.file, RECORDS],
                   timeout=TIMEOUT_SECONDS).decode().strip()
        say(f"{mode}: {said} in {time.monotonic() - started:.1f} s")
        return said

    def start_offset(self):
        said = tailrace(self.broker, "topic", "offsets", TOPIC, "--time", "earliest", "--format",
                        "json")
        return json.loads(said)[0]["offset"]

    @staticmethod
    def ask_offset(connection, offset):
        connection.send("Fetch", 11, replica_id=-1, max_wait_ms=0, min_bytes=1, max_bytes=FETCH_BYTES,
                        session_epoch=-1, topics=[
                            {"name": TOPIC, "partitions": [
                                {"partition": 0, "partition_max_bytes": FETCH_BYTES,
                                 "fetch_offset": offset, "current_leader_epoch": -1}]}])

    def check_offset(self, connection, offset):
        partition = connection.receive()["topics"][0]["partitions"][0]
        self.assertEqual(partition["error"], 0, f"fetch at {offset}")
        want = (b"%d" % offset, self.lines[offset % len(self.lines)])
        self.assertEqual(record_at(partition["records"], offset), want, f"offset {offset}")

    @staticmethod
    def ask_time(connection, number):
        connection.send("ListOffsets", 5, replica_id=-1, topics=[
            {"name": TOPIC, "partitions": [
                {"index": 0, "current_leader_epoch": -1,
                 "timestamp": FIRST_TIME_MS + number // RECORDS_PER_MS}]}])

    def check_time(self, connection, number, start):
        """The offset for a time is that of the first record of it that is still there."""
        partition = connection.receive()["topics"][0]["partitions"][0]
        want = max(start, number // RECORDS_PER_MS * RECORDS_PER_MS)
        self.assertEqual((partition["error"], partition["offset"]), (0, want), f"time of {number}")

    def check_places(self, start):
        chance = random.Random(self.seed)
        began = time.monotonic()
        with Connection(self.broker.host, self.broker.port) as connection:
            for begin in range(0, PLACES, PLACES_AT_ONCE):
                places = [(chance.randrange(start, RECORDS), chance.randrange(start, RECORDS))
                          for _ in range(begin, min(begin + PLACES_AT_ONCE, PLACES))]
                for offset, number in places:
                    self.ask_offset(connection, offset)
                    self.ask_time(connection, number)
                for offset, number in places:
                    self.check_offset(connection, offset)
                    self.check_time(connection, number, start)
        say(f"{PLACES} offsets and times in {time.monotonic() - began:.1f} s")

    def look_at_all(self):
        """What was read, or None: retention, which may still be at work when the last record is
        acknowledged, has moved the start meanwhile."""
        start = self.start_offset()
        try:
            said = self.tool("check")
            self.check_places(start)
        except (AssertionError, RuntimeError):
            if self.start_offset() == start:
                raise
            return None
        return said

    def test_is_found_again(self):
        create_topic(self.broker, TOPIC, "-p", 1, "-c", f"segment.bytes={self.segment_bytes}", "-c",
                     f"retention.bytes={KEPT_SEGMENTS * self.segment_bytes}", "-c",
                     "retention.ms=-1", "-c", "file.delete.delay.ms=100")
        self.tool("produce")
        self.assertTrue(self.broker.says("segment is deleted"))
        until(lambda offset: offset > 0, self.start_offset)  # it moves when that is durable
        for end in (None, self.broker.stop, self.broker.kill):
            if end is not None:
                end()
                self.broker.start()
            said = until(lambda said: said is not None, self.look_at_all)
            print(f"{said}; {PLACES} offsets and times, seed {self.seed}")


if __name__ == "__main__":
    unittest.main()
