#!/usr/bin/env python3
"""The life of a group: members come, go, are killed and paused, the broker crashes and is stopped,
while real text flows into twelve partitions at a steady pace; life_judge.py says whether all held.

    tests/clients/life.py [--records N] [--protocol P] [--upgrade] [--keep] PROGRAM [WORD...]

PROGRAM is a member as life_history.py describes it. --upgrade tells the other story: the members of
the classic protocol are replaced one by one by such of the new one, and back. --keep leaves what the
members told in a folder and names it. Starts the broker of TAILRACE_BUILD (build/debug), or uses the
one that TAILRACE_TEST_BROKER names, which is then not restarted; needs kcat.

Each step waits for what it is about (all partitions are assigned to those who live), and for its share
of the records to be processed; so the pace is that of the slowest, with a limit for each step and one
for all of them.
"""
import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("support", "wire"):
    sys.path.insert(0, str(HERE.parent / folder))

from broker import broker_for_tests  # noqa: E402
from life_crew import Crew  # noqa: E402
from life_feeder import Feeder  # noqa: E402
from life_judge import Judge  # noqa: E402
from patience import PATIENCE_SECONDS  # noqa: E402
from programs import create_topic  # noqa: E402
from wire import Connection  # noqa: E402

PARTITIONS = 12
COMES_AGAIN = (14, 15, 16)  # the coordinator is loading, not there yet, or elsewhere
RECORDS = 200_000
PER_SECOND = 8000
STEP_SECONDS_MAX = 2 * PATIENCE_SECONDS
STORY_SECONDS_MAX = 10 * PATIENCE_SECONDS
SETTINGS = {"group.consumer.min.session.timeout.ms": "6000",
            "group.consumer.session.timeout.ms": "6000",
            "group.consumer.min.heartbeat.interval.ms": "1000",
            "group.consumer.heartbeat.interval.ms": "1000",
            "group.initial.rebalance.delay.ms": "500"}


