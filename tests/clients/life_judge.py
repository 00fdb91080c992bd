"""Judges the life of a group by what its members tell (life_history.py) and by the signals they got.

What must hold:

* A partition has one owner. Whoever is assigned one that a live member has not given up is wrong,
  unless that member says later that it was lost: then it had been thought dead. Within one generation
  there is no excuse. A generation never follows a later one.
* Whoever gets a partition begins at the last acknowledged commit, or at a later one that was tried
  and not acknowledged: never below the former, never behind what has been processed, and never at
  the beginning if there is a commit.
* Under one owner the offsets of a partition go on without a gap and without repeats.
* Commits never go back, nor beyond what has been processed. A commit by one who was stopped and has
  lost the partition meanwhile is not accepted.
* Whoever asks for committed offsets is told none that is older than the last acknowledged.
* In the end every offset has been processed, and the broker's committed offsets are the ends.

A member that is killed or stopped owns nothing from then on. After it is resumed it may hand out what
it had in hand; a commit that it tells of then may have been acknowledged before it was stopped. That
one lies at or below the place from which the next owner went on; what it sends later lies beyond.

Offsets are taken to be dense: no transactions, no compaction."""
from dataclasses import dataclass, field

VIOLATIONS_MAX = 50  # that are told


@dataclass(eq=False)
class Hold:
    """One partition in one member's hands, from assigned until it is given up."""
    owner: str
    generation: int | None
    low: int  # where it may begin
    high: int
    position: int | None  # what the broker answered
    begin: int | None = None  # where it did, as soon as that is known
    next: int | None = None  # None before the first record


@dataclass
class Member:
    holds: dict = field(default_factory=dict)  # partition: Hold
    stale: dict = field(default_factory=dict)  # the same, as they were when it was stopped
    records: int = 0
    state: str = "live"  # stopped, gone


@dataclass
class Partition:
    acked: int | None = None
    reach: int = 0  # next behind the last offset that anybody processed
    generation: int | None = None  # of the latest assignment
    doubted: list = field(default_factory=list)  # holds that somebody else got meanwhile
    last: Hold | None = None  # the latest
    seen: set = field(default_factory=set)


