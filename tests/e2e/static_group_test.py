"""Static members through librdkafka (`tailrace topic consume -g`): they are restarted one after the
other, one of them by SIGKILL, and the broker is killed in between. There is no rebalance: each finds
its own partitions again, the generation stays, and every record is printed."""
import collections
import contextlib
import json
import pathlib
import queue
import signal
import struct
import subprocess
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from broker import Broker  # noqa: E402
from patience import PATIENCE_SECONDS, tries  # noqa: E402
from programs import TAILRACE, create_topic, tailrace  # noqa: E402

TOPIC, GROUP, PARTITIONS, MEMBERS, RECORDS = "orders", "team", 6, 3, 300
SESSION_MS = 600000  # nobody is taken for dead because the machine is slow
INTERRUPTED = 130
GROUP_METADATA_KEY = 2  # the version of the keys of __consumer_offsets that stand for groups


class Member:
    """One consumer with an instance id; its lines go to `printed`."""

    def __init__(self, broker, number, printed):
        self.process = subprocess.Popen(
            [TAILRACE, "topic", "consume", TOPIC, "-g", GROUP, "-q", "-f", "%v\\n", "-b",
             broker.address, "-X", f"group.instance.id=place-{number}", "-X",
             f"session.timeout.ms={SESSION_MS}", "-X", "heartbeat.interval.ms=500", "-X",
             f"max.poll.interval.ms={SESSION_MS}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.printed = printed
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.printed.put(line.strip())

    def end(self, number):
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE_SECONDS)
        self.reader.join(PATIENCE_SECONDS)
        self.process.stdout.close()
        return status


class StaticGroup(unittest.TestCase):
    def setUp(self):
        self.broker = Broker({"group.initial.rebalance.delay.ms": "2000"}).start()
        self.addCleanup(self.broker.close)
        create_topic(self.broker, TOPIC, "-p", str(PARTITIONS))
        self.printed, self.counts, self.sent = queue.Queue(), collections.Counter(), 0
        self.members = [self.member(number) for number in range(MEMBERS)]

    def member(self, number):
        member = Member(self.broker, number, self.printed)
        self.addCleanup(member.process.kill)
        return member

    def await_members(self):
        """Until all have come, and share the partitions: on a slow machine some come late."""
        for _ in tries():
            shares = self.shares()
            if len(shares) == MEMBERS and all(shares.values()):
                return shares
        return self.fail(f"somebody has nothing: {shares}")

    def shares(self):
        """{instance id: partitions}"""
        group, = json.loads(tailrace(self.broker, "group", "describe", GROUP, "-m", "--format",
                                     "json"))
        return {member["instance_id"]: [one["partitions"] for one in member["assignment"]]
                for member in group["members"]}

    def generation(self):
        """As the newest record of the group in __consumer_offsets says: a version, the protocol's
        type, the generation."""
        newest = None
        lines = tailrace(self.broker, "topic", "consume", "__consumer_offsets", "-o", "start:end",
                         "-f", "%k{hex} %v{hex}\n").decode().splitlines()
        for line in lines:
            key, _, value = line.partition(" ")
            if bytes.fromhex(key)[:2] == struct.pack(">h", GROUP_METADATA_KEY):
                newest = bytes.fromhex(value)
        size, = struct.unpack_from(">h", newest, 2)
        return struct.unpack_from(">i", newest, 4 + size)[0]

    def produce(self):
        lines = [f"{self.sent + number}" for number in range(RECORDS)]
        self.sent += RECORDS
        tailrace(self.broker, "topic", "produce", TOPIC, "-f", "%k %v\\n",
                 data="".join(f"{line} {line}\n" for line in lines).encode())

    def read_all(self):
        """Waits until everything that was sent has been printed by somebody."""
        for _ in tries():
            if len(self.counts) == self.sent:
                return
            with contextlib.suppress(queue.Empty):
                self.counts[self.printed.get(timeout=1)] += 1
        self.fail(f"{len(self.counts)} of {self.sent}")

    def restart(self, number, how):
        status = self.members[number].end(how)
        self.assertEqual(status, -how if how == signal.SIGKILL else INTERRUPTED)
        self.members[number] = self.member(number)

    def test_a_rolling_restart(self):
        self.produce()
        self.read_all()
        shares, generation = self.await_members(), self.generation()
        self.assertEqual(sorted(shares), [f"place-{number}" for number in range(MEMBERS)])
        for number, how in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGINT)):
            self.restart(number, how)
            self.produce()
            if number == 1:
                self.broker.kill()
                self.broker.start()
            self.read_all()
            self.assertEqual((self.shares(), self.generation()), (shares, generation), number)
        for member in self.members:
            self.assertEqual(member.end(signal.SIGTERM), INTERRUPTED)
        group, = json.loads(tailrace(self.broker, "group", "describe", GROUP, "--format", "json"))
        self.assertEqual((group["lag"], sum(row["offset"] for row in group["partitions"])),
                         (0, self.sent))


if __name__ == "__main__":
    unittest.main()
