"""Group traffic that no client should send: every request gets Kafka's error, the memory of the groups
stays within its bound, and the broker goes on serving others."""
import http.client
import struct
import unittest

import case
from broker import free_port
from case import *  # noqa: F403
from wire import request_frame

MIB = 1 << 20
MEMORY_BYTES = 256 * MIB
# What the process may occupy at any time here: its memory, and what it has beside that.
RESIDENT_BYTES_MAX = MEMORY_BYTES + 64 * MIB
ADMIN_PORT = free_port()
IN_FLIGHT = 50
SESSION_MS = 1800000  # the longest; memory is compared, and must not change as members go
OTHER_GROUPS = 30
GROUP_MAX_SIZE_REACHED = 81
UNRELEASED_INSTANCE_ID, UNSUPPORTED_ASSIGNOR, INVALID_REGULAR_EXPRESSION = 111, 112, 128
FENCED_MEMBER_EPOCH = 110
INVALID_COMMIT_OFFSET_SIZE = 28
NOBODY = {"instance": None}


def setUpModule():
    case.setUpModule({"group.initial.rebalance.delay.ms": "0",
                      "group.consumer.max.session.timeout.ms": str(SESSION_MS),
                      "group.consumer.session.timeout.ms": str(SESSION_MS),
                      "tailrace.memory.bytes": str(MEMORY_BYTES),
                      "tailrace.admin.listener": f"127.0.0.1:{ADMIN_PORT}"})


class HostileCase(WireCase):
    def setUp(self):
        super().setUp()
        self.must_start_it()
        for _ in tries():
            found = self.call("FindCoordinator", 4, key_type=0, keys=["any"])
            if found["coordinators"][0]["error"] == NONE:
                break
        else:
            self.fail(f"no coordinator: {found}")
        self.addCleanup(self.still_well)

    def still_well(self):
        """Another client joins, commits and reads as if nothing had been."""
        self.assertTrue(self.broker.is_alive())
        self.assertLess(self.broker.memory_bytes(), RESIDENT_BYTES_MAX)
        values = self.metrics()
        self.assertLessEqual(values["tailrace_group_memory_bytes"],
                             values["tailrace_group_memory_limit_bytes"])
        self.assertEqual(values["tailrace_group_failed_appends_total"], 0)
        answer = self.connect().call("Heartbeat", 4, group="other", generation=1, member="x",
                                     instance=None)
        self.assertEqual(answer["error"], UNKNOWN_MEMBER_ID)

    @staticmethod
    def metrics():
        connection = http.client.HTTPConnection("127.0.0.1", ADMIN_PORT, timeout=PATIENCE_SECONDS)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return {line.split()[0]: float(line.split()[1]) for line in lines
                if not line.startswith("#")}

    def flood(self, frames):
        """Sends ready frames, some at a time; the bodies of the answers."""
        bodies = []
        for first in range(0, len(frames), IN_FLIGHT):
            part = frames[first: first + IN_FLIGHT]
            self.connection.send_bytes(b"".join(part))
            bodies += [self.connection.receive_frame() for _ in part]
        return bodies

    @staticmethod
    def join_fields(group, member="", **rest):
        return {"group": group, "session_timeout_ms": SESSION_MS, "member": member,
                "rebalance_timeout_ms": SESSION_MS, "instance": None, "reason": None,
                "protocol_type": "consumer",
                "protocols": [{"name": "range", "metadata": b"\0\1\0\0\0\0\xff\xff\xff\xff"}],
                **rest}

    def join(self, group, **rest):
        fields = self.join_fields(group, **rest)
        answer = self.call("JoinGroup", 9, **fields)
        if answer["error"] == MEMBER_ID_REQUIRED:
            answer = self.call("JoinGroup", 9, **{**fields, "member": answer["member"]})
        if answer["error"] == NONE:
            self.addCleanup(self.leave, group, answer["member"])
        return answer

    def leave(self, group, member):
        """So that nobody's memory changes when a session of an earlier test is over."""
        self.connect().call("LeaveGroup", 5, group=group,
                            members=[{"member": member, "instance": None, "reason": None}])

    def commit(self, group, topics, generation=-1, member="", version=8):
        answer = self.call("OffsetCommit", version, group=group, generation=generation,
                           member=member, instance=None, topics=topics)
        return [[p["error"] for p in topic["partitions"]] for topic in answer["topics"]]

    @staticmethod
    def one(name, index=0, offset=1, metadata=""):
        return {"name": name, "partitions": [
            {"index": index, "offset": offset, "leader_epoch": -1, "metadata": metadata}]}


