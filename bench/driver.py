"""What the drivers of this folder share: brokers that are started and stopped, `tailrace bench` as a
function, and figures as text."""
import argparse
import contextlib
import json
import os
import platform
import shlex
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONGESTION = Path("/proc/sys/net/ipv4/tcp_congestion_control")
LATENCY_WANTED = Path("/dev/cpu_dma_latency")  # a number of four bytes: the µs that waking a processor may take
OURS = "{broker} --set listeners=PLAINTEXT://127.0.0.1:{port} --set log.dirs={data}"
ANSWER_SECONDS = 120
BENCH_SECONDS = 3600
# How often all brokers look for what retention may delete: by default every five minutes, in which a full load
# fills a disk.
CHECK_OFTEN = "log.retention.check.interval.ms=5000"
# ApiVersions version 0, with no client's name: every broker answers it.
HELLO = b"\0\0\0\x0a\0\x12\0\0\0\0\0\1\xff\xff"


class DriverError(Exception):
    """A measurement went wrong and has no figures; others may have."""


def check_programs(*paths):
    """Before anything is begun: what a build would have made."""
    for path in paths:
        if not os.access(path, os.X_OK):
            raise SystemExit(f"{Path(sys.argv[0]).name}: there is no program '{path}'; ./dev build makes ours")


def existing_folder(text):
    """An argument of a command line."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder '{text}'")
    return Path(text)


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


# --- The load generator --------------------------------------------------------------------------

class Bench:
    """`tailrace bench` as a function from arguments to its result."""

    def __init__(self, program):
        self.program = str(program)

    def __call__(self, mode, *arguments):
        words = [self.program, "bench", mode, "--format", "json", *map(str, arguments)]
        run = subprocess.run(words, capture_output=True, text=True, timeout=BENCH_SECONDS, check=False)
        if run.returncode != 0:
            raise DriverError(f"{shlex.join(words)}\n{run.stderr.strip()}")
        return json.loads(run.stdout)

    def create_topic(self, address, topic, partitions, *settings):
        words = [self.program, "topic", "create", "-b", address, "-p", str(partitions), topic]
        for setting in settings:
            words += ["-c", setting]
        made = subprocess.run(words, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS)
        if made.returncode != 0:
            raise DriverError(f"{shlex.join(words)}\n{made.stderr.strip()}")

    def first_offsets(self, address, topic):
        """Where the partitions of a topic begin."""
        words = [self.program, "topic", "offsets", "-b", address, "--time", "earliest", "--format", "json", topic]
        told = subprocess.run(words, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS)
        if told.returncode != 0:
            raise DriverError(f"{shlex.join(words)}\n{told.stderr.strip()}")
        return [partition["offset"] for partition in json.loads(told.stdout)]

    def delete_topic(self, address, topic):
        subprocess.run([self.program, "topic", "delete", "-b", address, "-y", topic],
                       capture_output=True, check=False, timeout=ANSWER_SECONDS)


# --- Brokers -------------------------------------------------------------------------------------

def free_port():
    """One whose successor is free as well: Kafka's controller listens there."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port


