"""What a group goes through without noticing: static members that restart one after the other, a
broker that is killed, one that is stopped for longer than any session. And what it does notice: a
member that is silent for too long. Under both protocols."""
import signal
import time
import unittest

import case
from case import *  # noqa: F403
from members import (LEAVES_FOR_NOW, ClassicMember, ConsumerMember, assignment_of, classic_group,
                     consumer_group, let_pass, subscription_of)

SESSION_MS = 6000
SESSION_SECONDS = SESSION_MS / 1000
STALL_SECONDS = 3  # so long a broker does not run before it forgives its members the time
BEAT_SECONDS = 0.2
FENCED_INSTANCE_ID, UNRELEASED_INSTANCE_ID = 82, 111


def setUpModule():
    case.setUpModule({
        "group.initial.rebalance.delay.ms": "0",
        "group.consumer.min.heartbeat.interval.ms": "100",
        "group.consumer.heartbeat.interval.ms": "500",
        "group.consumer.min.session.timeout.ms": "1000",
        "group.consumer.session.timeout.ms": str(SESSION_MS)})


class RestartCase(WireCase):
    def setUp(self):
        super().setUp()
        self.must_start_it()
        self.name_of_topic, self.group = self.topic(3), self.name()
        for _ in tries():
            found = self.call("FindCoordinator", 4, key_type=0, keys=["any"])
            if found["coordinators"][0]["error"] == NONE:
                return
        self.fail(f"no coordinator: {found}")

    def restart_broker(self, seconds_away=0):
        self.broker.kill()
        let_pass(seconds_away)
        self.broker.start()
        self.connection = self.connect()

    def reconnect(self, members):
        for member in members:
            member.connection = self.connect()

    def commit(self, member, epoch, partition, offset):
        """As a member; the error."""
        while True:
            answer = member.connection.call(
                "OffsetCommit", 9, group=self.group, generation=epoch, member=member.id,
                instance=member.instance, topics=[{"name": self.name_of_topic, "partitions": [
                    {"index": partition, "offset": offset, "leader_epoch": -1, "metadata": ""}]}])
            error = answer["topics"][0]["partitions"][0]["error"]
            if error != COORDINATOR_LOAD_IN_PROGRESS:
                return error

    def committed(self):
        """{partition: offset}"""
        while True:
            group, = self.call("OffsetFetch", 8, groups=[{"group": self.group, "topics": None}],
                               require_stable=False)["groups"]
            if group["error"] != COORDINATOR_LOAD_IN_PROGRESS:
                self.assertEqual(group["error"], NONE)
                return {p["index"]: p["offset"] for t in group["topics"] for p in t["partitions"]}

    def beats(self, members):
        """All go on beating for most of a session, so nobody is saved by its first beat alone."""
        end = time.monotonic() + SESSION_SECONDS * 0.6
        while time.monotonic() < end:
            self.assertEqual([member.beat() for member in members], [NONE] * len(members))
            let_pass(BEAT_SECONDS)

    def stop_broker_for(self, seconds):
        """The process is stopped; nothing is answered meanwhile."""
        self.broker.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.broker.process.send_signal, signal.SIGCONT)
        let_pass(seconds)
        self.broker.process.send_signal(signal.SIGCONT)


class ClassicTest(RestartCase):
    def member(self, instance=None):
        return ClassicMember(self, self.group, instance=instance, session_ms=SESSION_MS,
                             protocols=[("range", subscription_of(self.name_of_topic))])

    def settled(self, members):
        classic_group(members, self.name_of_topic, [[n] for n in range(len(members))])
        for n, member in enumerate(members):
            self.assertEqual(self.commit(member, member.generation, n, 10 + n), NONE)
        return members

    def described(self):
        """What must stay: the state, and who has which share."""
        while True:
            group, = self.call("DescribeGroups", 5, groups=[self.group])["groups"]
            if group["error"] != COORDINATOR_LOAD_IN_PROGRESS:
                return group["state"], group["protocol"], {m["instance"]: m["assignment"]
                                                           for m in group["members"]}

    def test_static_members_restart_one_by_one(self):
        """Nobody is told to join again; the generation and the shares stay; so also when the broker
        is killed between two of them, or while one is away."""
        members = self.settled([self.member(f"place-{n}") for n in range(3)])
        generation, before = members[0].generation, self.described()
        for n in range(3):
            former = members[n]
            former.connection.close()
            if n > 0:
                self.restart_broker()
                self.reconnect(members[:n] + members[n + 1:])
            members[n] = self.member(f"place-{n}")
            self.assertEqual((members[n].join()["error"], members[n].generation),
                             (NONE, generation))
            self.assertEqual(members[n].sync()["assignment"],
                             assignment_of(self.name_of_topic, [n]))
            former.connection = self.connect()
            self.assertEqual(former.beat(), FENCED_INSTANCE_ID)
            self.assertEqual(self.commit(former, generation, n, 99), FENCED_INSTANCE_ID)
            self.assertEqual([member.beat() for member in members], [NONE] * 3)
        self.assertEqual(self.described(), before)
        self.assertEqual(self.committed(), {0: 10, 1: 11, 2: 12})

    def test_sessions_begin_anew_after_a_load(self):
        """The broker is away for longer than a session; then all go on, also who comes late."""
        members = self.settled([self.member(), self.member()])
        late = members[1]
        self.restart_broker(seconds_away=SESSION_SECONDS + 1)
        self.reconnect(members)
        while members[0].beat() == COORDINATOR_LOAD_IN_PROGRESS:
            pass
        self.beats(members[:1])
        self.assertEqual(late.beat(), NONE)
        self.assertEqual(self.commit(late, late.generation, 1, 20), NONE)
        self.assertEqual(self.committed(), {0: 10, 1: 20})

    def test_a_stopped_broker_forgives(self):
        members = self.settled([self.member(), self.member("place")])
        before = self.described()
        self.stop_broker_for(SESSION_SECONDS + STALL_SECONDS)
        self.beats(members)
        self.assertEqual(self.described(), before)

    def test_a_member_that_is_silent_for_too_long(self):
        """The other one joins again and has it all; what the first then sends changes nothing."""
        present, silent = self.settled([self.member(), self.member()])
        while present.beat() == NONE:
            let_pass(BEAT_SECONDS)
        self.assertEqual(present.join()["error"], NONE)
        share = assignment_of(self.name_of_topic, [0, 1, 2])
        self.assertEqual(present.sync([(present, share)])["assignment"], share)
        self.assertEqual(self.commit(present, present.generation, 1, 30), NONE)
        self.assertEqual(self.commit(silent, silent.generation, 1, 12), UNKNOWN_MEMBER_ID)
        self.assertEqual(self.commit(silent, present.generation, 1, 12), UNKNOWN_MEMBER_ID)
        self.assertEqual(silent.beat(), UNKNOWN_MEMBER_ID)
        self.assertEqual(self.committed(), {0: 10, 1: 30})


