"""What the members of a living group tell, and the history that is made of it.

Each member is a program of its own, in its client's language, started as

    PROGRAM... BOOTSTRAP GROUP TOPIC NAME [--protocol classic|consumer]

It joins GROUP for TOPIC with auto.offset.reset=earliest and, under the classic protocol, a session
timeout of 6 s (10 s where the client insists), assigned as its client does by default; under the
new one the broker decides. NAME is its client id. It commits what it has processed, and only then:
explicitly, at least every 0.5 s while it has records. All the while it prints one JSON object per
line, each flushed at once:

    {"event": "assigned", "partitions": [..], "generation": N or null, "positions": {"p": N}}
    {"event": "revoked", "partitions": [..]}
    {"event": "lost", "partitions": [..]}
    {"event": "records", "partition": p, "first": a, "last": b, "count": n}
    {"event": "committed", "offsets": {"p": next}}
    {"event": "commit-failed", "error": "..."}
    {"event": "left"}
    {"event": "problem", "error": "..."}

assigned    These partitions are the member's from now on, besides those that it has. Printed when
            the client knows, before the first record of them. A client without increments says
            revoked for all and then assigned for all. `positions` holds what the broker answered as
            committed offsets, -1 for none; left out where the client does not tell.
revoked     Printed before the member gives the partitions up: before it joins again, or leaves. What
            it had processed of them is committed first.
lost        The partitions were taken away while the member did not answer: it must not commit them.
records     One for each batch that a poll gave, in the order of offsets within a partition; printed
            before their commit is attempted. Values are not printed. `sum` is ignored.
committed   Only after the broker has acknowledged it.
commit-failed  The broker refused it, or did not answer. The member goes on.
left        After SIGTERM: it has committed, left the group, and ends with 0.
problem     It cannot go on, and ends with 1. A broker that is away for seconds is no problem.

A member that can also says when it told an event: "at", nanoseconds of CLOCK_MONOTONIC, which all
processes of a machine share. Then no order has to be guessed, however late somebody looks.

SIGKILL, SIGSTOP and SIGCONT come from outside, to the whole process group of the program: so a
program may be a wrapper of another.
"""
import json

NUMBERS = {"partition", "first", "last", "count"}
FIELDS = {"assigned": ("partitions",), "revoked": ("partitions",), "lost": ("partitions",),
          "records": tuple(sorted(NUMBERS)), "committed": ("offsets",),
          "commit-failed": ("error",), "left": (), "problem": ("error",)}


def parse(line):
    """The event of one line, with partitions as numbers; ValueError if it is none."""
    event = json.loads(line)
    if not isinstance(event, dict) or event.get("event") not in FIELDS:
        raise ValueError(f"no event: {line[:200]!r}")
    for name in FIELDS[event["event"]]:
        if name not in event or name in NUMBERS and not isinstance(event[name], int):
            raise ValueError(f"{event['event']} without {name}: {line[:200]!r}")
    for name in ("positions", "offsets"):
        event[name] = {int(p): int(offset) for p, offset in (event.get(name) or {}).items()}
    return event


def by_clock(told, horizon):
    """Takes out of what members told ({member: deque of events with "at"}) all up to the horizon, as
    (member, event) by time."""
    while heads := [(events[0]["at"], member) for member, events in told.items() if events]:
        at, member = min(heads)
        if at > horizon:
            return
        yield member, told[member].popleft()


def in_order(told):
    """What several members told ({member: [event]}) while nobody looked, as (member, event): each
    member's in its own order, and whoever takes partitions behind those who may have given them."""
    queues = {member: list(events) for member, events in told.items()}
    while any(queues.values()):
        for member, events in queues.items():
            while events and events[0]["event"] != "assigned":
                yield member, events.pop(0)
        takers = [member for member, events in queues.items() if events]
        for member in takers:
            yield member, queues[member].pop(0)
