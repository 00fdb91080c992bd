"""The broker is killed at random moments under all kinds of load at once: after every restart all
that was acknowledged is there, where and as it was, except for what retention, DeleteRecords and
compaction may take; nothing is there twice from idempotent producers; topics that were created are
there and those that were deleted are not; no file stays behind.

    kill_test.py [--seed N] [--kills N] [unittest's own]

The moments are counted in acknowledgements, not seconds. The seed, which is printed, repeats a
run's choice of them; what is in flight then is the machine's."""
import argparse
import contextlib
import json
import os
import queue
import random
import re
import subprocess
import sys
import threading
import time
import unittest

from load import Judge, Producer, Producers, read_topic
from broker import Broker, external_address
from patience import PATIENCE_SECONDS, tries, until
from programs import TAILRACE, create_topic, run, tailrace

KILLS = 12
SEED = time.time_ns() % 1_000_000_007
PARTITIONS = 3
RECORDS_BETWEEN_KILLS = 500  # of each producer
START_SECONDS_MAX = 0.05  # what is cut short takes about so long
TRIM_SECONDS_MAX = 0.1
SMALL_SEGMENTS = ("-c", "segment.ms=100", "-c", "file.delete.delay.ms=0")
RETENTION_BYTES = 128 << 10
KEPT_ON_REQUEST = 100
TOPIC_DIRECTORY = re.compile(r"(.+)-[\w-]{22}(\.stray)?")


def offsets(broker, topic, when):
    """By partition; when: earliest or latest."""
    table = tailrace(broker, "topic", "offsets", topic, "--time", when, "--format", "json")
    return [row["offset"] for row in json.loads(table)]


