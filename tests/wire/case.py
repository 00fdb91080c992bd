"""What the wire tests share: one broker for a file, connections, topics with names of their own."""
import itertools
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))

import batch as batches  # noqa: E402
from broker import Broker, ExternalBroker, broker_for_tests  # noqa: E402
from patience import PATIENCE_MS, PATIENCE_SECONDS, tries, until  # noqa: E402
from schema import APIS  # noqa: E402
from wire import NO_UUID, Connection  # noqa: E402

LATEST, EARLIEST, MAX_TIMESTAMP = -1, -2, -3
FOREVER_MS = 10 * PATIENCE_MS  # the connection loses patience with a fetch that nothing wakes

# Kafka's error codes by the names that the tests use.
NONE = 0
OFFSET_OUT_OF_RANGE = 1
CORRUPT_MESSAGE = 2
UNKNOWN_TOPIC_OR_PARTITION = 3
NOT_LEADER_OR_FOLLOWER = 6
MESSAGE_TOO_LARGE = 10
OFFSET_METADATA_TOO_LARGE = 12
COORDINATOR_LOAD_IN_PROGRESS = 14
COORDINATOR_NOT_AVAILABLE = 15
NOT_COORDINATOR = 16
INVALID_TOPIC = 17
INVALID_REQUIRED_ACKS = 21
ILLEGAL_GENERATION = 22
INCONSISTENT_GROUP_PROTOCOL = 23
INVALID_GROUP_ID = 24
UNKNOWN_MEMBER_ID = 25
INVALID_SESSION_TIMEOUT = 26
REBALANCE_IN_PROGRESS = 27
INVALID_TIMESTAMP = 32
UNSUPPORTED_VERSION = 35
TOPIC_ALREADY_EXISTS = 36
INVALID_PARTITIONS = 37
INVALID_REPLICATION_FACTOR = 38
INVALID_REPLICA_ASSIGNMENT = 39
INVALID_CONFIG = 40
INVALID_REQUEST = 42
POLICY_VIOLATION = 44
OUT_OF_ORDER_SEQUENCE = 45
INVALID_PRODUCER_EPOCH = 47
INVALID_TRANSACTION_TIMEOUT = 50
NON_EMPTY_GROUP = 68
GROUP_ID_NOT_FOUND = 69
FETCH_SESSION_ID_NOT_FOUND = 70
INVALID_FETCH_SESSION_EPOCH = 71
FENCED_LEADER_EPOCH = 74
UNKNOWN_LEADER_EPOCH = 75
UNSUPPORTED_COMPRESSION_TYPE = 76
MEMBER_ID_REQUIRED = 79
INVALID_RECORD = 87
UNKNOWN_TOPIC_ID = 100
FENCED_MEMBER_EPOCH = 110
STALE_MEMBER_EPOCH = 113

_numbers = itertools.count(1)
_broker = None


def setUpModule(settings=None):  # imported by each test file, where unittest finds it
    global _broker
    _broker = broker_for_tests(settings)


def tearDownModule():
    global _broker
    _broker.close()
    _broker = None


def versions_of(api):
    """The versions of an API that the broker offers and these tests know, lowest and highest."""
    known = {"Produce": (3, 13), "Fetch": (4, 18), "ListOffsets": (1, 11), "Metadata": (0, 13),
             "ApiVersions": (0, 4), "CreateTopics": (2, 7), "DeleteTopics": (1, 6),
             "DeleteRecords": (0, 2), "DescribeLogDirs": (1, 5), "InitProducerId": (0, 5), "OffsetForLeaderEpoch": (2, 4),
             "DescribeConfigs": (1, 4), "CreatePartitions": (0, 3), "DescribeCluster": (0, 2),
             "AlterConfigs": (0, 2), "IncrementalAlterConfigs": (0, 1),
             "DescribeTopicPartitions": (0, 0), "OffsetCommit": (2, 10), "OffsetFetch": (1, 10),
             "FindCoordinator": (0, 6), "DescribeGroups": (0, 6), "ListGroups": (0, 5),
             "DeleteGroups": (0, 2), "OffsetDelete": (0, 0), "JoinGroup": (0, 9),
             "Heartbeat": (0, 4), "LeaveGroup": (0, 5), "SyncGroup": (0, 5),
             "ConsumerGroupHeartbeat": (0, 1), "ConsumerGroupDescribe": (0, 1)}
    return known[api]


def every_version(api):
    first, last = versions_of(api)
    return range(first, last + 1)


