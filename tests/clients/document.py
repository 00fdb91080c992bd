"""The features of the table of clients, the last result of each client, and the page made of them.

Results stay beside the clients, one file for each: so the page can be brought up to date by running
one client again.
"""
import json
import re

from registry import CACHE, CLIENTS

DETAIL_MAX = 200
GROUP = ["", " restart", " rebalance", " static", " describe", " offsets", " delete"]
FEATURES = ["auto-create", "produce", "consume", "headers", "null key", "null value", "gzip",
            "snappy", "lz4", "zstd", "time look-up", "idempotence", "admin",
            "verifiable", *("group" + word for word in GROUP), "group life", "reset-offsets",
            *("new group" + word for word in GROUP), "new group life", "group upgrade"]

HEAD = """# Compatibility

What clients of several languages and ages do with Tailrace, as `tests/clients/run --document` found
it; do not edit. Every cell is a test that ran: **ok** it passed, **fail** it did not, *-* the client
has no such thing, or is not asked for it here. The notes tell why.

"""
MEANINGS = """
## What the rows mean

| row | what happens |
|---|---|
| verifiable | Kafka's verifiable producer is told of each record, and its verifiable consumer counts them |
| group | a member of a group subscribes, reads what was sent, commits and leaves |
| group restart | later members go on behind the last committed record, three times |
| group rebalance | one member, two, one: four partitions are shared and taken over; each record is read once |
| group static | three members with instance ids restart one after the other: nobody else is given or loses a partition |
| group describe | the group is stable with one member, then empty |
| group offsets | committed offsets are listed, moved, and a new member goes on from there |
| group delete | an empty group is deleted, and its offsets with it |
| group life | 200,000 records of text flow into 12 partitions; one member, three, one is killed, another comes, one is paused beyond its session, the broker crashes and is stopped, two members: every record is processed, no committed offset is answered wrong, no partition has two owners |
| group upgrade | the same flow; three members of the classic protocol are replaced one by one by members of the new one, and back |
| reset-offsets | Kafka's consumer-groups tool resets by earliest, latest, offset, shift, current, datetime and duration, and deletes offsets |
| new group ... | the same under `group.protocol=consumer` (KIP-848) |
"""


def file_of(name):
    return CACHE / "results" / (re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-") + ".json")


def remember(name, results):
    """`results`: {feature: (verdict, detail)}"""
    file = file_of(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results))


def recall(name):
    """What was remembered last; nothing if there is nothing."""
    file = file_of(name)
    return json.loads(file.read_text()) if file.exists() else {}


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def cell(results, feature):
    verdict = results.get(feature, ("skip", ""))[0]
    return {"ok": "ok", "fail": "**fail**", "skip": "-"}[verdict]


def notes_of(name, results):
    for feature in FEATURES:
        verdict, detail = results.get(feature, ("ok", ""))
        if verdict != "ok" and detail:
            yield f"- {name}, {feature}: {detail[:DETAIL_MAX]}\n"


def write_document(path):
    table = {name: recall(name) for name in CLIENTS if recall(name)}
    versions = "".join(row([name, results.get("version", ["", "not run"])[1] or "not known"])
                       for name, results in table.items())
    rows = "".join(row([feature, *(cell(results, feature) for results in table.values())])
                   for feature in FEATURES)
    notes = "".join(note for name, results in table.items() for note in notes_of(name, results))
    path.write_text(HEAD + row(["", *table]) + row(["---"] * (len(table) + 1)) + rows
                    + "\n## Versions\n\n" + row(["client", "version"]) + row(["---", "---"])
                    + versions + MEANINGS + ("\n## Notes\n\n" + notes if notes else ""))
