"""A client that says whatever is well-formed, and sees whether the broker lives with it: each request is
answered in the form of its version, or waits for something; the connection may end, the broker not.

The same seed says the same again, but for ids that the broker gives and what clocks have a part in."""
import argparse
import collections
import contextlib
import select
import shutil
import struct
import sys

import case  # noqa: F401  (where the support of the tests is)
from broker import BUILD, Broker
from case import COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NONE, NOT_COORDINATOR
from draw import GROUP, GROUPS, OFFSETS_TOPIC, TOPIC, TOPICS, Draw, decode, encode, schemas, show
from patience import PATIENCE_MS, PATIENCE_SECONDS, until
from wire import Closed, Connection, Reader, raw_frame

LINES = 8  # connections, spoken on in turn: some on each core
WAITING = ("Fetch", "JoinGroup", "SyncGroup")  # are answered when there is something to say
# Asked for more often than the others: what they say depends on what was said before.
STORIES = ("Produce", "Fetch", "Metadata", "OffsetCommit", "Heartbeat", "SyncGroup", "SyncGroup",
           "CreateTopics", "IncrementalAlterConfigs", "InitProducerId") + (
               "JoinGroup", "ConsumerGroupHeartbeat") * 3
# Groups are small, so that they get around to things, and who keeps silent is soon out.
SETTINGS = {"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": str(len(GROUPS)),
            "log.segment.bytes": str(1 << 20), "group.min.session.timeout.ms": "0", "group.max.size": "6",
            "group.consumer.max.size": "4", "group.consumer.min.session.timeout.ms": "1",
            "group.consumer.session.timeout.ms": "300", "group.consumer.min.heartbeat.interval.ms": "1",
            "group.consumer.heartbeat.interval.ms": "100"}
PROVIDED_EVERY, MISSED_FOR = 100, 20  # requests: all, and topics that were deleted
PLACES_SHOWN = 5
NOT_YET = (COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR)

Api = collections.namedtuple("Api", "title key request response first last")


class Trouble(Exception):
    """The broker has ended, or it does not answer, or not as it should."""


class Asked:
    """One request."""

    def __init__(self, number, line, api, version, values):
        self.number, self.line, self.api, self.version, self.values = number, line, api, version, values

    def frame(self):
        is_flexible = self.version in self.api.request.flexible
        header = struct.pack(">hhih", self.api.key, self.version, self.number, -1)
        return raw_frame(header + b"\0" * is_flexible
                         + encode(self.api.request, self.version, self.values))

    def has_answer(self):
        return self.api.title != "Produce" or self.values["acks"] != 0

    def may_wait(self):
        return self.api.title in WAITING

    def read(self, frame):
        """What the answer says; all of its bytes must be used."""
        reader = Reader(frame)
        assert reader.number(">i") == self.number, "an answer to something else"
        if self.version in self.api.response.flexible and self.api.title != "ApiVersions":
            assert reader.uvarint() == 0, "tags in a response header"
        values = decode(self.api.response, self.version, reader)
        assert reader.remaining() == 0, f"{reader.remaining()} bytes too many"
        return values

    def __str__(self):
        return f"{self.number} on {self.line}: {self.api.title} v{self.version} {show(self.values)}"


def errors(answer):
    """All error codes in it."""
    for name, value in answer.items():
        if name == "error_code":
            yield value
        for inner in value if isinstance(value, list) else ():
            if isinstance(inner, dict):
                yield from errors(inner)


class Line:
    """A connection, and what is unanswered on it, oldest first."""

    def __init__(self, broker):
        self.connection = Connection(broker.host, broker.port)
        self.open = []

    def has_news(self):
        return bool(select.select([self.connection.socket], [], [], 0)[0])

    def is_awaited(self):
        """An answer comes of its own accord, and soon."""
        return bool(self.open) and not any(asked.may_wait() for asked in self.open)


