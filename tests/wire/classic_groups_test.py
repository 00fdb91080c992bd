"""JoinGroup, SyncGroup, Heartbeat, LeaveGroup: groups of the classic protocol, every version."""
import unittest

import case
from case import *  # noqa: F403
from members import ClassicMember as Member


def setUpModule():
    case.setUpModule({"group.initial.rebalance.delay.ms": "0"})


COORDINATOR = 0
FENCED_INSTANCE_ID = 82


class ClassicGroups(WireCase):
    def setUp(self):
        super().setUp()
        for _ in tries():
            found = self.call("FindCoordinator", 4, key_type=COORDINATOR, keys=["wire-any"])
            if found["coordinators"][0]["error"] == NONE:
                break
        else:
            self.fail(f"no coordinator: {found}")
        Member(self, self.name(), protocols=()).join()

    def group_of(self, *members):
        """All join, and the first leads of each group. Each comes alone when the others are there,
        so that the same is told whatever the pace: the generation is how many have come."""
        answers = {}
        for index, newest in enumerate(members):
            present = [m for m in members[:index] if m.group == newest.group]
            if newest.version >= 4 and newest.instance is None:
                newest.send_join()
                self.assertEqual(newest.joined()["error"], MEMBER_ID_REQUIRED)
            newest.send_join()
            if present:
                self.await_value(present[0].beat, REBALANCE_IN_PROGRESS)
            for member in present:
                member.send_join()
            answers.update((member, member.joined()) for member in (*present, newest))
        return [answers[member] for member in members]

    def describe(self, group):
        return self.call("DescribeGroups", 5, groups=[group])["groups"][0]

    def test_a_member_joins_syncs_beats_and_leaves_in_every_version(self):
        members = [Member(self, self.name(), version) for version in range(10)]
        for member, answer in zip(members, self.group_of(*members)):
            with self.subTest(version=member.version):
                self.assertEqual(answer["error"], NONE)
                self.assertEqual(answer["generation"], 1)
                self.assertEqual(answer["protocol"], "range")
                self.assertEqual(answer["leader"], answer["member"])
                self.assertTrue(answer["member"].startswith("wire-test-"))
                self.assertEqual([m["metadata"] for m in answer["members"]], [b"wish"])
                if member.version >= 7:
                    self.assertEqual(answer["protocol_type"], "consumer")
                self.assertEqual(member.beat(), NONE)
                answer = member.sync([(member, b"share")])
                self.assertEqual((answer["error"], answer["assignment"]), (NONE, b"share"))
                described = self.describe(member.group)
                self.assertEqual(described["state"], "Stable")
                self.assertEqual(described["members"][0]["assignment"], b"share")
                self.assertEqual(described["members"][0]["metadata"], b"wish")
                self.assertEqual(described["members"][0]["client_id"], "wire-test")
                self.assertEqual(member.beat(), NONE)
                answer = member.leave()
                self.assertEqual(answer["error"], NONE)
                self.assertEqual([m["error"] for m in answer.get("members", [])],
                                 [NONE] if member.leave_version >= 3 else [])
                self.assertEqual(member.beat(), UNKNOWN_MEMBER_ID)
                self.assertEqual(self.describe(member.group)["state"], "Empty")

    def test_two_members_share_and_a_third_makes_them_join_again(self):
        group = self.name()
        a, b = Member(self, group), Member(self, group)
        first, second = self.group_of(a, b)
        self.assertEqual(len(first["members"]), 2)
        self.assertEqual(second["members"], [])
        self.assertEqual(second["leader"], a.id)
        b.send_sync()
        self.assertEqual(a.sync([(a, b"1"), (b, b"2")])["assignment"], b"1")
        self.assertEqual(b.connection.receive()["assignment"], b"2")
        c = Member(self, group, version=3)
        c.send_join()
        self.await_value(a.beat, REBALANCE_IN_PROGRESS)
        self.assertEqual(a.sync([])["error"], REBALANCE_IN_PROGRESS)
        a.send_join()
        b.send_join()
        answers = [m.joined() for m in (a, b, c)]
        self.assertEqual([x["generation"] for x in answers], [3, 3, 3])
        self.assertEqual([len(x["members"]) for x in answers], [3, 0, 0])

    def await_value(self, ask, value):
        for _ in tries():
            if ask() == value:
                return
        self.fail(f"{value} does not come")

    def test_what_does_not_fit_is_refused(self):
        group = self.name()
        a = Member(self, group)
        self.group_of(a)
        stranger = Member(self, group)
        stranger.id = "stranger"
        self.assertEqual(stranger.join()["error"], UNKNOWN_MEMBER_ID)
        self.assertEqual(stranger.beat(), UNKNOWN_MEMBER_ID)
        self.assertEqual(stranger.sync()["error"], UNKNOWN_MEMBER_ID)
        self.assertEqual(stranger.leave()["members"][0]["error"], UNKNOWN_MEMBER_ID)
        self.assertEqual(a.beat(generation=7), ILLEGAL_GENERATION)
        self.assertEqual(a.sync(generation=7)["error"], ILLEGAL_GENERATION)
        self.assertEqual(a.sync(protocol="rr")["error"], INCONSISTENT_GROUP_PROTOCOL)
        self.assertEqual(a.sync(protocol_type="connect")["error"], INCONSISTENT_GROUP_PROTOCOL)
        self.assertEqual(a.sync(protocol=None)["error"], INCONSISTENT_GROUP_PROTOCOL)
        self.assertEqual(stranger.sync(protocol_type=None)["error"], INCONSISTENT_GROUP_PROTOCOL)
        other = Member(self, group, protocols=(("rr", b""),))
        answer = other.join()
        self.assertEqual(answer["error"], INCONSISTENT_GROUP_PROTOCOL)
        self.assertEqual((answer["generation"], answer["protocol"], answer["member"]), (-1, None, ""))
        other = Member(self, group, version=6, protocols=(("rr", b""),))
        self.assertEqual(other.join()["protocol"], "")
        fitting = Member(self, group)
        self.assertEqual(fitting.join(protocol_type="connect")["error"],
                         INCONSISTENT_GROUP_PROTOCOL)
        self.assertEqual(fitting.join(session_ms=1)["error"], INVALID_SESSION_TIMEOUT)
        self.assertEqual(fitting.join(group="")["error"], INVALID_GROUP_ID)
        self.assertEqual(Member(self, self.name(), protocols=()).join()["error"],
                         INCONSISTENT_GROUP_PROTOCOL)

    def test_a_static_member_comes_back_to_its_share(self):
        for version, leads in ((5, False), (8, False), (9, True)):
            group = self.name()
            a, b = Member(self, group, version, "i"), Member(self, group, version, "j")
            self.group_of(a, b)
            b.send_sync()
            a.sync([(a, b"1"), (b, b"2")])
            b.connection.receive()
            again = Member(self, group, version, "i")
            answer = again.join()
            with self.subTest(version=version):
                self.assertEqual((answer["error"], answer["generation"]), (NONE, a.generation))
                self.assertNotEqual(answer["member"], a.id)
                self.assertEqual(answer["leader"], again.id if leads else a.id)
                self.assertEqual(len(answer["members"]), 2 if leads else 0)
                self.assertEqual(answer.get("skip_assignment", False), leads)
                self.assertEqual(again.sync()["assignment"], b"1")
                self.assertEqual(a.beat(), FENCED_INSTANCE_ID)
                self.assertEqual(a.sync()["error"], FENCED_INSTANCE_ID)
                self.assertEqual(a.join()["error"], FENCED_INSTANCE_ID)
                self.assertEqual(a.leave()["members"][0]["error"], FENCED_INSTANCE_ID)
                self.assertEqual(b.beat(), NONE)

    def test_static_members_are_taken_out_by_their_instance_ids(self):
        group = self.name()
        a, b = Member(self, group, instance="i"), Member(self, group, instance="j")
        self.group_of(a, b)
        members = [{"member": "", "instance": "j"}, {"member": "", "instance": "none"},
                   {"member": a.id, "instance": "j"}]
        answer = self.call("LeaveGroup", 5, group=group, members=members)
        self.assertEqual([m["error"] for m in answer["members"]],
                         [NONE, UNKNOWN_MEMBER_ID, UNKNOWN_MEMBER_ID])
        self.assertEqual(a.beat(), REBALANCE_IN_PROGRESS)


if __name__ == "__main__":
    unittest.main()
