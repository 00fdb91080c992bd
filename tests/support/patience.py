"""Waiting for what a broker does of its own accord."""
import time

PATIENCE_SECONDS = 60


def tries():
    """`for _ in tries():` asks again at once, until long after any machine would have got there. A
    number of tries would be a time, too, and a short one where a disk is slow."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        yield
