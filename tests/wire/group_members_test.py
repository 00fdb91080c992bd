"""JoinGroup, SyncGroup, Heartbeat, LeaveGroup, and the requests of the consumer protocol: members of
groups, in every version, and what becomes of those whose connection ends."""
import struct
import unittest

import case
from case import *  # noqa: F403
from members import LONG_SESSIONS, SESSION_MS


def setUpModule():
    case.setUpModule({"group.initial.rebalance.delay.ms": "0", **LONG_SESSIONS})


MEMBER_IDS_SINCE, INSTANCES_SINCE = 4, 5


class MemberCase(WireCase):
    def setUp(self):
        super().setUp()
        for _ in tries():
            found = self.call("FindCoordinator", 4, key_type=0, keys=["any"])
            if found["coordinators"][0]["error"] == NONE:
                return
        self.fail(f"no coordinator: {found}")

    @staticmethod
    def join_fields(group, version, member="", protocol_type="consumer"):
        fields = {"group": group, "session_timeout_ms": SESSION_MS, "member": member,
                  "protocol_type": protocol_type,
                  "protocols": [{"name": "range", "metadata": b"\0\1\0\0\0\0\xff\xff\xff\xff"}]}
        if version >= 1:
            fields["rebalance_timeout_ms"] = SESSION_MS
        if version >= INSTANCES_SINCE:
            fields["instance"] = None
        if version >= 8:
            fields["reason"] = "test"
        return fields

    def join(self, group, version=9, **rest):
        """Joins, with the id that the first answer gives where it is asked for."""
        answer = self.call("JoinGroup", version, **self.join_fields(group, version, **rest))
        if answer["error"] != MEMBER_ID_REQUIRED:
            return answer
        self.assertGreaterEqual(version, MEMBER_IDS_SINCE)
        rest["member"] = answer["member"]
        return self.call("JoinGroup", version, **self.join_fields(group, version, **rest))

    def sync(self, group, joined, assignment, version=5):
        fields = {"instance": None} if version >= 3 else {}
        if version >= 5:
            fields.update(protocol_type="consumer", protocol="range")
        return self.call("SyncGroup", version, group=group, generation=joined["generation"],
                         member=joined["member"], **fields,
                         assignments=[{"member": joined["member"], "assignment": assignment}])

    def beat(self, group, member, generation, version=4):
        fields = {"instance": None} if version >= 3 else {}
        return self.call("Heartbeat", version, group=group, generation=generation, member=member,
                         **fields)["error"]

    def commit(self, group, member, generation, topic):
        """One offset of partition 0; the error."""
        answer = self.call("OffsetCommit", 8, group=group, generation=generation, member=member,
                           instance=None, topics=[{"name": topic, "partitions": [
                               {"index": 0, "offset": 1, "leader_epoch": -1, "metadata": ""}]}])
        return answer["topics"][0]["partitions"][0]["error"]

    def leave(self, group, member, version=5):
        if version < 3:
            return self.call("LeaveGroup", version, group=group, member=member)["error"]
        one = {"member": member, "instance": None, **({"reason": None} if version >= 5 else {})}
        answer = self.call("LeaveGroup", version, group=group, members=[one])
        return answer["error"] or answer["members"][0]["error"]