class ClassicTest(HostileCase):
    def test_member_ids_for_nobody(self):
        """Ids that nobody joins with are limited; their sessions take them back."""
        group = self.name()
        frame = request_frame("JoinGroup", 9, self.join_fields(group))
        bodies = self.flood([frame] * 10500)
        errors = [struct.unpack(">h", body[9:11])[0] for body in bodies]
        self.assertEqual(errors[:10000], [MEMBER_ID_REQUIRED] * 10000)
        self.assertEqual(set(errors[10000:]), {COORDINATOR_NOT_AVAILABLE})

    def test_protocols_by_the_thousand(self):
        many = [{"name": f"p{i}", "metadata": b""} for i in range(5000)]
        self.assertEqual(self.join(self.name(), protocols=many)["error"],
                         INCONSISTENT_GROUP_PROTOCOL)
        self.assertEqual(self.join(self.name(), protocols=[])["error"], INCONSISTENT_GROUP_PROTOCOL)
        self.assertEqual(self.join(self.name(), protocol_type="")["error"],
                         INCONSISTENT_GROUP_PROTOCOL)

    def test_a_subscription_of_megabytes(self):
        """It may join; but there is no record that takes it, so nobody is assigned anything."""
        group = self.name()
        huge = [{"name": "range", "metadata": bytes(4 * MIB)}]
        joined = self.join(group, protocols=huge)
        if joined["error"] == NONE:
            answer = self.call("SyncGroup", 5, group=group, generation=joined["generation"],
                               member=joined["member"], instance=None, protocol_type="consumer",
                               protocol="range", assignments=[
                                   {"member": joined["member"], "assignment": b"x"}])
            self.assertEqual(answer["error"], MESSAGE_TOO_LARGE)
        else:
            self.assertEqual(joined["error"], COORDINATOR_NOT_AVAILABLE)

    def test_an_assignment_of_megabytes(self):
        group = self.name()
        joined = self.join(group)
        answer = self.call("SyncGroup", 5, group=group, generation=joined["generation"],
                           member=joined["member"], instance=None, protocol_type="consumer",
                           protocol="range", assignments=[
                               {"member": joined["member"], "assignment": bytes(8 * MIB)}])
        self.assertEqual(answer["error"], MESSAGE_TOO_LARGE)

    def test_sessions_out_of_range(self):
        for session_ms in (0, -1, 5999, 1800001, 2**31 - 1, -2**31):
            fields = self.join_fields(self.name(), session_timeout_ms=session_ms)
            self.assertEqual(self.call("JoinGroup", 9, **fields)["error"], INVALID_SESSION_TIMEOUT,
                             session_ms)

    def test_generations_of_the_past_and_the_future(self):
        group = self.name()
        joined = self.join(group)
        member = joined["member"]
        for generation in (0, 2, -1, -2**31, 2**31 - 1):
            answer = self.call("Heartbeat", 4, group=group, generation=generation, member=member,
                               instance=None)
            self.assertEqual(answer["error"], ILLEGAL_GENERATION, generation)
            answer = self.call("SyncGroup", 5, group=group, generation=generation, member=member,
                               instance=None, protocol_type="consumer", protocol="range",
                               assignments=[])
            self.assertEqual(answer["error"], ILLEGAL_GENERATION, generation)

    def test_floods_of_heartbeats(self):
        frame = request_frame("Heartbeat", 4, {"group": self.name(), "generation": 1,
                                               "member": "nobody", "instance": None})
        before = self.metrics()["tailrace_group_memory_bytes"]
        bodies = self.flood([frame] * 20000)
        self.assertEqual({struct.unpack(">h", body[9:11])[0] for body in bodies},
                         {UNKNOWN_MEMBER_ID})
        self.assertEqual(self.metrics()["tailrace_group_memory_bytes"], before)

    def test_group_ids_of_every_size(self):
        for group, error in (("", INVALID_GROUP_ID), ("g" * 32767, NONE), ("\0\1\2", NONE)):
            self.assertEqual(self.join(group)["error"], error, group[:9])
        answer = self.call("DescribeGroups", 6, include_operations=False, groups=[""] * 1000)
        self.assertEqual(len(answer["groups"]), 1000)

    def test_null_where_it_may_not_be(self):
        """Not readable as the request that it says it is: the connection ends, as in Kafka."""
        for frame in (request_frame("Heartbeat", 0, {"group": None, "generation": 1, "member": ""}),
                      request_frame("JoinGroup", 9, self.join_fields(None)),
                      request_frame("OffsetCommit", 8, {"group": self.name(), "topics": None,
                                                        "instance": None, "member": ""})):
            connection = self.connect()
            connection.send_bytes(frame)
            self.assertTrue(connection.is_closed())


