"""confluent-kafka: the newest librdkafka. Its consumer has assign, but wants a group's name in any
case; it never asks for the group's coordinator as long as nothing is committed."""
import sys
import uuid

from features import expect, run_all
from group_story import Stories

import confluent_kafka
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

ADDRESS = sys.argv[1]
WAIT_SECONDS = 20
BASE = {"bootstrap.servers": ADDRESS}


def topic():
    return f"confluent-{uuid.uuid4().hex[:12]}"


def send(name, records, **settings):
    """`records`: dicts for produce(). All must be acknowledged."""
    problems = []
    sender = Producer({**BASE, "acks": "all", **settings})
    for record in records:
        sender.produce(name, partition=0, on_delivery=lambda error, _: error and
                       problems.append(str(error)), **record)
    expect(sender.flush(WAIT_SECONDS), 0)
    expect(problems, [])


def consumer():
    return Consumer({**BASE, "group.id": "unused", "enable.auto.commit": False,
                     "auto.offset.reset": "earliest"})


def consume(name, count, offset=0):
    reader = consumer()
    reader.assign([TopicPartition(name, 0, offset)])
    found = []
    try:
        while len(found) < count:
            messages = reader.consume(count - len(found), WAIT_SECONDS)
            expect([str(m.error()) for m in messages if m.error()], [])
            expect(bool(messages), True)
            found += messages
        return found
    finally:
        reader.close()


def auto_create():
    name = topic()
    send(name, [{"value": b"first"}])
    expect([m.value() for m in consume(name, 1)], [b"first"])


def produce_and_consume():
    name = topic()
    send(name, [{"value": b"%d" % i} for i in range(5000)], **{"queue.buffering.max.messages": 9999})
    expect([m.value() for m in consume(name, 5000)], [b"%d" % i for i in range(5000)])
    expect(consume(name, 1, 2500)[0].offset(), 2500)


def headers():
    name = topic()
    sent = [("a", b"1"), ("a", b"2"), ("empty", b""), ("null", None)]
    send(name, [{"value": b"v", "headers": sent}])
    expect(consume(name, 1)[0].headers(), sent)


def null_key():
    name = topic()
    send(name, [{"value": b"v"}])
    expect(consume(name, 1)[0].key(), None)


def null_value():
    name = topic()
    send(name, [{"key": b"k", "value": None}])
    expect(consume(name, 1)[0].value(), None)


def codec(kind):
    def check():
        name = topic()
        send(name, [{"value": b"line %d" % i} for i in range(500)],
             **{"compression.type": kind, "linger.ms": 50})
        expect([m.value() for m in consume(name, 500)], [b"line %d" % i for i in range(500)])
    return check


def time_lookup():
    name = topic()
    send(name, [{"value": b"v", "timestamp": at} for at in (1_700_000_000_000, 1_700_000_001_000)])
    reader = consumer()
    try:
        found = reader.offsets_for_times([TopicPartition(name, 0, 1_700_000_000_500)], WAIT_SECONDS)
        expect(found[0].offset, 1)
        expect(reader.get_watermark_offsets(TopicPartition(name, 0), WAIT_SECONDS), (0, 2))
    finally:
        reader.close()


def idempotence():
    name = topic()
    send(name, [{"value": b"%d" % i} for i in range(1000)],
         **{"enable.idempotence": True, "batch.num.messages": 10})
    expect([m.value() for m in consume(name, 1000)], [b"%d" % i for i in range(1000)])


def admin():
    name = topic()
    client = AdminClient(BASE)
    client.create_topics([NewTopic(name, 3, 1)])[name].result(WAIT_SECONDS)
    expect(len(client.list_topics(name, WAIT_SECONDS).topics[name].partitions), 3)
    client.delete_topics([name])[name].result(WAIT_SECONDS)


class GroupConsumer:
    def __init__(self, name, group, protocol, instance=None):
        self.topic, self.changes = name, 0
        static = {"group.instance.id": instance} if instance else {}
        self.consumer = Consumer({**BASE, "group.id": group, "group.protocol": protocol, **static,
                                  "enable.auto.commit": False, "auto.offset.reset": "earliest"})
        self.consumer.subscribe([name], on_assign=self._changed, on_revoke=self._changed)

    def _changed(self, *_):
        self.changes += 1

    def poll(self):
        messages = self.consumer.consume(100, 0.2)
        expect([str(m.error()) for m in messages if m.error()], [])
        return [m.value() for m in messages]

    def commit(self):
        self.consumer.commit(asynchronous=False)

    def assigned(self):
        return {place.partition for place in self.consumer.assignment()}

    def close(self):
        self.consumer.close()


class GroupClient:
    """For group_story.py, under one of the two protocols."""

    def __init__(self, protocol):
        self.protocol = protocol
        self.admin = AdminClient(BASE)

    def create_topic(self, name, partitions):
        self.admin.create_topics([NewTopic(name, partitions, 1)])[name].result(WAIT_SECONDS)

    def send(self, name, batch):
        sender = Producer({**BASE, "acks": "all"})
        for partition, values in batch.items():
            for value in values:
                sender.produce(name, value, partition=partition)
        expect(sender.flush(WAIT_SECONDS), 0)

    def consumer(self, name, group, instance=None):
        return GroupConsumer(name, group, self.protocol, instance)

    def describe(self, group):
        found = self.admin.describe_consumer_groups([group])[group].result(WAIT_SECONDS)
        return found.state.name.lower(), len(found.members)

    def offsets(self, group, name):
        asked = [ConsumerGroupTopicPartitions(group)]
        found = self.admin.list_consumer_group_offsets(asked)[group].result(WAIT_SECONDS)
        return {place.partition: place.offset for place in found.topic_partitions
                if place.topic == name}

    def move(self, group, name, places):
        wanted = [TopicPartition(name, partition, offset) for partition, offset in places.items()]
        asked = [ConsumerGroupTopicPartitions(group, wanted)]
        self.admin.alter_consumer_group_offsets(asked)[group].result(WAIT_SECONDS)

    def delete(self, group):
        self.admin.delete_consumer_groups([group])[group].result(WAIT_SECONDS)


def groups():
    classic, new = (Stories(GroupClient(protocol), "confluent")
                    for protocol in ("classic", "consumer"))
    return {**classic.features(), "group static": classic.static,
            **new.features("new group"), "new group static": new.static}


run_all({"auto-create": auto_create, "produce": produce_and_consume,
         "consume": produce_and_consume, "headers": headers, "null key": null_key,
         "null value": null_value, "gzip": codec("gzip"), "snappy": codec("snappy"),
         "lz4": codec("lz4"), "zstd": codec("zstd"), "time look-up": time_lookup,
         "idempotence": idempotence, "admin": admin, **groups()},
        f"{confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}")
