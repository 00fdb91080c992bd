"""The judge of a group's life finds what is planted in otherwise good stories, and nothing in those."""
import collections
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from life_history import by_clock, in_order, parse  # noqa: E402
from life_judge import Judge  # noqa: E402


def assigned(*partitions, generation=None, **positions):
    return {"event": "assigned", "partitions": list(partitions), "generation": generation,
            "positions": {int(name[1:]): offset for name, offset in positions.items()}}


def revoked(*partitions):
    return {"event": "revoked", "partitions": list(partitions)}


def lost(*partitions):
    return {"event": "lost", "partitions": list(partitions)}


def records(partition, first, last, count=None):
    return {"event": "records", "partition": partition, "first": first, "last": last,
            "count": last - first + 1 if count is None else count}


def committed(partition, offset):
    return {"event": "committed", "offsets": {partition: offset}}


LEFT = {"event": "left"}
REFUSED = {"event": "commit-failed", "error": "fenced"}

# One member reads ten records of partition 0 and commits five of them.
BEGINNING = [("a", assigned(0, 1)), ("a", records(0, 0, 9)), ("a", committed(0, 5))]
PAUSE = [*BEGINNING, ("stop", "a"), ("b", assigned(0, 1)), ("b", records(0, 5, 12)),
         ("b", committed(0, 13)), ("resume", "a")]
HANDED_OVER = [*BEGINNING, ("a", committed(0, 10)), ("a", revoked(0))]

GOOD = {
    "a member that leaves": [
        *BEGINNING, ("a", committed(0, 10)), ("a", revoked(0, 1)), ("a", LEFT), ("gone", "a")],
    "a killed member's uncommitted records are repeated": [
        *BEGINNING, ("gone", "a"), ("b", assigned(0, 1, p0=5, p1=-1)), ("b", records(0, 5, 9))],
    "a commit that was not acknowledged may count": [
        *BEGINNING, ("gone", "a"), ("b", assigned(0)), ("b", records(0, 10, 12))],
    "one who was paused hands out what it had and is refused": [
        *PAUSE, ("a", records(0, 10, 11)), ("a", REFUSED), ("a", lost(0, 1))],
    "one who was paused tells late of what was acknowledged before": [
        *BEGINNING, ("stop", "a"), ("b", assigned(0, p0=8)), ("resume", "a"),
        ("a", committed(0, 8)), ("a", lost(0))],
    "one who was thought dead says that it lost its partitions": [
        *BEGINNING, ("b", assigned(0)), ("a", REFUSED), ("a", lost(0, 1))],
    "generations rise": [
        ("a", assigned(0, generation=1)), ("a", revoked(0)), ("b", assigned(0, generation=2))],
}

PLANTED = {
    "two owners": ([*BEGINNING, ("b", assigned(1)), ("a", revoked(1))], "1 was given away"),
    "two owners to the end": ([*BEGINNING, ("b", assigned(1))], "1 was given away"),
    "two owners in a generation": (
        [("a", assigned(0, generation=3)), ("b", assigned(0, generation=3)), ("a", lost(0))],
        "both have 0 in generation 3"),
    "an old generation": (
        [("a", assigned(0, generation=3)), ("a", revoked(0)), ("b", assigned(0, generation=2))],
        "has 0 in generation 2, after 3"),
    "begins below the commit": (
        [*HANDED_OVER, ("b", assigned(0)), ("b", records(0, 5, 12))], "begins 0 at 5"),
    "begins behind what was processed": (
        [*HANDED_OVER, ("b", assigned(0)), ("b", records(0, 11, 12))], "begins 0 at 11"),
    "is told no offset": ([*HANDED_OVER, ("b", assigned(0, p0=-1))], "is told no offset"),
    "is told an old offset": ([*HANDED_OVER, ("b", assigned(0, p0=5))], "is told 5"),
    "is told an offset that nobody reached": (
        [*HANDED_OVER, ("b", assigned(0, p0=11))], "is told 11"),
    "begins elsewhere than it was told": (
        [*BEGINNING, ("gone", "a"), ("b", assigned(0, p0=5)), ("b", records(0, 6, 9))],
        "begins 0 at 6 instead of 5"),
    "a gap": ([*BEGINNING, ("a", records(0, 11, 12))], "goes on in 0 at 11 instead of 10"),
    "a repeat": ([*BEGINNING, ("a", records(0, 9, 12))], "goes on in 0 at 9"),
    "a hole in a batch": ([*BEGINNING, ("a", records(0, 10, 12, 2))], "2 records from 10 to 12"),
    "records of another's": ([*BEGINNING, ("b", records(0, 10, 12))], "which it does not have"),
    "a commit that goes back": (
        [*BEGINNING, ("a", committed(0, 10)), ("a", committed(0, 7))], "has committed 7"),
    "a commit of what nobody processed": (
        [*BEGINNING, ("a", committed(0, 11))], "10 is the next"),
    "a fenced commit": ([*PAUSE, ("a", committed(0, 10))], "has committed 10 of 0, which b"),
    "a commit after giving up": (
        [*BEGINNING, ("a", revoked(0)), ("b", assigned(0)), ("b", records(0, 5, 9)),
         ("a", committed(0, 10))], "has committed 10 of 0, which b"),
    "gives up what it does not have": ([*BEGINNING, ("a", revoked(2))], "gives up 2"),
    "leaves with its hands full": ([*BEGINNING, ("a", LEFT)], "has left with [0, 1]"),
    "is assigned twice": ([*BEGINNING, ("a", assigned(1))], "is assigned 1, which it has"),
    "no such partition": ([("a", assigned(3))], "there is no partition 3"),
    "trouble": ([("a", {"event": "problem", "error": "lost its mind"})], "lost its mind"),
}