class ConsumerTest(HostileCase):
    def beat(self, group, member, epoch, **rest):
        fields = {"group": group, "member": member, "epoch": epoch, "instance": None, "rack": None,
                  "rebalance_timeout_ms": -1, "topics": None, "assignor": None, "owned": None,
                  "regex": None, **rest}
        return self.call("ConsumerGroupHeartbeat", 1, **fields)

    def join_consumer(self, group, member, **rest):
        return self.beat(group, member, 0,
                         **{"rebalance_timeout_ms": SESSION_MS, "topics": [], "owned": [], **rest})

    def test_expressions_that_explode(self):
        group = self.name()
        for regex in ("(((((a{1000}){1000}){1000}){1000}){1000})", "(" * 32767, "[" * 32767,
                      "a{1001}", "a{2,1}", "*", "(?P<>x)", "\\C\\", "(?=a)", "\\1"):
            answer = self.join_consumer(group, "m", regex=regex)
            self.assertEqual(answer["error"], INVALID_REGULAR_EXPRESSION, regex[:40])
        # One that a backtracking engine would not come to an end with.
        self.topic()
        answer = self.join_consumer(group, "m", regex="(a*)*(a*)*(x+x+)+y|" + "(w?){30}w{30}")
        self.assertEqual(answer["error"], NONE)

    def test_what_makes_no_sense(self):
        group = self.name()
        topic_id = NO_UUID
        for error, answer in (
                (INVALID_REQUEST, self.join_consumer("", "m")),
                (INVALID_REQUEST, self.join_consumer(group, "")),
                (INVALID_REQUEST, self.join_consumer(group, "m", rebalance_timeout_ms=-1)),
                (INVALID_REQUEST, self.join_consumer(group, "m", rebalance_timeout_ms=-2)),
                (INVALID_REQUEST, self.join_consumer(group, "m", topics=None)),
                (INVALID_REQUEST, self.join_consumer(group, "m", owned=None)),
                (INVALID_REQUEST, self.join_consumer(group, "m", instance="")),
                (INVALID_REQUEST, self.join_consumer(group, "m", owned=[
                    {"topic_id": topic_id, "partitions": [-1]}])),
                (UNSUPPORTED_ASSIGNOR, self.join_consumer(group, "m", assignor="x" * 30000)),
                (INVALID_REQUEST, self.beat(group, "m", -3)),
                (INVALID_REQUEST, self.beat(group, "m", -2**31)),
                (GROUP_ID_NOT_FOUND, self.beat(group, "m", 2**31 - 1)),
                (GROUP_ID_NOT_FOUND, self.beat(group, "m", -1))):
            self.assertEqual(answer["error"], error, answer)

    def test_epochs_of_the_past_and_the_future(self):
        group = self.name()
        self.assertEqual(self.join_consumer(group, "m")["error"], NONE)
        for epoch in (2**31 - 1, 5):
            self.assertEqual(self.beat(group, "m", epoch)["error"], FENCED_MEMBER_EPOCH, epoch)
        self.assertEqual(self.beat(group, "other", 1)["error"], UNKNOWN_MEMBER_ID)
        name = self.topic()
        for epoch, error in ((0, STALE_MEMBER_EPOCH), (9, STALE_MEMBER_EPOCH)):
            self.assertEqual(self.commit(group, [self.one(name)], epoch, "m", 9), [[error]], epoch)
        self.assertEqual(self.commit(group, [self.one(name)], 1, "nobody", 9),
                         [[UNKNOWN_MEMBER_ID]])

    def test_topics_and_partitions_by_the_ten_thousand(self):
        group = self.name()
        topics = [f"no-such-topic-{i}" for i in range(20000)]
        answer = self.join_consumer(group, "m", topics=topics + topics)
        self.assertEqual(answer["error"], NONE)
        owned = [{"topic_id": NO_UUID, "partitions": list(range(100000))}]
        answer = self.beat(group, "m", answer["epoch"], owned=owned)
        self.assertEqual(answer["error"], NONE)
        self.assertEqual(self.beat(group, "m", -1)["error"], NONE)


