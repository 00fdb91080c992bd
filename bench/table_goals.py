"""The goals of the table: which figure of which row must reach what. Bounds are numbers, or relations to
another figure of the same rounds: of another broker, of another row. Beside a number that is not reached
stands what the machine could do itself in the same minutes (table_floor.py), without any broker's work: what
is left to the bound is the machine's, not the broker's. Nothing here runs anything."""
import statistics
from dataclasses import dataclass

import driver

OURS, PEER = "Tailrace", "Kafka"
MB_IN_MIB = 10**6 / 2**20
CPU_GB, CPU_REQUEST = "broker CPU (s per GB)", "broker CPU (µs per request)"


@dataclass(frozen=True)
class Value:
    row: str
    figure: str
    contender: str = OURS


@dataclass(frozen=True)
class Floor:
    """The sum of these figures of `tailrace bench floor`; what that is, in words."""
    text: str
    figures: tuple

    def values(self, floors):
        """Of those that have all of them, which older ones have not."""
        return [sum(floor[name] for name in self.figures) for floor in floors
                if all(name in floor for name in self.figures)]


@dataclass(frozen=True)
class Goal:
    group: str
    text: str
    value: Value
    bound: float
    is_least: bool = False  # the bound is the least that is wanted; otherwise the most
    to: Value | None = None  # the bound is for the ratio to this one
    floor: Floor | None = None  # if the machine can be asked for as much

    @property
    def bound_text(self):
        unit = "x" if self.to else ""
        return f"{'≥' if self.is_least else '≤'} {driver.number(self.bound)}{unit}"

    def is_reached_by(self, value):
        return value >= self.bound if self.is_least else value <= self.bound


def at_least(group, text, row, figure, bound, floor=None):
    return Goal(group, text, Value(row, figure), bound, is_least=True, floor=floor)


def at_most(group, text, row, figure, bound, floor=None):
    return Goal(group, text, Value(row, figure), bound, floor=floor)


def beside_peer(group, text, row, figure, bound, is_least=False):
    """Bound of the ratio to the peer's figure."""
    return Goal(group, f"{text}, to {PEER}'s", Value(row, figure), bound, is_least, Value(row, figure, PEER))


# --- The goals -----------------------------------------------------------------------------------

def bulk_goals():
    group, text = "Large batches", "received and stored"
    rate, cost = Floor(text, ("store_mb_per_s",)), Floor(text, ("store_cpu_s_per_gb",))
    # A fresh topic's first files are not yet those that retention gives back.
    whens = (("", ""), ("-retention", " while retention deletes"))
    for row, who, bound in (("bulk-16", "16 connections", 1000), ("bulk-1", "one connection and partition", 800)):
        for suffix, when in whens:
            yield at_least(group, f"64 KiB batches, {who}{when}: MB/s", row + suffix, "MB/s", bound, rate)
    # The row of the matrix has batches of four records of 16 KiB.
    yield at_least(group, "64 KiB batches, 16 connections into one partition: MB/s", "produce-16kib-1p",
                   "MB/s", 800, rate)
    for row, who in (("bulk-16", "16 connections"), ("bulk-1", "one connection and partition")):
        for suffix, when in whens:
            yield at_most(group, f"64 KiB batches, {who}{when}: CPU seconds per GB", row + suffix, CPU_GB, 0.6, cost)
            yield beside_peer(group, f"64 KiB batches, {who}{when}: CPU per GB", row + suffix, CPU_GB, 1 / 4)


def small_goals():
    group = "Small requests"
    for suffix, how in (("", "one in flight"), ("-pipelined", "five in flight")):
        echo = "echo" + suffix.replace("-", "_")
        rate, cost = Floor("a bare echo", (f"{echo}_per_s",)), Floor("a bare echo", (f"{echo}_cpu_us",))
        yield at_least(group, f"one record, 64 connections, {how}: requests/s", f"one-record{suffix}",
                       "requests/s", 100000, rate)
        yield at_most(group, f"one record, 64 connections, {how}: CPU µs each", f"one-record{suffix}",
                      CPU_REQUEST, 6, cost)
        yield at_least(group, f"four records, 200 connections, {how}: requests/s", f"four-records{suffix}",
                       "requests/s", 90000, rate)


