"""What the Python members of a living group share: telling, and the loop of polling and committing.
What is told is described in life_history.py.

A client's program hands in an object with
    poll()          {partition: [offsets]}, waiting for a moment at most; tells what is assigned
                    and revoked on the way
    commit(offsets) {partition: next}; raises Refused
    leave()         leaves the group; that everything is revoked has been told
"""
import argparse
import json
import signal
import sys
import time

COMMIT_SECONDS = 0.4
SESSION_MS = 6000


class Refused(Exception):
    """A commit was not acknowledged."""


def tell(event, **fields):
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def words():
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "group", "topic", "name"):
        parser.add_argument(name)
    parser.add_argument("--protocol", choices=("classic", "consumer"), default="classic")
    return parser.parse_args()


class Loop:
    """Keeps what was processed and is not committed; a client's callbacks use it too."""

    def __init__(self):
        self.held = set()
        self.pending = {}
        self.committed_at = time.monotonic()
        self.is_ending = False
        signal.signal(signal.SIGTERM, self._end)

    def _end(self, *_):
        self.is_ending = True

    def processed(self, found):
        """`found`: {partition: [offsets]}"""
        for partition, offsets in found.items():
            if offsets:
                tell("records", partition=partition, first=offsets[0], last=offsets[-1],
                     count=len(offsets))
                self.pending[partition] = offsets[-1] + 1

    def is_due(self):
        return bool(self.pending) and time.monotonic() >= self.committed_at + COMMIT_SECONDS

    def commit(self, commit):
        """All that is pending. What is refused stays pending until its partition goes."""
        offsets = self.take()
        if not offsets:
            return
        try:
            commit(offsets)
            self.acknowledged(offsets)
        except Refused as problem:
            self.refused(problem)

    def take(self):
        """{partition: next} that is to be committed now."""
        self.committed_at = time.monotonic()
        return dict(self.pending)

    def acknowledged(self, offsets):
        tell("committed", offsets=offsets)
        self.pending = {p: next_offset for p, next_offset in self.pending.items()
                        if next_offset != offsets.get(p)}

    @staticmethod
    def refused(problem):
        tell("commit-failed", error=str(problem) or type(problem).__name__)

    def assigned(self, partitions, **fields):
        """Some clients name what the member has already, too."""
        new = set(partitions) - self.held
        self.held |= new
        tell("assigned", partitions=sorted(new), **fields)

    def gone(self, event, partitions):
        """They are revoked or lost; those of them that the member has."""
        gone = self.held & set(partitions)
        self.held -= gone
        for partition in gone:
            self.pending.pop(partition, None)
        if gone:
            tell(event, partitions=sorted(gone))

    def run(self, client):
        try:
            while not self.is_ending:
                self.processed(client.poll())
                if self.is_due():
                    self.commit(client.commit)
            self.commit(client.commit)
            self.gone("revoked", self.held)
            client.leave()
            tell("left")
        except Exception as problem:  # a client may raise anything; it is told, not hidden
            tell("problem", error=f"{type(problem).__name__}: {problem}")
            raise