class ConsumerTest(RestartCase):
    def member(self, instance=None):
        return ConsumerMember(self, self.group, self.name_of_topic, instance)

    def settled(self, members):
        consumer_group(members)
        for member in members:
            for partition in member.partitions():
                self.assertEqual(self.commit(member, member.epoch, partition, 10 + partition), NONE)
        return members

    def described(self):
        while True:
            group, = self.call("ConsumerGroupDescribe", 1, groups=[self.group],
                               include_operations=False)["groups"]
            if group["error"] != COORDINATOR_LOAD_IN_PROGRESS:
                return group["state"], group["epoch"], group["assignment_epoch"], {
                    m["instance"]: (m["epoch"], m["assignment"]) for m in group["members"]}

    def test_static_members_restart_one_by_one(self):
        """The epoch of the group and all shares stay; so also when the broker is killed between two
        of them, or while one is away. Who left for a while may come back with another id; who did not
        is not released before its session is over."""
        members = self.settled([self.member(f"place-{n}") for n in range(3)])
        before, share = self.described(), [member.partitions() for member in members]
        self.assertEqual(self.member("place-0").beat(), UNRELEASED_INSTANCE_ID)
        for n in range(3):
            former = members[n]
            self.assertEqual(former.leave(LEAVES_FOR_NOW), NONE)
            if n > 0:
                self.restart_broker()
                self.reconnect(members[:n] + members[n + 1:])
            members[n] = self.member(f"place-{n}")
            self.assertEqual((members[n].beat(), members[n].partitions()), (NONE, share[n]))
            former.connection = self.connect()
            self.assertEqual(self.commit(former, former.epoch, n, 99), UNKNOWN_MEMBER_ID)
            self.assertEqual(former.beat(), FENCED_INSTANCE_ID)
            self.assertEqual([member.beat() for member in members], [NONE] * 3)
        self.assertEqual([member.partitions() for member in members], share)
        self.assertEqual(self.described(), before)
        self.assertEqual(self.committed(), {0: 10, 1: 11, 2: 12})

    def test_sessions_begin_anew_after_a_load(self):
        """The broker is away for longer than a session; then all go on, also who comes late."""
        members = self.settled([self.member(), self.member()])
        before, late = self.described(), members[1]
        self.restart_broker(seconds_away=SESSION_SECONDS + 1)
        self.reconnect(members)
        self.beats(members[:1])
        self.assertEqual(late.beat(), NONE)
        self.assertEqual(self.described(), before)
        self.assertEqual(self.committed(), {0: 10, 1: 11, 2: 12})

    def test_a_stopped_broker_forgives(self):
        members = self.settled([self.member(), self.member("place")])
        before = self.described()
        self.stop_broker_for(SESSION_SECONDS + STALL_SECONDS)
        self.beats(members)
        self.assertEqual(self.described(), before)

    def test_a_member_that_is_silent_for_too_long(self):
        """The other one gets it all; what the first then sends changes nothing."""
        present, silent = self.settled([self.member(), self.member()])
        place = silent.partitions()[0]
        while len(present.partitions()) < 3:
            self.assertEqual(present.beat(), NONE)
            let_pass(BEAT_SECONDS)
        self.assertEqual(self.commit(present, present.epoch, place, 30), NONE)
        self.assertEqual(self.commit(silent, silent.epoch, place, 12), UNKNOWN_MEMBER_ID)
        self.assertEqual(self.commit(silent, present.epoch, place, 12), UNKNOWN_MEMBER_ID)
        self.assertEqual(silent.beat(), UNKNOWN_MEMBER_ID)
        self.assertEqual(self.committed()[place], 30)


if __name__ == "__main__":
    unittest.main()
