"""What a group goes through without noticing: static members that restart one after the other, a
broker that is killed, one that is stopped for longer than any session. And what it does notice: a
member that is silent for too long. Under both protocols."""
import signal
import time
import unittest

import case
from case import *  # noqa: F403
from members import (LEAVES_FOR_NOW, LONG_SESSIONS, SESSION_MS, ClassicMember, ConsumerMember,
                     assignment_of, classic_group, consumer_group, let_pass, subscription_of)

SESSION_SECONDS = (3, 6, 12, 24, 48, 96)  # see at_pace
STALL_SECONDS = 3  # so long a broker does not run before it forgives its members the time
BEAT_SECONDS = 0.2
INTERVAL_MS, OTHER_INTERVAL_MS = 500, 600  # at which members are told to beat
GROUP, SET = 32, 0
FENCED_INSTANCE_ID, UNRELEASED_INSTANCE_ID = 82, 111


def setUpModule():
    case.setUpModule({
        "group.initial.rebalance.delay.ms": "0",
        "group.consumer.min.heartbeat.interval.ms": "100",
        "group.consumer.heartbeat.interval.ms": str(INTERVAL_MS),
        "group.min.session.timeout.ms": "1000",
        "group.consumer.min.session.timeout.ms": "1000",
        **LONG_SESSIONS})


class Silence:
    """How long any member has been silent, at most, as seen from outside: its session begins when
    it says something or later, and goes on with what has been answered before it is over."""

    def __init__(self, members=(None,)):
        self.said, self.longest = dict.fromkeys(members, time.monotonic()), 0

    def begin_anew(self, members):
        """From now on, or later, all have whole sessions again, however long they were silent."""
        self.said = dict.fromkeys(members, time.monotonic())

    def beat(self, member):
        asked, error = until(lambda answer: answer[1] != COORDINATOR_LOAD_IN_PROGRESS,
                             lambda: (time.monotonic(), member.beat()))
        self.seconds()
        self.said[member] = asked
        return error

    def seconds(self):
        self.longest = max(self.longest, time.monotonic() - min(self.said.values()))
        return self.longest


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

    def restart_broker(self):
        self.broker.kill()
        self.broker.start()
        self.connection = self.connect()

    def keep_broker_away(self, seconds, members):
        self.silence.seconds()
        self.broker.kill()
        let_pass(seconds)
        self.silence.begin_anew(members)
        self.broker.start()
        self.connection = self.connect()
        self.reconnect(members)

    def reconnect(self, members):
        for member in members:
            member.connection = self.connect()

    def commit(self, member, epoch, partition, offset):
        """As a member; the error."""
        def ask():
            answer = member.connection.call(
                "OffsetCommit", 9, group=self.group, generation=epoch, member=member.id,
                instance=member.instance, topics=[{"name": self.name_of_topic, "partitions": [
                    {"index": partition, "offset": offset, "leader_epoch": -1, "metadata": ""}]}])
            return answer["topics"][0]["partitions"][0]["error"]
        return until(COORDINATOR_LOAD_IN_PROGRESS.__ne__, ask)

    def committed(self):
        """{partition: offset}"""
        group = self.loaded("OffsetFetch", 8, require_stable=False,
                            groups=[{"group": self.group, "topics": None}])
        self.assertEqual(group["error"], NONE)
        return {p["index"]: p["offset"] for t in group["topics"] for p in t["partitions"]}

    def loaded(self, api, version, **fields):
        """The answer about a single group, as soon as its coordinator has loaded."""
        return until(lambda group: group["error"] != COORDINATOR_LOAD_IN_PROGRESS,
                     lambda: self.call(api, version, **fields)["groups"][0])

    def at_pace(self, story):
        """Tells a story of short sessions. On a machine that was too slow for it nobody can say who
        was taken for dead with good reason: then it is told again, with longer ones."""
        for session_seconds in SESSION_SECONDS:
            self.group, self.silence = self.name(), Silence()
            try:
                return story(session_seconds)
            except (AssertionError, RuntimeError):
                if self.silence.seconds() < session_seconds or session_seconds == SESSION_SECONDS[-1]:
                    raise
        return None

    def beats(self, members, session_seconds):
        """All go on beating for most of a session, so nobody is saved by its first beat alone."""
        end = time.monotonic() + session_seconds * 0.6
        while time.monotonic() < end:
            self.assertEqual([self.silence.beat(member) for member in members],
                             [NONE] * len(members))
            let_pass(BEAT_SECONDS)

    def stop_broker_for(self, seconds, members):
        """The process is stopped; nothing is answered meanwhile."""
        self.silence.seconds()
        self.broker.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.broker.process.send_signal, signal.SIGCONT)
        let_pass(seconds)
        self.silence.begin_anew(members)
        self.broker.process.send_signal(signal.SIGCONT)


