"""Members of groups, each with a connection of its own, made of single requests: a test decides when
they join, beat and go, and so knows what each of them has been told."""
import select
import struct
import uuid

from case import (COORDINATOR_LOAD_IN_PROGRESS, MEMBER_ID_REQUIRED, NONE, NOT_COORDINATOR,
                  PATIENCE_MS, tries, until)

PASSING = (COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR)
BEAT_SECONDS = 0.02
SESSION_MS = 5 * PATIENCE_MS  # nobody is taken for dead because the machine is slow
LONG_SESSIONS = {"group.consumer.max.session.timeout.ms": str(SESSION_MS),
                 "group.consumer.session.timeout.ms": str(SESSION_MS)}  # of a broker
LEAVES_FOR_GOOD, LEAVES_FOR_NOW = -1, -2  # epochs of the consumer protocol
# SyncGroup, Heartbeat and LeaveGroup of the release that brought a version of JoinGroup.
FELLOWS = {0: (0, 0, 0), 1: (0, 0, 0), 2: (1, 1, 1), 3: (2, 2, 2), 4: (2, 2, 2), 5: (3, 3, 3),
           6: (4, 4, 4), 7: (5, 4, 4), 8: (5, 4, 5), 9: (5, 4, 5)}


class ClassicMember:
    """A member with a connection of its own, so that its join may wait."""

    def __init__(self, case, group, version=9, instance=None, protocols=(("range", b"wish"),),
                 session_ms=SESSION_MS):
        self.group, self.version, self.instance = group, version, instance
        self.session_ms = session_ms
        self.protocols = [{"name": name, "metadata": data} for name, data in protocols]
        self.sync_version, self.beat_version, self.leave_version = FELLOWS[version]
        self.connection = case.connect()
        self.id, self.generation, self.assignment = "", -1, None

    def with_instance(self, version_needed, version, fields):
        return {**fields, "instance": self.instance} if version >= version_needed else fields

    def send_join(self, session_ms=None, protocol_type="consumer", **changes):
        fields = {"group": self.group, "member": self.id,
                  "session_timeout_ms": session_ms or self.session_ms,
                  "protocol_type": protocol_type, "protocols": self.protocols, **changes}
        if self.version >= 1:
            fields["rebalance_timeout_ms"] = SESSION_MS
        self.connection.send("JoinGroup", self.version,
                             **self.with_instance(5, self.version, fields))

    def joined(self):
        answer = self.connection.receive()
        if answer["error"] in (NONE, MEMBER_ID_REQUIRED):
            self.id, self.generation = answer["member"], answer["generation"]
        return answer

    def ask_to_join(self, **changes):
        self.send_join(**changes)
        return self.joined()

    def join(self, **changes):
        """Comes again with its id if it must, and until there is a coordinator."""
        return until(lambda answer: answer["error"] not in (MEMBER_ID_REQUIRED, *PASSING),
                     lambda: self.ask_to_join(**changes))

    def send_sync(self, assignments=(), **changes):
        fields = {"group": self.group, "generation": self.generation, "member": self.id,
                  "assignments": [{"member": m.id, "assignment": a} for m, a in assignments]}
        if self.sync_version >= 5:
            fields.update(protocol_type="consumer", protocol="range")
        fields.update(changes)
        self.connection.send("SyncGroup", self.sync_version,
                             **self.with_instance(3, self.sync_version, fields))

    def sync(self, assignments=(), **changes):
        self.send_sync(assignments, **changes)
        return self.connection.receive()

    def beat(self, **changes):
        fields = {"group": self.group, "generation": self.generation, "member": self.id, **changes}
        return self.connection.call("Heartbeat", self.beat_version,
                                    **self.with_instance(3, self.beat_version, fields))["error"]

    def leave(self):
        fields = {"member": self.id}
        if self.leave_version >= 3:
            fields = {"members": [{"member": self.id, "instance": self.instance}]}
        return self.connection.call("LeaveGroup", self.leave_version, group=self.group, **fields)


def let_pass(seconds):
    """Where time itself matters and nothing happens that could be waited for."""
    select.select([], [], [], seconds)


def _text(value):
    return struct.pack(">h", len(value)) + value.encode()


def subscription_of(*topics):
    """What a member of a classic group wishes to read."""
    return (struct.pack(">hi", 0, len(topics)) + b"".join(map(_text, topics)) +
            struct.pack(">i", -1))


def assignment_of(topic, partitions):
    """What the leader of a classic group writes for a member."""
    return (struct.pack(">hi", 0, 1) + _text(topic) +
            struct.pack(f">i{len(partitions)}ii", len(partitions), *partitions, -1))


def classic_group(members, topic, shares):
    """They join one after the other; the first leads, and gives each its share in the end. Each
    comes alone, so that the same is told whatever the pace."""
    leader = members[0]
    for count in range(1, len(members) + 1):
        present = members[:count]
        newest = present[-1]
        if newest.instance is None:
            until(lambda answer: answer["error"] == MEMBER_ID_REQUIRED, newest.ask_to_join)
        newest.send_join()
        if newest is not leader:
            until(lambda error: error != NONE, leader.beat)
        for member in present[:-1]:
            member.send_join()
        answers = [member.joined() for member in present]
        if any(answer["error"] != NONE for answer in answers):
            raise RuntimeError(f"no group: {answers}")
        leader.send_sync([(member, assignment_of(topic, share))
                          for member, share in zip(present, shares)])
        for member in present[1:]:
            member.send_sync()
        for member in present:
            member.assignment = member.connection.receive()["assignment"]


class ConsumerMember:
    """Each heartbeat says everything, so each answer tells the whole assignment."""

    def __init__(self, case, group, topic, instance=None):
        self.group, self.topic, self.instance = group, topic, instance
        self.connection = case.connect()
        self.id, self.epoch, self.owned = uuid.uuid4().hex[:22], 0, []
        self.interval_ms = None

    def ask(self, **changes):
        fields = {"group": self.group, "member": self.id, "epoch": self.epoch, "rack": None,
                  "instance": self.instance, "rebalance_timeout_ms": SESSION_MS, "topics": [self.topic],
                  "regex": None, "assignor": None, "owned": self.owned, **changes}
        return self.connection.call("ConsumerGroupHeartbeat", 1, **fields)

    def beat(self):
        """Waits until there is a coordinator, and takes what it is given; the error."""
        for _ in tries():
            answer = self.ask()
            if answer["error"] not in PASSING:
                break
        if answer["error"] == NONE:
            self.epoch, self.interval_ms = answer["epoch"], answer["interval_ms"]
            if answer["assignment"] is not None:
                self.owned = [{"topic_id": one["topic_id"], "partitions": one["partitions"]}
                              for one in answer["assignment"]["partitions"]]
        return answer["error"]

    def partitions(self):
        return [partition for one in self.owned for partition in one["partitions"]]

    def leave(self, epoch=LEAVES_FOR_GOOD):
        return self.ask(epoch=epoch, owned=None, topics=None, rebalance_timeout_ms=-1)["error"]


def consumer_group(members):
    """Beats until all have the same epoch, each has something, and nothing moves any more. There is
    one assignment a second at most."""
    for _ in tries():
        let_pass(BEAT_SECONDS)
        before = [(member.epoch, member.owned) for member in members]
        errors = [member.beat() for member in members]
        if any(errors):
            raise RuntimeError(f"no group: {errors}")
        after = [(member.epoch, member.owned) for member in members]
        if before == after and len({member.epoch for member in members}) == 1 and all(
                member.owned for member in members):
            return
    raise RuntimeError(f"the group does not settle: {after}")
