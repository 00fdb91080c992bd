"""Waiting for what a broker, or another program, does of its own accord: as long as any machine may
take that is busy with other things and whose disk stalls. Who waits so long has failed."""
import time

PATIENCE_SECONDS = 120
PATIENCE_MS = PATIENCE_SECONDS * 1000  # for requests that say how long they may take


def tries():
    """`for _ in tries():` asks again at once, until long after any machine would have got there. A
    number of tries would be a time, too, and a short one where a disk is slow."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        yield


def until(is_so, ask):
    """The first answer that is so; AssertionError when none comes."""
    for _ in tries():
        answer = ask()
        if is_so(answer):
            return answer
    raise AssertionError(f"what is waited for does not come; the last answer was {answer}")