class Trim:
    """Records of a topic are deleted on request, whatever happens to the broker meanwhile."""

    def __init__(self, broker, topic):
        self.offset = min(offsets(broker, topic, "latest")) - KEPT_ON_REQUEST
        self.process = subprocess.Popen(
            [TAILRACE, "topic", "trim-prefix", topic, "--yes", "-o", str(max(self.offset, 0)),
             "--brokers", broker.address],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def go_on_for(self, seconds):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def acknowledged_offset(self):
        """Below it nothing comes back."""
        return self.offset if self.process.wait(PATIENCE_SECONDS) == 0 else 0


class Passing:
    """Topics that are created, filled and deleted, beside everything else, when told to go on."""
    LIVING = 2
    RECORDS = 20

    def __init__(self, broker):
        self.broker = broker
        self.living = {}  # name: how many records were acknowledged
        self.gone = set()
        self.step = threading.Lock()  # one step is never looked at in its middle
        self.rounds = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while count := self.rounds.get():
            self._add(f"passing-{count}")
            if len(self.living) > self.LIVING:
                self._remove(next(iter(self.living)))

    def _ask(self, *words, data=None):
        done = run([TAILRACE, *words, "--brokers", self.broker.address], data=data, check=False)
        return done.returncode == 0

    def _add(self, name):
        lines = b"".join(b"%d\n" % n for n in range(self.RECORDS))
        with self.step:
            is_there = self._ask("topic", "create", name, "-c", "file.delete.delay.ms=0")
            if is_there:
                self.living[name] = 0
        with self.step:
            if is_there and self._ask("topic", "produce", name, data=lines):
                self.living[name] = self.RECORDS

    def _remove(self, name):
        with self.step:
            del self.living[name]
            if self._ask("topic", "delete", name, "--yes"):
                self.gone.add(name)

    def check(self, test):
        with self.step:
            listed = {row["name"] for row in json.loads(
                tailrace(self.broker, "topic", "list", "--format", "json"))}
            test.assertLessEqual(set(self.living), listed)
            test.assertEqual(self.gone & listed, set())
            for name, count in self.living.items():
                lines = tailrace(self.broker, "topic", "consume", name, "-o", ":end").split()
                test.assertEqual(sorted(map(int, lines))[:count], list(range(count)), name)

    def go_on(self, count):
        self.rounds.put(count)

    def stop(self):
        """When it has done what it was told, however far behind it is."""
        self.rounds.put(None)
        self.thread.join()


@unittest.skipIf(external_address(), "needs a broker that it may kill")
class KillTest(unittest.TestCase):
    SETTINGS = {"log.retention.check.interval.ms": "20", "log.cleaner.backoff.ms": "10"}
    PRODUCERS = (
        ("steady", "steady-1", "idempotent", "large=200"),
        ("steady", "steady-2", "codec=lz4", "large=500"),
        ("waning", "waning-1", "idempotent", "codec=snappy", "large=100"),
        ("waning", "waning-2", "codec=gzip"),
        ("compacted", "compacted-1", "idempotent", "codec=zstd", "large=150", "tombstones=17"),
        ("compacted", "compacted-2", "tombstones=40"),
        ("loose", "loose-1", "large=300"),
    )

    def setUp(self):
        print(f"--seed {SEED} repeats the choice of moments", flush=True)
        self.chance = random.Random(SEED)
        self.kill_count = 0
        self.broker = Broker(self.SETTINGS).start()
        self.addCleanup(self.broker.close)
        self.producers = Producers()
        self.addCleanup(self.producers.end)
        self.starts, self.trimmed_to = [0] * PARTITIONS, 0  # of the topic that wanes
        self.create_topics()
        self.producers.start(self.broker.address, PARTITIONS,
                             *(Producer(*words) for words in self.PRODUCERS))
        self.passing = Passing(self.broker)
        self.addCleanup(self.passing.stop)

    def create_topics(self):
        create_topic(self.broker, "steady", "-p", PARTITIONS)
        create_topic(self.broker, "waning", "-p", PARTITIONS, *SMALL_SEGMENTS,
                     "-c", f"retention.bytes={RETENTION_BYTES}")
        create_topic(self.broker, "compacted", "-p", PARTITIONS, *SMALL_SEGMENTS,
                     "-c", "cleanup.policy=compact", "-c", "min.cleanable.dirty.ratio=0.01",
                     "-c", "max.compaction.lag.ms=100")
        create_topic(self.broker, "loose", "-p", PARTITIONS, "-c", "flush.messages=1000")

    def test_nothing_acknowledged_is_lost_or_doubled(self):
        while self.kill_count < KILLS:
            self.passing.go_on(self.kill_count + 1)
            self.feed()
            if self.kill_count % 3 == 2:
                self.kill_while_trimming()
            else:
                self.kill()
            self.check()
            print(f"kill {self.kill_count} of {KILLS}: {self.producers.count} acknowledged, "
                  f"waning begins at {self.starts}", flush=True)
        self.passing.stop()
        self.assertEqual(self.producers.stop(), {})
        self.check()
        self.check_all_happened()
        self.check_files("waning")
        self.check_topic_directories()
        self.finish()

    def judge(self, topic):
        return Judge(self.producers, topic, self.fail)

    def feed(self):
        """Lets the producers send more, and most of it arrive, or little."""
        sent = RECORDS_BETWEEN_KILLS * len(self.producers.by_name)
        wanted = self.producers.count + self.chance.randint(1, sent)  # before any can arrive
        self.producers.feed(RECORDS_BETWEEN_KILLS)
        if not self.producers.wait_for(wanted):
            self.fail(f"no progress: {self.producers.state()}\n" + "".join(self.broker.log))

    def kill(self):
        """Kills the broker and starts it again, now and then only after another try was killed."""
        self.broker.kill()
        self.kill_count += 1
        if self.chance.random() < 0.25:
            self.broker.kill_while_starting(self.chance.random() * START_SECONDS_MAX)
        self.broker.start()
        self.assertEqual([line for line in self.broker.log if "level=error" in line], [])

    def check_kept(self, topic, is_whole):
        """All is there, from its beginning on, and all is as it was."""
        judge, acknowledged = self.judge(topic), self.producers.acknowledged(topic)
        records = read_topic(self.broker, topic)
        judge.contents(records, is_whole)
        judge.places(records, acknowledged)
        judge.nothing_is_lost(records, acknowledged, offsets(self.broker, topic, "earliest"))

    def check_files(self, topic):
        """Soon there is no segment below the beginning of its log, and no index without one."""
        for _ in tries():
            starts = offsets(self.broker, topic, "earliest")
            if not any(self.leftovers(topic, p, start) for p, start in enumerate(starts)):
                return
        self.fail([self.files(topic, p) for p in range(PARTITIONS)])

    def files(self, topic, partition):
        """({base offset: name} of segments, the same of indexes)"""
        found = list(self.broker.folder.glob(f"data/topics/{topic}-*/{partition}/*"))
        return tuple({int(path.stem.split("-")[0]): path.name for path in found
                      if path.suffix == suffix} for suffix in (".log", ".index"))

    def leftovers(self, topic, partition, start):
        segments, indexes = self.files(topic, partition)
        bases = sorted(segments)
        gone = [base for base, following in zip(bases, bases[1:]) if following <= start]
        return gone + sorted(set(indexes) - set(segments))

    def finish(self):
        """Ends in order; then a reading of all files finds nothing wrong."""
        self.assertEqual(self.broker.stop(), 0)
        run([TAILRACE, "log", "verify", self.broker.folder / "data"])

    def kill_while_trimming(self):
        """In its middle, perhaps; every other time soon after it was answered."""
        trim = Trim(self.broker, "waning")
        is_answered = self.kill_count % 2 == 0
        trim.go_on_for(PATIENCE_SECONDS if is_answered else self.chance.random() * TRIM_SECONDS_MAX)
        self.kill()
        self.trimmed_to = max(self.trimmed_to, trim.acknowledged_offset())

    def check(self):
        self.check_kept("steady", is_whole=True)
        self.check_kept("waning", is_whole=False)
        self.check_compacted()
        self.check_loose()
        self.check_starts()
        self.passing.check(self)

    def check_compacted(self):
        until(bool, self.look_at_compacted)

    def look_at_compacted(self):
        """Whether each key has its newest record. Who reads up to an end may find neither a record
        that compaction has taken meanwhile nor its successor, which came behind that end: then it
        is looked at again, unless nothing has come."""
        ends = offsets(self.broker, "compacted", "latest")
        judge, acknowledged = self.judge("compacted"), self.producers.acknowledged("compacted")
        records = read_topic(self.broker, "compacted")
        judge.contents(records, is_whole=False)
        judge.places(records, acknowledged)
        try:
            judge.newest_are_there(records, acknowledged)
        except AssertionError:
            if offsets(self.broker, "compacted", "latest") == ends:
                raise
            return False
        return True

    def check_loose(self):
        judge, acknowledged = self.judge("loose"), self.producers.acknowledged("loose")
        records = read_topic(self.broker, "loose")
        judge.contents(records, is_whole=True)
        judge.losses_are_tails(records, acknowledged, self.kill_count)

    def check_starts(self):
        starts = offsets(self.broker, "waning", "earliest")
        self.assertTrue(all(a >= max(b, self.trimmed_to) for a, b in zip(starts, self.starts)),
                        (starts, self.starts, self.trimmed_to))
        self.starts = starts

    def check_all_happened(self):
        """Otherwise this test shows less than it says."""
        self.assertGreater(min(self.starts), 0)
        self.assertGreater(self.trimmed_to, 0)
        self.assertGreater(len(self.passing.gone), 0)
        sent = sum(len(p.acknowledged) for p in self.producers.of_topic("compacted"))
        for _ in tries():
            left = len(read_topic(self.broker, "compacted"))
            if left < sent / 2:
                return
        self.fail(f"{left} of {sent} are not compacted away")

    def check_topic_directories(self):
        """Soon those of deleted topics are gone, also of one whose deletion was committed, but did
        not come to the files before the broker was killed. None was ever set aside: each is of a
        topic that the metadata had."""
        for _ in tries():
            left = [found[0] for path in (self.broker.folder / "data/topics").iterdir()
                    if (found := TOPIC_DIRECTORY.fullmatch(path.name))
                    and (found[2] or found[1] in self.passing.gone)]
            if not left:
                return
        self.fail(left)


def main():
    global KILLS, SEED
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--kills", type=int, default=KILLS)
    options, rest = parser.parse_known_args()
    KILLS, SEED = options.kills, options.seed
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
