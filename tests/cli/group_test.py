"""`tailrace group ...` and `topic consume -g` against a broker, ours or any other
(TAILRACE_TEST_BROKER)."""
import json
import signal
import subprocess
import tempfile
import time
import unittest
import uuid

from group_case import *  # noqa: F403

import batch as batches  # noqa: E402
from programs import TAILRACE  # noqa: E402


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
        lines = tailrace(self.broker, "group", "seek", group, "--to-current", "--all-topics",
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
        for missing, advice in (f"{topic}:0,7", "topic describe"), (self.name("topic"), "topic list"):
            self.assertIn(advice, self.tool("group", "seek", group, "--to-latest", "--topic",
                                            missing, status=1))
        self.assertIn("No such file", self.tool("group", "seek", group, "--from-file", "/nowhere",
                                                status=1))
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

    def test_the_time_is_that_of_the_very_record(self):
        """In the middle of a batch, compressed or not; and of the next one at a batch's end."""
        topic, group = self.name("topic"), self.name()
        create_topic(self.broker, topic, "-p", "1")
        time_ms, step_ms = int(time.time() * 1000) - 100000, 1000
        for codec in batches.NONE, batches.ZSTD:
            records = batches.batch([b"v"] * 3, codec=codec, time_ms=time_ms, time_step=step_ms)
            answer = self.connect().call("Produce", 9, acks=-1, timeout_ms=PATIENCE_MS, topics=[
                {"name": topic, "partitions": [{"index": 0, "records": records}]}])
            self.assertEqual(answer["topics"][0]["partitions"][0]["error"], 0)
            time_ms += 3 * step_ms
        for offset in range(6):
            self.seek(group, "--to-offset", str(offset), "--topic", topic)
            described = self.describe(group)
            row, = described["partitions"]
            self.assertEqual((row["lag"], described["timestamp"] - row["lag_ms"]),
                             (6 - offset, time_ms - (6 - offset) * step_ms))

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
        lines = tailrace(self.broker, "group", "describe", group).decode().splitlines()
        self.assertIn("SUMMARY", lines)
        self.assertIn("lag          20", lines)
        row = lines[lines.index("PARTITIONS") + 2].split()
        self.assertEqual(row[:6], [topic, "1", "30", "10", "50", "20"])
        self.assertRegex(row[6], r"^[0-9]+\.[0-9]$")

    def test_watching_goes_on_until_it_is_stopped(self):
        topic, group = self.topic(1), self.name()
        self.seek(group, "--to-offset", "30", "--topic", topic)
        watch = subprocess.Popen([TAILRACE, "group", "describe", group, "--watch", "-i", "1",
                                  "--format", "json", "-b", self.broker.address],
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(watch.stdout.close)
        try:
            self.assertEqual(json.loads(watch.stdout.readline())[0]["lag"], 20)
            self.seek(group, "--to-offset", "45", "--topic", topic)
            lags = (json.loads(watch.stdout.readline())[0]["lag"] for _ in tries())
            self.assertIn(5, lags)
        finally:
            watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(PATIENCE_SECONDS), 130)


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
        self.assertEqual([group["group"] for group in self.tool("group", "list", empty, consumer)],
                         [empty, consumer])
        for words in ["--state", "Stable,nonsense"], ["--type", "nonsense"]:
            self.assertIn("not 'nonsense'", self.tool("group", "list", *words, status=2))
        shown, = self.tool("group", "list", consumer)
        self.assertEqual((shown["type"], shown["protocol"], shown["state"]),
                         ("consumer", "consumer", "Stable"))
        self.assertEqual(len(self.tool("group", "describe", "-s", "-r", f"{stem}-[ab]")), 2)
        self.assertEqual(self.tool("group", "describe", "-r", f"{stem}-nobody", status=1), [])

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
        return tailrace(self.broker, "topic", "consume", *words)

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
                                    "%p %o\\n", "-b", self.broker.address], stdout=subprocess.PIPE,
                                   text=True)
        self.addCleanup(consume.stdout.close)
        try:
            lines = [consume.stdout.readline() for _ in range(3 * (LOG_END - LOG_START))]
        finally:
            consume.send_signal(signal.SIGINT)
        self.assertEqual(consume.wait(PATIENCE_SECONDS), 130)
        self.assertEqual(sorted(lines), sorted(f"{p} {o}\n" for p in range(3)
                                               for o in range(LOG_START, LOG_END)))
        self.assertEqual(self.offsets(group), {0: LOG_END, 1: LOG_END, 2: LOG_END})

    def test_what_does_not_go_with_a_group(self):
        for words in (["-p", "0"], ["-o", "5"], ["-o", "start:end"], ["-o", "@-1h"]):
            self.tool("topic", "consume", "any", "-g", "any", *words, status=2)
        self.assertIn("topic create", self.tool("topic", "consume", self.name("topic"), "-g",
                                                self.name(), status=1))


if __name__ == "__main__":
    unittest.main()
