"""The distribution's own package index, through kcat with acks=all, in each of the five codecs into
six partitions, and back: nothing is lost, changed, doubled or out of order.

Each line is a record whose key is its number, so the numbers in a partition must rise, and all of
them together must give the file again."""
import concurrent.futures
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "wire")]

import batch as batches  # noqa: E402
from broker import broker_for_tests  # noqa: E402
from programs import create_topic, has_kcat, kcat, package_index, run, say  # noqa: E402
from wire import Connection  # noqa: E402

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
PARTITIONS = 6
READERS = 3


@unittest.skipUnless(has_kcat(), "kcat is not installed")
class PackageIndexTest(unittest.TestCase):
    def setUp(self):
        self.text = package_index()
        if self.text is None:
            self.skipTest("apt has no package index here (apt-get update)")
        self.broker = broker_for_tests()
        self.addCleanup(self.broker.close)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tailrace-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def test_comes_back_line_by_line(self):
        lines = self.text.splitlines()
        numbered = b"\n".join(b"%d\t%s" % (i, line) for i, line in enumerate(lines)) + b"\n"
        start = time.monotonic()
        for codec in CODECS:
            topic = f"index-{codec}-{os.getpid()}"
            create_topic(self.broker, topic, "-p", PARTITIONS)
            sent = time.monotonic()
            kcat(self.broker, "-P", "-t", topic, "-K", "\t", "-z", codec, "-X", "acks=all", "-X",
                 "queue.buffering.max.messages=1000000", data=numbered)
            read = time.monotonic()
            self.check(self.read_back(topic), numbered)
            self.assertIn(CODECS.index(codec), self.stored_codecs(topic), codec)
            say(f"{codec}: {len(lines)} lines out in {read - sent:.1f} s, "
                f"back in {time.monotonic() - read:.1f} s")
        print(f"{len(lines)} lines, {len(CODECS)} codecs: {time.monotonic() - start:.0f} s")

    def read_partition(self, topic, partition):
        """As a file. Without the last setting it would learn half a second late of the end."""
        path = self.folder / f"partition-{partition}"
        path.write_bytes(kcat(self.broker, "-C", "-t", topic, "-p", partition, "-o", "beginning",
                              "-e", "-q", "-f", "%k\t%s\n", "-X", "queued.min.messages=1000000",
                              "-X", "fetch.wait.max.ms=10"))
        self.assertGreater(path.stat().st_size, 0, f"partition {partition} is empty")
        return path

    def read_back(self, topic):
        """All lines, of which always the lowest number comes next that a partition goes on with:
        where one of them is out of order, all of them are."""
        with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
            paths = list(pool.map(lambda p: self.read_partition(topic, p), range(PARTITIONS)))
        return run(["env", "LC_ALL=C", "sort", "-m", "-s", "-n", "-k", "1,1", *paths])

    def check(self, found, want):
        if found == want:
            return
        pairs = zip(found.splitlines(), want.splitlines())
        first = next((f"{a} instead of {b}" for a, b in pairs if a != b), "one ends too early")
        self.fail(f"{len(found)} bytes instead of {len(want)}: {first}")

    def stored_codecs(self, topic):
        """Those of the first batches in the log: a client that is told a wrong range of versions
        stops compressing without a word. (A batch that would grow is sent as it is.)"""
        connection = Connection(self.broker.host, self.broker.port)
        self.addCleanup(connection.close)
        answer = connection.call("Fetch", 11, replica_id=-1, max_wait_ms=0, min_bytes=1,
                                 max_bytes=1 << 20, session_epoch=-1, topics=[
                                     {"name": topic, "partitions": [
                                         {"partition": 0, "partition_max_bytes": 1 << 20,
                                          "current_leader_epoch": -1}]}])
        records = answer["topics"][0]["partitions"][0]["records"]
        return {b.codec for b in batches.batches(records)}


if __name__ == "__main__":
    unittest.main()