class ClassicTest(RestartCase):
    def member(self, instance=None, session_seconds=SESSION_MS // 1000):
        return ClassicMember(self, self.group, instance=instance, session_ms=session_seconds * 1000,
                             protocols=[("range", subscription_of(self.name_of_topic))])

    def settled(self, members):
        classic_group(members, self.name_of_topic, [[n] for n in range(len(members))])
        for n, member in enumerate(members):
            self.assertEqual(self.commit(member, member.generation, n, 10 + n), NONE)
        return members

    def described(self):
        """What must stay: the state, and who has which share."""
        group = self.loaded("DescribeGroups", 5, groups=[self.group])
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
        def story(session_seconds):
            present, late = members = self.settled(
                [self.member(None, session_seconds), self.member(None, session_seconds)])
            self.keep_broker_away(session_seconds + 1, members)
            self.beats([present], session_seconds)
            self.assertEqual(self.silence.beat(late), NONE)
            self.assertEqual(self.commit(late, late.generation, 1, 20), NONE)
            self.assertEqual(self.committed(), {0: 10, 1: 20})
        self.at_pace(story)

    def test_a_stopped_broker_forgives(self):
        def story(session_seconds):
            members = self.settled([self.member(None, session_seconds),
                                    self.member("place", session_seconds)])
            before = self.described()
            self.stop_broker_for(session_seconds + STALL_SECONDS, members)
            self.beats(members, session_seconds)
            self.assertEqual(self.described(), before)
        self.at_pace(story)

    def test_a_member_that_is_silent_for_too_long(self):
        """The other one joins again and has it all; what the first then sends changes nothing."""
        present, silent = self.at_pace(lambda session_seconds: self.settled(
            [self.member(), self.member(None, session_seconds)]))
        for _ in tries():
            if present.beat() != NONE:
                break
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
        group = self.loaded("ConsumerGroupDescribe", 1, groups=[self.group],
                            include_operations=False)
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
        def story(session_seconds):
            present, late = members = self.settled([self.member(), self.member()])
            before = self.described()
            self.shorten_sessions(session_seconds, members)
            self.keep_broker_away(session_seconds + 1, members)
            self.beats([present], session_seconds)
            self.assertEqual(self.silence.beat(late), NONE)
            self.assertEqual(self.described(), before)
            self.assertEqual(self.committed(), {0: 10, 1: 11, 2: 12})
        self.at_pace(story)

    def test_a_stopped_broker_forgives(self):
        def story(session_seconds):
            members = self.settled([self.member(), self.member("place")])
            before = self.described()
            self.shorten_sessions(session_seconds, members)
            self.stop_broker_for(session_seconds + STALL_SECONDS, members)
            self.beats(members, session_seconds)
            self.assertEqual(self.described(), before)
        self.at_pace(story)

    def set_sessions(self, seconds, interval_ms):
        """Of the whole group, each from its member's next beat on; which is told the interval."""
        settings = {"consumer.session.timeout.ms": seconds * 1000,
                    "consumer.heartbeat.interval.ms": interval_ms}
        answer = self.call("IncrementalAlterConfigs", 1, resources=[
            {"type": GROUP, "name": self.group, "configs": [
                {"name": name, "operation": SET, "value": str(value)}
                for name, value in settings.items()]}])
        self.assertEqual(answer["results"][0]["error"], NONE, answer)

    def beat_until_told(self, member, interval_ms):
        for _ in tries():
            self.assertEqual(self.silence.beat(member), NONE)
            if member.interval_ms == interval_ms:
                break
        self.assertEqual(member.interval_ms, interval_ms)

    def shorten_sessions(self, seconds, members):
        self.silence = Silence(members)
        self.set_sessions(seconds, OTHER_INTERVAL_MS)
        for member in members:
            self.beat_until_told(member, OTHER_INTERVAL_MS)

    def test_a_member_that_is_silent_for_too_long(self):
        """The other one gets it all; what the first then sends changes nothing."""
        present, silent = self.settled([self.member(), self.member()])
        place = silent.partitions()[0]
        self.shorten_sessions(SESSION_SECONDS[0], [silent])
        self.set_sessions(SESSION_MS // 1000, INTERVAL_MS)
        self.beat_until_told(present, INTERVAL_MS)
        for _ in tries():
            self.assertEqual(present.beat(), NONE)
            if len(present.partitions()) == 3:
                break
            let_pass(BEAT_SECONDS)
        self.assertEqual(len(present.partitions()), 3)
        self.assertEqual(self.commit(present, present.epoch, place, 30), NONE)
        self.assertEqual(self.commit(silent, silent.epoch, place, 12), UNKNOWN_MEMBER_ID)
        self.assertEqual(self.commit(silent, present.epoch, place, 12), UNKNOWN_MEMBER_ID)
        self.assertEqual(silent.beat(), UNKNOWN_MEMBER_ID)
        self.assertEqual(self.committed()[place], 30)


if __name__ == "__main__":
    unittest.main()
