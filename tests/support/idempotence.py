"""The rows of docs/idempotence.md: what an idempotent producer may be told, how it is brought about
with a real client, and what the client makes of it.

Each row is one run of a client (tests/e2e/numbers.c is one) that sends the records 0, 1, 2 ... to one
partition, each in a batch of its own, through a proxy that does something when TURN comes by. A row
holds if nothing is lost of what the client said was delivered, nothing is stored twice or out of
order, and what the client did is what the page says.
"""
import collections
import contextlib
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "wire")]

import batch as batches  # noqa: E402
from broker import BUILD, Broker  # noqa: E402
from patience import PATIENCE_MS, PATIENCE_SECONDS  # noqa: E402
from proxy import Proxy  # noqa: E402
from wire import Connection  # noqa: E402

COUNT, TURN, SPELL, IN_FLIGHT = 40, b"4", 20, 5
SILENCE_SECONDS_MAX = 2 * PATIENCE_SECONDS  # of a client, longer than what it may be waiting for
PRODUCE_IDS_SINCE = 13
NUMBERS = BUILD / "tests" / "e2e" / "e2e_numbers"

Row = collections.namedtuple("Row", "code when how rule settings", defaults=({},))


class Scene:
    """A broker behind a proxy, and a topic for each run."""

    def __init__(self, settings=None):
        self.proxy = Proxy()
        self.broker = Broker({"advertised.listeners": f"PLAINTEXT://{self.proxy.address}",
                              **(settings or {})}).start()
        self.proxy.lead_to(self.broker.host, self.broker.port)
        self.count = 0
        self.topic, self.lied, self.is_left_out = "", set(), False

    def close(self):
        self.proxy.close()
        self.broker.close()

    def call(self, api, version, **fields):
        with Connection(self.broker.host, self.broker.port) as connection:
            return connection.call(api, version, **fields)

    def begin(self):
        self.count += 1
        self.lied = set()  # records that the client believes to be stored and that are not
        self.is_left_out = False
        self.topic = f"numbers-{self.count}"
        self.call("CreateTopics", 7, timeout_ms=PATIENCE_MS, topics=[
            {"name": self.topic, "num_partitions": 1, "replication_factor": 1}])

    def set(self, name, value):
        self.call("IncrementalAlterConfigs", 1, resources=[
            {"type": 2, "name": self.topic,
             "configs": [{"name": name, "operation": 0 if value else 1, "value": value}]}])

    def delete_all(self):
        self.call("DeleteRecords", 2, timeout_ms=PATIENCE_MS, topics=[
            {"name": self.topic, "partitions": [{"partition": 0, "offset": -1}]}])

    def append(self, records):
        answer = self.call("Produce", 9, acks=-1, timeout_ms=PATIENCE_MS, topics=[
            {"name": self.topic, "partitions": [{"index": 0, "records": records}]}])
        assert answer["topics"][0]["partitions"][0]["error"] == 0, answer

    def crowd_out(self):
        """Somebody else writes, who takes the only place there is."""
        self.append(batches.batch([b"other"], producer_id=1 << 40, producer_epoch=0, sequence=0))

    def restart(self):
        self.broker.kill()
        self.broker.start()

    def stored(self):
        """All batches that can be read."""
        answer = self.call("Fetch", 12, max_wait_ms=0, min_bytes=1, max_bytes=1 << 20, replica_id=-1,
                           session_id=0, session_epoch=-1, topics=[{
                               "name": self.topic, "partitions": [{
                                   "partition": 0, "fetch_offset": self.start(),
                                   "partition_max_bytes": 1 << 20, "log_start_offset": -1,
                                   "current_leader_epoch": -1, "last_fetched_epoch": -1}]}])
        return batches.batches(answer["topics"][0]["partitions"][0]["records"] or b"")

    def start(self):
        answer = self.call("ListOffsets", 8, replica_id=-1, topics=[{
            "name": self.topic, "partitions": [
                {"index": 0, "timestamp": -2, "current_leader_epoch": -1}]}])
        return answer["topics"][0]["partitions"][0]["offset"]


# --- What the proxy does ---------------------------------------------------------------------------


