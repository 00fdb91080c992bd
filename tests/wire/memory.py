"""What answers have taught about those who are in the middle of something: members of groups, producers,
sessions of fetches. Each says of itself what it has been told, and knows which requests may come next;
who is told that it is nobody is forgotten."""
import struct

from case import (FETCH_SESSION_ID_NOT_FOUND, FENCED_MEMBER_EPOCH, GROUP_ID_NOT_FOUND, ILLEGAL_GENERATION,
                  INVALID_FETCH_SESSION_EPOCH, MEMBER_ID_REQUIRED, NONE, OUT_OF_ORDER_SEQUENCE,
                  REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER_ID)
from wire import NO_UUID

PEOPLE_MAX = 6  # of each kind, and so that they are met again
MEMBER_GOES_ON = ("Heartbeat", "Heartbeat", "OffsetCommit", "OffsetFetch", "JoinGroup", "LeaveGroup")
MEMBER_MAY = ("Heartbeat", "SyncGroup")
CONSUMER_GOES_ON = ("ConsumerGroupHeartbeat", "OffsetCommit", "OffsetFetch")
NO_ASSIGNMENT = b"\0\0\0\0\0\0\xff\xff\xff\xff"
PRODUCER_AT, COUNT_AT = 43, 57  # in a batch: id, epoch and sequence; how many records


class Somebody:
    """What is said in which field, the APIs that come next, and on which line, if it matters."""

    def __init__(self, kind, name, says, goes_on, line):
        self.kind, self.name, self.says, self.goes_on, self.line = kind, name, says, goes_on, line


class Memory:
    def __init__(self, topics):
        self.topics, self.people = topics, []
        self.waiting = set()  # ids of members to whom an answer is due
        self.topic_ids = {}  # the newest by name

    def may_ask(self, title, line):
        """Those for whom this API comes next, or who may ask at any time, if they may on this line."""
        free = [one for one in self.people if one.line in (None, line)
                and one.says.get("member_id") not in self.waiting]
        return ([one for one in free if title in one.goes_on]
                or [one for one in free if one.kind == "member" and title in MEMBER_MAY])

    def learn(self, title, asked, answer, line):
        self._learn_topics(answer)
        heard = getattr(self, f"_heard_{title}", None)
        if heard:
            heard(asked, answer, line)

    def _learn_topics(self, answer):
        for topic in answer.get("topics", ()):
            if topic.get("name") in self.topics and topic.get("topic_id", NO_UUID) != NO_UUID:
                self.topic_ids[topic["name"]] = topic["topic_id"]

    def _find(self, kind, *name):
        return next((one for one in self.people if (one.kind, one.name) == (kind, name)), None)

    def _forget(self, kind, *name):
        self.people = [one for one in self.people if (one.kind, one.name) != (kind, name)]

    def _keep(self, kind, name, goes_on, line=None, **says):
        """The newest few."""
        self._forget(kind, *name)
        self.people.append(Somebody(kind, name, says, goes_on, line))
        of_its_kind = [one for one in self.people if one.kind == kind]
        if len(of_its_kind) > PEOPLE_MAX:
            self.people.remove(of_its_kind[0])

    # Members of the classic protocol

    def _heard_JoinGroup(self, asked, answer, _):
        error, name = answer["error_code"], (asked["group_id"], answer["member_id"])
        if error not in (NONE, MEMBER_ID_REQUIRED):
            self._member_heard(asked, error)
            return
        is_in, generation = error == NONE, answer["generation_id"]
        self._keep("member", name, ("SyncGroup",) if is_in else ("JoinGroup",),
                   group_id=name[0], member_id=name[1], generation_id=generation,
                   generation_id_or_member_epoch=generation,
                   group_instance_id=asked.get("group_instance_id"),
                   assignments=[{"member_id": other["member_id"], "assignment": NO_ASSIGNMENT}
                                for other in answer["members"]])

    def _heard_SyncGroup(self, asked, answer, _):
        member = self._member_heard(asked, answer["error_code"])
        if member and answer["error_code"] == NONE:
            member.goes_on = MEMBER_GOES_ON

    def _heard_Heartbeat(self, asked, answer, _):
        self._member_heard(asked, answer["error_code"])

    def _heard_LeaveGroup(self, asked, answer, _):
        for member in (asked, *answer.get("members", ())):
            if "member_id" in member and NONE in (answer["error_code"], member.get("error_code")):
                self._forget("member", asked["group_id"], member["member_id"])

    def _member_heard(self, asked, error):
        member = self._find("member", asked["group_id"], asked["member_id"])
        if member and error in (REBALANCE_IN_PROGRESS, ILLEGAL_GENERATION):
            member.goes_on = ("JoinGroup",)
        if member and error == UNKNOWN_MEMBER_ID:
            self._forget("member", *member.name)
        return member

    # Members of the consumer protocol

    def _heard_ConsumerGroupHeartbeat(self, asked, answer, _):
        error, epoch = answer["error_code"], answer["member_epoch"]
        name = (asked["group_id"], answer["member_id"] or asked["member_id"])
        member = self._find("consumer", *name)
        if error in (UNKNOWN_MEMBER_ID, GROUP_ID_NOT_FOUND) or (error == NONE and epoch == -1):
            self._forget("consumer", *name)
        elif member and error == FENCED_MEMBER_EPOCH:
            member.says.update(member_epoch=0, topic_partitions=[])
        elif error == NONE:
            told = answer["assignment"]
            owned = member.says["topic_partitions"] if member else []
            self._keep("consumer", name, CONSUMER_GOES_ON, group_id=name[0], member_id=name[1],
                       member_epoch=max(epoch, 0), generation_id_or_member_epoch=max(epoch, 0),
                       topic_partitions=told["topic_partitions"] if told else owned)

    # Producers, each of one partition, and sessions

    def _heard_InitProducerId(self, asked, answer, _):
        if answer["error_code"] != NONE:
            return
        producer = answer["producer_id"]
        topic = self.topics[producer % len(self.topics)]
        self._keep("producer", (producer,), ("Produce", "Produce", "InitProducerId"), topic_name=topic,
                   topic_id=self.topic_ids[topic], partition_index=producer % 3, transactional_id=None,
                   producer_id=producer, producer_epoch=answer["producer_epoch"], sequence=0)

    def _heard_Produce(self, asked, answer, _):
        for topic, result in zip(asked["topic_data"], answer["responses"]):
            for partition, heard in zip(topic["partition_data"], result["partition_responses"]):
                if partition["records"] and len(partition["records"]) >= COUNT_AT + 4:
                    self._produced(partition["records"], heard["error_code"])

    def _produced(self, records, error):
        producer_id, _, sequence, count = struct.unpack_from(">qhii", records, PRODUCER_AT)
        producer = self._find("producer", producer_id)
        if producer and error == NONE:
            producer.says["sequence"] = (sequence + count) % 2**31
        elif producer and error != OUT_OF_ORDER_SEQUENCE:
            self._forget("producer", producer_id)

    def _heard_Fetch(self, asked, answer, line):
        session, epoch = answer.get("session_id", 0), asked.get("session_epoch", 0)
        if session and answer["error_code"] == NONE:
            self._keep("session", (session,), ("Fetch",), line, session_id=session,
                       session_epoch=max(epoch, 0) % (2**31 - 1) + 1)
        elif answer.get("error_code") in (FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH):
            self._forget("session", asked["session_id"])
