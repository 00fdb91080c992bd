"""Rows that are measured while retention deletes. Without a look at where the partitions begin nobody would
know whether it did: a broker looks only now and then, and Kafka not before it is half a minute old."""
import time

from driver import DriverError

MIB = 2**20
SEGMENT_BYTES, RETENTION_BYTES = 64 * MIB, 256 * MIB
# More than what stays and the segment that goes: then the first one is due.
FILLED_MIB = 384
QUICK_SEGMENT_BYTES, QUICK_RETENTION_BYTES = MIB, 4 * MIB
PATIENCE_SECONDS, PAUSE_SECONDS = 60, 0.1
DELETED = "deleted"


def configs(segment_bytes=SEGMENT_BYTES, retention_bytes=RETENTION_BYTES):
    """As words of `tailrace bench`."""
    return ("--topic-config", f"segment.bytes={segment_bytes}",
            "--topic-config", f"retention.bytes={retention_bytes}")


def quick_configs(words):
    """The same words with less to keep, for what is filled with less."""
    swapped = dict(zip(configs(), configs(QUICK_SEGMENT_BYTES, QUICK_RETENTION_BYTES)))
    return [swapped.get(word, word) for word in words]


class Watch:
    """Where the partitions of a topic begin, and how that moves."""

    def __init__(self, look, now=time.monotonic, sleep=time.sleep):
        self.look, self.now, self.sleep = look, now, sleep
        self.first, self.began = [], 0.0

    def begin(self):
        """Not before every partition has lost something."""
        give_up = self.now() + PATIENCE_SECONDS
        self.first = self.look()
        while not self.first or min(self.first) == 0:
            if self.now() > give_up:
                raise DriverError(f"retention has not begun to delete within {PATIENCE_SECONDS} s: "
                                  f"partitions begin at {self.first}")
            self.sleep(PAUSE_SECONDS)
            self.first = self.look()
        self.began = self.now()

    def end(self, figures):
        """What went since: records, and MB a second, of the size of those that came."""
        seconds = self.now() - self.began
        records = sum(self.look()) - sum(self.first)
        record_bytes = figures["bytes"] / figures["records"]
        return {"records": records, "mb_per_s": records * record_bytes / seconds / 10**6}
