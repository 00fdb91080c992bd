"""Kafka's own kafka-consumer-groups and kafka-groups, and `tailrace group`, about the same groups: what
they print is read into the same structure, and must be the same; what one changes the other sees.
Needs Java and Kafka's jars, where the other tests keep them."""
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

from group_case import *  # noqa: F403

from members import ClassicMember, ConsumerMember, classic_group, consumer_group  # noqa: E402
from programs import run  # noqa: E402

SKIPPED = 77
PACKAGE = "org.apache.kafka.tools."


def java_jars():
    """The folder of Kafka's own jars, if one of the places where other tests keep them has it."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    peers = pathlib.Path(os.environ.get("TAILRACE_PEERS") or cache / "tailrace-peers")
    clients = pathlib.Path(os.environ.get("TAILRACE_CLIENTS") or cache / "tailrace-clients")
    for folder in [*sorted(peers.glob("kafka-*/libs")), clients / "java"]:
        if list(folder.glob("kafka-tools-*.jar")) and shutil.which("java"):
            return folder
    return None


def text(value):
    """Java's tool has a dash where JSON has null."""
    return "-" if value is None else str(value)


def shares(text_or_list):
    """{topic: [partitions]} of "orders:0,1;returns:2", our "orders:0,1 returns:2", or of JSON."""
    if isinstance(text_or_list, list):
        return {one["topic"]: one["partitions"] for one in text_or_list}
    found = {}
    for part in text_or_list.replace(";", " ").replace("),", " ").split():
        if part != "-":
            topic, _, numbers = part.replace("(", ":").replace(")", "").partition(":")
            found[topic] = sorted(int(number) for number in numbers.split(","))
    return found