class WireCase(unittest.TestCase):
    """A test with one connection open."""

    longMessage = True

    def setUp(self):
        self.broker = _broker
        self.connection = self.connect()

    def connect(self, timeout=PATIENCE_SECONDS):
        connection = Connection(self.broker.host, self.broker.port, timeout)
        self.addCleanup(connection.close)
        return connection

    def call(self, api, version, **fields):
        return self.connection.call(api, version, **fields)

    def must_start_it(self):
        if isinstance(self.broker, ExternalBroker):
            self.skipTest("needs a broker that the test started itself")

    # Topics

    def name(self):
        return f"wire-{os.getpid()}-{next(_numbers)}"

    def create(self, name, partitions=1, version=7, configs=None, **fields):
        topic = {"name": name, "num_partitions": partitions, "replication_factor": 1,
                 "configs": [{"name": k, "value": v} for k, v in (configs or {}).items()], **fields}
        answer = self.call("CreateTopics", version, topics=[topic], timeout_ms=PATIENCE_MS)
        return answer["topics"][0]

    def topic(self, partitions=1, **configs):
        """The name of a new topic whose partitions all have a leader that answers."""
        name = self.name()
        settings = {key.replace("_", "."): value for key, value in configs.items()}
        created = self.create(name, partitions, configs=settings)
        self.assertEqual(created["error"], NONE, created)
        self.await_leaders(name, partitions)
        return name

    def await_leaders(self, name, partitions):
        """Kafka names a leader some moments before that leader serves; asks until it does."""
        for _ in tries():
            found = self.list_offsets(name, EARLIEST, partitions=range(partitions))
            if all(p["error"] == NONE for p in found):
                return
        self.fail(f"no leader for {name}: {found}")

    def topic_id(self, name):
        answer = self.call("Metadata", 12, topics=[{"topic_id": NO_UUID, "name": name}])
        return answer["topics"][0]["topic_id"]

    # Requests in their simplest form

    def list_offsets(self, name, timestamp, partitions=(0,), version=8, epoch=-1):
        asked = [{"index": p, "timestamp": timestamp,
                  **({"current_leader_epoch": epoch} if version >= 4 else {})} for p in partitions]
        answer = self.call("ListOffsets", version, replica_id=-1,
                           topics=[{"name": name, "partitions": asked}])
        return answer["topics"][0]["partitions"]

    def produce_fields(self, name, records, partition=0, acks=-1, version=9):
        key = {"topic_id": self.topic_id(name)} if version >= 13 else {"name": name}
        return {"acks": acks, "timeout_ms": PATIENCE_MS,
                "topics": [{**key, "partitions": [{"index": partition, "records": records}]}]}

    def produce(self, name, records, partition=0, acks=-1, version=9):
        answer = self.call("Produce", version,
                           **self.produce_fields(name, records, partition, acks, version))
        return answer["topics"][0]["partitions"][0]

    def produce_values(self, name, *values, **rest):
        answer = self.produce(name, batches.batch(list(values)), **rest)
        self.assertEqual(answer["error"], NONE, answer)
        return answer["base_offset"]

    def fetch_fields(self, name, offset, *, version=12, partition=0, max_wait_ms=0, min_bytes=1,
                     max_bytes=50 << 20, partition_max_bytes=1 << 20, session_id=0, epoch=-1):
        key = {"topic_id": self.topic_id(name)} if version >= 13 else {"name": name}
        asked = {"partition": partition, "fetch_offset": offset,
                 "partition_max_bytes": partition_max_bytes}
        if version >= 5:
            asked["log_start_offset"] = -1
        if version >= 9:
            asked["current_leader_epoch"] = -1
        if version >= 12:
            asked["last_fetched_epoch"] = -1
        fields = {"max_wait_ms": max_wait_ms, "min_bytes": min_bytes, "max_bytes": max_bytes,
                  "topics": [{**key, "partitions": [asked]}]}
        if version <= 14:
            fields["replica_id"] = -1
        if version >= 7:
            fields.update(session_id=session_id, session_epoch=epoch)
        return fields

    def fetch(self, name, offset, **rest):
        version = rest.get("version", 12)
        answer = self.call("Fetch", version, **self.fetch_fields(name, offset, **rest))
        return answer["topics"][0]["partitions"][0]

    def values(self, name, offset=0, **rest):
        """The values of the records from an offset on, as a fetch returns them."""
        answer = self.fetch(name, offset, **rest)
        self.assertEqual(answer["error"], NONE, answer)
        return batches.values_of(answer["records"] or b"")


__all__ = [name for name in dir() if not name.startswith("_")]