def judge(story):
    """Tells it to a new judge; a member begins with its first event."""
    judge = Judge(3)
    for who, what in story:
        if who in ("gone", "stop", "resume"):
            {"gone": judge.gone, "stop": judge.stopped, "resume": judge.resumed}[who](what)
            continue
        if who not in judge.members:
            judge.started(who)
        judge.hear(who, what)
    return judge


class JudgeTest(unittest.TestCase):
    def test_good_stories_are_good(self):
        for name, story in GOOD.items():
            with self.subTest(name):
                judged = judge(story)
                processed = {number: partition.reach
                             for number, partition in enumerate(judged.partitions)}
                judged.finish(processed, processed)
                self.assertEqual(judged.violations, [])

    def test_finds_what_is_planted(self):
        for name, (story, wanted) in PLANTED.items():
            with self.subTest(name):
                judged = judge(story)
                processed = {number: partition.reach
                             for number, partition in enumerate(judged.partitions)}
                judged.finish(processed, processed)
                self.assertIn(wanted, "\n".join(judged.violations))

    def test_the_end_is_compared(self):
        for ends, committed_ends, wanted in (
                ({0: 12}, {0: 12}, "2 records of 0 were never processed, the first of them 10"),
                ({0: 9}, {0: 9}, "0 ends at 9, but 9 was processed"),
                ({0: 10}, {0: 5}, "0 ends at 10, but 5 is committed"),
                ({0: 10}, {}, "0 ends at 10, but None is committed"),
                ({0: 10}, {0: 10}, "")):
            with self.subTest(wanted):
                judged = judge(BEGINNING)
                judged.finish(ends, committed_ends)
                self.assertEqual("\n".join(judged.violations), wanted)

    def test_an_old_answer_is_one_too_many(self):
        for answer, wanted in (({0: 5}, ""), ({0: 8, 1: -1}, ""),
                               ({0: 4}, "4 is answered for 0, after 5 was committed"),
                               ({}, "-1 is answered for 0, after 5 was committed")):
            with self.subTest(answer):
                judged = judge(BEGINNING)
                judged.answered(answer)
                self.assertEqual("\n".join(judged.violations), wanted)

    def test_counts(self):
        judged = judge([*BEGINNING, ("gone", "a"), ("b", assigned(0)), ("b", records(0, 5, 11)),
                        ("b", REFUSED)])
        self.assertEqual((judged.processed(), judged.repeats, judged.refused), (12, 5, 1))
        self.assertEqual(judged.holders(), {"b": {0}})
        self.assertEqual(judged.acked(), {0: 5})


class HistoryTest(unittest.TestCase):
    def test_takers_come_behind_givers(self):
        told = {"b": [assigned(1), records(1, 0, 5)], "a": [records(1, 0, 3), revoked(1)]}
        self.assertEqual(list(in_order(told)), [
            ("a", records(1, 0, 3)), ("a", revoked(1)), ("b", assigned(1)),
            ("b", records(1, 0, 5))])

    def test_a_clock_says_what_came_first(self):
        """Who took a partition was read before the one who gave it up, and may not be heard before;
        what nobody can know to be next waits."""
        told = {"a": collections.deque([{**assigned(0), "at": 1}, {**revoked(0), "at": 4},
                                        {**assigned(1), "at": 9}]),
                "b": collections.deque([{**assigned(1), "at": 2}, {**assigned(0), "at": 6}])}
        self.assertEqual([(member, event["at"]) for member, event in by_clock(told, 6)],
                         [("a", 1), ("b", 2), ("a", 4), ("b", 6)])
        self.assertEqual([list(events) for events in told.values()],
                         [[{**assigned(1), "at": 9}], []])

    def test_lines_are_checked(self):
        event = parse(b'{"event": "assigned", "partitions": [1], "positions": {"1": -1}}')
        self.assertEqual(event["positions"], {1: -1})
        self.assertEqual(parse(b'{"event": "committed", "offsets": {"2": 7}}')["offsets"], {2: 7})
        for line in (b"x", b"[]", b'{"event": "slept"}', b'{"event": "revoked"}',
                     b'{"event": "records", "partition": "1", "first": 1, "last": 1, "count": 1}'):
            with self.subTest(line), self.assertRaises(ValueError):
                parse(line)


if __name__ == "__main__":
    unittest.main()
