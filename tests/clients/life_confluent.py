"""A member of a living group (life_history.py): librdkafka, through confluent-kafka."""
from life_member import SESSION_MS, Loop, Refused, words

from confluent_kafka import Consumer, KafkaException, TopicPartition

LOOP = Loop()
WAIT_SECONDS = 0.1
CALL_SECONDS = 10
POLL_MAX = 500


def numbers(places):
    return [place.partition for place in places]


class Member:
    def __init__(self, asked):
        self.topic = asked.topic
        settings = {"bootstrap.servers": asked.bootstrap, "group.id": asked.group,
                    "client.id": asked.name, "group.protocol": asked.protocol,
                    "enable.auto.commit": False, "auto.offset.reset": "earliest",
                    "reconnect.backoff.max.ms": 500}
        if asked.protocol == "classic":
            settings["session.timeout.ms"] = SESSION_MS
        self.consumer = Consumer(settings)
        self.consumer.subscribe([asked.topic], on_assign=self.assigned, on_revoke=self.revoked,
                                on_lost=self.lost)

    def assigned(self, consumer, places):
        try:
            answered = consumer.committed(places, timeout=CALL_SECONDS)
        except KafkaException:
            LOOP.assigned(numbers(places))
            return
        LOOP.assigned(numbers(places), positions={
            place.partition: max(place.offset, -1) for place in answered if place.error is None})

    def revoked(self, _, places):
        LOOP.commit(self.commit)
        LOOP.gone("revoked", numbers(places))

    def lost(self, _, places):
        LOOP.gone("lost", numbers(places))

    def poll(self):
        found = {}
        for message in self.consumer.consume(POLL_MAX, WAIT_SECONDS):
            if message.error() is None:
                found.setdefault(message.partition(), []).append(message.offset())
        return found

    def commit(self, offsets):
        try:
            done = self.consumer.commit(asynchronous=False, offsets=[
                TopicPartition(self.topic, partition, offset)
                for partition, offset in offsets.items()])
        except KafkaException as problem:
            raise Refused(str(problem)) from None
        errors = [str(place.error) for place in done if place.error]
        if errors:
            raise Refused(errors[0])

    def leave(self):
        self.consumer.close()


LOOP.run(Member(words()))