def latency_goals():
    group, server = "Latency", "a bare durable server"

    def floor(rate, quantile):
        return Floor(server, (f"durable_{rate}_{quantile}_us",))

    for rate in (1000, 10000):
        what, row = f"acks at {rate:,} a second", f"acks-{rate}"
        yield at_most(group, f"{what}: p50 (µs)", row, "p50 (µs)", 200, floor(rate, "p50"))
        yield at_most(group, f"{what}: p99 (µs)", row, "p99 (µs)", 600, floor(rate, "p99"))
        yield beside_peer(group, f"{what}: p99.9", row, "p99.9 (µs)", 1)
    yield at_most(group, "end to end at 10,000 a second: p99 (µs)", "e2e-10000", "p99 (µs)", 1000,
                  floor(10000, "p99"))


def fetch_goals():
    group = "Fetch"
    yield beside_peer(group, "from memory, 4 connections: MB/s", "fetch-warm", "MB/s", 1, is_least=True)
    yield beside_peer(group, "from memory, 4 connections: CPU per GB", "fetch-warm", CPU_GB, 1)
    yield beside_peer(group, "from disk, 4 connections: MB/s", "fetch-cold", "MB/s", 1.3, is_least=True)


def steady_goals():
    group = "Steadiness"
    beside, before = (Value("tail-beside-cold", f"p99 {when} (µs)") for when in ("beside", "before"))
    yield Goal(group, "p99 beside a reader of old records, to before", beside, 2, to=before)
    yield at_most(group, "p99 after 30 minutes at full load, to the first two", "endurance", "last to first",
                  1.2)
    for what in ("connections-{}", "partitions-{}-load"):
        few = Value(what.format(10), CPU_REQUEST)
        many = Value(what.format(1000 if what.startswith("c") else 10000), CPU_REQUEST)
        yield Goal(group, f"CPU per request, {many.row} to {few.row}", many, 1.2, to=few)


def life_goals():
    group = "Start, memory, recovery"
    yield at_most(group, "start to first answer (ms)", "start", "empty folder (ms)", 15)
    yield at_most(group, "idle memory: 15 MB (MiB)", "idle", "resident (MiB)", 15 * MB_IN_MIB)
    yield at_most(group, "memory under load from 64 connections: 150 MB (MiB)", "one-record",
                  "memory, most (MiB)", 150 * MB_IN_MIB)
    yield at_most(group, "restart after SIGKILL with 1 GiB (ms)", "killed-1gib", "start to first answer (ms)",
                  500)
    yield at_most(group, "10,000 partitions: create (ms)", "partitions-10000", "create (ms)", 1000)
    yield at_most(group, "10,000 partitions: restart (ms)", "partitions-10000", "start after SIGKILL (ms)",
                  200)


def all_goals():
    return (*bulk_goals(), *small_goals(), *latency_goals(), *fetch_goals(), *steady_goals(), *life_goals())


# --- Judging -------------------------------------------------------------------------------------

def values_of(value, found):
    """By rounds. `found` is what is kept: name of a row -> broker -> round -> result."""
    rounds = found.get(value.row, {}).get(value.contender, {})
    return {number: result["figures"][value.figure] for number, result in rounds.items()
            if value.figure in result["figures"]}


def judged_values(goal, found):
    """Of each round that has all that is needed."""
    mine = values_of(goal.value, found)
    if goal.to is None:
        return [mine[number] for number in sorted(mine)]
    other = values_of(goal.to, found)
    both = sorted(set(mine) & set(other))
    return driver.ratios([mine[number] for number in both], [other[number] for number in both])


def verdict(goal, values):
    """The median decides; a tilde where single rounds say otherwise."""
    if not values:
        return "not measured"
    holds = goal.is_reached_by(statistics.median(values))
    mark = "" if all(goal.is_reached_by(value) == holds for value in values) else "~"
    return mark + ("yes" if holds else "**no**")


def floor_cell(goal, values, found):
    """Of a number that is not reached; a dash if the machine was not asked for as much."""
    if goal.floor is None or not values or goal.is_reached_by(statistics.median(values)):
        return ""
    rounds = found.get(goal.value.row, {}).get(goal.value.contender, {})
    seen = goal.floor.values([floor for result in rounds.values() for floor in result.get("floors", ())])
    return f"{goal.floor.text}: {driver.cell(seen)}" if seen else "-"


def lines(found):
    group = ""
    yield "| goal | | measured | wanted | holds | the machine alone |"
    yield "|---|---|---|---|---|---|"
    for goal in all_goals():
        values = judged_values(goal, found)
        title = goal.group if goal.group != group else ""
        group = goal.group
        yield (f"| {title} | {goal.text} | {driver.cell(values)} | {goal.bound_text} | "
               f"{verdict(goal, values)} | {floor_cell(goal, values, found)} |")
    yield ""