def once(verb):
    """Calls verb(scene, request) for the first request that carries TURN."""
    def rule(scene):
        seen = []

        def decide(request):
            if seen or request.name != "Produce" or TURN not in request.values:
                return False
            seen.append(request)
            verb(scene, request)
            return True
        return decide
    return rule


def spell(verb, begin=lambda scene: None, end=lambda scene: None):
    """verb(request) for all batches from TURN on, until TURN is repeated; or, with a client that
    does not repeat it, for SPELL requests."""
    def rule(scene):
        held, is_over = [], []

        def decide(request):
            is_turn = request.name == "Produce" and TURN in request.values
            if is_over or request.name != "Produce" or not (held or is_turn):
                return False
            if held and (is_turn or len(held) == SPELL):
                request.wait_for_answers()
                is_over.append(True)
                end(scene)
                return False
            if not held:
                request.wait_for_answers()
                begin(scene)
            held.append(request)
            verb(request)
            return True
        return decide
    return rule


def first_of_many_refused(code):
    """TURN waits until as many batches as the client may have in flight are there, or until it comes
    again; it alone is refused. A client that sends one after the other is left out."""
    def rule(scene):
        held, lock = [], threading.Lock()

        def let_go():
            with lock:
                if len(held) == IN_FLIGHT:
                    return
                scene.is_left_out = len(held) == 1
                pass_on_all()

        def pass_on_all():
            with contextlib.suppress(OSError):  # who repeats may have closed the first connection
                held[0].refuse(code)
                for follower in held[1:]:
                    follower.pass_on()
            held.extend([None] * (IN_FLIGHT - len(held)))

        def decide(request):
            is_turn = request.name == "Produce" and TURN in request.values
            if is_turn and held:
                let_go()
            with lock:
                if request.name != "Produce" or len(held) == IN_FLIGHT or not (held or is_turn):
                    return False
                if not held:
                    patience = threading.Timer(PATIENCE_SECONDS, let_go)
                    patience.daemon = True
                    patience.start()
                held.append(request)
                if len(held) == IN_FLIGHT:
                    pass_on_all()
            return True
        return decide
    return rule


def refused(code):
    return spell(lambda request: request.refuse(code))


def asked_by_id(rule):
    """Only for requests that name the topic by its id; a client that never does is left out."""
    def make(scene):
        decide = rule(scene)

        def maybe(request):
            if request.name == "Produce" and request.version < PRODUCE_IDS_SINCE:
                scene.is_left_out = True
                return False
            return decide(request)
        return maybe
    return make


def while_set(name, value):
    return spell(lambda request: request.pass_on(), lambda scene: scene.set(name, value),
                 lambda scene: scene.set(name, None))


def stored_but_told(code):
    return once(lambda _, request: request.pass_on_but_say(code))


def after(deed):
    def verb(scene, request):
        request.wait_for_answers()
        deed(scene, request)
        request.pass_on()
    return once(verb)


def take_over(scene, request):
    """Somebody with the same id and the last of all epochs."""
    scene.append(batches.batch([b"other"], producer_id=request.batches[0].producer_id,
                               producer_epoch=32767, sequence=0))


def lie(scene, request):
    scene.lied = {int(value) for value in request.values}
    request.claim_success(min(scene.lied))


def first_id_refused(code):
    def rule(_):
        seen = []

        def decide(request):
            if seen or request.name != "InitProducerId":
                return False
            seen.append(request)
            request.refuse(code)
            return True
        return decide
    return rule


def crowded(scene):
    """Before each batch somebody else writes."""
    def decide(request):
        if request.name == "Produce":
            scene.crowd_out()
        return False
    return decide


