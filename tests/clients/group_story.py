"""What a group of consumers must do, told once for every client that is driven from Python.

A client's program hands in an object with
    create_topic(name, partitions)
    send(name, {partition: [bytes]})
    consumer(topic, group)      one member: poll() gives [bytes] and waits for a moment at most,
                                commit() is for all that poll gave, assigned() is a set of
                                partition numbers, close() leaves the group; used by one thread
    describe(group)             (state, number of members)
    offsets(group, topic)       {partition: committed offset}
    move(group, topic, {partition: offset})
    delete(group)
and Skip is raised by what the client cannot do. One that knows static members also has
    consumer(topic, group, instance), whose `changes` counts how often partitions came or went
"""
import threading
import uuid

from features import expect

WAIT_SECONDS = 40


class Member(threading.Thread):
    """One consumer that polls and commits in a thread of its own, until close: joining waits for
    the other members, and some clients join inside poll."""

    def __init__(self, consumer):
        super().__init__(daemon=True)
        self.consumer = consumer
        self.values = []
        self.assigned = set()
        self.problem = None
        self._stopping = threading.Event()
        self._turned = threading.Condition()
        self.start()

    def run(self):
        try:
            while not self._stopping.is_set():
                found = self.consumer.poll()
                if found:
                    self.consumer.commit()
                with self._turned:
                    self.values += found
                    self.assigned = set(self.consumer.assigned())
                    self._turned.notify_all()
            self.consumer.close()
        except Exception as problem:  # it belongs to the thread that waits
            with self._turned:
                self.problem = problem
                self._turned.notify_all()

    def wait_for(self, what, is_so):
        with self._turned:
            came = self._turned.wait_for(lambda: self.problem or is_so(), WAIT_SECONDS)
        if self.problem:
            raise self.problem
        if not came:
            raise TimeoutError(f"{what}: has {sorted(self.assigned)} and {len(self.values)} records")

    def stop(self):
        """It ends soon."""
        self._stopping.set()

    def close(self):
        self.stop()
        self.join(WAIT_SECONDS)
        if self.problem:
            raise self.problem
        expect(self.is_alive(), False)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        self.stop()


class Stories:
    def __init__(self, client, prefix):
        self.client, self.prefix = client, prefix

    def begin(self, partitions):
        """(topic, group, a function that sends `count` new records to each partition)"""
        topic = f"{self.prefix}-{uuid.uuid4().hex[:12]}"
        self.client.create_topic(topic, partitions)
        sent = []

        def send(count):
            batch = {p: [b"%d of %d" % (len(sent) + i, p) for i in range(count)]
                     for p in range(partitions)}
            sent.extend(range(count))
            self.client.send(topic, batch)
            return sorted(value for values in batch.values() for value in values)

        return topic, f"group-of-{topic}", send

    def member(self, topic, group, *instance):
        return Member(self.client.consumer(topic, group, *instance))

    def read(self, topic, group, wanted):
        """A member reads these values and no others, and leaves."""
        with self.member(topic, group) as member:
            member.wait_for("reading", lambda: len(member.values) >= len(wanted))
        expect(sorted(member.values), wanted)

    def consume(self):
        topic, group, send = self.begin(2)
        self.read(topic, group, send(50))

    def restart(self):
        """The next member goes on behind the last committed record."""
        topic, group, send = self.begin(2)
        self.read(topic, group, send(30))
        self.read(topic, group, send(20))
        self.read(topic, group, send(10))

    def rebalance(self):
        """One member, two, one: what is sent meanwhile is read once, by a partition's owner."""
        topic, group, send = self.begin(4)
        with self.member(topic, group) as first:
            wanted = send(10)
            first.wait_for("alone", lambda: len(first.values) >= 40)
            expect(first.assigned, {0, 1, 2, 3})
            with self.member(topic, group) as second:
                second.wait_for("joining", lambda: len(second.assigned) == 2)
                first.wait_for("sharing", lambda: len(first.assigned) == 2)
                expect(first.assigned | second.assigned, {0, 1, 2, 3})
                wanted += send(10)
                first.wait_for("reading half", lambda: len(first.values) >= 60)
                second.wait_for("reading half", lambda: len(second.values) >= 20)
            first.wait_for("alone again", lambda: len(first.assigned) == 4)
            wanted += send(10)
            first.wait_for("reading all", lambda: len(first.values) >= 100)
        expect(sorted(first.values + second.values), sorted(wanted))

    def describe(self):
        topic, group, send = self.begin(1)
        with self.member(topic, group) as member:
            wanted = send(5)
            member.wait_for("reading", lambda: len(member.values) >= len(wanted))
            expect(self.client.describe(group), ("stable", 1))
        expect(self.client.describe(group), ("empty", 0))

    def offsets(self):
        """Committed offsets are seen, can be moved, and a member goes on from there."""
        topic, group, send = self.begin(2)
        wanted = send(20)
        self.read(topic, group, wanted)
        expect(self.client.offsets(group, topic), {0: 20, 1: 20})
        self.client.move(group, topic, {0: 5})
        expect(self.client.offsets(group, topic), {0: 5, 1: 20})
        again = sorted(b"%d of 0" % i for i in range(5, 20))
        self.read(topic, group, again)

    def delete(self):
        topic, group, send = self.begin(1)
        self.read(topic, group, send(5))
        self.client.delete(group)
        expect(self.client.offsets(group, topic), {})

    def static(self):
        """Three members restart one after the other: each finds its partition again, and nobody
        else is given or loses anything."""
        topic, group, send = self.begin(3)
        members = [self.member(topic, group, f"place-{n}") for n in range(3)]
        try:
            self.restart_each(topic, group, send, members)
        finally:
            for member in members:
                member.stop()
        for member in members:
            member.close()
        expect(self.client.offsets(group, topic), dict.fromkeys(range(3), 15))

    def restart_each(self, topic, group, send, members):
        for member in members:
            member.wait_for("sharing", lambda member=member: len(member.assigned) == 1)
        shares = [member.assigned for member in members]
        expect(set.union(*shares), {0, 1, 2})
        for n in range(3):
            others = [member for member in members if member is not members[n]]
            before = [member.consumer.changes for member in others]
            members[n].close()
            members[n] = self.member(topic, group, f"place-{n}")
            members[n].wait_for("returning", lambda: members[n].assigned == shares[n])
            wanted = [len(member.values) + 5 for member in members]
            send(5)
            for member, count in zip(members, wanted):
                member.wait_for("reading", lambda member=member, count=count:
                                len(member.values) >= count)
            expect([member.consumer.changes for member in others], before)

    def features(self, kind="group"):
        return {kind: self.consume, f"{kind} restart": self.restart,
                f"{kind} rebalance": self.rebalance, f"{kind} describe": self.describe,
                f"{kind} offsets": self.offsets, f"{kind} delete": self.delete}
