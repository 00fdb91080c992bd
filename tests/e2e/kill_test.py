"""The broker is killed at 20 random moments under the load of several producers: afterwards every
acknowledged record is there, in order, and none twice from idempotent producers. The same while
old records are deleted all the time: nothing is missing but the oldest, and no file stays behind.

The moments are counted in acknowledgements, not seconds. TAILRACE_SEED repeats a run's choice of
them; what is in flight then is the machine's."""
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support")]

from broker import BUILD, Broker, external_address  # noqa: E402
from programs import TAILRACE, create_topic, has_kcat, run, say, tailrace  # noqa: E402

PRODUCER = pathlib.Path(os.environ.get("TAILRACE_PRODUCER", BUILD / "tests" / "e2e" / "e2e_producer"))
KILLS = 20
PARTITIONS = 3
ACKS_BETWEEN_KILLS = (1, 4000)
WAIT_SECONDS = 30
KCAT_LINES_AHEAD = 500


class Producers:
    """Those that run, and how far each was acknowledged. Threads read what they print."""

    def __init__(self):
        self.changed = threading.Condition()
        self.acknowledged = collections.defaultdict(list)
        self.count = 0
        self.processes = {}

    def start(self, address, topic, name, kind):
        process = subprocess.Popen(
            [str(PRODUCER), address, topic, str(PARTITIONS), name, kind],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        reader = threading.Thread(target=self._read, args=(name, process), daemon=True)
        reader.start()
        self.processes[name] = (process, reader)

    def _read(self, name, process):
        for line in process.stdout:
            with self.changed:
                self.acknowledged[name].append(int(line))
                self.count += 1
                self.changed.notify_all()

    def wait_for(self, more):
        """Until so many more records were acknowledged; False if that takes too long."""
        with self.changed:
            target = self.count + more
            return self.changed.wait_for(lambda: self.count >= target, WAIT_SECONDS)

    def state(self):
        """Who runs, and the last number that each had acknowledged."""
        return {name: (process.poll(), self.acknowledged[name][-1:])
                for name, (process, _) in self.processes.items()}

    def stop(self):
        """Tells all to stop, waits; {name: what it said on stderr} of those that failed."""
        for process, _ in self.processes.values():
            process.stdin.close()
        failed = {}
        for name, (process, reader) in self.processes.items():
            said = process.stderr.read()
            if process.wait(WAIT_SECONDS * 3) != 0:
                failed[name] = said
            reader.join()
        return failed

    def end(self):
        for process, _ in self.processes.values():
            process.kill()


class KcatFeed:
    """A kcat that produces numbered lines all the while; its exit status says if all arrived."""

    def __init__(self, address, topic):
        self.process = subprocess.Popen(
            ["kcat", "-P", "-b", address, "-t", topic, "-p", "0", "-X", "enable.idempotence=true",
             "-X", "acks=all", "-X", "reconnect.backoff.ms=20", "-X",
             "reconnect.backoff.max.ms=200", "-X", "retries=1000000", "-X", "linger.ms=1", "-E"],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self.sent = 0

    def feed(self, lines):
        for _ in range(lines):
            self.process.stdin.write(b"kcat %d\n" % self.sent)
            self.sent += 1
        self.process.stdin.flush()

    def finish(self):
        self.process.stdin.close()
        said = self.process.stderr.read().decode()
        return self.process.wait(WAIT_SECONDS * 3), said


@unittest.skipIf(external_address(), "needs a broker that it may kill")
@unittest.skipUnless(has_kcat(), "kcat is not installed")
class KillTest(unittest.TestCase):
    def setUp(self):
        self.seed = int(os.environ.get("TAILRACE_SEED", time.time_ns() % 1_000_000_007))
        self.chance = random.Random(self.seed)
        self.broker = Broker().start()
        self.addCleanup(self.broker.close)
        self.producers = Producers()
        self.addCleanup(self.producers.end)

    def test_nothing_acknowledged_is_lost_or_doubled(self):
        print(f"seed {self.seed}: TAILRACE_SEED={self.seed} repeats it", flush=True)
        topic = "killed"
        create_topic(self.broker, topic, "-p", PARTITIONS)
        for name, kind in (("idempotent-1", "idempotent"), ("idempotent-2", "idempotent"),
                           ("plain-1", "plain")):
            self.producers.start(self.broker.address, topic, name, kind)
        feed = KcatFeed(self.broker.address, topic)
        self.addCleanup(feed.process.kill)
        for kill in range(KILLS):
            feed.feed(KCAT_LINES_AHEAD)
            more = self.chance.randint(*ACKS_BETWEEN_KILLS)
            if not self.producers.wait_for(more):
                self.fail(f"kill {kill}: no progress: {self.producers.state()}\n"
                          + "".join(self.broker.log))
            self.broker.kill()
            self.broker.start()
            say(f"kill {kill + 1} of {KILLS}, {self.producers.count} acknowledged")
        self.assertEqual(self.producers.stop(), {})
        status, said = feed.finish()
        self.assertEqual(status, 0, said)
        self.check(topic, feed.sent)
        self.assertEqual(self.broker.stop(), 0)

    def check(self, topic, kcat_lines):
        found = self.read(topic)
        for name, acknowledged in self.producers.acknowledged.items():
            self.check_producer(name, acknowledged, found[name])
        numbers = [n for _, n in found["kcat"]]
        self.assertEqual(numbers, list(range(kcat_lines)), "kcat")
        total = sum(len(records) for records in found.values())
        print(f"{self.producers.count} acknowledged by {len(found)} producers, {total} stored")

    def check_producer(self, name, acknowledged, records):
        numbers = [n for _, n in records]
        stored = set(numbers)
        missing = sorted(set(acknowledged) - stored)
        self.assertEqual(missing[:10], [], f"{name}: {len(missing)} acknowledged records are lost")
        if name.startswith("idempotent"):
            twice = [n for n, c in collections.Counter(numbers).items() if c > 1]
            self.assertEqual(twice[:10], [], f"{name}: {len(twice)} records are there twice")
        for partition in range(PARTITIONS):
            here = [n for p, n in records if p == partition]
            first_seen = list(dict.fromkeys(here))
            self.assertEqual(first_seen, sorted(first_seen), f"{name}, partition {partition}")

    def read(self, topic):
        """{producer: [(partition, number), ...] in the order of each partition}"""
        found = collections.defaultdict(list)
        data = run([TAILRACE, "topic", "consume", topic, "-o", ":end", "-f", "%p %v\\n",
                    "--brokers", self.broker.address])
        for line in data.decode().splitlines():
            partition, name, number = line.split()
            found[name].append((int(partition), int(number)))
        return found


@unittest.skipIf(external_address(), "needs a broker that it may kill")
class DeletionKillTest(unittest.TestCase):
    """Segments go for the size of their logs every few milliseconds, and records on request; their
    files at once."""
    SEGMENT_MS = 100
    RETENTION_BYTES = 256 << 10
    KEPT_ON_REQUEST = 500
    NAMES = ("idempotent-1", "plain-1")

    def setUp(self):
        self.seed = int(os.environ.get("TAILRACE_SEED", time.time_ns() % 1_000_000_007))
        self.chance = random.Random(self.seed)
        self.broker = Broker({"log.retention.check.interval.ms": "5"}).start()
        self.addCleanup(self.broker.close)
        self.producers = Producers()
        self.addCleanup(self.producers.end)

    def test_only_the_oldest_are_missing(self):
        print(f"seed {self.seed}: TAILRACE_SEED={self.seed} repeats it", flush=True)
        create_topic(self.broker, "waning", "-p", PARTITIONS,
                     "-c", f"segment.ms={self.SEGMENT_MS}",
                     "-c", f"retention.bytes={self.RETENTION_BYTES}",
                     "-c", "file.delete.delay.ms=0")
        for name in self.NAMES:
            self.producers.start(self.broker.address, "waning", name, name.split("-")[0])
        starts = [0] * PARTITIONS
        for kill in range(KILLS):
            if not self.producers.wait_for(self.chance.randint(*ACKS_BETWEEN_KILLS)):
                self.fail(f"kill {kill}: no progress: {self.producers.state()}\n"
                          + "".join(self.broker.log))
            if kill % 4 == 3:
                tailrace(self.broker, "topic", "trim-prefix", "waning", "--yes",
                         "-o", f"-{self.KEPT_ON_REQUEST}")
            before = self.starts()
            self.broker.kill()
            self.broker.start()
            starts = self.starts()
            self.assertTrue(all(a >= b for a, b in zip(starts, before)), (kill, before, starts))
            say(f"kill {kill + 1} of {KILLS}, {self.producers.count} acknowledged, "
                f"logs begin at {starts}")
        self.assertGreater(min(starts), 0)
        self.assertEqual(self.producers.stop(), {})
        self.check_records()
        self.check_files()
        self.assertEqual(self.broker.stop(), 0)

    def starts(self):
        table = tailrace(self.broker, "topic", "offsets", "waning", "--time", "earliest",
                         "--format", "json")
        return [row["offset"] for row in json.loads(table)]

    def check_records(self):
        """Of each producer and partition: what is there are its last records, in order, and all
        that was acknowledged of those."""
        here = collections.defaultdict(list)
        data = tailrace(self.broker, "topic", "consume", "waning", "-o", ":end", "-f", "%p %v\\n")
        for line in data.decode().splitlines():
            partition, name, number = line.split()
            here[name, int(partition)].append(int(number))
        for name in self.NAMES:
            for partition in range(PARTITIONS):
                numbers = list(dict.fromkeys(here[name, partition]))
                self.assertEqual(numbers, sorted(numbers), f"{name}, partition {partition}")
                wanted = {n for n in self.producers.acknowledged[name]
                          if n % PARTITIONS == partition and n > numbers[0]}
                missing = sorted(wanted - set(numbers))
                self.assertEqual(missing[:10], [], f"{name}, partition {partition}")

    def check_files(self):
        """Soon there is no segment below the beginning of its log, and no index without one."""
        deadline = time.monotonic() + WAIT_SECONDS
        while any(self.leftovers(p, start) for p, start in enumerate(self.starts())):
            self.assertLess(time.monotonic(), deadline, [self.files(p) for p in range(PARTITIONS)])

    def files(self, partition):
        """({base offset: name} of segments, the same of indexes)"""
        found = list(self.broker.folder.glob(f"data/topics/waning-*/{partition}/*"))
        return tuple({int(path.stem): path.name for path in found if path.suffix == suffix}
                     for suffix in (".log", ".index"))

    def leftovers(self, partition, start):
        segments, indexes = self.files(partition)
        bases = sorted(segments)
        gone = [base for base, following in zip(bases, bases[1:]) if following <= start]
        return gone + sorted(set(indexes) - set(segments))


if __name__ == "__main__":
    unittest.main()