class ClassicTest(MemberCase):
    def test_every_version_joins_and_all_else_follows(self):
        for version in every_version("JoinGroup"):
            group = self.name()
            joined = self.join(group, version)
            self.assertEqual((joined["error"], joined["generation"], joined["protocol"]),
                             (NONE, 1, "range"), version)
            self.assertEqual(joined["leader"], joined["member"], version)
            self.assertEqual([m["member"] for m in joined["members"]], [joined["member"]], version)
            other = min(version, 5)
            answer = self.sync(group, joined, b"mine", other)
            self.assertEqual((answer["error"], answer["assignment"]), (NONE, b"mine"), version)
            beating = min(version, 4)
            self.assertEqual(self.beat(group, joined["member"], 1, beating), NONE, version)
            self.assertEqual(self.beat(group, joined["member"], 2, beating), ILLEGAL_GENERATION)
            self.assertEqual(self.leave(group, joined["member"], other), NONE, version)
            self.assertEqual(self.beat(group, joined["member"], 1, beating), UNKNOWN_MEMBER_ID)

    def test_who_is_refused(self):
        fields = self.join_fields("", 9)
        self.assertEqual(self.call("JoinGroup", 9, **fields)["error"], INVALID_GROUP_ID)
        fields = {**self.join_fields(self.name(), 9), "session_timeout_ms": 1}
        self.assertEqual(self.call("JoinGroup", 9, **fields)["error"], INVALID_SESSION_TIMEOUT)
        self.assertEqual(self.join(self.name(), member="nobody")["error"], UNKNOWN_MEMBER_ID)
        self.assertEqual(self.beat(self.name(), "nobody", 1), UNKNOWN_MEMBER_ID)
        self.assertEqual(self.beat("", "nobody", 1), INVALID_GROUP_ID)
        for version in every_version("LeaveGroup"):
            self.assertEqual(self.leave(self.name(), "nobody", version), UNKNOWN_MEMBER_ID, version)

    def test_only_members_commit_while_there_are_members(self):
        name, group = self.topic(), self.name()
        joined = self.join(group)
        self.sync(group, joined, b"")
        for member, generation, error in ((joined["member"], 1, NONE), ("", -1, UNKNOWN_MEMBER_ID),
                                          (joined["member"], 0, ILLEGAL_GENERATION),
                                          ("nobody", 1, UNKNOWN_MEMBER_ID)):
            self.assertEqual(self.commit(group, member, generation, name), error, member)

    def test_a_member_is_described(self):
        group = self.name()
        joined = self.join(group)
        self.sync(group, joined, b"mine")
        answer = self.call("DescribeGroups", 6, groups=[group], include_operations=False)
        found = answer["groups"][0]
        self.assertEqual((found["state"], found["protocol_type"], found["protocol"]),
                         ("Stable", "consumer", "range"))
        member = found["members"][0]
        self.assertEqual((member["member"], member["client_host"], member["assignment"]),
                         (joined["member"], "/127.0.0.1", b"mine"))

    def test_a_join_whose_connection_ends_holds_nobody_up(self):
        """The other member, and the broker, go on; the place is kept until the session is over."""
        group = self.name()
        joined = self.join(group)
        self.sync(group, joined, b"")
        stranger = self.connect()
        first = stranger.call("JoinGroup", 9, **self.join_fields(group, 9))
        self.assertEqual(first["error"], MEMBER_ID_REQUIRED)
        stranger.send("JoinGroup", 9, **self.join_fields(group, 9, member=first["member"]))
        until(REBALANCE_IN_PROGRESS.__eq__, lambda: self.beat(group, joined["member"], 1))
        stranger.close()
        again = self.join(group, member=joined["member"])
        self.assertEqual((again["error"], again["generation"]), (NONE, 2))
        self.assertTrue(self.broker.is_alive())

    def test_members_survive_a_crash_of_the_broker(self):
        self.must_start_it()
        group = self.name()
        joined = self.join(group)
        self.sync(group, joined, b"mine")
        self.broker.kill()
        self.broker.start()
        self.connection = self.connect()
        error = until(COORDINATOR_LOAD_IN_PROGRESS.__ne__,
                      lambda: self.beat(group, joined["member"], 1))
        self.assertEqual(error, NONE)
        self.assertEqual(self.sync(group, joined, b"")["assignment"], b"mine")