class Broker:
    """A process on a folder of its own. {port} and {data} in the words are filled in."""

    def __init__(self, name, words, parent):
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix="tailrace-bench-", dir=parent))
        self.port = free_port()
        data = str((self.folder / "data").absolute())
        self.words = [word.replace("{port}", str(self.port)).replace("{data}", data) for word in words]
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        """Answers the seconds from exec to the first answer."""
        begin = time.perf_counter()
        with open(self.folder / "broker.log", "ab") as log:
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while not self.answers():
            if self.process.poll() is not None or time.perf_counter() - begin > ANSWER_SECONDS:
                raise DriverError(f"{self.name} does not answer: {self.last_words()}")
            time.sleep(0.0005)
        return time.perf_counter() - begin

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as link:
            link.sendall(HELLO)
            return len(link.recv(4)) == 4
        return False

    def ask(self, frame):
        """The answer to one request, without its length."""
        with socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS) as link, \
                link.makefile("rb") as answers:
            link.sendall(frame)
            return answers.read(int.from_bytes(answers.read(4), "big"))

    def last_words(self):
        text = (self.folder / "broker.log").read_text(encoding="utf-8", errors="replace")
        return text.strip().rpartition("\n")[2]

    def end(self, how=signal.SIGTERM):
        """Answers the seconds until it has gone."""
        begin = time.perf_counter()
        self.process.send_signal(how)
        try:
            self.process.wait(ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return time.perf_counter() - begin

    def cpu_seconds(self):
        """Of all its threads; the clock is what clock_getcpuclockid answers on Linux."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def resident_mib(self):
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    @contextlib.contextmanager
    def paused(self):
        """It does nothing meanwhile, not even what it does when nobody asks it for anything."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


# --- Conditions ----------------------------------------------------------------------------------

def end_in_order():
    """Who asks us to end gets what Ctrl-C does: brokers that were started end, and their folders go. The
    interrupt says which signal it was."""
    def leave(number, _):
        raise KeyboardInterrupt(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, leave)


@contextlib.contextmanager
def measuring():
    """The machine as measurements want it, and afterwards as it was."""
    with congestion_control("cubic"), awake_processors():
        yield


@contextlib.contextmanager
def awake_processors():
    """A processor that has nothing to do looks for work instead of falling asleep, as under the latency profiles
    that servers run with. In a virtual machine a sleeping one wakes when the host gets round to it, which is
    what would be measured, and which brings the most noise. The wish holds as long as the device is open
    (Linux, Documentation/power/pm_qos_interface.rst)."""
    try:
        device = LATENCY_WANTED.open("r+b", buffering=0)
    except OSError as error:
        say(f"processors may sleep while idle: {LATENCY_WANTED}: {error.strerror}")
        yield
        return
    with device:
        device.write(struct.pack("i", 0))
        yield


def idle_processors():
    """What they do, in a word, as far as we may know."""
    try:
        wake_us, = struct.unpack("i", LATENCY_WANTED.read_bytes()[:4])
    except (OSError, struct.error):
        return "unknown"
    return "stay awake" if wake_us == 0 else "may sleep"


@contextlib.contextmanager
def congestion_control(wanted):
    """bbr, a frequent default, paces on loopback too, which measures the pacing."""
    before = CONGESTION.read_text(encoding="utf-8").strip()
    changed = before != wanted and os.geteuid() == 0
    if changed:
        CONGESTION.write_text(wanted, encoding="utf-8")
    elif before != wanted:
        say(f"congestion control stays {before}: only root can set {wanted}")
    try:
        yield
    finally:
        if changed:
            CONGESTION.write_text(before, encoding="utf-8")


def machine_time():
    """Ticks of all processors: stolen by the host of a virtual machine, and all. tailrace bench
    (bench/machine_time.c) reads the same."""
    ticks = [int(word) for word in Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]]
    return ticks[7], sum(ticks)


def stolen_percent(before, now):
    stolen, total = (b - a for a, b in zip(before, now))
    return min(max(stolen * 100 / total, 0), 100) if total > 0 else 0


def disk_of(folder):
    """The device below the folder, with what decides about the cost of a sync."""
    number_of = os.stat(folder).st_dev
    device = Path(f"/sys/dev/block/{os.major(number_of)}:{os.minor(number_of)}")
    if not device.exists():
        return "unknown"
    device = device.resolve()
    whole = device.parent if (device / "partition").exists() else device
    cache = whole / "queue/write_cache"
    kind = cache.read_text(encoding="utf-8").strip() if cache.exists() else "unknown"
    driven = (whole / "device/driver").resolve().name if (whole / "device/driver").exists() else "no driver"
    return f"{whole.name} ({driven}), cache: {kind}"


def machine_name():
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                if line.startswith("model name")), "unknown")
    return f"{cpu}, {os.cpu_count()} cores"


def conditions(folder):
    disk = subprocess.run(["df", "--output=fstype", folder], capture_output=True, text=True,
                          check=True).stdout.split()[-1]
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": machine_name(),
        "kernel": platform.release().partition("-")[0],
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        "disk": disk_of(folder),
        "file system": disk,
        "congestion control": CONGESTION.read_text(encoding="utf-8").strip(),
        "idle processors": idle_processors(),
    }


# --- Figures as text -----------------------------------------------------------------------------

def number(value):
    """Three digits, or all in front of the point. What rounding makes a digit longer is cut like those that are
    as long."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def cell(values):
    """The median and the range."""
    if not values:
        return "-"
    if len(values) == 1:
        return number(values[0])
    return f"**{number(statistics.median(values))}** ({number(min(values))}-{number(max(values))})"


def ratios(values, others):
    """Of each round; only rounds that both have count."""
    return [mine / other for mine, other in zip(values, others) if other]