class Stranger:
    def __init__(self, broker, draw):
        self.broker, self.draw = broker, draw
        self.said = []  # in words
        self.lines = [None] * LINES
        self.answered, self.went_well = collections.Counter(), collections.Counter()
        self.closed_count, self.is_provided = 0, False

    def meet(self):
        """All that the broker offers must have a schema here."""
        known = {s.api.key: s for s in schemas("protocol/messages/[0-9]*.msg")}
        self.apis = {}
        with self.honest() as connection:
            for offer in connection.call("ApiVersions", 2)["apis"]:
                request, response = known[offer["key"]].messages
                title = known[offer["key"]].api.title
                first = max(offer["min"], request.versions.first)  # Produce is said to begin at 0
                self.apis[title] = Api(title, offer["key"], request, response, first, offer["max"])
        self.provide()
        self.draw.settings = self.settings()
        self.choice = (*self.apis, *STORIES)

    def settings(self):
        """What can be set to some effect: {type of resource: {name: (type, value)}}."""
        with self.watched(), self.honest() as connection:
            answer = connection.call("DescribeConfigs", 4, resources=[
                {"type": TOPIC, "name": TOPICS[0], "keys": None},
                {"type": GROUP, "name": GROUPS[0], "keys": None}], include_documentation=True)
        return {result["type"]: {one["name"]: (one["type"], one["value"]) for one in result["configs"]
                                 if "has no effect" not in one["documentation"]}
                for result in answer["results"]}

    def provide(self):
        """The topics are there, again, and the groups' topic with them. Topics and groups are set as at
        first, but for the groups' topic."""
        self.is_provided = True
        with self.watched(), self.honest() as connection:
            for name in TOPICS[:2]:
                self.draw.memory.learn("CreateTopics", {}, connection.call(
                    "CreateTopics", 7, timeout_ms=PATIENCE_MS,
                    topics=[{"name": name, "num_partitions": 3, "replication_factor": 1}]), None)
            connection.call("AlterConfigs", 2, resources=[
                *({"type": TOPIC, "name": name, "configs": []} for name in TOPICS[:2]),
                *({"type": GROUP, "name": name, "configs": []} for name in GROUPS)])
        self.await_coordinators()

    def provide_offsets(self):
        """So is that: not before a crash, because only who opens a partition looks at some settings."""
        with self.watched(), self.honest() as connection:
            connection.call("AlterConfigs", 2, resources=[
                {"type": TOPIC, "name": OFFSETS_TOPIC,
                 "configs": [{"name": "cleanup.policy", "value": "compact"}]}])

    def honest(self):
        return Connection(self.broker.host, self.broker.port)

    def await_coordinators(self):
        """Each partition of the groups' topic is loaded, or says what else is the matter."""
        with self.watched(), self.honest() as connection:
            for group in GROUPS:
                until(lambda error: error not in NOT_YET, lambda: self._group_error(connection, group))

    @staticmethod
    def _group_error(connection, group):
        found = connection.call("FindCoordinator", 4, key_type=0, keys=[group])
        beat = connection.call("Heartbeat", 4, group=group, generation=1, member="none", instance=None)
        return found["coordinators"][0]["error"] or beat["error"]

    @contextlib.contextmanager
    def watched(self):
        """Whoever loses the connection in here has lost the broker."""
        try:
            yield
        except TimeoutError:
            raise Trouble(f"no answer within {PATIENCE_SECONDS} s") from None
        except (Closed, OSError):
            self._must_live()
            raise

    def _must_live(self):
        """A lost connection is nothing; a broker that has ended is."""
        try:
            with self.honest() as connection:
                connection.call("ApiVersions", 0)
        except TimeoutError:
            raise Trouble(f"nobody is answered within {PATIENCE_SECONDS} s") from None
        except (Closed, OSError):
            status = self.broker.process.wait(PATIENCE_SECONDS)
            raise Trouble(f"the broker has ended with {status}") from None

    def say(self, number):
        """Draws the next request, sends it on the line whose turn it is, and takes the answer, unless
        that may be long in coming."""
        if number % PROVIDED_EVERY == 0 or (number % MISSED_FOR == 0 and not self.is_provided):
            self.provide()
        draw = self.draw
        draw.begin("request", number)
        is_patient, is_usual, line = draw.is_so(0.3), draw.is_so(0.7), self._line(number)
        draw.memory.waiting = {asked.values.get("member_id", "") for asked in self._open()}
        api = self.apis[draw.one_of(self.choice)]
        version = api.first + draw.below(api.last - api.first + 1)
        values = (draw.usual_message if is_usual else draw.message)(
            api.request, version, api.title, line)
        asked = Asked(number, line, api, version, values)
        if self.lines[line] and self.lines[line].open and not is_patient:
            self._hang_up(line)
        self.note(asked)
        self._send(asked)
        while self.lines[line] and self.lines[line].is_awaited():
            self._take(line)

    def _line(self, number):
        """That whose turn it is, or else one that waits for nothing, if there is."""
        self._collect()
        return next((line % LINES for line in range(number, number + LINES)
                     if not (self.lines[line % LINES] and self.lines[line % LINES].open)), number % LINES)

    def note(self, what):
        self.said.append(str(what))

    def _send(self, asked):
        with self._lively(asked.line):
            if self.lines[asked.line] is None:
                self.lines[asked.line] = Line(self.broker)
            if asked.has_answer():
                self.lines[asked.line].open.append(asked)
            self.lines[asked.line].connection.send_bytes(asked.frame())

    @contextlib.contextmanager
    def _lively(self, line):
        """In here the broker may close the connection, if it goes on living."""
        try:
            with self.watched():
                yield
        except (Closed, OSError):
            self.closed_count += 1
            self._hang_up(line)

    def _take(self, line):
        with self._lively(line):
            frame = self.lines[line].connection.receive_frame()
            asked = self.lines[line].open.pop(0)
            try:
                answer = asked.read(frame)
                self.draw.learn(answer)
                self.draw.memory.learn(asked.api.title, asked.values, answer, line)
            except (AssertionError, EOFError, KeyError) as wrong:
                raise Trouble(f"not an answer to {asked}: {wrong!r}\n{frame.hex()}") from wrong
            self._count(asked.api.title, set(errors(answer)))

    def _count(self, title, codes):
        self.answered[title] += 1
        self.went_well[title] += codes == {NONE}
        if title == "DeleteTopics" and NONE in codes:
            self.is_provided = False

    def _collect(self):
        """What was long in coming and is there now."""
        for line in range(LINES):
            while self.lines[line] and self.lines[line].open and self.lines[line].has_news():
                self._take(line)

    def _hang_up(self, line):
        if self.lines[line]:
            self.lines[line].connection.close()
        self.lines[line] = None

    def hang_up(self):
        for line in range(LINES):
            self._hang_up(line)

    def crash(self):
        """Kills the broker; it starts on what there is, and loads it."""
        self.hang_up()
        self.broker.kill()
        self.note("--- killed and started")
        try:
            self.broker.start()
        except RuntimeError as trouble:
            raise Trouble(str(trouble)) from None
        self.await_coordinators()
        self.provide_offsets()

    def _open(self):
        return [asked for line in self.lines if line for asked in line.open]

    def unanswered(self):
        return [str(asked) for asked in self._open()]


