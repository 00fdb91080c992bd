"""aiokafka. Every consumer has an event loop of its own, that turns while somebody polls."""
import asyncio
import sys
import uuid

from features import Skip, expect, run_all
from group_story import Stories

import aiokafka
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

ADDRESS = sys.argv[1]
WAIT_SECONDS = 20
WAIT_MS = 200


def topic():
    return f"aiokafka-{uuid.uuid4().hex[:12]}"


async def send_all(name, records, settings):
    sender = aiokafka.AIOKafkaProducer(bootstrap_servers=ADDRESS, acks="all", **settings)
    await sender.start()
    try:
        sent = [await sender.send(name, **{"partition": 0, **record}) for record in records]
        await asyncio.wait_for(asyncio.gather(*sent), WAIT_SECONDS)
    finally:
        await sender.stop()


def send(name, records, **settings):
    """`records`: dicts for send(). All must be acknowledged."""
    asyncio.run(send_all(name, records, settings))


async def read_all(name, count, seek):
    reader = aiokafka.AIOKafkaConsumer(bootstrap_servers=ADDRESS, auto_offset_reset="earliest")
    await reader.start()
    try:
        partition = aiokafka.TopicPartition(name, 0)
        reader.assign([partition])
        if seek is not None:
            reader.seek(partition, seek)
        return [await asyncio.wait_for(reader.getone(), WAIT_SECONDS) for _ in range(count)]
    finally:
        await reader.stop()


def consume(name, count, seek=None):
    return asyncio.run(read_all(name, count, seek))


def auto_create():
    name = topic()
    send(name, [{"value": b"first"}])
    expect([r.value for r in consume(name, 1)], [b"first"])


def produce_and_consume():
    name = topic()
    send(name, [{"value": b"%d" % i} for i in range(1000)])
    expect([r.value for r in consume(name, 1000)], [b"%d" % i for i in range(1000)])
    expect(consume(name, 1, 500)[0].offset, 500)


def headers():
    name = topic()
    sent = [("a", b"1"), ("a", b"2"), ("empty", b"")]
    send(name, [{"value": b"v", "headers": sent}])
    expect(list(consume(name, 1)[0].headers), sent)


def null_key():
    name = topic()
    send(name, [{"value": b"v"}])
    expect(consume(name, 1)[0].key, None)


def null_value():
    name = topic()
    send(name, [{"key": b"k", "value": None}])
    record = consume(name, 1)[0]
    expect((record.key, record.value), (b"k", None))


def codec(kind):
    def check():
        name = topic()
        send(name, [{"value": b"line %d" % i} for i in range(200)], compression_type=kind,
             linger_ms=50)
        expect([r.value for r in consume(name, 200)], [b"line %d" % i for i in range(200)])
    return check


async def look_up(name):
    reader = aiokafka.AIOKafkaConsumer(bootstrap_servers=ADDRESS)
    await reader.start()
    try:
        partition = aiokafka.TopicPartition(name, 0)
        found = await reader.offsets_for_times({partition: 1_700_000_000_500})
        return found[partition].offset, (await reader.end_offsets([partition]))[partition]
    finally:
        await reader.stop()


def time_lookup():
    name = topic()
    for at in (1_700_000_000_000, 1_700_000_001_000):
        send(name, [{"value": b"v", "timestamp_ms": at}])
    expect(asyncio.run(look_up(name)), (1, 2))


def idempotence():
    name = topic()
    send(name, [{"value": b"%d" % i} for i in range(300)], enable_idempotence=True)
    expect([r.value for r in consume(name, 300)], [b"%d" % i for i in range(300)])


def with_admin(action):
    async def run():
        client = AIOKafkaAdminClient(bootstrap_servers=ADDRESS)
        await client.start()
        try:
            return await asyncio.wait_for(action(client), WAIT_SECONDS)
        finally:
            await client.close()
    return asyncio.run(run())


def create_topic(name, partitions):
    with_admin(lambda client: client.create_topics([NewTopic(name, partitions, 1)]))


def admin():
    name = topic()
    create_topic(name, 3)
    found = with_admin(lambda client: client.describe_topics([name]))[0]
    expect(len(found["partitions"]), 3)
    with_admin(lambda client: client.delete_topics([name]))


class GroupConsumer:
    def __init__(self, name, group):
        self.topic, self.group = name, group
        self.loop = self.consumer = None

    def poll(self):
        if self.loop is None:
            self.loop = asyncio.new_event_loop()
            self.loop.run_until_complete(self._start())
        found = self._run(self.consumer.getmany(timeout_ms=WAIT_MS))
        return [record.value for records in found.values() for record in records]

    async def _start(self):
        self.consumer = aiokafka.AIOKafkaConsumer(
            self.topic, bootstrap_servers=ADDRESS, group_id=self.group, enable_auto_commit=False,
            auto_offset_reset="earliest")
        await self.consumer.start()

    def _run(self, wish):
        return self.loop.run_until_complete(asyncio.wait_for(wish, WAIT_SECONDS))

    def commit(self):
        self._run(self.consumer.commit())

    def assigned(self):
        return {place.partition for place in self.consumer.assignment()}

    def close(self):
        self._run(self.consumer.stop())
        self.loop.close()


class GroupClient:
    """For group_story.py."""

    create_topic = staticmethod(create_topic)
    consumer = GroupConsumer

    def send(self, name, batch):
        send(name, [{"value": value, "partition": partition}
                    for partition, values in batch.items() for value in values])

    def describe(self, group):
        answers = with_admin(lambda client: client.describe_consumer_groups([group]))
        _, _, state, _, _, members, *_ = answers[0].groups[0]
        return state.lower(), len(members)

    def offsets(self, group, name):
        found = with_admin(lambda client: client.list_consumer_group_offsets(group))
        return {place.partition: committed.offset for place, committed in found.items()
                if place.topic == name}

    def move(self, group, name, places):
        async def run():
            mover = aiokafka.AIOKafkaConsumer(bootstrap_servers=ADDRESS, group_id=group,
                                              enable_auto_commit=False)
            await mover.start()
            try:
                at = {aiokafka.TopicPartition(name, partition): offset
                      for partition, offset in places.items()}
                mover.assign(list(at))
                await mover.commit(at)
            finally:
                await mover.stop()
        asyncio.run(run())

    def delete(self, _):
        raise Skip("aiokafka does not delete groups")


run_all({"auto-create": auto_create, "produce": produce_and_consume,
         "consume": produce_and_consume, "headers": headers, "null key": null_key,
         "null value": null_value, "gzip": codec("gzip"), "snappy": codec("snappy"),
         "lz4": codec("lz4"), "zstd": codec("zstd"), "time look-up": time_lookup,
         "idempotence": idempotence, "admin": admin,
         **Stories(GroupClient(), "aiokafka").features()}, aiokafka.__version__)
