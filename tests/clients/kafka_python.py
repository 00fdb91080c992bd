"""kafka-python, old and new: one program for both."""
import sys
import time
import uuid

from features import Skip, expect, run_all
from group_story import Stories

import kafka
from kafka.admin import NewTopic

ADDRESS = sys.argv[1]
WAIT_SECONDS = 20
IS_OLD = kafka.__version__.startswith("2.0.")


def topic():
    return f"kafka-python-{uuid.uuid4().hex[:12]}"


def producer(**settings):
    return kafka.KafkaProducer(bootstrap_servers=ADDRESS, acks="all", **settings)


def send(name, value, settings=None, **rest):
    sender = producer(**(settings or {}))
    try:
        return sender.send(name, value, partition=0, **rest).get(WAIT_SECONDS)
    finally:
        sender.close()


def consume(name, count, seek=None):
    """The first records of partition 0, by assign, without a group."""
    reader = kafka.KafkaConsumer(bootstrap_servers=ADDRESS, group_id=None,
                                 enable_auto_commit=False, auto_offset_reset="earliest",
                                 consumer_timeout_ms=WAIT_SECONDS * 1000)
    partition = kafka.TopicPartition(name, 0)
    try:
        reader.assign([partition])
        if seek is not None:
            reader.seek(partition, seek)
        found = []
        for record in reader:
            found.append(record)
            if len(found) == count:
                break
        return found
    finally:
        reader.close()


def auto_create():
    name = topic()
    send(name, b"first")
    expect([r.value for r in consume(name, 1)], [b"first"])


def produce_and_consume():
    name = topic()
    sender = producer(linger_ms=5)
    for i in range(1000):
        sender.send(name, b"%d" % i, partition=0)
    sender.flush(WAIT_SECONDS)
    sender.close()
    expect([r.value for r in consume(name, 1000)], [b"%d" % i for i in range(1000)])
    expect(consume(name, 1, seek=500)[0].offset, 500)


def headers():
    name = topic()
    send(name, b"v", headers=[("a", b"1"), ("a", b"2"), ("empty", b"")])
    expect([tuple(h) for h in consume(name, 1)[0].headers],
           [("a", b"1"), ("a", b"2"), ("empty", b"")])


def null_key():
    name = topic()
    send(name, b"v")
    expect(consume(name, 1)[0].key, None)


def null_value():
    name = topic()
    send(name, None, key=b"k")
    record = consume(name, 1)[0]
    expect((record.key, record.value), (b"k", None))


def codec(kind):
    def check():
        name = topic()
        sender = producer(compression_type=kind, linger_ms=50)
        for i in range(200):
            sender.send(name, b"line %d" % i, partition=0)
        sender.flush(WAIT_SECONDS)
        sender.close()
        expect([r.value for r in consume(name, 200)], [b"line %d" % i for i in range(200)])
    return check


def time_lookup():
    name = topic()
    for at in (1_700_000_000_000, 1_700_000_001_000):
        send(name, b"v", timestamp_ms=at)
    reader = kafka.KafkaConsumer(bootstrap_servers=ADDRESS, group_id=None)
    partition = kafka.TopicPartition(name, 0)
    try:
        found = reader.offsets_for_times({partition: 1_700_000_000_500})[partition]
        expect((found.offset, found.timestamp), (1, 1_700_000_001_000))
        expect(reader.offsets_for_times({partition: 1_800_000_000_000})[partition], None)
        expect(reader.end_offsets([partition])[partition], 2)
    finally:
        reader.close()


def idempotence():
    if IS_OLD:
        raise Skip("kafka-python 2.0.2 has no idempotent producer")
    name = topic()
    for i in range(3):
        send(name, b"%d" % i, {"enable_idempotence": True})
    expect([r.value for r in consume(name, 3)], [b"0", b"1", b"2"])


def admin():
    name = topic()
    client = kafka.KafkaAdminClient(bootstrap_servers=ADDRESS)
    try:
        client.create_topics([NewTopic(name, num_partitions=3, replication_factor=1)])
        deadline = time.monotonic() + WAIT_SECONDS
        while name not in client.list_topics() and time.monotonic() < deadline:
            pass
        expect(name in client.list_topics(), True)
        client.delete_topics([name])
    finally:
        client.close()


class GroupConsumer:
    def __init__(self, name, group):
        self.consumer = kafka.KafkaConsumer(name, bootstrap_servers=ADDRESS, group_id=group,
                                            enable_auto_commit=False,
                                            auto_offset_reset="earliest")

    def poll(self):
        return [r.value for records in self.consumer.poll(200).values() for r in records]

    def commit(self):
        self.consumer.commit()

    def assigned(self):
        return {place.partition for place in self.consumer.assignment()}

    def close(self):
        self.consumer.close()


class GroupClient:
    """For group_story.py. The two ages call the same things by other names."""

    def __init__(self):
        self.admin = kafka.KafkaAdminClient(bootstrap_servers=ADDRESS)

    def create_topic(self, name, partitions):
        self.admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])

    def send(self, name, batch):
        sender = producer()
        sent = [sender.send(name, value, partition=partition)
                for partition, values in batch.items() for value in values]
        for record in sent:
            record.get(WAIT_SECONDS)
        sender.close()

    def consumer(self, name, group):
        return GroupConsumer(name, group)

    def describe(self, group):
        if IS_OLD:
            found = self.admin.describe_consumer_groups([group])[0]
            return found.state.lower(), len(found.members)
        found = self.admin.describe_groups([group])[group]
        expect(found["error"], None)
        return found["group_state"].lower(), len(found["members"])

    def offsets(self, group, name):
        found = (self.admin.list_consumer_group_offsets(group) if IS_OLD
                 else self.admin.list_group_offsets({group: None})[group])
        return {place.partition: committed.offset for place, committed in found.items()
                if place.topic == name}

    def move(self, group, name, places):
        """By a consumer that is not a member, as the old admin client has no words for it."""
        mover = kafka.KafkaConsumer(bootstrap_servers=ADDRESS, group_id=group,
                                    enable_auto_commit=False)
        try:
            at = {kafka.TopicPartition(name, partition): offset_of(offset)
                  for partition, offset in places.items()}
            mover.assign(list(at))
            mover.commit(at)
        finally:
            mover.close()

    def delete(self, group):
        if IS_OLD:
            expect([error.errno for _, error in self.admin.delete_consumer_groups([group])], [0])
        else:
            expect(self.admin.delete_groups([group]), {group: "OK"})


def offset_of(offset):
    extra = () if IS_OLD else (-1,)
    return kafka.OffsetAndMetadata(offset, "", *extra)


def groups():
    return Stories(GroupClient(), "kafka-python").features()


run_all({"auto-create": auto_create, "produce": produce_and_consume,
         "consume": produce_and_consume, "headers": headers, "null key": null_key,
         "null value": null_value, "gzip": codec("gzip"), "snappy": codec("snappy"),
         "lz4": codec("lz4"), "zstd": codec("zstd"), "time look-up": time_lookup,
         "idempotence": idempotence, "admin": admin, **groups()},
        kafka.__version__)