class ConsumerTest(MemberCase):
    def heartbeat(self, group, member, epoch, version=1, **rest):
        fields = {"group": group, "member": member, "epoch": epoch, "instance": None, "rack": None,
                  "rebalance_timeout_ms": -1, "topics": None, "assignor": None, "owned": None,
                  **({"regex": None} if version >= 1 else {}), **rest}
        return self.call("ConsumerGroupHeartbeat", version, **fields)

    def join_consumer(self, group, name, member, version=1):
        return self.heartbeat(group, member, 0, version, rebalance_timeout_ms=SESSION_MS,
                              topics=[name], owned=[])

    def assigned(self, group, member, answer):
        """Beats until there is an assignment; the partitions and the epoch."""
        for _ in tries():
            if answer["assignment"] is not None and answer["assignment"]["partitions"]:
                break
            answer = self.heartbeat(group, member, answer["epoch"])
            self.assertEqual(answer["error"], NONE, answer)
        owned = [{"topic_id": t["topic_id"], "partitions": t["partitions"]}
                 for t in answer["assignment"]["partitions"]]
        return owned, answer["epoch"]

    def test_every_version_joins_is_assigned_and_leaves(self):
        name = self.topic(3)
        for version in every_version("ConsumerGroupHeartbeat"):
            group, member = self.name(), f"member-{version}"
            answer = self.join_consumer(group, name, member, version)
            self.assertEqual(answer["error"], NONE, answer)
            member = answer["member"]
            partitions, epoch = self.assigned(group, member, answer)
            self.assertEqual(partitions,
                             [{"topic_id": self.topic_id(name), "partitions": [0, 1, 2]}])
            self.assertGreater(epoch, 0)
            left = self.heartbeat(group, member, -1, version)
            self.assertEqual((left["error"], left["epoch"]), (NONE, -1), version)

    def test_groups_of_one_protocol_are_no_groups_of_the_other(self):
        name, group, classic = self.topic(), self.name(), self.name()
        joined = self.join_consumer(group, name, "m")
        self.assertEqual(joined["error"], NONE, joined)
        self.join(classic)
        for version in every_version("ConsumerGroupDescribe"):
            answer = self.call("ConsumerGroupDescribe", version, groups=[group, classic, "none"],
                               include_operations=False)
            found = {g["group"]: g for g in answer["groups"]}  # in whatever order
            errors = {name: (g["error"], g["error_message"]) for name, g in found.items()}
            self.assertEqual(errors, {
                group: (NONE, None),
                classic: (GROUP_ID_NOT_FOUND, f"Group {classic} is not a consumer group."),
                "none": (GROUP_ID_NOT_FOUND, "Group none not found.")}, version)
            self.assertEqual(found[group]["members"][0]["member"], joined["member"])
        answer = self.call("DescribeGroups", 6, groups=[group], include_operations=False)
        found = answer["groups"][0]
        self.assertEqual((found["error"], found["error_message"], found["state"]),
                         (GROUP_ID_NOT_FOUND, f"Group {group} is not a classic group.", "Dead"))

    def test_a_group_has_settings_of_its_own(self):
        name, group = self.topic(), self.name()
        interval = "consumer.heartbeat.interval.ms"

        def alter(operation, value):
            answer = self.call("IncrementalAlterConfigs", 1, validate_only=False, resources=[
                {"type": 32, "name": group, "configs": [
                    {"name": interval, "operation": operation, "value": value}]}])
            return answer["results"][0]["error"]

        def described():
            answer = self.call("DescribeConfigs", 4, include_synonyms=True, resources=[
                {"type": 32, "name": group, "keys": [interval]}])
            config, = answer["results"][0]["configs"]
            return config["value"], config["source"], [s["name"] for s in config["synonyms"]]

        joined = self.join_consumer(group, name, "m")
        self.assertEqual(joined["interval_ms"], 5000)
        self.assertEqual(described(), ("5000", 5, ["group." + interval]))
        self.assertEqual(alter(0, "7000"), NONE)
        found = until(lambda found: found[0] == "7000", described)
        self.assertEqual(found, ("7000", 8, [interval, "group." + interval]))
        beat = until(lambda beat: beat["interval_ms"] == 7000,
                     lambda: self.heartbeat(group, joined["member"], joined["epoch"]))
        self.assertEqual(beat["error"], NONE)
        self.assertEqual(alter(0, "1"), INVALID_CONFIG)
        self.assertEqual(alter(1, None), NONE)
        until(lambda found: found[0] == "5000", described)
        answer = self.call("DescribeConfigs", 4, resources=[{"type": 32, "name": "", "keys": None}])
        self.assertEqual(answer["results"][0]["error"], INVALID_REQUEST)

    def test_an_empty_group_changes_its_protocol(self):
        name, group = self.topic(), self.name()
        joined = self.join(group)
        self.leave(group, joined["member"])
        answer = self.join_consumer(group, name, "m")
        self.assertEqual(answer["error"], NONE, answer)
        left = self.heartbeat(group, answer["member"], -1)
        self.assertEqual(left["error"], NONE)
        self.assertEqual(self.join(group)["error"], NONE)

    @staticmethod
    def subscription(name, owned=()):
        """Version 1: the topic, no user data, what is owned of it."""
        text = struct.pack(">h", len(name)) + name.encode()
        return (struct.pack(">hi", 1, 1) + text + struct.pack(">ii", -1, 1) + text +
                struct.pack(f">i{len(owned)}i", len(owned), *owned))

    @staticmethod
    def assignment(name, partitions):
        return (struct.pack(">hih", 1, 1, len(name)) + name.encode() +
                struct.pack(f">i{len(partitions)}ii", len(partitions), *partitions, -1))

    def rejoin(self, group, member, name, owned):
        fields = self.join_fields(group, 9, member=member)
        fields["protocols"][0]["metadata"] = self.subscription(name, owned)
        return self.call("JoinGroup", 9, **fields)

    def test_a_group_with_members_goes_up_and_down(self):
        name, group = self.topic(2), self.name()
        answer = self.rejoin(group, "", name, [])
        self.assertEqual(answer["error"], MEMBER_ID_REQUIRED)
        classic = answer["member"]
        answer = self.rejoin(group, classic, name, [])
        synced = self.sync(group, answer, self.assignment(name, [0, 1]))
        self.assertEqual((answer["generation"], synced["error"]), (1, NONE))

        answer = self.join_consumer(group, name, "new")
        self.assertEqual((answer["error"], answer["epoch"]), (NONE, 2), answer)
        self.assertEqual(self.beat(group, classic, 1), REBALANCE_IN_PROGRESS)
        answer = self.rejoin(group, classic, name, [])
        self.assertEqual((answer["error"], answer["generation"], answer["protocol"],
                          answer["members"]), (NONE, 2, "range", []))
        synced = self.sync(group, answer, b"")
        self.assertEqual((synced["error"], synced["assignment"]),
                         (NONE, self.assignment(name, [0])))
        self.assertEqual(self.beat(group, classic, 2), NONE)
        partitions, _ = self.assigned(group, "new", self.heartbeat(group, "new", 2))
        self.assertEqual(partitions[0]["partitions"], [1])
        described = self.call("ConsumerGroupDescribe", 1, groups=[group], include_operations=False)
        types = {m["member"]: m["type"] for m in described["groups"][0]["members"]}
        self.assertEqual(types, {classic: 0, "new": 1})

        self.assertEqual(self.heartbeat(group, "new", -1)["error"], NONE)
        self.assertEqual(self.beat(group, classic, 2), REBALANCE_IN_PROGRESS)
        self.assertEqual(self.commit(group, classic, 2, name), NONE)
        answer = self.rejoin(group, classic, name, [])
        self.assertEqual((answer["error"], answer["leader"], answer["generation"]),
                         (NONE, classic, 3))
        self.assertEqual(self.leave(group, classic), NONE)

    def test_members_survive_a_crash_of_the_broker(self):
        self.must_start_it()
        name, group = self.topic(3), self.name()
        answer = self.join_consumer(group, name, "m")
        member = answer["member"]
        partitions, epoch = self.assigned(group, member, answer)
        self.broker.kill()
        self.broker.start()
        self.connection = self.connect()
        answer = until(lambda answer: answer["error"] != COORDINATOR_LOAD_IN_PROGRESS,
                       lambda: self.heartbeat(group, member, epoch, owned=partitions))
        self.assertEqual((answer["error"], answer["epoch"]), (NONE, epoch), answer)
        for asked, error in ((epoch, NONE), (epoch + 1, STALE_MEMBER_EPOCH)):
            committed = self.call("OffsetCommit", 9, group=group, generation=asked, member=member,
                                  instance=None, topics=[{"name": name, "partitions": [
                                      {"index": 0, "offset": 1, "leader_epoch": -1,
                                       "metadata": ""}]}])
            self.assertEqual(committed["topics"][0]["partitions"][0]["error"], error)


if __name__ == "__main__":
    unittest.main()