def begin(seed):
    """A stranger before a broker of its own, on one core, two or three."""
    return Stranger(Broker({**SETTINGS, "tailrace.cores": str(1 + seed % 3)}).start(), Draw(seed))


@contextlib.contextmanager
def kept(stranger, name):
    """In the end the broker is stopped. If anything was wrong, what it has on disk, what it logged and
    what it was asked stay."""
    broker = stranger.broker
    try:
        yield
        stranger.hang_up()
        status = broker.stop()
        if status != 0:
            raise Trouble(f"the broker was asked to stop and has ended with {status}")
    except (Trouble, AssertionError, RuntimeError, OSError, Closed) as trouble:
        broker.kill()
        folder = BUILD / "kept" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.move(broker.folder / "data", folder / "data")
        (folder / "broker.log").write_text("".join(broker.log))
        (folder / "asked.txt").write_text("\n".join(stranger.said) + "\n")
        raise AssertionError("\n".join((
            f"{trouble}", "its log ends:", "".join(broker.log[-12:]).rstrip(),
            "unanswered:", *stranger.unanswered(),
            "last:", *stranger.said[-PLACES_SHOWN:],
            f"data, log and everything that was asked: {folder}"))) from trouble
    finally:
        stranger.hang_up()
        broker.close()


def options(document, **numbers):
    """What the command line says instead of these numbers, and leaves to unittest."""
    parser = argparse.ArgumentParser(description=document.split("\n\n", maxsplit=1)[0])
    for name, number in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    found, rest = parser.parse_known_args()
    return found, [sys.argv[0], *rest]
