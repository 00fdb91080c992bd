"""The machine below the table: what it can do itself (`tailrace bench floor`) and how much of its
processors the host takes away. Both are kept with what was measured, and one may wait until they are
as wanted."""
import time
from dataclasses import dataclass

from driver import number, say

FLOOR_TIME = "400ms"
LATENCY_FLOOR_TIME = "2s"  # a tail wants more requests
PAUSE_SECONDS = 5
SYNC, STOLEN = "sync_4k_p50_us", "stolen_percent"


@dataclass(frozen=True)
class Wanted:
    """How quiet the machine should be before a round, and for how long that is worth waiting. None: as it
    is."""
    stolen_percent: float | None = None
    sync_us: float | None = None
    patience_seconds: float = 600

    @property
    def is_any(self):
        return self.stolen_percent is not None or self.sync_us is not None

    def trouble(self, floor):
        """What is worse than it should be, in words; nothing if it is quiet."""
        found = []
        if self.stolen_percent is not None and floor[STOLEN] > self.stolen_percent:
            found.append(f"{number(floor[STOLEN])} % stolen (wanted: {number(self.stolen_percent)} %)")
        if self.sync_us is not None and floor[SYNC] > self.sync_us:
            found.append(f"a sync takes {number(floor[SYNC])} µs (wanted: {number(self.sync_us)} µs)")
        return ", ".join(found)


def measure(bench, folder, time=FLOOR_TIME):
    return bench("floor", "--folder", folder, "--time", time)


def await_quiet(look, wanted, now=time.monotonic, sleep=time.sleep):
    """Until the floor, which `look` measures, is as wanted, or patience is over."""
    if not wanted.is_any:
        return
    begin = now()
    trouble = wanted.trouble(look())
    if trouble:
        say(f"waits for a quiet machine, {number(wanted.patience_seconds)} s at most: {trouble}")
    while trouble and now() - begin < wanted.patience_seconds:
        sleep(min(PAUSE_SECONDS, max(wanted.patience_seconds - (now() - begin), 0)))
        trouble = wanted.trouble(look())
    waited = now() - begin
    if trouble:
        say(f"goes on though the machine is not quiet: {trouble}")
    elif waited >= PAUSE_SECONDS:
        say(f"the machine is quiet after {number(waited)} s")