class JavaCase(GroupCase):
    """A picture of a group is
    {"state": (state, assignor, number of members, epoch, epoch of the assignment),
     "offsets": {(topic, partition): (offset, leader epoch, log end, lag, member, client)},
     "members": {id: (instance, host, client, shares, epoch, shares to come)}}"""

    def java_text(self, program, *words):
        return run(["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                    f"{java_jars()}/*", PACKAGE + program, "--bootstrap-server",
                    self.broker.address, *words]).decode()

    def java(self, *words):
        """The rows of the table that it prints, by the names of its columns."""
        return self.rows(self.java_text("consumer.group.ConsumerGroupCommand", *words))

    @staticmethod
    def rows(printed):
        """An instance id may be blank, and nothing else."""
        lines = [line.split() for line in printed.splitlines() if line.strip()]
        begin = next((i for i, line in enumerate(lines) if line[0] == "GROUP"), len(lines))
        found = []
        for line in lines[begin + 1:]:
            if len(line) == len(lines[begin]) - 1 and "GROUP-INSTANCE-ID" in lines[begin]:
                line.insert(lines[begin].index("GROUP-INSTANCE-ID"), "-")
            found.append(dict(zip(lines[begin], line)))
        return found

    def their_picture(self, group):
        describe = ["--describe", "--verbose", "--group", group]
        # The address of the coordinator and its id are two words of one column.
        state, = self.java_text("consumer.group.ConsumerGroupCommand", *describe,
                                "--state").replace("COORDINATOR (ID)", "COORDINATOR ID"
                                                   ).splitlines()[-1:]
        _, _, _, assignor, name, epoch, assignment_epoch, count = state.split()
        return {
            "state": (name, assignor, count, epoch, assignment_epoch),
            "offsets": {
                (row["TOPIC"], int(row["PARTITION"])):
                    (row["CURRENT-OFFSET"], row["LEADER-EPOCH"], row["LOG-END-OFFSET"], row["LAG"],
                     row["CONSUMER-ID"], row["CLIENT-ID"])
                for row in self.java(*describe, "--offsets")},
            "members": {
                row["CONSUMER-ID"]:
                    (row.get("GROUP-INSTANCE-ID", "-"), row["HOST"], row["CLIENT-ID"],
                     shares(row["CURRENT-ASSIGNMENT"]), row["CURRENT-EPOCH"],
                     shares(row["TARGET-ASSIGNMENT"]))
                for row in self.java(*describe, "--members")}}

    def our_picture(self, group):
        described = self.describe(group, "-a")
        members = {one["member_id"]: one for one in described["members"]}
        clients = {None: None, **{name: one["client_id"] for name, one in members.items()}}
        return {
            "state": (described["state"], described["assignor"] or "-",
                      str(described["member_count"]), text(described["epoch"]),
                      text(described["assignment_epoch"])),
            "offsets": {
                (row["topic"], row["partition"]):
                    (text(row["offset"]), text(row["leader_epoch"]), text(row["log_end"]),
                     text(row["lag"]), text(row["member_id"]), text(clients[row["member_id"]]))
                for row in described["partitions"]},
            "members": {
                name: (text(one["instance_id"]), one["host"], one["client_id"],
                       shares(one["assignment"]), text(one.get("epoch")),
                       shares(one.get("target", [])))
                for name, one in members.items()}}

    def our_picture_of_text(self, group):
        """The same from the tables that people read, which have no leader epochs."""
        printed = tailrace(self.broker, "group", "describe", group, "-a").decode()
        summary, partitions, members = (part.strip().splitlines()
                                        for part in printed.split("\n\n"))
        facts = dict(line.split(maxsplit=1) for line in summary[1:])
        epoch, _, assignment_epoch = facts.get("epoch", "-, assignment -").partition(
            ", assignment ")

        def table(lines):
            return [dict(zip(lines[1].split(), line.split())) for line in lines[2:]]
        return {
            "state": (facts["state"], facts["assignor"], facts["members"], epoch,
                      assignment_epoch),
            "offsets": {
                (row["TOPIC"], int(row["PARTITION"])):
                    (row["OFFSET"], row["LOG-END"], row["LAG"], row["MEMBER-ID"], row["CLIENT-ID"])
                for row in table(partitions)},
            "members": {row["MEMBER-ID"]: (row["INSTANCE-ID"], row["HOST"], row["CLIENT-ID"],
                                           shares(row["ASSIGNMENT"]), row.get("EPOCH", "-"),
                                           shares(row.get("TARGET", "-")))
                        for row in table(members)}}

    def check_pictures(self, group):
        """All three; returns the one they agree on."""
        ours = self.our_picture(group)
        self.assertEqual(self.their_picture(group), ours)
        short = {place: (row[0], *row[2:]) for place, row in ours["offsets"].items()}
        self.assertEqual(self.our_picture_of_text(group), {**ours, "offsets": short})
        return ours

    def classic_members(self, group, topic):
        """Two, one of them static."""
        protocols = [("range", subscription_of(topic))]
        members = [ClassicMember(self, group, protocols=protocols),
                   ClassicMember(self, group, instance="place", protocols=protocols)]
        classic_group(members, topic, [[0, 2], [1]])
        return members

    def await_assignment(self, group):
        """There is one a second at most, also for a group that everybody has left."""
        for _ in tries():
            described = self.describe(group)
            if described["epoch"] == described["assignment_epoch"]:
                return
        self.fail(f"nothing is assigned: {described}")

    def consumer_members(self, group, topic):
        members = [ConsumerMember(self, group, topic), ConsumerMember(self, group, topic, "place")]
        consumer_group(members)
        return members


@unittest.skipUnless(java_jars(), "no java, or no jars of Kafka")
class PictureTest(JavaCase):
    def test_a_group_without_members(self):
        topic, group = self.topic(), self.name()
        self.seek(group, "--to-offset", "20", "--topic", f"{topic}:0,1")
        picture = self.check_pictures(group)
        self.assertEqual(picture["offsets"][topic, 0], ("20", "-", "50", "30", "-", "-"))
        self.assertEqual((picture["state"], picture["members"]),
                         (("Empty", "-", "0", "-", "-"), {}))

    def test_members_of_the_classic_protocol(self):
        topic, group = self.topic(), self.name()
        self.seek(group, "--to-offset", "20", "--topic", f"{topic}:0,1")
        members = self.classic_members(group, topic)
        picture = self.check_pictures(group)
        self.assertEqual(picture["state"], ("Stable", "range", "2", "-", "-"))
        self.assertEqual({name: (one[0], one[3]) for name, one in picture["members"].items()},
                         {members[0].id: ("-", {topic: [0, 2]}),
                          members[1].id: ("place", {topic: [1]})})
        self.assertEqual(picture["offsets"][topic, 2], ("-", "-", "50", "-", members[0].id,
                                                        "wire-test"))

    def test_members_of_the_consumer_protocol(self):
        """Settled, while one has still to give up what the other is to get, and gone."""
        topic, group = self.topic(), self.name()
        members = self.consumer_members(group, topic)
        picture = self.check_pictures(group)
        self.assertEqual((picture["state"][0], len(picture["members"])), ("Stable", 2))
        third = ConsumerMember(self, group, topic)
        for _ in tries():
            self.assertEqual(third.beat(), 0)
            if self.describe(group)["state"] == "Reconciling":
                break
        self.assertEqual(self.check_pictures(group)["state"][0], "Reconciling")
        for member in (third, *members):
            self.assertEqual(member.leave(), 0)
        self.seek(group, "--to-offset", "20", "--topic", f"{topic}:0,1")
        self.await_assignment(group)
        self.assertEqual(self.check_pictures(group)["state"][0], "Empty")

    def test_a_topic_that_is_gone(self):
        topic, other, group = self.topic(1), self.topic(1), self.name()
        self.seek(group, "--to-offset", "20", "--topic", topic, "--topic", other)
        self.tool("topic", "delete", topic)
        self.assertEqual(set(self.check_pictures(group)["offsets"]), {(other, 0)})

    def test_lists(self):
        topic = self.topic()
        empty, classic, consumer = groups = self.name(), self.name(), self.name()
        self.seek(empty, "--to-latest", "--topic", topic)
        self.classic_members(classic, topic)
        self.consumer_members(consumer, topic)

        def ours(*words):
            return {row["group"]: (row["type"], row["state"])
                    for row in self.tool("group", "list", *words) if row["group"] in groups}
        for words in ([], ["--state", "Stable"], ["--state", "Empty,Stable"], ["--type", "classic"],
                      ["--type", "consumer"]):
            both = [word for flag in ("--type", "--state") if flag not in words for word in [flag]]
            theirs = {row["GROUP"]: (row["TYPE"].lower(), row["STATE"])
                      for row in self.java("--list", *words, *both) if row["GROUP"] in groups}
            self.assertEqual(theirs, ours(*words), words)
        self.assertEqual(ours(), {empty: ("classic", "Empty"), classic: ("classic", "Stable"),
                                  consumer: ("consumer", "Stable")})
        rows = self.rows(self.java_text("GroupsCommand", "--list"))
        self.assertEqual({row["GROUP"]: row["TYPE"].lower() for row in rows
                          if row["GROUP"] in groups}, {name: kind for name, (kind, _)
                                                       in ours().items()})
        rows = self.java("--describe", "--all-groups", "--members")
        self.assertEqual(sum(row["GROUP"] in groups for row in rows), 4)


@unittest.skipUnless(java_jars(), "no java, or no jars of Kafka")
class ChangeTest(JavaCase):
    def plans(self, group, *words):
        """What each of them would commit, and what is left after both were asked."""
        theirs = self.java("--reset-offsets", "--dry-run", "--group", group, *words)
        return ({(row["TOPIC"], int(row["PARTITION"])): int(row["NEW-OFFSET"]) for row in theirs},
                {(row["topic"], row["partition"]): row["new_offset"]
                 for row in self.tool("group", "seek", group, "--dry-run", *words)})

    def file(self, lines):
        file = tempfile.NamedTemporaryFile(mode="w+", suffix=".csv")
        self.addCleanup(file.close)
        file.write(lines)
        file.flush()
        return file.name

    def test_every_reset_mode(self):
        topic, other, group = self.topic(), self.topic(1), self.name()
        self.seek(group, "--to-offset", "20", "--topic", f"{topic}:0,1", "--topic", other)
        middle = self.time_of(topic, LOG_MIDDLE)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(middle // 1000))
        stamp += f".{middle % 1000:03d}Z"
        file = self.file(f"{topic},0,15\n{topic},1,500\n{other},0,3\n")
        both = ["--topic", f"{topic}:0,1"]
        for words in (["--to-earliest", *both], ["--to-latest", *both],
                      ["--to-offset", "30", *both], ["--to-offset", "3", *both],
                      ["--to-datetime", stamp, "--topic", topic],
                      ["--by-duration", "PT1H", "--topic", topic], ["--shift-by", "-5", *both],
                      ["--shift-by", "100", "--all-topics"], ["--to-current", "--topic", topic],
                      ["--to-earliest", "--topic", topic, "--topic", other],
                      ["--from-file", file]):
            theirs, ours = self.plans(group, *words)
            self.assertEqual(theirs, ours, words)
            self.assertGreaterEqual(len(ours), 2, words)
        self.assertEqual(self.offsets(group), {0: 20, 1: 20})

    def test_what_one_has_exported_the_other_reads(self):
        """Also their form for several groups."""
        topic, group = self.topic(), self.name()
        self.seek(group, "--to-offset", "20", "--topic", topic)
        export = ["--to-current", "--all-topics", "--dry-run", "--export"]
        theirs = self.java_text("consumer.group.ConsumerGroupCommand", "--reset-offsets", "--group",
                                group, *export)
        ours = tailrace(self.broker, "group", "seek", group, *export).decode()
        self.assertEqual(sorted(theirs.split()), ours.split())
        self.seek(group, "--from-file", self.file(theirs.replace(",20", ",21").strip() + "\n"))
        self.assertEqual(self.offsets(group), {0: 21, 1: 21, 2: 21})
        self.java("--reset-offsets", "--execute", "--group", group, "--from-file",
                  self.file(ours.replace(",20", ",22")))
        self.assertEqual(self.offsets(group), {0: 22, 1: 22, 2: 22})
        second = self.name()
        self.seek(second, "--to-latest", "--topic", topic)
        theirs = self.java_text("consumer.group.ConsumerGroupCommand", "--reset-offsets", "--group",
                                group, "--group", second, *export).strip() + "\n"
        self.assertIn(f"{second},{topic},1,50", theirs)
        self.seek(second, "--to-earliest", "--topic", topic)
        self.assertEqual(self.seek(second, "--from-file", self.file(theirs)),
                         {0: 50, 1: 50, 2: 50})

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

    def test_a_group_with_members_is_left_alone(self):
        """By both, for the same reason."""
        topic = self.topic()
        for make in self.classic_members, self.consumer_members:
            group = self.name()
            self.seek(group, "--to-offset", "20", "--topic", topic)
            make(group, topic)
            before = self.our_picture(group)["offsets"]
            for words, theirs, ours in (
                    (["--delete"], "The group is not empty", ["delete", group, "-y"]),
                    (["--delete-offsets", "--topic", topic], "GroupSubscribedToTopicException",
                     ["offset-delete", group, "-t", topic]),
                    (["--reset-offsets", "--execute", "--to-earliest", "--topic", topic],
                     "inactive", ["seek", group, "--to-earliest", "--topic", topic])):
                said = self.java_text("consumer.group.ConsumerGroupCommand", *words, "--group",
                                      group)
                self.assertIn(theirs, said)
                self.tool("group", *ours, status=1)
            self.assertEqual(self.our_picture(group)["offsets"], before)


if __name__ == "__main__":
    if not java_jars():
        sys.exit(SKIPPED)
    unittest.main()