class Judge:
    def __init__(self, partitions):
        self.partitions = [Partition() for _ in range(partitions)]
        self.members = {}
        self.violations = []
        self.repeats = 0
        self.refused = 0
        self.evictions = 0

    # --- What there is to see

    def holders(self):
        """{member: set of partitions}, of those that are live"""
        return {name: set(member.holds) for name, member in self.members.items()
                if member.state == "live"}

    def processed(self):
        """How many different records."""
        return sum(len(partition.seen) for partition in self.partitions)

    def acked(self):
        return {number: partition.acked for number, partition in enumerate(self.partitions)
                if partition.acked is not None}

    def doubts(self):
        """Partitions that somebody got from a member who has not said that it lost them."""
        return [f"{number} was given away while {hold.owner} had it"
                for number, partition in enumerate(self.partitions) for hold in partition.doubted]

    def wrong(self, text):
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(text)

    # --- Signals

    def started(self, name):
        self.members[name] = Member()

    def stopped(self, name):
        member = self.members[name]
        member.state, member.stale, member.holds = "stopped", member.holds, {}

    def resumed(self, name):
        self.members[name].state = "live"

    def gone(self, name):
        """It was killed, or ended."""
        member = self.members[name]
        member.state, member.holds, member.stale = "gone", {}, {}

    # --- Events

    def hear(self, name, event):
        member = self.members[name]
        kind = event["event"]
        if kind == "assigned":
            for number in event["partitions"]:
                self._assigned(name, member, number, event)
        elif kind in ("revoked", "lost"):
            for number in event["partitions"]:
                self._given_up(name, member, number, kind)
        elif kind == "records":
            self._records(name, member, event)
        elif kind == "committed":
            for number, offset in event["offsets"].items():
                self._committed(name, member, number, offset)
        elif kind == "commit-failed":
            self.refused += 1
        elif kind == "left":
            self._left(name, member)
        else:
            self.wrong(f"{name}: {event['error']}")

    def _partition(self, name, number):
        if isinstance(number, int) and 0 <= number < len(self.partitions):
            return self.partitions[number]
        self.wrong(f"{name}: there is no partition {number}")
        return None

    def _assigned(self, name, member, number, event):
        partition = self._partition(name, number)
        if partition is None:
            return
        if number in member.holds:
            self.wrong(f"{name} is assigned {number}, which it has")
        generation = event.get("generation")
        self._look_for_owners(name, number, partition, generation)
        if None not in (generation, partition.generation) and generation < partition.generation:
            self.wrong(f"{name} has {number} in generation {generation}, after "
                       f"{partition.generation}")
        partition.generation = generation
        hold = Hold(name, generation, partition.acked or 0, partition.reach,
                    event["positions"].get(number))
        self._look_at_position(number, partition, hold)
        member.stale.pop(number, None)
        member.holds[number] = partition.last = hold

    def _look_for_owners(self, name, number, partition, generation):
        for other, them in self.members.items():
            hold = them.holds.get(number)
            if hold is None or other == name:
                continue
            if generation is not None and generation == hold.generation:
                self.wrong(f"{name} and {other} both have {number} in generation {generation}")
            else:
                partition.doubted.append(hold)

    def _look_at_position(self, number, partition, hold):
        if hold.position is None:
            return
        if hold.position == -1 and partition.acked is not None:
            self.wrong(f"{hold.owner} is told no offset for {number}, but {partition.acked} is "
                       "committed")
        elif hold.position != -1 and not hold.low <= hold.position <= hold.high:
            self.wrong(f"{hold.owner} is told {hold.position} for {number}, not one of "
                       f"{hold.low} to {hold.high}")
        hold.begin = max(hold.position, 0)

    def _given_up(self, name, member, number, kind):
        partition = self._partition(name, number)
        if partition is None:
            return
        hold = member.holds.pop(number, None)
        if member.stale.pop(number, None) is None and hold is None:
            self.wrong(f"{name} gives up {number}, which it does not have")
        if hold in partition.doubted:
            partition.doubted.remove(hold)
            if kind == "lost":
                self.evictions += 1
            else:
                self.wrong(f"{number} was given away while {name} had it")

    def _records(self, name, member, event):
        number, first, last = event["partition"], event["first"], event["last"]
        partition = self._partition(name, number)
        if partition is None:
            return
        hold = member.holds.get(number) or member.stale.get(number)
        if hold is None:
            self.wrong(f"{name} has records of {number}, which it does not have")
        else:
            self._look_at_first(number, hold, first)
            hold.next = last + 1
        if event["count"] != last - first + 1:
            self.wrong(f"{name}: {event['count']} records from {first} to {last} of {number}")
        offsets = range(first, last + 1)
        member.records += len(offsets)
        self.repeats += sum(offset in partition.seen for offset in offsets)
        partition.seen.update(offsets)
        partition.reach = max(partition.reach, last + 1)

    def _look_at_first(self, number, hold, first):
        if hold.next is not None:
            if first != hold.next:
                self.wrong(f"{hold.owner} goes on in {number} at {first} instead of {hold.next}")
        elif hold.begin is not None:
            if first != hold.begin:
                self.wrong(f"{hold.owner} begins {number} at {first} instead of {hold.begin}")
        elif not hold.low <= first <= hold.high:
            self.wrong(f"{hold.owner} begins {number} at {first}, not at one of {hold.low} to "
                       f"{hold.high}")
        if hold.begin is None:
            hold.begin = first

    def _committed(self, name, member, number, offset):
        partition = self._partition(name, number)
        if partition is None:
            return
        if offset > partition.reach:
            self.wrong(f"{name} has committed {offset} of {number}; {partition.reach} is the next")
        if number not in member.holds:
            self._committed_late(name, number, partition, offset)
        elif offset < (partition.acked or 0):
            self.wrong(f"{name} has committed {offset} of {number}, after {partition.acked}")
        partition.acked = max(partition.acked or 0, offset)

    def _committed_late(self, name, number, partition, offset):
        """It has the partition no more, by a signal or by its own words."""
        hold = partition.last
        if hold is None or hold.owner == name or hold.begin is None:
            return
        if offset > hold.begin:
            self.wrong(f"{name} has committed {offset} of {number}, which {hold.owner} has had "
                       f"from {hold.begin} on")

    def _left(self, name, member):
        if member.holds:
            self.wrong(f"{name} has left with {sorted(member.holds)} in its hands")
        member.holds, member.stale = {}, {}

    # --- Answers

    def answered(self, committed):
        """{partition: offset} that somebody else was told just now."""
        for number, acked in self.acked().items():
            if committed.get(number, -1) < acked:
                self.wrong(f"{committed.get(number, -1)} is answered for {number}, after "
                           f"{acked} was committed")

    # --- The end

    def finish(self, ends, committed):
        """`ends` and `committed`: {partition: offset} as the broker says when all is done."""
        for number, partition in enumerate(self.partitions):
            end = ends.get(number, 0)
            missing = set(range(end)) - partition.seen
            if missing:
                self.wrong(f"{len(missing)} records of {number} were never processed, the first of "
                           f"them {min(missing)}")
            if partition.seen and max(partition.seen) >= end:
                self.wrong(f"{number} ends at {end}, but {max(partition.seen)} was processed")
            if committed.get(number, -1) != end and end > 0:
                self.wrong(f"{number} ends at {end}, but {committed.get(number)} is committed")
        for doubt in self.doubts():
            self.wrong(doubt)
