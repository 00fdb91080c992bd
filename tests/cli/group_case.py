"""What the tests of `tailrace group` share: one broker for a file, ours or any other
(TAILRACE_TEST_BROKER), topics of which each offset is known, and members that are made of single
requests, so each test knows exactly who has what."""
import itertools
import json
import pathlib
import sys
import time
import unittest
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "wire")]

from broker import broker_for_tests  # noqa: E402
from patience import PATIENCE_MS, PATIENCE_SECONDS, tries  # noqa: E402
from programs import create_topic, tailrace  # noqa: E402
from members import LONG_SESSIONS, SESSION_MS, assignment_of, subscription_of  # noqa: E402
from wire import Connection  # noqa: E402

MEMBER_ID_REQUIRED = 79
PASSING = (14, 15, 16)  # the coordinator loads, is not there, or is somebody else
LOG_START, LOG_MIDDLE, LOG_END = 10, 25, 50

_numbers = itertools.count(1)
_run = uuid.uuid4().hex[:8]  # an external broker remembers what earlier runs did
_broker = None


def setUpModule():
    global _broker
    _broker = broker_for_tests({"group.initial.rebalance.delay.ms": "0",
                                **LONG_SESSIONS})
    tailrace(_broker, "group", "describe", "nobody", check=False)  # from here on there are coordinators


def tearDownModule():
    _broker.close()


def counted(begin, end):
    return b"".join(b"%d\n" % number for number in range(begin, end))


class GroupCase(unittest.TestCase):
    maxDiff = 4000

    @property
    def broker(self):
        return _broker

    def name(self, stem="group"):
        return f"{stem}-{_run}-{next(_numbers)}"

    def tool(self, *words, status=0):
        """What the tool prints as JSON, or its stderr if it is to fail without printing."""
        done = tailrace(self.broker, *words, "--format", "json", check=False)
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        return json.loads(done.stdout) if done.stdout else done.stderr.decode()

    def topic(self, partitions=3):
        """Each partition starts at 10 and ends at 50, and the record 25 is younger than 24."""
        name = self.name("topic")
        create_topic(self.broker, name, "-p", str(partitions))
        for part in (0, LOG_MIDDLE), (LOG_MIDDLE, LOG_END):
            for partition in range(partitions):
                tailrace(self.broker, "topic", "produce", name, "-p", str(partition),
                         data=counted(*part))
            produced_ms = int(time.time() * 1000)
            while int(time.time() * 1000) <= produced_ms:
                pass
        self.tool("topic", "trim-prefix", name, "-o", str(LOG_START), "-y")
        return name

    def time_of(self, topic, offset):
        line = tailrace(self.broker, "topic", "consume", topic, "-p", "0", "-o", f"{offset}", "-n", "1",
                        "--format", "json")
        return json.loads(line)["timestamp"]

    def seek(self, group, *words, **rest):
        """{partition: new offset}"""
        rows = self.tool("group", "seek", group, *words, **rest)
        return {row["partition"]: row["new_offset"] for row in rows}

    def offsets(self, group):
        """{partition: committed offset}"""
        described, = self.tool("group", "describe", group)
        return {row["partition"]: row["offset"] for row in described["partitions"]}

    def describe(self, group, *words):
        described, = self.tool("group", "describe", group, *words)
        return described

    def connect(self):
        connection = Connection(self.broker.host, self.broker.port)
        self.addCleanup(connection.close)
        return connection

    def classic_member(self, group, topic, partitions):
        """A member that is the whole of its group, and has some partitions."""
        connection = self.connect()
        protocols = [{"name": "range", "metadata": subscription_of(topic)}]
        member = ""
        for _ in tries():
            joined = connection.call("JoinGroup", 9, group=group, session_timeout_ms=SESSION_MS,
                                     rebalance_timeout_ms=SESSION_MS, member=member, instance=None,
                                     protocol_type="consumer", protocols=protocols, reason=None)
            if joined["error"] == MEMBER_ID_REQUIRED:
                member = joined["member"]
            elif joined["error"] not in PASSING:
                break
        self.assertEqual(joined["error"], 0)
        mine = [{"member": joined["member"], "assignment": assignment_of(topic, partitions)}]
        synced = connection.call("SyncGroup", 5, group=group, generation=joined["generation"],
                                 member=joined["member"], instance=None, protocol_type="consumer",
                                 protocol="range", assignments=mine)
        self.assertEqual(synced["error"], 0)
        return joined["member"]

    def consumer_member(self, group, topic):
        """A member of the consumer protocol that has taken all that it was given."""
        connection = self.connect()
        member, epoch, owned = uuid.uuid4().hex[:22], 0, []
        for _ in tries():
            answer = connection.call("ConsumerGroupHeartbeat", 1, group=group, member=member,
                                     epoch=epoch, instance=None, rack=None,
                                     rebalance_timeout_ms=SESSION_MS, topics=[topic], regex=None,
                                     assignor=None, owned=owned)
            if answer["error"] in PASSING:
                continue
            self.assertEqual(answer["error"], 0, answer)
            epoch = answer["epoch"]
            given = owned
            if answer["assignment"] is not None:
                given = [{"topic_id": one["topic_id"], "partitions": one["partitions"]}
                         for one in answer["assignment"]["partitions"]]
            if given and given == owned:
                return member
            owned = given
        self.fail("nothing was assigned")
