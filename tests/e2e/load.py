"""What the crash tests put on a broker, and how they judge what it still has: numbered records from
many producers (producer.c), where each was acknowledged, and every record that can be read."""
import collections
import os
import pathlib
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support")]

from broker import BUILD  # noqa: E402
from patience import PATIENCE_SECONDS  # noqa: E402
from programs import tailrace  # noqa: E402

PRODUCER = pathlib.Path(os.environ.get("TAILRACE_PRODUCER", BUILD / "tests" / "e2e" / "e2e_producer"))
KEYS = 64
TEXT_SIZE, LARGE_SIZE = 128 << 10, 100_000  # as in producer.c
SHOWN = 5

Record = collections.namedtuple("Record", "partition offset key name number value")


def make_text():
    state, text = 1, bytearray()
    for _ in range(TEXT_SIZE):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        text.append(ord("a") + (state >> 16) % 16)
    return bytes(text)


TEXT = make_text()


class Producer:
    """One that runs, and what was acknowledged of it."""

    def __init__(self, topic, name, *options):
        self.topic, self.name, self.options = topic, name, options
        self.is_idempotent = "idempotent" in options
        values = dict(option.split("=") for option in options if "=" in option)
        self.large = int(values.get("large", 0))
        self.tombstones = int(values.get("tombstones", 0))
        self.acknowledged = {}  # number: (partition, offset); a copy is taken before it is judged
        self.process = self.reader = None

    def value(self, number):
        """What the record of this number holds; b"" for null."""
        if self.tombstones and number % self.tombstones == self.tombstones - 1:
            return b""
        is_large = self.large and number % self.large == self.large - 1
        size = LARGE_SIZE if is_large else 20 + number * 31 % 200
        begin = number * 7919 % (TEXT_SIZE - size)
        return TEXT[begin:begin + size]

    def key(self, number):
        return f"{self.name}/{number * number % KEYS}"


