"""`tailrace group ...` and `topic consume -g` against a broker, ours or any other
(TAILRACE_TEST_BROKER). Members are made of single requests, so each test knows exactly who has what.
Where Java's tool for groups is at hand, both must say the same about the same group."""
import itertools
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "wire")]

from broker import broker_for_tests  # noqa: E402
from programs import TAILRACE, create_topic, run, tailrace  # noqa: E402
from wire import Connection  # noqa: E402

MEMBER_ID_REQUIRED = 79
PASSING = (14, 15, 16)  # the coordinator loads, is not there, or is somebody else
TRIES_MAX = 500
SESSION_MS = 40000
LOG_START, LOG_MIDDLE, LOG_END = 10, 25, 50

_numbers = itertools.count(1)
_run = uuid.uuid4().hex[:8]  # an external broker remembers what earlier runs did
_broker = None


def setUpModule():
    global _broker
    _broker = broker_for_tests({"group.initial.rebalance.delay.ms": "0"})
    tailrace(_broker, "group", "describe", "nobody", check=False)  # from here on there are coordinators


def tearDownModule():
    _broker.close()


def counted(begin, end):
    return b"".join(b"%d\n" % number for number in range(begin, end))


def text_of(value):
    return struct.pack(">h", len(value)) + value.encode()


def assignment_of(topic, partitions):
    """What the leader of a classic group writes for a member."""
    numbers = b"".join(struct.pack(">i", p) for p in partitions)
    return (struct.pack(">hi", 0, 1) + text_of(topic) + struct.pack(">i", len(partitions)) +
            numbers + struct.pack(">i", -1))


def subscription_of(topic):
    return struct.pack(">hi", 0, 1) + text_of(topic) + struct.pack(">i", -1)


