"""A broker for tests: starts `tailraced` on a free port with a data folder of its own, waits for the
line that says it serves, stops or kills it, starts it again on the same data.

    TAILRACE_BUILD        the build folder that holds tailraced (default: build/debug)
    TAILRACE_TEST_BROKER  host:port of a broker that runs already (any Kafka broker will do); then
                          nothing is started, and tests that need to kill it are skipped
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from patience import PATIENCE_SECONDS, tries

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TAILRACE_BUILD", ROOT / "build" / "debug"))
READY = re.compile(r'msg="?serving"?( |$)')
_reservations = []


def free_port():
    """A port of 127.0.0.1 that stays this process's until it ends. A socket is bound to it that never
    listens: who allows that, as brokers do (SO_REUSEADDR), listens beside it; but the kernel gives it
    neither to whoever asks for any port nor to a connection that goes out, which could be that of a
    client to the very broker that is down."""
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind(("127.0.0.1", 0))
    _reservations.append(reservation)
    return reservation.getsockname()[1]


def external_address():
    """(host, port) of the broker named by the environment, or None."""
    text = os.environ.get("TAILRACE_TEST_BROKER")
    if not text:
        return None
    host, _, port = text.rpartition(":")
    return host, int(port)


class Broker:
    """One broker process and its data folder. `settings` are server.properties names. It works on
    two cores, wherever it runs, so that mail between them is part of what is tested."""

    def __init__(self, settings=None, build=BUILD):
        self.program = pathlib.Path(build) / "tailraced"
        self.settings = dict(settings or {})
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tailrace-test-"))
        self.host, self.port = "127.0.0.1", free_port()
        self.process = None
        self.log = []  # of the present process
        self._ready = threading.Event()
        self._logged = threading.Condition()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def command(self):
        settings = {
            "listeners": f"PLAINTEXT://{self.address}",
            "log.dirs": str(self.folder / "data"),
            "tailrace.admin.listener": "",
            "tailrace.cores": "2",
            **self.settings,
        }
        words = [str(self.program)]
        for name, value in settings.items():
            words += ["--set", f"{name}={value}"]
        return words

    def start(self):
        """Starts it and waits until it serves. The kernel may hold the port of a killed process for
        some moments; then it is started again, as a supervisor would."""
        for _ in tries():
            self._launch()
            served = self._ready.wait(PATIENCE_SECONDS)
            if served and self.process.poll() is None:
                return self
            tail = "".join(self.log[-20:])
            self.kill()
            if "file in use" not in tail:
                break
        raise RuntimeError(f"{self.program} did not say that it serves:\n{tail}")

    def kill_while_starting(self, seconds):
        """Starts it and kills it after this time, in most cases before it serves."""
        self._launch()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        self.kill()

    def _launch(self):
        assert self.process is None
        self._ready, self.log = threading.Event(), []
        (self.folder / "data").mkdir(exist_ok=True)
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, errors="replace", env=self._environment())
        threading.Thread(target=self._read_log, daemon=True,
                         args=(self.process, self._ready, self._logged, self.log)).start()

    @staticmethod
    def _environment():
        """With sanitizers, freed memory is not kept so long that it hides the broker's own use."""
        options = os.environ.get("ASAN_OPTIONS", "")
        return {**os.environ, "ASAN_OPTIONS": f"{options}:quarantine_size_mb=8"}

    @staticmethod
    def _read_log(process, ready, logged, log):
        for line in process.stdout:
            with logged:
                log.append(line)
                logged.notify_all()
            if READY.search(line):
                ready.set()
        process.stdout.close()
        process.wait()
        ready.set()  # it ended: whoever waits must look

    def says(self, pattern, begin=0):
        """Whether its log has, or soon gets, a line like this at or behind line `begin`."""
        wanted = re.compile(pattern)
        with self._logged:
            return self._logged.wait_for(
                lambda: any(wanted.search(line) for line in self.log[begin:]), PATIENCE_SECONDS)

    def stop(self):
        """Asks it to end and waits; its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self):
        """Ends it at once, as a crash would."""
        return self._end(signal.SIGKILL)

    def _end(self, number):
        process, self.process = self.process, None
        if process is None:
            return None
        process.send_signal(number)
        try:
            return process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"{self.program} did not end within {PATIENCE_SECONDS} s") from None

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def memory_bytes(self):
        """What it occupies now (VmRSS)."""
        return self._memory("VmRSS")

    def memory_bytes_max(self):
        """The most that it has occupied since the last call (VmHWM)."""
        most = self._memory("VmHWM")
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return most

    def _memory(self, name):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"no {name}")

    def close(self):
        """Stops it and removes its data; RuntimeError if it did not end well."""
        status = self.stop()
        log = "".join(self.log[-20:])
        shutil.rmtree(self.folder, ignore_errors=True)
        if status not in (0, None):
            raise RuntimeError(f"{self.program} ended with {status}:\n{log}")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


class ExternalBroker:
    """A broker that somebody else started: it can be asked, not stopped."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.log = []

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def is_alive(self):
        return True

    def close(self):
        pass


def broker_for_tests(settings=None):
    """The broker that the environment names, or a started one."""
    address = external_address()
    return ExternalBroker(*address) if address else Broker(settings).start()
