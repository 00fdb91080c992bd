"""What one broker has deleted is not to slow down the next one's disk. File systems tell a disk what is free
(the mount option discard), which does little else meanwhile: 0.2 s for a GB on the machine of performance.md."""
import os
import time
from pathlib import Path

from driver import number, say

LOOK_SECONDS = 0.5  # file systems begin to tell a moment after their commit
BUSY_SHARE = 0.05  # a broker that is idle writes a little all the same
PATIENCE_SECONDS = 30


def busy_seconds(folder):
    """How long the disk below a folder has been at work; None where nobody tells."""
    device = os.stat(folder).st_dev
    path = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
    try:
        return int(path.read_text(encoding="ascii").split()[9]) / 1000  # Documentation/block/stat.rst: io_ticks
    except OSError:
        return None


def settle(look, now=time.monotonic, sleep=time.sleep):
    """Until the disk, whose busy seconds `look` answers, has hardly been at work for a while, or patience is
    over."""
    end = now() + PATIENCE_SECONDS
    seen = look()
    while seen is not None:
        if now() > end:
            say(f"goes on though the disk has been busy for {number(PATIENCE_SECONDS)} s")
            return
        before, last = now(), seen
        sleep(LOOK_SECONDS)
        seen = look()
        if seen is not None and seen - last <= BUSY_SHARE * (now() - before):
            return


def settle_folder(folder):
    os.sync()
    settle(lambda: busy_seconds(folder))


def await_deletion(folder, topic, now=time.monotonic, sleep=time.sleep):
    """Until a broker that was asked to delete a topic has no folder of it any more: some delete them later."""
    begin = now()
    while any(folder.rglob(f"{topic}-*")):
        if now() - begin > PATIENCE_SECONDS:
            say(f"goes on though {topic} still has files")
            return
        sleep(LOOK_SECONDS)