class Life:
    """`words(name, protocol)` is the command of a member, without the words that all members get."""

    def __init__(self, broker, words, folder, records=RECORDS, per_second=PER_SECOND):
        self.broker, self.words = broker, words
        self.topic = self.group = f"life-{os.getpid()}"
        create_topic(broker, self.topic, "-p", str(PARTITIONS))
        self.judge = Judge(PARTITIONS)
        self.crew = Crew(self.judge, folder)
        self.feeder = Feeder(broker.address, self.topic, records, per_second)
        self.records = records
        self.begun = time.monotonic()
        self.notes = []

    def close(self):
        self.feeder.close()
        self.crew.close()

    # --- What the steps are made of

    def start(self, name, protocol):
        words = [*self.words, self.broker.address, self.group, self.topic, name]
        self.crew.start(name, [*words, "--protocol", protocol])

    def wait(self, what, is_so):
        deadline = min(time.monotonic() + STEP_SECONDS_MAX, self.begun + STORY_SECONDS_MAX)
        while not is_so():
            if self.judge.violations:
                raise AssertionError(f"{what}: {self.judge.violations[0]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: {self.situation()}")
            self.crew.turn()

    def situation(self):
        holders = {name: sorted(held) for name, held in self.judge.holders().items()}
        complaints = [f"{worker.name}: {worker.last_words()}"
                      for worker in self.crew.workers.values() if worker.last_words()]
        return "; ".join([str(holders), *self.judge.doubts(),
                          f"{self.judge.processed()} of {self.feeder.sent} records processed",
                          *complaints])

    def is_shared(self, *names):
        """Whether these members, and nobody else, have all partitions between them."""
        held = {name: held for name, held in self.judge.holders().items() if held}
        return (set(held) == set(names)
                and sum(map(len, held.values())) == PARTITIONS == len(set().union(*held.values())))

    def share(self, what, *names):
        self.wait(what, lambda: self.is_shared(*names))
        self.look_at_commits()
        self.notes.append((what, round(time.monotonic() - self.begun, 1)))

    def flow(self, so_many):
        """So many of a hundred of all records may have been sent; does not wait."""
        self.feeder.allow(self.records * so_many // 100)

    def catch_up(self):
        self.wait("processing what was sent", lambda: self.feeder.problem or
                  self.judge.processed() >= self.feeder.on_its_way())

    # --- The stories

    def tell(self, protocol):
        self.flow(8)
        self.start("a", protocol)
        self.share("alone", "a")
        self.catch_up()
        self.flow(20)
        self.start("b", protocol)
        self.start("c", protocol)
        self.share("three", "a", "b", "c")
        self.catch_up()
        self.flow(35)
        self.lose_one(protocol)
        self.flow(55)
        self.pause_one()
        self.flow(75)
        self.restart_broker(protocol)
        self.flow(90)
        self.crew.end("a")
        self.share("two again", "c", "d")
        self.catch_up()
        self.drain("c", "d")

    def lose_one(self, protocol):
        self.wait("some records", lambda: self.judge.processed() > self.records * 22 // 100)
        self.crew.kill("b")
        self.share("one was killed", "a", "c")
        self.start("d", protocol)
        self.share("another came", "a", "c", "d")
        self.catch_up()

    def pause_one(self):
        self.wait("some records", lambda: self.judge.processed() > self.records * 37 // 100)
        self.crew.stop("c")
        self.share("one was paused", "a", "d")
        self.wait("records meanwhile", lambda: self.judge.processed() > self.records * 45 // 100)
        self.crew.resume("c")
        self.share("it is back", "a", "c", "d")
        self.catch_up()

    def restart_broker(self, protocol):
        """Once by a crash, once in order, unless it is somebody else's. Members come and go then, so
        that offsets are looked up among those that were loaded."""
        self.wait("some records", lambda: self.judge.processed() > self.records * 57 // 100)
        if hasattr(self.broker, "kill"):
            self.broker.kill()
            self.start("e", protocol)
            self.broker.start()
        else:
            self.start("e", protocol)
        self.look_at_commits()
        self.share("after a crash", "a", "c", "d", "e")
        self.wait("some records", lambda: self.judge.processed() > self.records * 67 // 100)
        if hasattr(self.broker, "kill"):
            self.broker.stop()
            self.broker.start()
        self.look_at_commits()
        self.crew.end("e")
        self.catch_up()
        self.share("after a stop", "a", "c", "d")

    def upgrade(self):
        """From the classic protocol to the new one and back, a member at a time."""
        self.flow(10)
        names = ["a", "b", "c"]
        for name in names:
            self.start(name, "classic")
        self.share("classic", *names)
        self.catch_up()
        for step, protocol in enumerate(("consumer",) * 3 + ("classic",) * 3):
            self.flow(20 + step * 12)
            old, new = names.pop(0), f"{protocol}-{step}"
            self.crew.end(old)
            names.append(new)
            self.start(new, protocol)
            self.share(f"{old} became {new}", *names)
            self.catch_up()
        self.drain(*names)

    def drain(self, *names):
        self.flow(100)
        self.catch_up()
        status = self.feeder.finish()
        if status != 0:
            raise RuntimeError(f"kcat ended with {status}")
        for name in names:
            self.crew.end(name)
        self.wait("leaving", lambda: not self.crew.workers)
        ends, committed = self.ask_ends(), self.ask_commits()
        if sum(ends.values()) != self.records:
            self.judge.wrong(f"{sum(ends.values())} of {self.records} records are in the topic")
        self.judge.finish(ends, committed)
        self.notes.append(("done", round(time.monotonic() - self.begun, 1)))
        if self.judge.violations:
            raise AssertionError("; ".join(self.judge.violations))

    # --- What the broker says, by bytes of our own

    def look_at_commits(self):
        self.crew.turn(0)
        self.judge.answered(self.ask_commits())

    def ask_ends(self):
        """{partition: end}"""
        asked = [{"index": number, "timestamp": -1} for number in range(PARTITIONS)]
        with Connection(self.broker.host, self.broker.port) as connection:
            answer = connection.call("ListOffsets", 1, replica_id=-1, topics=[
                {"name": self.topic, "partitions": asked}])
        return {p["index"]: p["offset"] for p in answer["topics"][0]["partitions"]}

    def ask_commits(self):
        """{partition: committed offset}, -1 for none; as soon as the coordinator knows."""
        deadline = time.monotonic() + STEP_SECONDS_MAX
        with Connection(self.broker.host, self.broker.port) as connection:
            while True:
                answer = connection.call("OffsetFetch", 7, group=self.group, topics=[
                    {"name": self.topic, "partitions": list(range(PARTITIONS))}])
                if answer["error"] == 0:
                    break
                if answer["error"] not in COMES_AGAIN or time.monotonic() > deadline:
                    raise RuntimeError(f"OffsetFetch: error {answer['error']}")
        return {p["index"]: p["offset"] for p in answer["topics"][0]["partitions"]}

    def summary(self):
        judge = self.judge
        return (f"{judge.processed()} records, {judge.repeats} repeats, {judge.refused} refused "
                f"commits, {judge.evictions} evictions; "
                + ", ".join(f"{what} {at} s" for what, at in self.notes))


def run(words, protocol, records=RECORDS, keep=False, settings=None):
    """Tells the story of members of this protocol, or of None: that of the upgrade; what is worth a
    line about it. Raises if something did not hold."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tailrace-life-"))
    broker = broker_for_tests({**SETTINGS, **(settings or {})})
    try:
        life = Life(broker, words, folder, records)
        try:
            life.tell(protocol) if protocol else life.upgrade()
            return life.summary()
        finally:
            life.close()
    finally:
        broker.close()
        if keep:
            (folder / "broker.log").write_text("".join(broker.log))
            print(folder, file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--protocol", choices=("classic", "consumer"),
                        default="classic")
    parser.add_argument("--upgrade", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="PROGRAM [WORD...]")
    words = parser.parse_args()
    if not words.words:
        parser.error("which program?")
    print(run(words.words, None if words.upgrade else words.protocol, words.records, words.keep))


if __name__ == "__main__":
    main()
