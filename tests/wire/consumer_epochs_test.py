"""The consumer protocol (KIP-848): the epochs that groups and members come to, and what may be committed
at which of them. All of it holds for Kafka 4.3, too."""
import unittest

import case
from case import *  # noqa: F403
from members import LEAVES_FOR_NOW, LONG_SESSIONS, ConsumerMember, consumer_group, let_pass

COORDINATOR = 0
PAUSE_SECONDS = 0.02


def setUpModule():  # another broker makes a target once a second at most
    case.setUpModule({"group.consumer.assignment.interval.ms": "100", **LONG_SESSIONS})


class EpochCase(WireCase):
    def setUp(self):
        super().setUp()
        for _ in tries():
            found = self.call("FindCoordinator", 4, key_type=COORDINATOR, keys=["wire-any"])
            if found["coordinators"][0]["error"] == NONE:
                return
            let_pass(PAUSE_SECONDS)
        self.fail(f"no coordinator: {found}")

    def described(self, group):
        answer = self.call("ConsumerGroupDescribe", 1, groups=[group], include_operations=False)
        return answer["groups"][0]


class EpochsTest(EpochCase):
    """Each story is a list of what happens and of the epoch that the group, its target and all of
    its members come to then."""

    def play(self, instances, story):
        topic, group = self.topic(4), self.name()
        members = {}
        for what, who, epoch in story:
            instance = who if instances else None
            if what in ("joins", "returns", "returns otherwise"):
                members[who] = ConsumerMember(self, group, topic, instance)
            member = members[who]
            if what == "returns otherwise":
                member.topic = f"{topic}-not-there"
            if what in ("leaves", "pauses"):
                member = members.pop(who)
                leaving = {"epoch": LEAVES_FOR_NOW} if what == "pauses" else {}
                self.assertEqual(member.leave(**leaving), NONE)
            elif what == "wants more":
                member.topic = f"{topic}-not-there"
                self.assertEqual(member.beat(), NONE)
            with self.subTest(what=what, who=who, instances=instances):
                self.settle(group, members, epoch)

    def settle(self, group, members, epoch):
        """Beats until all who are present have been given what is theirs; a static member that
        is away and will come back keeps the group from being called stable."""
        present = {member.id for member in members.values()}
        for _ in tries():
            for member in members.values():
                self.assertEqual(member.beat(), NONE)
            found = self.described(group)
            reached = {found["assignment_epoch"]} | {
                m["epoch"] for m in found["members"] if m["member"] in present}
            if reached == {found["epoch"]} or not present:
                break
            let_pass(PAUSE_SECONDS)
        self.assertEqual(found["epoch"], epoch, found)
        if present:
            self.assertEqual(reached, {epoch}, found)

    def test_members_come_and_go(self):
        self.play(False, (("joins", "a", 2), ("joins", "b", 3), ("wants more", "a", 4),
                          ("leaves", "b", 5), ("joins", "c", 6), ("leaves", "c", 7),
                          ("leaves", "a", 8), ("joins", "d", 9)))

    def test_who_begins_anew_keeps_its_place(self):
        member = ConsumerMember(self, self.name(), self.topic(4))
        consumer_group([member])
        for _ in range(2):
            answer = member.ask(epoch=0, owned=[])
            self.assertEqual((answer["error"], answer["epoch"]), (NONE, member.epoch))
            self.assertEqual(answer["assignment"]["partitions"][0]["partitions"], [0, 1, 2, 3])
        self.assertEqual(member.ask(epoch=member.epoch - 1)["error"], FENCED_MEMBER_EPOCH)
        self.assertEqual(member.ask(epoch=member.epoch + 1)["error"], FENCED_MEMBER_EPOCH)

    def test_static_members_come_back_at_the_same_epoch_unless_they_want_something_else(self):
        self.play(True, (("joins", "a", 2), ("joins", "b", 3), ("pauses", "b", 3),
                         ("returns", "b", 3), ("pauses", "b", 3), ("returns otherwise", "b", 4),
                         ("leaves", "b", 5)))


