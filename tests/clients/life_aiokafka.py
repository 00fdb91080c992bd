"""A member of a living group (life_history.py): aiokafka. Its event loop turns while somebody polls."""
import asyncio

from life_member import SESSION_MS, Loop, Refused, words

import aiokafka
from aiokafka.errors import KafkaError

LOOP = Loop()
WAIT_MS = 100


def numbers(places):
    return [place.partition for place in places]


class Listener(aiokafka.ConsumerRebalanceListener):
    def __init__(self, member):
        self.member = member

    async def on_partitions_revoked(self, revoked):
        offsets = LOOP.take()
        try:
            if offsets:
                await self.member.send_commit(offsets)
                LOOP.acknowledged(offsets)
        except Refused as problem:
            LOOP.refused(problem)
        LOOP.gone("revoked", numbers(revoked))

    async def on_partitions_assigned(self, assigned):
        LOOP.assigned(numbers(assigned))


class Member:
    def __init__(self, asked):
        self.topic = asked.topic
        self.turns = asyncio.new_event_loop()
        self.turns.run_until_complete(self._start(asked))

    async def _start(self, asked):
        self.consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=asked.bootstrap, group_id=asked.group, client_id=asked.name,
            enable_auto_commit=False, auto_offset_reset="earliest",
            session_timeout_ms=SESSION_MS, heartbeat_interval_ms=1000)
        self.consumer.subscribe([asked.topic], listener=Listener(self))
        await self.consumer.start()

    def poll(self):
        found = self.turns.run_until_complete(self.consumer.getmany(timeout_ms=WAIT_MS))
        return {place.partition: [record.offset for record in records]
                for place, records in found.items()}

    async def send_commit(self, offsets):
        try:
            await self.consumer.commit({aiokafka.TopicPartition(self.topic, partition): offset
                                        for partition, offset in offsets.items()})
        except KafkaError as problem:
            raise Refused(repr(problem)) from None

    def commit(self, offsets):
        self.turns.run_until_complete(self.send_commit(offsets))

    def leave(self):
        self.turns.run_until_complete(self.consumer.stop())
        self.turns.close()


LOOP.run(Member(words()))