class GroupCase(unittest.TestCase):
    maxDiff = 4000

    def name(self, stem="group"):
        return f"{stem}-{_run}-{next(_numbers)}"

    def tool(self, *words, status=0):
        """What the tool prints as JSON, or its stderr if it is to fail without printing."""
        done = tailrace(_broker, *words, "--format", "json", check=False)
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        return json.loads(done.stdout) if done.stdout else done.stderr.decode()

    def topic(self, partitions=3):
        """Each partition starts at 10 and ends at 50, and the record 25 is younger than 24."""
        name = self.name("topic")
        create_topic(_broker, name, "-p", str(partitions))
        for part in (0, LOG_MIDDLE), (LOG_MIDDLE, LOG_END):
            for partition in range(partitions):
                tailrace(_broker, "topic", "produce", name, "-p", str(partition),
                         data=counted(*part))
            produced_ms = int(time.time() * 1000)
            while int(time.time() * 1000) <= produced_ms:
                pass
        self.tool("topic", "trim-prefix", name, "-o", str(LOG_START), "-y")
        return name

    def time_of(self, topic, offset):
        line = tailrace(_broker, "topic", "consume", topic, "-p", "0", "-o", f"{offset}", "-n", "1",
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
        connection = Connection(_broker.host, _broker.port)
        self.addCleanup(connection.close)
        return connection

    def classic_member(self, group, topic, partitions):
        """A member that is the whole of its group, and has some partitions."""
        connection = self.connect()
        protocols = [{"name": "range", "metadata": subscription_of(topic)}]
        member = ""
        for _ in range(TRIES_MAX):
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
        for _ in range(TRIES_MAX):
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


class SeekTest(GroupCase):
    def test_every_mode(self):
        """The plan and what is then committed are the same, and what the mode says."""
        topic, group = self.topic(), self.name()
        middle = self.time_of(topic, LOG_MIDDLE)
        cases = [(["--to-earliest"], LOG_START), (["--to-latest"], LOG_END),
                 (["--to-offset", "20"], 20), (["--shift-by", "-3"], 17),
                 (["--shift-by", "1000"], LOG_END), (["--shift-by=-1000"], LOG_START),
                 (["--to-offset", "5"], LOG_START), (["--to-offset", "999"], LOG_END),
                 (["--to-datetime", str(middle)], LOG_MIDDLE), (["--to-current"], LOG_MIDDLE),
                 (["--by-duration", "PT1H"], LOG_START), (["--to-datetime", "now"], LOG_END),
                 (["--by-duration", "2h"], LOG_START)]
        before = {}
        for words, wanted in cases:
            planned = self.seek(group, *words, "--topic", topic, "--dry-run")
            self.assertEqual(planned, dict.fromkeys(range(3), wanted), words)
            if before:
                self.assertEqual(self.offsets(group), before, "a plan has changed something")
            self.assertEqual(self.seek(group, *words, "--topic", topic), planned, words)
            before = self.offsets(group)
            self.assertEqual(before, planned, words)

    def test_a_plan_creates_no_group(self):
        topic, group = self.topic(1), self.name()
        self.seek(group, "--to-earliest", "--topic", topic, "--dry-run")
        self.assertEqual(self.tool("group", "list", group), [])
        self.assertIn("no such group", self.tool("group", "delete", group, "--dry-run",
                                                 status=1)[0]["message"])

    def test_only_what_is_named(self):
        topic, other, group = self.topic(), self.topic(1), self.name()
        self.seek(group, "--to-offset", "20", "--topic", topic, "--topic", other)
        self.assertEqual(self.seek(group, "--to-offset", "30", "--topic", f"{topic}:0,2"),
                         {0: 30, 2: 30})
        rows = self.describe(group)["partitions"]
        self.assertEqual({(row["topic"], row["partition"]): row["offset"] for row in rows},
                         {(topic, 0): 30, (topic, 1): 20, (topic, 2): 30, (other, 0): 20})
        self.assertEqual(self.seek(group, "--shift-by", "1", "--topic", f"{topic}:1"), {1: 21})
        self.assertEqual(len(self.tool("group", "seek", group, "--to-latest", "--all-topics")), 4)

    def test_a_file_that_was_exported(self):
        topic, group = self.topic(), self.name()
        self.seek(group, "--to-offset", "20", "--topic", topic)
        self.seek(group, "--to-offset", "21", "--topic", f"{topic}:1")
        lines = tailrace(_broker, "group", "seek", group, "--to-current", "--all-topics",
                         "--dry-run", "--export")
        self.assertEqual(lines.decode(), f"{topic},0,20\n{topic},1,21\n{topic},2,20\n")
        self.seek(group, "--to-latest", "--all-topics")
        with tempfile.NamedTemporaryFile() as file:
            file.write(lines + f"{group},{topic},1,22\nother,{topic},0,3\n".encode())
            file.flush()
            self.assertIn("named twice", self.tool("group", "seek", group, "--from-file", file.name,
                                                   status=1))
            file.truncate(len(lines))
            self.assertEqual(self.seek(group, "--from-file", file.name), {0: 20, 1: 21, 2: 20})
        self.assertEqual(self.offsets(group), {0: 20, 1: 21, 2: 20})

    def test_what_is_refused_changes_nothing(self):
        topic, group = self.topic(), self.name()
        self.seek(group, "--to-offset", "20", "--topic", f"{topic}:0,1")
        self.assertIn("nothing to shift from", self.tool("group", "seek", group, "--shift-by", "5",
                                                         "--topic", topic, status=1))
        self.assertEqual(self.offsets(group), {0: 20, 1: 20})
        self.assertIn("nothing is committed", self.tool("group", "seek", self.name(), "--to-latest",
                                                        "--all-topics", status=1))
        for missing in f"{topic}:0,7", self.name("topic"):
            self.assertIn("does not know this topic or partition", self.tool(
                "group", "seek", group, "--to-latest", "--topic", missing, status=1))
        self.assertEqual(self.offsets(group), {0: 20, 1: 20})
        for words in (["--to-latest"], ["--topic", topic], ["--to-latest", "--to-earliest",
                      "--topic", topic], ["--to-latest", "--topic", topic, "--all-topics"],
                      ["--to-datetime", "someday", "--topic", topic],
                      ["--by-duration", "-1h", "--topic", topic],
                      ["--to-latest", "--topic", f"{topic}:x"]):
            self.tool("group", "seek", group, *words, status=2)

    def test_a_group_with_members_is_left_alone(self):
        topic = self.topic()
        classic, consumer = self.name(), self.name()
        self.classic_member(classic, topic, [0])
        self.consumer_member(consumer, topic)
        for group in classic, consumer:
            said = self.tool("group", "seek", group, "--to-latest", "--topic", topic, status=1)
            self.assertIn("stop them first", said)
            row, = self.tool("group", "delete", group, "--dry-run", status=1)
            self.assertEqual(row["error"], "NON_EMPTY_GROUP")
            row, = self.tool("group", "delete", group, "-y", status=1)
            self.assertEqual(row["error"], "NON_EMPTY_GROUP")
            self.assertEqual(len(self.tool("group", "list", group)), 1)


class DescribeTest(GroupCase):
    def test_lag_in_records_and_in_time(self):
        topic, group = self.topic(), self.name()
        self.seek(group, "--to-offset", "30", "--topic", f"{topic}:0")
        self.seek(group, "--to-latest", "--topic", f"{topic}:1")
        described = self.describe(group)
        behind, done = described["partitions"]
        self.assertEqual(described["lag"], 20)
        self.assertEqual((behind["offset"], behind["log_start"], behind["log_end"], behind["lag"]),
                         (30, LOG_START, LOG_END, 20))
        self.assertEqual(behind["lag_ms"], described["timestamp"] - self.time_of(topic, 30))
        self.assertEqual((done["lag"], done["lag_ms"]), (0, 0))

    def test_an_offset_that_the_log_has_overtaken(self):
        """It counts from the committed offset, as Kafka's tool does; the oldest record left is what
        is read next."""
        topic, group = self.topic(1), self.name()
        self.seek(group, "--to-earliest", "--topic", topic)
        self.tool("topic", "trim-prefix", topic, "-o", "40", "-y")
        described = self.describe(group)
        row, = described["partitions"]
        self.assertEqual((row["lag"], row["log_start"]), (LOG_END - LOG_START, 40))
        self.assertEqual(row["lag_ms"], described["timestamp"] - self.time_of(topic, 40))

    def test_a_topic_that_is_gone(self):
        """Its offsets go with it, or are shown with an error; nothing else suffers."""
        topic, other, group = self.topic(1), self.topic(1), self.name()
        self.seek(group, "--to-offset", "20", "--topic", topic, "--topic", other)
        self.tool("topic", "delete", topic)
        rows = {row["topic"]: row for row in self.describe(group)["partitions"]}
        self.assertEqual((rows[other]["lag"], rows[other]["error"]), (30, None))
        if topic in rows:
            self.assertEqual((rows[topic]["lag"], rows[topic]["error"]),
                             (None, "UNKNOWN_TOPIC_OR_PARTITION"))

    def test_a_classic_group_and_its_member(self):
        topic, group = self.topic(), self.name()
        member = self.classic_member(group, topic, [0, 2])
        described = self.describe(group, "-a")
        self.assertEqual((described["type"], described["protocol"], described["state"],
                          described["assignor"], described["epoch"], described["member_count"]),
                         ("classic", "consumer", "Stable", "range", None, 1))
        shown, = described["members"]
        self.assertEqual((shown["member_id"], shown["instance_id"], shown["client_id"]),
                         (member, None, "wire-test"))
        self.assertEqual(shown["assignment"], [{"topic": topic, "partitions": [0, 2]}])
        self.assertEqual([(row["partition"], row["offset"], row["lag"], row["member_id"])
                          for row in described["partitions"]],
                         [(0, None, None, member), (2, None, None, member)])
        self.assertIsNone(described["lag"])

    def test_a_consumer_group_and_its_member(self):
        topic, group = self.topic(), self.name()
        member = self.consumer_member(group, topic)
        described = self.describe(group, "-a")
        self.assertEqual((described["type"], described["protocol"], described["state"],
                          described["assignor"]), ("consumer", "consumer", "Stable", "uniform"))
        self.assertEqual(described["epoch"], described["assignment_epoch"])
        shown, = described["members"]
        everything = [{"topic": topic, "partitions": [0, 1, 2]}]
        self.assertEqual((shown["member_id"], shown["assignment"], shown["target"], shown["topics"],
                          shown["type"], shown["epoch"]),
                         (member, everything, everything, [topic], "consumer", described["epoch"]))

    def test_text_has_the_same(self):
        topic, group = self.topic(), self.name()
        self.seek(group, "--to-offset", "30", "--topic", f"{topic}:1")
        lines = tailrace(_broker, "group", "describe", group).decode().splitlines()
        self.assertIn("SUMMARY", lines)
        self.assertIn("lag          20", lines)
        row = lines[lines.index("PARTITIONS") + 2].split()
        self.assertEqual(row[:6], [topic, "1", "30", "10", "50", "20"])
        self.assertRegex(row[6], r"^[0-9]+\.[0-9]$")

    def test_watching_goes_on_until_it_is_stopped(self):
        topic, group = self.topic(1), self.name()
        self.seek(group, "--to-offset", "30", "--topic", topic)
        watch = subprocess.Popen([TAILRACE, "group", "describe", group, "--watch", "-i", "1",
                                  "--format", "json", "-b", _broker.address],
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(watch.stdout.close)
        try:
            self.assertEqual(json.loads(watch.stdout.readline())[0]["lag"], 20)
            self.seek(group, "--to-offset", "45", "--topic", topic)
            lags = (json.loads(watch.stdout.readline())[0]["lag"] for _ in range(TRIES_MAX))
            self.assertIn(5, lags)
        finally:
            watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(60), 130)


class ListAndDeleteTest(GroupCase):
    def test_filters_and_patterns(self):
        topic, stem = self.topic(1), self.name("list")
        empty, classic, consumer = (f"{stem}-{kind}" for kind in ("a", "b", "c"))
        self.seek(empty, "--to-latest", "--topic", topic)
        self.classic_member(classic, topic, [0])
        self.consumer_member(consumer, topic)

        def listed(*words):
            return [group["group"] for group in self.tool("group", "list", "-r", f"{stem}.*",
                                                          *words)]
        self.assertEqual(listed(), [empty, classic, consumer])
        self.assertEqual(listed("--state", "empty"), [empty])
        self.assertEqual(listed("--state", "Stable,Empty"), [empty, classic, consumer])
        self.assertEqual(listed("--type", "consumer"), [consumer])
        self.assertEqual(listed("--type", "classic", "--state", "stable"), [classic])
        shown, = self.tool("group", "list", consumer)
        self.assertEqual((shown["type"], shown["protocol"], shown["state"]),
                         ("consumer", "consumer", "Stable"))
        self.assertEqual(len(self.tool("group", "describe", "-s", "-r", f"{stem}-[ab]")), 2)

    def test_deleting(self):
        topic, stem = self.topic(1), self.name("delete")
        groups = [f"{stem}-{n}" for n in range(3)]
        for group in groups:
            self.seek(group, "--to-latest", "--topic", topic)
        rows = self.tool("group", "delete", groups[0], self.name(), "--dry-run", status=1)
        self.assertEqual([row["error"] for row in rows], [None, "GROUP_ID_NOT_FOUND"])
        self.assertEqual(len(self.tool("group", "list", "-r", f"{stem}.*")), 3)
        self.tool("group", "delete", groups[0])
        self.assertIn("-y", self.tool("group", "delete", "-r", f"{stem}.*", status=1))
        self.assertEqual(len(self.tool("group", "list", "-r", f"{stem}.*")), 2)
        self.tool("group", "delete", "-r", f"{stem}.*", "-y")
        self.assertEqual(self.tool("group", "list", "-r", f"{stem}.*"), [])
        self.assertIn("group list", self.tool("group", "offset-delete", groups[0], "-t", topic,
                                              status=1))

    def test_deleting_offsets(self):
        topic, other, group = self.topic(), self.topic(1), self.name()
        self.seek(group, "--to-offset", "20", "--topic", topic, "--topic", other)
        rows = self.tool("group", "offset-delete", group, "-t", f"{topic}:0,2", "--dry-run")
        self.assertEqual([(row["partition"], row["offset"]) for row in rows], [(0, 20), (2, 20)])
        self.assertEqual(len(self.describe(group)["partitions"]), 4)
        self.tool("group", "offset-delete", group, "-t", f"{topic}:0,2")
        self.assertEqual([(row["topic"], row["partition"])
                          for row in self.describe(group)["partitions"]], [(topic, 1), (other, 0)])
        self.tool("group", "offset-delete", group, "-t", topic)
        self.assertEqual([row["topic"] for row in self.describe(group)["partitions"]], [other])
        self.assertIn("committed nothing", self.tool("group", "offset-delete", group, "-t", topic,
                                                     status=1))
        self.tool("group", "offset-delete", group, status=2)

    def test_offsets_that_are_read(self):
        topic, other, group = self.topic(), self.topic(1), self.name()
        self.seek(group, "--to-offset", "20", "--topic", topic, "--topic", other)
        self.classic_member(group, topic, [0])
        row, *_ = self.tool("group", "offset-delete", group, "-t", topic, status=1)
        self.assertEqual(row["error"], "GROUP_SUBSCRIBED_TO_TOPIC")
        self.tool("group", "offset-delete", group, "-t", other)
        self.assertEqual({row["topic"] for row in self.describe(group)["partitions"]}, {topic})


class ConsumeTest(GroupCase):
    def consume(self, *words):
        return tailrace(_broker, "topic", "consume", *words)

    def test_it_goes_on_where_it_stopped(self):
        topic, group = self.topic(1), self.name()
        self.assertEqual(self.consume(topic, "-g", group, "-n", "7"), counted(10, 17))
        self.assertEqual(self.offsets(group), {0: 17})
        self.assertEqual(self.consume(topic, "-g", group, "-n", "3"), counted(17, 20))
        self.assertEqual(self.offsets(group), {0: 20})
        self.assertEqual(self.describe(group)["state"], "Empty", "it has left")

    def test_an_interrupt_commits_what_was_printed(self):
        topic, group = self.topic(3), self.name()
        consume = subprocess.Popen([TAILRACE, "topic", "consume", topic, "-g", group, "-f",
                                    "%p %o\\n", "-b", _broker.address], stdout=subprocess.PIPE,
                                   text=True)
        self.addCleanup(consume.stdout.close)
        try:
            lines = [consume.stdout.readline() for _ in range(3 * (LOG_END - LOG_START))]
        finally:
            consume.send_signal(signal.SIGINT)
        self.assertEqual(consume.wait(60), 130)
        self.assertEqual(sorted(lines), sorted(f"{p} {o}\n" for p in range(3)
                                               for o in range(LOG_START, LOG_END)))
        self.assertEqual(self.offsets(group), {0: LOG_END, 1: LOG_END, 2: LOG_END})

    def test_what_does_not_go_with_a_group(self):
        for words in (["-p", "0"], ["-o", "5"], ["-o", "start:end"], ["-o", "@-1h"]):
            self.tool("topic", "consume", "any", "-g", "any", *words, status=2)
        self.assertIn("topic create", self.tool("topic", "consume", self.name("topic"), "-g",
                                                self.name(), status=1))


def java_jars():
    """The folder of Kafka's own jars, if one of the places where other tests keep them has it."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    peers = pathlib.Path(os.environ.get("TAILRACE_PEERS") or cache / "tailrace-peers")
    clients = pathlib.Path(os.environ.get("TAILRACE_CLIENTS") or cache / "tailrace-clients")
    for folder in [*sorted(peers.glob("kafka-*/libs")), clients / "java"]:
        if list(folder.glob("kafka-tools-*.jar")) and shutil.which("java"):
            return folder
    return None


@unittest.skipUnless(java_jars(), "no java, or no jars of Kafka")
class JavaTest(GroupCase):
    """Kafka's own kafka-consumer-groups and ours about the same groups."""

    def java(self, *words):
        """The rows of the table that it prints, by the names of its columns."""
        out = run(["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                   f"{java_jars()}/*", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
                   "--bootstrap-server", _broker.address, *words]).decode()
        lines = [line.split() for line in out.splitlines() if line.strip()]
        begin = next((i for i, line in enumerate(lines) if line[0] == "GROUP"), None)
        if begin is None:
            return out
        return [dict(zip(lines[begin], line)) for line in lines[begin + 1:]]

    def test_the_offsets_of_a_group(self):
        topic, group = self.topic(), self.name()
        self.seek(group, "--to-offset", "20", "--topic", f"{topic}:0,1")
        member = self.classic_member(group, topic, [1, 2])
        ours = {(row["partition"], str(row["offset"]), str(row["log_end"]), str(row["lag"]),
                 str(row["member_id"])) for row in self.describe(group)["partitions"]}
        theirs = {(int(row["PARTITION"]), row["CURRENT-OFFSET"], row["LOG-END-OFFSET"], row["LAG"],
                   row["CONSUMER-ID"]) for row in self.java("--describe", "--group", group)}
        self.assertEqual({tuple("-" if value == "None" else value for value in row)
                          for row in ours}, theirs)
        self.assertEqual(len(theirs), 3)
        self.assertIn(member, {row[4] for row in theirs})

    def test_members_and_state(self):
        topic = self.topic()
        classic, consumer = self.name(), self.name()
        self.classic_member(classic, topic, [0, 2])
        self.consumer_member(consumer, topic)
        for group in classic, consumer:
            ours = self.describe(group, "-m")
            member, = self.java("--describe", "--members", "--group", group)
            shown, = ours["members"]
            self.assertEqual((member["CONSUMER-ID"], member["CLIENT-ID"], member["HOST"],
                              int(member["#PARTITIONS"])),
                             (shown["member_id"], shown["client_id"], shown["host"],
                              sum(len(one["partitions"]) for one in shown["assignment"])))
            state, = self.java("--describe", "--state", "--group", group)
            self.assertEqual((state["STATE"], state["#MEMBERS"], state["ASSIGNMENT-STRATEGY"]),
                             (ours["state"], "1", ours["assignor"]))
        listed = {row["GROUP"]: (row["TYPE"].lower(), row["STATE"])
                  for row in self.java("--list", "--type", "--state")}
        ours = {row["group"]: (row["type"], row["state"])
                for row in self.tool("group", "list", classic, consumer)}
        self.assertEqual({group: listed[group] for group in ours}, ours)

    def test_every_reset_mode(self):
        topic, group = self.topic(), self.name()
        self.seek(group, "--to-offset", "20", "--topic", f"{topic}:0,1")
        middle = self.time_of(topic, LOG_MIDDLE)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(middle // 1000))
        stamp += f".{middle % 1000:03d}Z"
        file = tempfile.NamedTemporaryFile(mode="w+", suffix=".csv")
        self.addCleanup(file.close)
        file.write(f"{topic},0,15\n{topic},1,500\n")
        file.flush()
        both = ["--topic", f"{topic}:0,1"]
        for words in (["--to-earliest", *both], ["--to-latest", *both],
                      ["--to-offset", "30", *both], ["--to-offset", "3", *both],
                      ["--to-datetime", stamp, "--topic", topic],
                      ["--by-duration", "PT1H", "--topic", topic], ["--shift-by", "-5", *both],
                      ["--shift-by", "100", "--all-topics"], ["--to-current", "--topic", topic],
                      ["--from-file", file.name]):
            theirs = self.java("--reset-offsets", "--dry-run", "--group", group, *words)
            self.assertEqual({int(row["PARTITION"]): int(row["NEW-OFFSET"]) for row in theirs},
                             self.seek(group, "--dry-run", *words), words)

    def test_what_one_changes_the_other_sees(self):
        topic, group = self.topic(), self.name()
        self.java("--reset-offsets", "--execute", "--group", group, "--to-offset", "33", "--topic",
                  topic)
        self.assertEqual(self.offsets(group), {0: 33, 1: 33, 2: 33})
        self.java("--delete-offsets", "--group", group, "--topic", f"{topic}:1")
        self.assertEqual(self.offsets(group), {0: 33, 2: 33})
        self.seek(group, "--to-offset", "44", "--topic", f"{topic}:0")
        self.tool("group", "offset-delete", group, "-t", f"{topic}:2")
        row, = self.java("--describe", "--group", group)
        self.assertEqual((row["PARTITION"], row["CURRENT-OFFSET"], row["LAG"]), ("0", "44", "6"))
        self.java("--delete", "--group", group)
        self.assertEqual(self.tool("group", "list", group), [])


if __name__ == "__main__":
    unittest.main()