class CommitTest(EpochCase):
    def commit(self, member, epoch, partitions, version=9, name=None, metadata=""):
        """The errors of the partitions."""
        topic = ({"topic_id": self.topic_id(member.topic)} if version >= 10
                 else {"name": name or member.topic})
        answer = member.connection.call(
            "OffsetCommit", version, group=member.group, generation=epoch, member=member.id,
            instance=None, topics=[{**topic, "partitions": [
                {"index": p, "offset": 5, "leader_epoch": -1, "metadata": metadata}
                for p in partitions]}])
        return [p["error"] for p in answer["topics"][0]["partitions"]]

    def pair(self):
        """One who has been there all along, and one who came and got half of what it had."""
        topic, group = self.topic(4), self.name()
        first = ConsumerMember(self, group, topic)
        consumer_group([first])
        before = first.epoch
        second = ConsumerMember(self, group, topic)
        consumer_group([first, second])
        self.assertEqual(first.epoch, before + 1)
        return first, second, before

    def test_at_an_older_epoch_what_the_member_has_had_since(self):
        first, second, before = self.pair()
        now, mine, others = first.epoch, first.partitions(), second.partitions()
        well, late = [NONE] * 2, [STALE_MEMBER_EPOCH] * 2
        for member, epoch, partitions, errors in (
                (first, now, mine, well), (first, now, others, well), (first, before, mine, well),
                (first, before, others, late), (first, before, mine + others, late * 2),
                (first, before - 1, mine, late), (first, 0, mine, late), (first, -1, mine, late),
                (first, now + 1, mine, late), (second, now, others, well),
                (second, before, others, late), (first, before, [99], [UNKNOWN_TOPIC_OR_PARTITION]),
                (first, before, [99, *mine], [UNKNOWN_TOPIC_OR_PARTITION, *well]),
                (first, before, [99, *others], [UNKNOWN_TOPIC_OR_PARTITION, *late])):
            for version in (9, 10):
                with self.subTest(epoch=epoch, partitions=partitions, version=version,
                                  is_first=member is first):
                    self.assertEqual(self.commit(member, epoch, partitions, version), errors)

    def test_what_is_got_back_was_not_held_in_between(self):
        first, second, before = self.pair()
        mine, others, now = first.partitions(), second.partitions(), first.epoch
        self.assertEqual(second.leave(), NONE)
        for _ in tries():
            self.assertEqual(first.beat(), NONE)
            if len(first.partitions()) == 4:
                break
            let_pass(PAUSE_SECONDS)
        self.assertEqual(first.epoch, now + 1)
        for epoch in (before, now):
            self.assertEqual(self.commit(first, epoch, mine), [NONE] * 2)
            self.assertEqual(self.commit(first, epoch, others), [STALE_MEMBER_EPOCH] * 2)
        self.assertEqual(self.commit(first, now + 1, mine + others), [NONE] * 4)

    def test_what_is_to_be_given_up_may_be_committed_until_it_is(self):
        topic, group = self.topic(4), self.name()
        first, second = ConsumerMember(self, group, topic), ConsumerMember(self, group, topic)
        consumer_group([first])
        self.assertEqual(second.beat(), NONE)
        everything = list(range(4))
        for _ in tries():
            answer = first.ask()
            if len(answer["assignment"]["partitions"][0]["partitions"]) == 2:
                break
            let_pass(PAUSE_SECONDS)
        else:
            self.fail(f"nothing is to be given up: {answer}")
        self.assertEqual((answer["error"], answer["epoch"]), (NONE, first.epoch))
        self.assertEqual(self.commit(first, first.epoch, everything), [NONE] * 4)

    def test_an_error_about_the_member_is_about_all_partitions(self):
        first, _, before = self.pair()
        mine = first.partitions()
        self.assertEqual(self.commit(first, first.epoch, mine, metadata="x" * 5000),
                         [OFFSET_METADATA_TOO_LARGE] * 2)
        self.assertEqual(self.commit(first, 0, mine, metadata="x" * 5000),
                         [OFFSET_METADATA_TOO_LARGE] * 2)
        first.id = "nobody"
        self.assertEqual(self.commit(first, before, mine, metadata="x" * 5000),
                         [UNKNOWN_MEMBER_ID] * 2)

    def test_offsets_are_fetched_at_the_present_epoch_alone(self):
        first, _, before = self.pair()
        for epoch, error in ((first.epoch, NONE), (before, STALE_MEMBER_EPOCH)):
            topics = [{"name": first.topic, "partitions": first.partitions()}]
            answer = first.connection.call(
                "OffsetFetch", 9, require_stable=False,
                groups=[{"group": first.group, "member": first.id, "epoch": epoch,
                         "topics": topics}])
            self.assertEqual(answer["groups"][0]["error"], error)


if __name__ == "__main__":
    unittest.main()
