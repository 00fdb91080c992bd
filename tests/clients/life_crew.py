"""The members of a living group as processes: starts them, signals them, and hands what they tell to
the judge. One thread, which turns while somebody waits: what came in meanwhile is put in order by
the members' clock or, where a client's language has none to share, by life_history.in_order."""
import collections
import os
import selectors
import signal
import subprocess
import time

from life_history import by_clock, in_order, parse
from patience import PATIENCE_SECONDS

READ_SIZE = 1 << 16
TURN_SECONDS = 0.05
COMPLAINT_SIZE = 600


class Worker:
    """One process, its group of processes, and its output."""

    def __init__(self, words, folder, name):
        self.name = name
        self.complaints = folder / f"{name}.err"
        with open(self.complaints, "wb") as complaints:
            self.process = subprocess.Popen(
                [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=complaints, start_new_session=True,
                env={**os.environ, "TMPDIR": str(folder)})
        os.set_blocking(self.process.stdout.fileno(), False)
        self.transcript = open(folder / f"{name}.jsonl", "wb")
        self.rest = b""
        self.told = collections.deque()  # and not handed on yet
        self.is_told_to_end = self.has_left = self.has_ended = False

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def read(self):
        data = b""
        while True:
            try:
                piece = os.read(self.process.stdout.fileno(), READ_SIZE)
            except BlockingIOError:
                break
            if not piece:
                self.has_ended = True
                break
            data += piece
        self.transcript.write(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.told.extend(parse(line) for line in lines if line.strip())

    def close(self):
        self.process.stdout.close()
        self.transcript.close()

    def last_words(self):
        return self.complaints.read_text(errors="replace")[-COMPLAINT_SIZE:].strip()


class Crew:
    def __init__(self, judge, folder):
        self.judge, self.folder = judge, folder
        self.workers = {}
        self.selector = selectors.DefaultSelector()

    def start(self, name, words):
        worker = Worker(words, self.folder, name)
        self.judge.started(name)
        self.workers[name] = worker
        self.selector.register(worker.process.stdout, selectors.EVENT_READ, worker)

    def turn(self, seconds=TURN_SECONDS):
        """Waits for words of the members, hands them to the judge, and sees who ended. What has been
        read goes on when everybody has been read once more: whoever told something before is heard
        before."""
        told = {name: worker.told for name, worker in self.workers.items()}
        horizon = max((event.get("at", 0) for events in told.values() for event in events),
                      default=0)
        if not any(told.values()):
            self.selector.select(seconds)
        for worker in self.workers.values():
            worker.read()
        has_clock = all("at" in event for events in told.values() for event in events)
        for name, event in list(by_clock(told, horizon) if has_clock else in_order(told)):
            self.judge.hear(name, event)
            self.workers[name].has_left |= event["event"] == "left"
        if not has_clock:
            for events in told.values():
                events.clear()
        for worker in list(self.workers.values()):
            if worker.has_ended and not worker.told:
                self._ended(worker)

    def _ended(self, worker):
        self.selector.unregister(worker.process.stdout)
        status = worker.process.wait(PATIENCE_SECONDS)
        worker.close()
        self.judge.gone(worker.name)
        del self.workers[worker.name]
        wanted = {"end": 0, "kill": -signal.SIGKILL}.get(worker.is_told_to_end)
        if status != wanted or (wanted == 0 and not worker.has_left):
            self.judge.wrong(f"{worker.name} ended with {status}: {worker.last_words()}")

    def kill(self, name):
        """At once; what it told before is heard."""
        self.workers[name].is_told_to_end = "kill"
        self.workers[name].signal(signal.SIGKILL)
        self._wait_until_gone(name)

    def end(self, name):
        """Asks it to leave; it is gone when wait() sees it."""
        self.workers[name].is_told_to_end = "end"
        self.workers[name].signal(signal.SIGTERM)

    def stop(self, name):
        process = self.workers[name].process
        self.workers[name].signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        self.turn(0)
        self.turn(0)
        self.judge.stopped(name)

    def resume(self, name):
        self.judge.resumed(name)
        self.workers[name].signal(signal.SIGCONT)

    def _wait_until_gone(self, name):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while name in self.workers:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} does not end")
            self.turn()

    def close(self):
        """Ends whoever is left."""
        for worker in list(self.workers.values()):
            self.selector.unregister(worker.process.stdout)
            worker.signal(signal.SIGKILL)
            worker.process.wait(PATIENCE_SECONDS)
            worker.close()
        self.workers = {}
        self.selector.close()
