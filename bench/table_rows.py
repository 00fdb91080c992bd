"""The rows of the table in docs/performance.md: what is done to a broker, and which figures are
taken from it. Nothing here runs anything."""
from dataclasses import dataclass

import driver
import table_retention

MIB = 2**20


@dataclass(frozen=True)
class Figure:
    title: str
    step: int  # whose result it is taken from; -1 is the last
    path: str  # in that result, or a name of what a life has measured
    scale: float = 1
    more_is_better: bool = False
    is_judged: bool = True  # otherwise neither more nor less of it is better

    @property
    def is_cost(self):
        """Of the processor: what disturbs a run only adds to it, so the least is the steadiest."""
        return self.title.startswith("broker CPU")

    @property
    def name(self):
        """As `tailrace bench compare` calls it."""
        last = self.path.rpartition(".")[2] if self.is_judged else self.path.replace(".", "_")
        return {"p50": "p50_us", "p99": "p99_us", "p999": "p999_us",
                "memory_bytes_max": "memory_mib"}.get(last, last)


@dataclass(frozen=True)
class Step:
    """One call of `tailrace bench`."""
    mode: str
    words: tuple
    restart: bool = False  # before it, so that the broker itself has nothing in memory
    is_timed: bool = True  # takes --seconds
    is_beside_retention: bool = False  # not before that deletes; what it deletes meanwhile is in the result


@dataclass(frozen=True)
class Row:
    name: str
    group: str
    title: str
    figures: tuple
    steps: tuple = ()
    life: str = ""  # instead of steps: what table_life.py does with a broker of its own
    is_long: bool = False  # half an hour for each broker: only by its name
    settings: tuple = ()  # of a broker that begins with the row; those that stay have them always


# --- Figures -------------------------------------------------------------------------------------

def latency(quantile, title, step=-1):
    return Figure(f"{title} (µs)", step, f"figures.latency_us.{quantile}")


RATE = Figure("requests/s", -1, "figures.requests_per_s", more_is_better=True)
RECORDS = Figure("records/s", -1, "figures.records_per_s", more_is_better=True)
MB = Figure("MB/s", -1, "figures.mb_per_s", more_is_better=True)
CPU_REQUEST = Figure("broker CPU (µs per request)", -1, "server.cpu_us_per_request")
CPU_GB = Figure("broker CPU (s per GB)", -1, "server.cpu_s_per_gb")
MEMORY = Figure("memory, most (MiB)", -1, "server.memory_bytes_max", 1 / MIB)
DELETED = Figure("deleted meanwhile (MB/s)", -1, f"{table_retention.DELETED}.mb_per_s", is_judged=False)
QUANTILES = (latency("p50", "p50"), latency("p99", "p99"), latency("p999", "p99.9"))
BULK = (MB, CPU_GB, latency("p99", "p99"))
SMALL = (RATE, CPU_REQUEST, latency("p50", "p50"), latency("p99", "p99"))


# --- Words ---------------------------------------------------------------------------------------

def spread(connections, partitions):
    return ("--connections", connections, "--partitions", partitions)


def closed(in_flight=1):
    return ("--closed", "--in-flight", in_flight)


def fill(size_mib, partitions, *words):
    """So much in 64 KiB batches, in the topic of the row."""
    return Step("produce", (*spread(min(16, partitions), partitions), *closed(4), "--batch-bytes", "64KiB", *words,
                            "--warm-up", 0, "--seconds", 3600, "--requests", size_mib * 16), is_timed=False)


# --- The rows ------------------------------------------------------------------------------------

def headline_rows():
    group = "Produce"
    for connections in (1, 16):
        plural = "s" if connections > 1 else ""
        who = f"{connections} connection{plural}, {connections} partition{plural}"
        load = (*spread(connections, connections), *closed(5), "--batch-bytes", "64KiB")
        kept = table_retention.configs()
        yield Row(f"bulk-{connections}", group, f"64 KiB batches, {who}", BULK, (Step("produce", load),))
        yield Row(f"bulk-{connections}-retention", group, f"64 KiB batches while retention deletes, {who}",
                  (*BULK, DELETED),
                  (fill(table_retention.FILLED_MIB * connections, connections, *kept),
                   Step("produce", (*load, *kept, "--warm-up", 2), is_beside_retention=True)),
                  settings=(driver.CHECK_OFTEN,))
    # Kafka's own clients have five requests in flight unless they are told otherwise.
    for suffix, in_flight, how in (("", 1, ""), ("-pipelined", 5, ", five in flight each")):
        yield Row(f"one-record{suffix}", group,
                  f"one-record requests (1 KiB), 64 connections, 16 partitions{how}", (*SMALL, MEMORY),
                  (Step("produce", (*spread(64, 16), *closed(in_flight))),))
        yield Row(f"four-records{suffix}", group,
                  f"4-record requests, 200 connections over 100 partitions{how}", (*SMALL, MEMORY),
                  (Step("produce", (*spread(200, 100), *closed(in_flight), "--keyed", "--batch-records", 4)),))


def latency_rows():
    for rate in (1000, 10000):
        yield Row(f"acks-{rate}", "Latency", f"acknowledgements at {rate:,} requests a second", QUANTILES,
                  (Step("produce", (*spread(16, 16), "--rate", rate)),))
    for rate in (100, 1000, 10000, 50000):
        yield Row(f"e2e-{rate}", "Latency", f"end to end at {rate:,} one-record requests a second",
                  (*QUANTILES, RECORDS),
                  (Step("e2e", (*spread(16, 16), "--rate", rate, "--consumers", 4)),))
    quiet = ("--connections", 4, "--partitions", 4, "--rate", 1000, "--consumers", 2)
    backlog = ("--backlog-bytes", "1GiB", "--cold")
    yield Row("tail-beside-cold", "Latency", "end to end at 1,000 a second beside a reader of old records",
              (latency("p99", "p99 before", 0), latency("p99", "p99 beside")),
              (Step("e2e", quiet), Step("mixed", (*quiet, *backlog))))


