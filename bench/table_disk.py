"""What one broker has deleted is not to slow down the next one's disk. File systems tell a disk what is free
(the mount option discard), which does little else meanwhile: 0.2 s for a GB on the machine of performance.md."""
import os
import time
from pathlib import Path

from driver import number, say

STEP_SECONDS = 0.125
QUIET_SECONDS = 0.5  # file systems begin to tell a moment after their commit
PATIENCE_SECONDS = 30


def requests_of(folder):
    """How many requests the disk below a folder has answered and has yet to answer; None where nobody tells."""
    device = os.stat(folder).st_dev
    path = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
    try:
        fields = [int(word) for word in path.read_text(encoding="ascii").split()]
    except OSError:
        return None
    # Documentation/block/stat.rst: reads, writes, in flight, discards, flushes.
    return fields[0], fields[4], fields[8], sum(fields[11:12]), sum(fields[15:16])


def settle(look, now=time.monotonic, sleep=time.sleep):
    """Until `look` answers the same for a while, or patience is over."""
    begin = quiet_since = now()
    seen = look()
    while seen is not None and now() - quiet_since < QUIET_SECONDS:
        if now() - begin > PATIENCE_SECONDS:
            say(f"goes on though the disk has been busy for {number(PATIENCE_SECONDS)} s")
            return
        sleep(STEP_SECONDS)
        last, seen = seen, look()
        if seen != last:
            quiet_since = now()


def settle_folder(folder):
    os.sync()
    settle(lambda: requests_of(folder))


def await_deletion(folder, topic, now=time.monotonic, sleep=time.sleep):
    """Until a broker that was asked to delete a topic has no folder of it any more: some delete them later."""
    begin = now()
    while any(folder.rglob(f"{topic}-*")):
        if now() - begin > PATIENCE_SECONDS:
            say(f"goes on though {topic} still has files")
            return
        sleep(STEP_SECONDS)