PROXY = "made by the proxy"
ONE_PRODUCER = {"tailrace.producer.ids.max": "1", "tailrace.cores": "1"}
ROWS = [
    Row("none: no answer arrives", "the connection breaks after the batch was stored", "real",
        once(lambda _, request: request.pass_on_and_cut())),
    Row("none: the batch arrives twice", "the network, or the client, repeats it", "real",
        once(lambda _, request: request.pass_on_twice())),
    Row("none: the broker is killed", "it dies after the batch was stored, and starts again", "real",
        once(lambda scene, request: request.pass_on_and_cut(scene.restart))),
    Row("none: all records deleted", "DeleteRecords or retention: the producer stays known", "real",
        after(lambda scene, _: scene.delete_all())),
    Row("none: producer expired", "it was silent for `producer.id.expiration.ms`", "real",
        lambda _: None, {"producer.id.expiration.ms": "1"}),
    Row("none: producer forgotten", "`tailrace.producer.ids.max` others were heard since", "real",
        crowded, ONE_PRODUCER),
    Row("OUT_OF_ORDER_SEQUENCE_NUMBER (45)",
        "a batch before this one was refused and will be repeated", "real",
        first_of_many_refused(19)),
    Row("OUT_OF_ORDER_SEQUENCE_NUMBER (45), for good",
        "an acknowledged batch before this one is lost, or five others were stored since this one",
        "real, after a false acknowledgement", once(lie)),
    Row("INVALID_PRODUCER_EPOCH (47)", "a batch with the same id and a newer epoch was stored",
        "real", after(take_over)),
    Row("CORRUPT_MESSAGE (2)", "the checksum is wrong, or the records do not decompress", "real",
        spell(lambda request: request.pass_on_damaged())),
    Row("MESSAGE_TOO_LARGE (10)", "the batch is larger than `max.message.bytes`", "real",
        while_set("max.message.bytes", "60")),
    Row("INVALID_RECORD (87)",
        "a record without key in a compacted topic; a batch that breaks the format's rules, among "
        "them an id without sequence, magic 0 and 1, and two batches for one partition", "real",
        while_set("cleanup.policy", "compact")),
    Row("INVALID_TIMESTAMP (32)", "a record is older or newer than `message.timestamp.*.max.ms` allow",
        "real", while_set("message.timestamp.before.max.ms", "0")),
    Row("NOT_ENOUGH_REPLICAS (19)", "fewer are in sync than `min.insync.replicas`; nothing is stored",
        "real", while_set("min.insync.replicas", "2")),
    Row("NOT_ENOUGH_REPLICAS_AFTER_APPEND (20)", "never, with one broker; stored nonetheless", PROXY,
        stored_but_told(20)),
    Row("REQUEST_TIMED_OUT (7)", "the disk took longer than `timeout_ms`, then the batch may be stored; "
        "or there was no memory for it", PROXY, stored_but_told(7)),
    Row("KAFKA_STORAGE_ERROR (56)", "the disk is full or has failed; nothing is stored", PROXY,
        refused(56)),
    Row("NOT_LEADER_OR_FOLLOWER (6)", "the partition is being opened or closed", PROXY, refused(6)),
    Row("UNKNOWN_TOPIC_OR_PARTITION (3)", "the topic has been deleted", PROXY, refused(3)),
    Row("UNKNOWN_TOPIC_ID (100)", "the same, asked by id (Produce version 13)", PROXY,
        asked_by_id(refused(100))),
    Row("COORDINATOR_LOAD_IN_PROGRESS (14)", "to InitProducerId: no id can be given now", PROXY,
        first_id_refused(14)),
    Row("UNKNOWN_PRODUCER_ID (59)", "never: who is unknown may begin anywhere",
        PROXY + ", of a producer that is unknown",
        spell(lambda request: request.refuse(59), lambda scene: scene.crowd_out()), ONE_PRODUCER),
    Row("DUPLICATE_SEQUENCE_NUMBER (46)",
        "never: a repetition is a success, and what is older than five batches is 45", PROXY,
        stored_but_told(46)),
    Row("PRODUCER_FENCED (90)", "never to an idempotent producer: 47 is", PROXY, refused(90)),
    Row("UNSUPPORTED_FOR_MESSAGE_FORMAT (43)", "never: all topics have magic 2", PROXY, refused(43)),
    Row("UNSUPPORTED_COMPRESSION_TYPE (76)", "an unknown codec, or zstd below Produce version 7", PROXY,
        refused(76)),
]


# --- What the client makes of it -------------------------------------------------------------------


