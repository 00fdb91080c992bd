"""Running the programs that the end-to-end tests use: kcat, tailrace, and apt's own package index."""
import os
import pathlib
import shutil
import subprocess
import sys

from broker import BUILD
from patience import PATIENCE_MS, PATIENCE_SECONDS, tries

TAILRACE = str(pathlib.Path(os.environ.get("TAILRACE_TOOL", BUILD / "tailrace")))
APT_HELPER = "/usr/lib/apt/apt-helper"
APT_LISTS = pathlib.Path("/var/lib/apt/lists")
INDEX_LINES_MIN = 1000
# For `topic produce`: all lines are one batch, however late some of them come. When there are no more,
# nothing is waited for.
AT_ONCE = ("-X", "linger.ms=60000")


def has_kcat():
    return shutil.which("kcat") is not None


def run(words, data=None, check=True, timeout=PATIENCE_SECONDS):
    """Runs a program to its end; what it wrote to stdout. RuntimeError with its stderr if it
    failed, unless `check` is false; then the finished process."""
    environment = {**os.environ, "TAILRACE_X_SOCKET_TIMEOUT_MS": str(PATIENCE_MS)}
    done = subprocess.run([str(w) for w in words], input=data, capture_output=True,
                          timeout=timeout, check=False, env=environment,
                          stdin=subprocess.DEVNULL if data is None else None)
    if not check:
        return done
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def kcat(broker, *words, **rest):
    return run(["kcat", "-b", broker.address, "-m", PATIENCE_SECONDS, *words], **rest)


def tailrace(broker, *words, **rest):
    return run([TAILRACE, *words, "--brokers", broker.address], **rest)


def create_topic(broker, name, *words):
    """Creates a topic and asks until all its leaders serve, which with Kafka takes some moments."""
    tailrace(broker, "topic", "create", name, *words)
    for _ in tries():
        if tailrace(broker, "topic", "offsets", name, check=False).returncode == 0:
            return
    raise RuntimeError(f"no leader for {name}")


def package_index():
    """The largest package index that apt holds, as bytes; None if there is none that is worth it: a
    source may have hardly any packages, and its index no line."""
    lists = [p for p in APT_LISTS.glob("*_Packages*") if p.is_file()]
    if not lists or not os.access(APT_HELPER, os.X_OK):
        return None
    largest = max(lists, key=lambda p: p.stat().st_size)
    text = run([APT_HELPER, "cat-file", largest])
    return text if text.count(b"\n") >= INDEX_LINES_MIN else None


def say(text):
    """A line of progress, on a terminal only."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)