def fetch_rows():
    load = spread(4, 4)
    yield Row("fetch-warm", "Fetch", "from memory, 4 connections", (MB, CPU_GB),
              (fill(512, 4), Step("fetch", load)))
    yield Row("fetch-cold", "Fetch", "from disk, 4 connections", (MB, CPU_GB),
              (fill(4096, 4), Step("fetch", (*load, "--cold", "--once", "--warm-up", 0), restart=True)))


def life_rows():
    group = "Start, memory, recovery"
    yield Row("start", group, "start to first answer",
              (Figure("empty folder (ms)", -1, "fresh_answer_ms"),
               Figure("folder in use (ms)", -1, "again_answer_ms"),
               Figure("first record on an empty folder (ms)", -1, "fresh_produce_ms")), life="start")
    yield Row("idle", group, "idle", (Figure("resident (MiB)", -1, "resident_mib"),
                                      Figure("of one core (%)", -1, "cpu_percent")), life="idle")
    killed = (Figure("start to first answer (ms)", -1, "restart_ms"),)
    yield Row("killed-1gib", group, "SIGKILL with 1 GiB of one-record requests just written", killed,
              life="killed")
    yield Row("partitions-10000", group, "10,000 partitions in one topic (Kafka: two)",
              (Figure("create (ms)", -1, "create_ms"), Figure("resident (MiB)", -1, "resident_mib"),
               Figure("idle, of one core (%)", -1, "cpu_percent"),
               Figure("start after SIGKILL (ms)", -1, "restart_ms")), life="many")


def long_rows():
    yield Row("endurance", "Latency", "p99 at full load while retention deletes, 64 connections, 30 minutes",
              (Figure("first two minutes (µs)", -1, "first_p99_us"),
               Figure("last two minutes (µs)", -1, "last_p99_us"),
               Figure("last to first", -1, "growth"),
               Figure("MB/s", -1, "mb_per_s", more_is_better=True)), life="endurance", is_long=True)


SIZES = {"100b": (100, 100), "1kib": (1024, 16), "16kib": (16384, 4)}  # record bytes, records of a batch


def matrix_loads(size, partitions, keyed):
    """The five loads on one kind of topic: name, title, steps."""
    record, batch = SIZES[size]
    shape = ("--record-bytes", record, "--batch-records", 4 if keyed else batch)
    who = (*spread(200, partitions), *closed(), "--keyed") if keyed else (*spread(16, partitions),
                                                                         *closed(5))
    produce = (*who, *shape)
    readers = ("--connections", min(4, partitions), "--partitions", partitions)
    requests = (512 * MIB) // (record * (4 if keyed else batch))
    # At most so many requests that small records do not take minutes.
    filled = Step("produce", (*produce, "--warm-up", 0, "--seconds", 3600, "--requests",
                              min(requests, 200000)), is_timed=False)
    consumers = ("--consumers", min(4, partitions))
    yield "produce", (Step("produce", produce),)
    yield "fetch-warm", (filled, Step("fetch", readers))
    yield "fetch-cold", (filled, Step("fetch", (*readers, "--cold", "--once", "--warm-up", 0),
                                      restart=True))
    yield "both", (Step("e2e", (*produce, *consumers)),)
    yield "drain", (Step("mixed", (*produce, *consumers, "--backlog-readers", min(4, partitions),
                                   "--backlog-bytes", "512MiB")),)


MATRIX_TITLES = {
    "produce": "Produce",
    "fetch-warm": "Fetch from memory",
    "fetch-cold": "Fetch from disk",
    "both": "Produce and fetch at once",
    "drain": "Produce and fetch beside four readers of a backlog",
}


def matrix_rows():
    for load, group in MATRIX_TITLES.items():
        for size, (record, batch) in SIZES.items():
            for partitions in (1, 100):
                for keyed in (False, True):
                    steps = dict(matrix_loads(size, partitions, keyed))[load]
                    who = "keyed by 200 producers" if keyed else f"16 producers, {batch} a batch"
                    plural = "s" if partitions > 1 else ""
                    yield Row(f"{load}-{size}-{partitions}p{'-keyed' if keyed else ''}", group,
                              f"{record:,} B, {partitions} partition{plural}, {who}", (MB, CPU_GB), steps)


def growth_rows():
    for connections in (1, 4, 10, 16, 64, 256, 1000):
        yield Row(f"connections-{connections}", "More and more connections",
                  f"one-record requests (1 KiB), connections: {connections:,}", SMALL,
                  (Step("produce", (*spread(connections, 16), *closed())),))
    for partitions in (10, 100, 1000, 10000):
        yield Row(f"partitions-{partitions}-load", "More and more partitions",
                  f"5,000 one-record requests a second, partitions: {partitions:,}",
                  (CPU_REQUEST, latency("p50", "p50"), latency("p99", "p99"), MEMORY),
                  (Step("produce", (*spread(16, partitions), "--rate", 5000)),))


def codec_rows():
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        yield Row(f"codec-{codec}", "Codecs", f"64 KiB batches of text, {codec}, 16 connections",
                  (RECORDS, CPU_REQUEST),
                  (Step("produce", (*spread(16, 16), *closed(5), "--batch-records", 64, "--payload", "text",
                                    "--compression", codec)),))


def all_rows():
    return (*headline_rows(), *latency_rows(), *long_rows(), *fetch_rows(), *life_rows(), *growth_rows(), *codec_rows(),
            *matrix_rows())