class Outcome:
    """The lines that a client printed (numbers.c), and what they and the log say together."""

    def __init__(self, lines, stored):
        words = [line.split() for line in lines if re.match("(delivered|failed) ", line)]
        self.delivered = {int(w[1]): int(w[2]) for w in words if w[0] == "delivered"}
        self.failed = {int(w[1]): w[2] for w in words if w[0] == "failed"}
        self.places = collections.defaultdict(list)
        self.names = []  # (producer id, epoch), in the order in which they were used
        for b in stored:
            for offset, _, value, _ in b.records():
                if value != b"other":
                    self.places[int(value)].append(offset)
            name = b.producer_id, b.producer_epoch
            if value != b"other" and name not in self.names:
                self.names.append(name)

    def lost(self, start, lied):
        """What the client takes for delivered and is not there."""
        return [value for value, offset in self.delivered.items()
                if offset >= start and value not in lied and not self.places.get(value)]

    def wrongs(self, lied, is_done):
        """What must not be, in words."""
        heard = sorted([*self.delivered, *self.failed])
        if is_done and heard != list(range(COUNT)):
            yield f"not told what became of each record: {heard}"
        for value, places in self.places.items():
            if len(places) > 1:
                yield f"{value} is stored at {places}"
        for value, offset in self.delivered.items():
            places = self.places.get(value, [])
            if places and offset >= 0 and value not in lied and offset != places[0]:
                yield f"{value} was delivered at {offset} and is at {places}"
        order = [value for value, _ in sorted(self.places.items(), key=lambda item: item[1])]
        if order != sorted(order):
            yield f"out of order: {order}"

    def text(self):
        """As the page says it."""
        if not self.failed:
            if len(self.names) < 2:
                return "repeats"
            is_same_id = self.names[0][0] == self.names[-1][0]
            return "repeats, new epoch" if is_same_id else "repeats, new id"
        first = min(self.failed)
        goes_on = max(self.delivered, default=-1) > first
        return f"{'fails' if goes_on else 'fatal'}: {self.failed[first]}"


def lines_of(client):
    """What it prints to its end, and whether it came to that. One that has said nothing for long is
    killed: it waits for what does not come."""
    lines, silent = [], threading.Event()

    def end():
        silent.set()
        client.kill()

    while True:
        patience = threading.Timer(SILENCE_SECONDS_MAX, end)
        patience.start()
        line = client.stdout.readline()
        patience.cancel()
        if not line:
            return lines, not silent.is_set()
        lines.append(line)


def run_client(scene, command):
    """What it printed, and what is wrong with how it ended. One that does not end is not wrong, as
    long as what it has said is right; the page says so of it."""
    words = [*map(str, command), scene.proxy.address, scene.topic, str(COUNT)]
    with tempfile.TemporaryFile("w+") as complaints, \
            subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=complaints, text=True) as client:
        lines, is_done = lines_of(client)
        status = client.wait()
        complaints.seek(0)
        wrong = f"the client ended with {status}: {complaints.read()[-300:]}"
    if not is_done:
        return lines, None
    return lines, [wrong] if status else []


Result = collections.namedtuple("Result", "row text wrongs version")


def version_of(lines):
    return next((line.split()[1] for line in lines if line.startswith("version ")), "")


def run_row(scene, row, command):
    scene.begin()
    scene.proxy.rule = row.rule(scene)
    lines, wrongs = run_client(scene, command)
    scene.proxy.rule = None
    outcome = Outcome(lines, scene.stored())
    is_done = wrongs is not None
    wrongs = [*(wrongs or []), *outcome.wrongs(scene.lied, is_done)]
    lost = outcome.lost(scene.start(), scene.lied)
    is_never_sent = row.when.startswith("never")
    if lost and not is_never_sent:
        wrongs.append(f"delivered and not there: {lost}")
    if scene.is_left_out:
        text = "-"
    elif lost:
        text = "loses a record"
    elif not is_done:
        text = "waits for ever"
    else:
        text = outcome.text()
    return Result(row, text, wrongs, version_of(lines))


def run_rows(command, rows=ROWS):
    """Yields the result of each. Rows without settings of the broker share one."""
    plain = Scene()
    try:
        for row in rows:
            scene = Scene(row.settings) if row.settings else plain
            try:
                yield run_row(scene, row, command)
            finally:
                if scene is not plain:
                    scene.close()
    finally:
        plain.close()