class Producers:
    """All that run. Threads read what they print."""

    def __init__(self):
        self.changed = threading.Condition()
        self.count = 0
        self.by_name = {}

    def start(self, address, partitions, *producers):
        for producer in producers:
            self.by_name[producer.name] = producer
            producer.process = subprocess.Popen(
                [str(PRODUCER), address, producer.topic, str(partitions), producer.name,
                 *producer.options],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            producer.reader = threading.Thread(target=self._read, args=(producer,), daemon=True)
            producer.reader.start()

    def _read(self, producer):
        for line in producer.process.stdout:
            number, partition, offset = map(int, line.split())
            with self.changed:
                producer.acknowledged[number] = partition, offset
                self.count += 1
                self.changed.notify_all()

    def feed(self, count):
        """Each may send so many more records."""
        for producer in self.by_name.values():
            producer.process.stdin.write(f"{count}\n")
            producer.process.stdin.flush()

    def wait_for(self, count):
        """Until so many records in all were acknowledged; False if that takes too long."""
        with self.changed:
            return self.changed.wait_for(lambda: self.count >= count, PATIENCE_SECONDS)

    def acknowledged(self, topic):
        """{producer: {number: (partition, offset)}}, as far as it is known now."""
        with self.changed:
            return {producer: dict(producer.acknowledged) for producer in self.of_topic(topic)}

    def of_topic(self, topic):
        return [producer for producer in self.by_name.values() if producer.topic == topic]

    def state(self):
        """Who runs, and the last number that each had acknowledged."""
        return {name: (producer.process.poll(), max(producer.acknowledged, default=None))
                for name, producer in self.by_name.items()}

    def stop(self):
        """Tells all to stop, waits; {name: what it said on stderr} of those that failed."""
        for producer in self.by_name.values():
            producer.process.stdin.close()
        failed = {}
        for name, producer in self.by_name.items():
            said = producer.process.stderr.read()
            if producer.process.wait(PATIENCE_SECONDS * 2) != 0:
                failed[name] = said
            producer.reader.join()
        return failed

    def end(self):
        for producer in self.by_name.values():
            producer.process.kill()
            producer.process.wait()
            producer.reader.join()
            for pipe in (producer.process.stdin, producer.process.stdout, producer.process.stderr):
                pipe.close()


def read_topic(broker, topic):
    """All records from its beginning to where it ends now, in the order of each partition."""
    data = tailrace(broker, "topic", "consume", topic, "-o", ":end", "-f",
                    "%p %o %k %h{%v} %v\\n", timeout=PATIENCE_SECONDS)
    records = []
    for line in data.splitlines():
        partition, offset, key, header, value = line.split(b" ", 4)
        name, number = header.decode().split(":")
        records.append(Record(int(partition), int(offset), key.decode(), name, int(number), value))
    return records


class Judge:
    """What is true of a topic after every restart. `complain(message)` ends the test."""

    def __init__(self, producers, topic, complain):
        self.by_name, self.topic, self.complain = producers.by_name, topic, complain

    def _none(self, wrong, what):
        if wrong:
            self.complain(f"{self.topic}: {len(wrong)} {what}: {sorted(wrong)[:SHOWN]}")

    def contents(self, records, is_whole):
        """Every record is what its producer sent, in order: offsets rise, and what a producer sent
        later is not stored before; from an idempotent one nothing is there twice. Of what another
        one has stored twice the first may be gone, if the topic is not whole, and the second then
        looks late."""
        ends, newest = {}, collections.defaultdict(lambda: -1)
        seen = set()
        for record in records:
            producer = self.by_name[record.name]
            if (record.key, record.value) != (producer.key(record.number),
                                              producer.value(record.number)):
                self._none([record[:5]], "records are not what was sent")
            if record.offset <= ends.get(record.partition, -1):
                self._none([record[:5]], "offsets do not rise")
            ends[record.partition] = record.offset
            is_again = (record.name, record.number) in seen
            if is_again and producer.is_idempotent:
                self._none([record[:5]], "records are there twice")
            has_order = is_whole or producer.is_idempotent
            if has_order and not is_again and record.number < newest[record.name, record.partition]:
                self._none([record[:5]], "records are out of order")
            seen.add((record.name, record.number))
            newest[record.name, record.partition] = max(newest[record.name, record.partition],
                                                        record.number)

    def places(self, records, acknowledged):
        """No offset that was acknowledged has another record now."""
        there = {(r.partition, r.offset): (r.name, r.number) for r in records}
        self._none([(p.name, number, place, there[place])
                    for p, numbers in acknowledged.items() for number, place in numbers.items()
                    if there.get(place, (p.name, number)) != (p.name, number)],
                   "offsets have changed")

    def nothing_is_lost(self, records, acknowledged, starts):
        """All that was acknowledged, from where the partitions begin on, is where it was."""
        there = {(r.partition, r.offset) for r in records}
        self._none([(p.name, number, place)
                    for p, numbers in acknowledged.items() for number, place in numbers.items()
                    if place[1] >= starts[place[0]] and place not in there],
                   "acknowledged records are lost")

    def newest_are_there(self, records, acknowledged):
        """What is not there any more of what was acknowledged has a newer record of its key."""
        there = {(r.partition, r.offset) for r in records}
        newest = {}
        for record in records:
            newest[record.key] = record.offset
        self._none([(p.name, number, place)
                    for p, numbers in acknowledged.items() for number, place in numbers.items()
                    if place not in there and newest.get(p.key(number), -1) < place[1]],
                   "keys have lost their newest record")

    def losses_are_tails(self, records, acknowledged, kill_count):
        """Each kill may have taken the end of each partition, and nothing from its middle."""
        there = {(r.name, r.number) for r in records}
        for producer, numbers in acknowledged.items():
            runs = collections.Counter()
            was_there = collections.defaultdict(lambda: True)
            for number, (partition, _) in sorted(numbers.items()):
                is_there = (producer.name, number) in there
                runs[partition] += was_there[partition] and not is_there
                was_there[partition] = is_there
            self._none([(producer.name, p, count) for p, count in runs.items()
                        if count > kill_count], "partitions have lost from their middle")
