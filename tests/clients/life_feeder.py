"""Real text for a topic, at a steady pace: kcat as an idempotent producer, which outlives restarts
of the broker. How much may be sent is raised step by step by whoever tells the story."""
import pathlib
import subprocess
import threading

from patience import PATIENCE_SECONDS
from programs import package_index

ROOT = pathlib.Path(__file__).resolve().parents[2]
TICK_SECONDS = 0.02
HELD_BACK_MAX = 200  # kcat reads blocks: the last lines wait in it for more, or for the end


def lines_of_text(count):
    """So many lines, none of them empty: of the package index, or of our own sources."""
    text = package_index() or b"".join(
        path.read_bytes() for path in sorted(ROOT.glob("*/*.[ch]")))
    lines = [line for line in text.split(b"\n") if line]
    return [lines[i % len(lines)] for i in range(count)]


class Feeder(threading.Thread):
    def __init__(self, address, topic, total, per_second):
        super().__init__(daemon=True)
        self.lines = lines_of_text(total)
        self.per_tick = max(1, int(per_second * TICK_SECONDS))
        self.sent = self.allowed = 0
        self.problem = None
        self._changed = threading.Condition()
        self._is_closed = False
        self.process = subprocess.Popen(
            ["kcat", "-E", "-P", "-b", address, "-t", topic, "-X", "enable.idempotence=true",
             "-X", "linger.ms=5", "-X", "reconnect.backoff.max.ms=300"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.start()

    def allow(self, total):
        """So many records may have been sent from now on."""
        with self._changed:
            self.allowed = min(total, len(self.lines))
            self._changed.notify()

    def on_its_way(self):
        """So many records will come to the topic without another word."""
        is_all = self.allowed == len(self.lines)
        return self.allowed if is_all else max(0, self.allowed - HELD_BACK_MAX)

    def run(self):
        try:
            while self.sent < len(self.lines):
                with self._changed:
                    self._changed.wait_for(lambda: self._is_closed or self.sent < self.allowed)
                    if self._is_closed:
                        return
                    self._changed.wait_for(lambda: self._is_closed, TICK_SECONDS)
                    end = min(self.sent + self.per_tick, self.allowed)
                self.process.stdin.write(b"".join(line + b"\n" for line in
                                                  self.lines[self.sent:end]))
                self.process.stdin.flush()
                self.sent = end
            self.process.stdin.close()
        except OSError as problem:
            self.problem = problem

    def finish(self):
        """Waits until all is acknowledged; its exit status."""
        self.join(PATIENCE_SECONDS)
        return self.process.wait(PATIENCE_SECONDS)

    def close(self):
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self.process.kill()
        self.process.wait()
