"""A topic that is larger than the broker's memory, read again and again with kcat: what comes from
the system's page cache is what was produced, byte by byte."""
import hashlib
import http.client
import pathlib
import random
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support")]

from broker import Broker, external_address, free_port  # noqa: E402
from programs import create_topic, has_kcat, kcat  # noqa: E402

TOPIC = "large"
PARTITIONS = 2  # on a core each
MEMORY_BYTES = 16 << 20
PARTITION_BYTES = MEMORY_BYTES
RECORD_BYTES = 4000
ROUNDS = 3  # past the page cache, and then from it
PAGED = "tailrace_paged_bytes_total"


def make_lines(partition):
    chance = random.Random(partition)
    return b"".join(chance.randbytes(RECORD_BYTES // 2).hex().encode() + b"\n"
                    for _ in range(PARTITION_BYTES // RECORD_BYTES))


@unittest.skipIf(external_address(), "the broker needs a small memory")
@unittest.skipUnless(has_kcat(), "kcat is not installed")
class PagedTest(unittest.TestCase):
    def setUp(self):
        self.admin_port = free_port()
        self.broker = Broker({"tailrace.memory.bytes": MEMORY_BYTES,
                              "log.segment.bytes": 4 << 20,
                              "tailrace.admin.listener": f"127.0.0.1:{self.admin_port}"}).start()
        self.addCleanup(self.broker.close)
        create_topic(self.broker, TOPIC, "-p", PARTITIONS)

    def paged_bytes(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port)
        connection.request("GET", "/metrics")
        for line in connection.getresponse().read().decode().splitlines():
            if line.startswith(PAGED + " "):
                return float(line.split()[1])
        return self.fail(f"no {PAGED}")

    def test_read_again_and_again(self):
        produced = {}
        for partition in range(PARTITIONS):
            lines = make_lines(partition)
            produced[partition] = hashlib.sha256(lines).digest()
            kcat(self.broker, "-P", "-t", TOPIC, "-p", partition, "-X", "batch.size=200000",
                 "-X", "linger.ms=50", data=lines)
        for _ in range(ROUNDS):
            for partition in range(PARTITIONS):
                read = kcat(self.broker, "-C", "-e", "-q", "-t", TOPIC, "-p", partition,
                            "-X", "check.crcs=true")
                self.assertEqual(hashlib.sha256(read).digest(), produced[partition])
        self.assertGreater(self.paged_bytes(), PARTITION_BYTES)


if __name__ == "__main__":
    unittest.main()
