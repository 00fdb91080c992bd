"""A member of a living group (life_history.py): kafka-python, old and new."""
from life_member import SESSION_MS, Loop, Refused, words

import kafka
from kafka.errors import KafkaError

LOOP = Loop()
WAIT_MS = 100
IS_OLD = kafka.__version__.startswith("2.0.")


def numbers(places):
    return [place.partition for place in places]


class Listener(kafka.ConsumerRebalanceListener):
    """Of the old one, which says revoked also for what is lost."""

    def __init__(self, member):
        self.member = member

    def on_partitions_revoked(self, revoked):
        LOOP.commit(self.member.commit)
        LOOP.gone("revoked", numbers(revoked))

    def on_partitions_assigned(self, assigned):
        LOOP.assigned(numbers(assigned))


class AsyncListener(getattr(kafka, "AsyncConsumerRebalanceListener", object)):
    """Of the new one, which lets nobody block here."""

    def __init__(self, member):
        self.member = member

    async def on_partitions_revoked(self, revoked):
        offsets = LOOP.take()
        try:
            if offsets:
                await self.member.consumer.commit_async(self.member.places(offsets))
                LOOP.acknowledged(offsets)
        except KafkaError as problem:
            LOOP.refused(problem)
        LOOP.gone("revoked", numbers(revoked))

    async def on_partitions_lost(self, lost):
        LOOP.gone("lost", numbers(lost))

    async def on_partitions_assigned(self, assigned):
        LOOP.assigned(numbers(assigned))


class Member:
    def __init__(self, asked):
        self.topic = asked.topic
        self.consumer = kafka.KafkaConsumer(
            bootstrap_servers=asked.bootstrap, group_id=asked.group, client_id=asked.name,
            enable_auto_commit=False, auto_offset_reset="earliest",
            session_timeout_ms=SESSION_MS, heartbeat_interval_ms=1000)
        self.consumer.subscribe([asked.topic], listener=(Listener if IS_OLD else AsyncListener)(self))

    def poll(self):
        return {place.partition: [record.offset for record in records]
                for place, records in self.consumer.poll(WAIT_MS).items()}

    def places(self, offsets):
        extra = () if IS_OLD else (-1,)
        return {kafka.TopicPartition(self.topic, partition):
                kafka.OffsetAndMetadata(offset, "", *extra)
                for partition, offset in offsets.items()}

    def commit(self, offsets):
        try:
            self.consumer.commit(self.places(offsets))
        except KafkaError as problem:
            raise Refused(repr(problem)) from None

    def leave(self):
        self.consumer.close()


LOOP.run(Member(words()))