class OffsetsTest(HostileCase):
    def test_partitions_that_are_not_there(self):
        group, name = self.name(), self.topic()
        unknown = [[UNKNOWN_TOPIC_OR_PARTITION]]
        for index in (-1, -2**31, 1, 2**31 - 1):
            self.assertEqual(self.commit(group, [self.one(name, index)]), unknown, index)
        many = [self.one(f"none-{i}") for i in range(20000)]
        self.assertEqual(self.commit(group, many), unknown * 20000)
        twice = [self.one(name, 0, 5), self.one(name, 0, 7)]
        self.assertEqual(self.commit(group, twice), [[NONE], [NONE]])
        found = self.call("OffsetFetch", 8, require_stable=False, groups=[
            {"group": group, "topics": [{"name": name, "partitions": [0, 0, -1, 2**31 - 1] * 5000}]}])
        offsets = [p["offset"] for p in found["groups"][0]["topics"][0]["partitions"]]
        self.assertEqual(offsets, [7, 7, -1, -1] * 5000)

    def test_metadata_of_megabytes(self):
        group, name = self.name(), self.topic()
        for size, error in ((4096, NONE), (4097, OFFSET_METADATA_TOO_LARGE),
                            (32767, OFFSET_METADATA_TOO_LARGE)):
            self.assertEqual(self.commit(group, [self.one(name, metadata="x" * size)]), [[error]])
        # Each may be; all of them are more than one batch takes.
        large = [self.one(name, metadata="x" * 4096)] * 500
        self.assertEqual(self.commit(group, large), [[INVALID_COMMIT_OFFSET_SIZE]] * 500)

    def test_a_hundred_thousand_groups(self):
        """Whoever has no room is told to come again, and takes nothing from those who have."""
        name = self.topic()
        before = self.metrics()
        template = request_frame("OffsetCommit", 8, {
            "group": "hostile-000000", "generation": -1, "member": "", "instance": None,
            "topics": [self.one(name)]})
        frames = [template.replace(b"hostile-000000", b"hostile-%06d" % i) for i in range(100000)]
        bodies = self.flood(frames)
        errors = [struct.unpack(">h", body[-5:-3])[0] for body in bodies]
        self.assertLessEqual(set(errors), {NONE, COORDINATOR_NOT_AVAILABLE})
        taken = errors.count(NONE)
        after = self.metrics()
        self.assertGreater(taken, 10000)
        for name in ("tailrace_group_offsets",
                     "kafka_server_group_coordinator_metrics_offset_commit_total"):
            self.assertEqual(after[name] - before[name], taken, name)
        for name in ("tailrace_groups", "kafka_coordinator_group_groupmetadatamanager_numgroupsempty"):
            # Sessions of other tests end meanwhile.
            self.assertAlmostEqual(after[name] - before[name], taken, delta=OTHER_GROUPS, msg=name)
        self.assertLess(self.broker.memory_bytes(), RESIDENT_BYTES_MAX)
        gone = [f"hostile-{i:06d}" for i in range(100000) if errors[i] == NONE]
        for first in range(0, len(gone), 1000):
            answer = self.call("DeleteGroups", 2, groups=gone[first: first + 1000])
            self.assertEqual({g["error"] for g in answer["results"]}, {NONE})
        self.assertLessEqual(self.metrics()["tailrace_groups"], before["tailrace_groups"])


if __name__ == "__main__":
    unittest.main()
