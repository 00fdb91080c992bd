"""`tailrace bench` against a broker, ours or any other (TAILRACE_TEST_BROKER), and against one that
misbehaves as it is told. Runs are as short as they can be: they show that all of it works, not how
fast anything is."""
import fcntl
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support")]

from broker import BUILD, broker_for_tests  # noqa: E402
from patience import PATIENCE_SECONDS, until  # noqa: E402
from programs import TAILRACE  # noqa: E402

PRODUCE, LIST_OFFSETS, API_VERSIONS, CREATE_TOPICS = 0, 2, 18, 19
# For an open loop, which makes what was meant however slow the machine is.
SHORT = ("--seconds", "0.3", "--warm-up", "0.1")
TOPIC = "stubborn"

_run = uuid.uuid4().hex[:8]
_broker = None


def setUpModule():
    global _broker
    _broker = broker_for_tests({"group.initial.rebalance.delay.ms": 0,
                                "group.consumer.min.heartbeat.interval.ms": 100,
                                "group.consumer.heartbeat.interval.ms": 500})


def tearDownModule():
    _broker.close()


def requests(count):
    """The same for a closed loop: it ends with so many of them."""
    return "--warm-up", 0, "--seconds", 60, "--requests", count


def bench(mode, *words, address=None):
    """The finished process."""
    where = ("-b", address or _broker.address)
    return subprocess.run([TAILRACE, "bench", mode, *where, "--format", "json", *map(str, words)],
                          capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


def process_state(pid):
    """S: it sleeps."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


class StubbornBroker:
    """Answers the little that a producer asks, one request after the other. `judge` is asked for each
    Produce request and answers its error code, or None to close the connection; it may take its
    time. So may `await_greeted`, before a client is told which versions there are."""

    def __init__(self, judge, await_greeted=lambda: None):
        self.judge, self.await_greeted = judge, await_greeted
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as requests:
            while len(prefix := requests.read(4)) == 4:
                head = requests.read(struct.unpack(">i", prefix)[0])[:8]
                key, _, correlation_id = struct.unpack(">hhi", head)
                body = self._answer(key)
                if body is None:
                    return
                tags = b"" if key == API_VERSIONS else b"\0"
                answer = struct.pack(">i", correlation_id) + tags + body
                connection.sendall(struct.pack(">i", len(answer)) + answer)

    def _answer(self, key):
        name = bytes([len(TOPIC) + 1]) + TOPIC.encode()
        if key == API_VERSIONS:
            self.await_greeted()
            return struct.pack(">hbib", 0, 1, 0, 0)
        if key == CREATE_TOPICS:
            return struct.pack(">ibb", 0, 1, 0)
        if key == LIST_OFFSETS:
            partition = struct.pack(">ihqqib", 0, 0, -1, 0, 0, 0)
            return struct.pack(">ib", 0, 2) + name + b"\x02" + partition + b"\0\0"
        if key == PRODUCE:
            error = self.judge()
            if error is None:
                return None
            partition = struct.pack(">ihqqqbbb", 0, error, 0, -1, 0, 1, 0, 0)
            return b"\x02" + name + b"\x02" + partition + b"\0" + struct.pack(">ib", 0, 0)
        return None


class BenchCase(unittest.TestCase):
    def name(self, stem):
        return f"{stem}-{_run}"

    def result(self, mode, *words):
        done = bench(mode, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)


class Produce(BenchCase):
    def test_members(self):
        """The result has all members that are promised to those who compare."""
        result = self.result("produce", "--topic", self.name("members"), "--rate", 100, *SHORT,
                             "--connections", 4, "--pid", os.getpid())
        self.assertEqual(result["tool"]["mode"], "produce")
        self.assertLessEqual({"time", "kernel", "cpu", "cpu_count", "congestion_control",
                              "load_average", "stolen_percent", "broker"}, set(result["conditions"]))
        self.assertTrue(0 <= result["conditions"]["stolen_percent"] <= 100)
        self.assertEqual(set(result["conditions"]["broker"]),
                         {"name", "io_backend", "durability", "pid"})
        figures = result["figures"]
        self.assertLessEqual({"seconds", "requests", "records", "bytes", "requests_per_s",
                              "records_per_s", "mb_per_s", "errors", "intended_rate",
                              "latency_us"}, set(figures))
        self.assertEqual(set(figures["latency_us"]),
                         {"p50", "p90", "p99", "p999", "p9999", "max", "mean"})
        self.assertEqual(set(result["server"]),
                         {"cpu_user_s", "cpu_system_s", "cpu_us_per_request", "cpu_s_per_gb",
                          "memory_bytes_max", "context_switches", "written_bytes", "read_bytes"})
        self.assertEqual(set(result["client"]),
                         {"cpu_s", "busiest_thread_percent", "send_delay_us"})
        self.assertEqual(set(result["client"]["send_delay_us"]), {"p50", "p99", "max"})
        self.assertEqual(result["load"]["topic"], self.name("members"))
        self.assertEqual(sum(count for _, count in result["histogram"]), figures["requests"])

    def test_rate(self):
        """An open loop makes as many requests as were meant, all of which are answered."""
        figures = self.result("produce", "--topic", self.name("rate"), "--rate", 1000, "--seconds",
                              0.5, "--connections", 7, "--threads", 2)["figures"]
        self.assertEqual(figures["intended_rate"], 1000)
        self.assertIn(figures["requests"], range(499, 502))
        self.assertEqual(figures["unanswered"], 0)

    def test_series(self):
        """The figures of each second add up to those of the whole."""
        result = self.result("produce", "--topic", self.name("series"), "--rate", 100, "--seconds",
                             2, "--warm-up", 0)
        self.assertEqual([second["second"] for second in result["series"]], [1, 2])
        for member in ("records", "bytes"):
            self.assertEqual(sum(second[member] for second in result["series"]),
                             result["figures"][member])

    def test_requests(self):
        """A number of requests ends the run."""
        figures = self.result("produce", "--topic", self.name("requests"), "--closed", *requests(30),
                              "--connections", 4)["figures"]
        self.assertEqual(figures["requests"], 30)

    def test_kinds(self):
        """Every codec, keys, sequences, and acknowledgements of all kinds are taken."""
        for words in (("--compression", "gzip"), ("--compression", "snappy"),
                      ("--compression", "lz4"), ("--compression", "zstd"), ("--acks", "1"),
                      ("--acks", "0", "--rate", 300), ("--keyed", "--idempotent", "--connections", "5"),
                      ("--idempotent", "--in-flight", "5", "--partitions", "3"),
                      ("--record-bytes", "10-3000", "--batch-records", "1:9,50:1")):
            with self.subTest(words):
                loop = SHORT if "--rate" in words else ("--closed", *requests(50))
                figures = self.result("produce", "--topic", self.name("kinds"), "--partitions", 3,
                                      *loop, "--payload", "text", *words)["figures"]
                self.assertEqual(figures["errors"], 0)
                self.assertGreater(figures["records"], 0)

    def configs(self, topic):
        described = subprocess.run([TAILRACE, "topic", "describe", "-b", _broker.address, "--format", "json", topic],
                                   capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS)
        return described.stdout

    def test_topic_config(self):
        """A topic that a load makes gets the settings that were asked for, and one that is there must have them,
        or it is not loaded; nor is one with fewer partitions."""
        load = ("--closed", "--partitions", 2, *requests(5))
        small = ("--topic-config", "segment.bytes=2097152", "--topic-config", "retention.bytes=8388608")
        for mode in ("produce", "e2e", "mixed"):
            with self.subTest(mode):
                topic = self.name(f"config-{mode}")
                backlog = ("--backlog-topic", self.name("config-backlog"), "--backlog-bytes", "1KiB")
                result = self.result(mode, "--topic", topic, *load, *small, *(backlog if mode == "mixed" else ()))
                self.assertEqual(result["load"]["topic-config"],
                                 {"segment.bytes": "2097152", "retention.bytes": "8388608"})
                self.assertIn("2097152", self.configs(topic))
                self.assertIn("8388608", self.configs(topic))
        topic = self.name("config-produce")
        self.result("produce", "--topic", topic, *load, *small)
        for words, said in (((*load, "--topic-config", "segment.bytes=1048576"),
                             "is there already with segment.bytes=2097152, not 1048576"),
                            (("--closed", "--partitions", 3, *requests(5)), "is there already with 2 partitions, not 3")):
            done = bench("produce", "--topic", topic, *words)
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)
        done = bench("produce", "--topic", self.name("config-none"), *load, "--topic-config", "no.such=1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no.such", done.stderr)

    def test_very_many_partitions(self):
        """A topic may have more partitions than some brokers make at once."""
        topic = self.name("many")
        self.result("produce", "--topic", topic, "--partitions", 10001, "--closed", *requests(5))
        self.assertIn("is there already with 10001 partitions, not 10002",
                      bench("produce", "--topic", topic, "--partitions", 10002, "--closed", *requests(5)).stderr)

    def test_process(self):
        """A process that is not there is said before anything is written."""
        with subprocess.Popen(["true"]) as gone:
            pass
        topic = self.name("process")
        done = bench("produce", "--topic", topic, "--closed", *requests(5), "--pid", gone.pid)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"there is no process {gone.pid}", done.stderr)
        done = bench("fetch", "--topic", topic, *SHORT)
        self.assertIn(f"there is no topic {topic}", done.stderr)

    def test_addresses(self):
        """Why no broker answers is said: no address, nobody there, or nobody who speaks the protocol."""
        stranger = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(stranger.close)
        threading.Thread(target=lambda: stranger.accept()[0].close(), daemon=True).start()
        for address, said in (("127.0.0.1", "an address is HOST:PORT"), ("127.0.0.1:0", "an address is HOST:PORT"),
                              ("127.0.0.1:kafka", "an address is HOST:PORT"), ("127.0.0.1:1", "Connection refused"),
                              (f"127.0.0.1:{stranger.getsockname()[1]}", "does not answer as Kafka does")):
            with self.subTest(address):
                done = bench("produce", "--closed", *requests(1), address=address)
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"no broker answers at {address}: ", done.stderr)
                self.assertIn(said, done.stderr)

    def test_client_settings(self):
        """Settings of a client that is not used are not taken in silence, but for where to connect."""
        done = bench("produce", "--closed", *requests(1), "-X", "compression.codec=zstd")
        self.assertEqual(done.returncode, 2)
        self.assertIn("-X is for librdkafka", done.stderr)
        done = subprocess.run([TAILRACE, "bench", "produce", "-X", f"bootstrap.servers={_broker.address}", "--closed",
                               "--topic", self.name("settings"), *map(str, requests(1))],
                              capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_refused(self):
        """A run in which nothing was acknowledged is a failure that says so, and says why."""
        done = bench("produce", "--topic", self.name("large"), "--record-bytes", "2MiB", "--closed",
                     *requests(3))
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing was measured", done.stderr)
        self.assertIn("MESSAGE_TOO_LARGE", json.loads(done.stdout)["figures"]["errors_by_code"])


class Read(BenchCase):
    def fill(self, stem, partitions):
        topic = self.name(stem)
        return topic, self.result("produce", "--topic", topic, "--partitions", partitions, "--closed",
                                  "--batch-records", 20, *requests(50))["figures"]["records"]

    def test_once(self):
        """A pass that ends at the end has read each record once, with sessions and without, also
        where connections and partitions do not match."""
        topic, records = self.fill("once", 5)
        for words in ((), ("--sessions",), ("--connections", 3), ("--connections", 7),
                      ("--connections", 2, "--sessions", "--fetch-bytes", "1KiB")):
            with self.subTest(words):
                figures = self.result("fetch", "--topic", topic, "--partitions", 5, "--once",
                                      "--warm-up", 0, "--seconds", 60, "--verify", *words)["figures"]
                self.assertEqual(figures["records"], records)
                self.assertEqual(figures["errors"], 0)

    def test_again(self):
        """Without that it begins again until it has made all requests."""
        topic, records = self.fill("again", 2)
        for words in ((), ("--sessions",)):
            figures = self.result("fetch", "--topic", topic, "--partitions", 2, *requests(10),
                                  *words)["figures"]
            self.assertGreater(figures["records"], records)

    def test_end_to_end(self):
        """All that was acknowledged arrives, at those who follow all of the partitions."""
        result = self.result("e2e", "--topic", self.name("e2e"), "--partitions", 4, "--rate", 300,
                             "--connections", 3, "--consumers", 2, "--seconds", 1)
        produced = result["roles"]["produce"]
        self.assertIn(produced["requests"], range(299, 302))
        self.assertEqual(result["figures"]["records"], produced["records"])
        self.assertEqual(result["figures"]["unanswered"], 0)
        self.assertEqual(result["figures"], result["roles"]["receive"])
        self.assertGreaterEqual(result["figures"]["seconds"], 1)
        self.assertGreater(result["figures"]["latency_us"]["p50"], 0)

    def test_mixed(self):
        """Beside it a backlog is filled and read."""
        result = self.result("mixed", "--topic", self.name("mixed"), "--rate", 200,
                             "--backlog-topic", self.name("backlog"), "--backlog-bytes", "2MiB",
                             "--backlog-readers", 2, *requests(50))
        self.assertEqual(result["figures"]["records"], result["roles"]["produce"]["records"])
        self.assertGreater(result["roles"]["backlog"]["bytes"], 2 << 20)

    def test_steps(self):
        """The growing load has a result for each step."""
        result = self.result("partitions", "--topic", self.name("steps"), "--rate", 200, "--steps",
                             "1,5,20", *SHORT)
        self.assertEqual([step["partitions"] for step in result["steps"]], [1, 5, 20])
        result = self.result("partitions", "--topic", self.name("steps"), "--closed", "--over",
                             "connections", "--steps", "1,9", *requests(20))
        self.assertEqual([step["connections"] for step in result["steps"]], [1, 9])

    def test_refused_steps(self):
        """A step whose requests are refused says how many were."""
        done = subprocess.run([TAILRACE, "bench", "partitions", "-b", _broker.address, "--topic", self.name("refused"),
                               "--steps", "1", "--record-bytes", "2MiB", "--closed", *map(str, requests(3))],
                              capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r" ERRORS\n1 .* 3\n$")

    def test_missing(self):
        """There is nothing to read in a topic that is not there, nor in partitions that it does not have."""
        done = bench("fetch", "--topic", self.name("nothing"), *SHORT)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"there is no topic {self.name('nothing')}", done.stderr)
        topic, _ = self.fill("few", 2)
        done = bench("fetch", "--topic", topic, "--partitions", 3, *SHORT)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"topic {topic} has 2 partitions, not 3", done.stderr)


class Groups(unittest.TestCase):
    """Whatever is wrong ends these loads, so that they end well says much of what must hold."""

    def figures(self, mode, *words):
        done = bench(mode, "--topic", f"{self.id().split('.')[-1]}-{len(words)}-{_run}", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = json.loads(done.stdout)
        self.assertEqual(figures["mode"], mode)
        return figures

    def busy_figures(self, wanted, mode, *words):
        """Of a run that was long enough for so many requests, on a machine that may be slow."""
        for seconds in (0.3, 3, 30):
            figures = self.figures(mode, *words, "--warm-up", 0, "--seconds", seconds)
            if figures["requests"] >= wanted:
                break
        return figures

    def test_list(self):
        """Groups without members are listed and described."""
        figures = self.figures("groups-list", "--groups", 30, "--members", 0)
        self.assertEqual((figures["groups"], figures["members"]), (30, 0))
        self.assertGreater(figures["list_ms"], 0)

    def test_join(self):
        """All members of a group come to own their share, in both protocols."""
        for words in ((), ("--consumer-protocol", "--group-connections", 3)):
            with self.subTest(words):
                figures = self.figures("groups-join", "--members", 5, "--group-partitions", 2,
                                       *words)
                self.assertEqual((figures["members"], figures["partitions"]), (5, 10))
                self.assertGreater(figures["settled_ms"], 0)

    def test_commit(self):
        """Members commit, and the last commit of each is what the broker knows."""
        figures = self.busy_figures(9, "groups-commit", "--groups", 4, "--members", 2, "--pid",
                                    os.getpid())
        self.assertEqual(figures["members"], 8)
        self.assertGreater(figures["requests"], 8)
        self.assertGreater(figures["latency_p99_us"], 0)
        self.assertIn("broker_cpu_us_per_request", figures)

    def test_heartbeat(self):
        """Members stay."""
        figures = self.busy_figures(1, "groups-heartbeat", "--groups", 20, "--members", 5)
        self.assertEqual((figures["members"], figures["connections"]), (100, 100))
        self.assertGreater(figures["requests"], 0)

    @unittest.skipIf("TAILRACE_TEST_BROKER" in os.environ, "starts brokers of its own")
    def test_restart(self):
        """After SIGKILL and after a stop the broker knows all offsets."""
        with tempfile.TemporaryDirectory() as folder:
            figures = self.figures("groups-restart", "--groups", 20, "--group-partitions", 5,
                                   "--folder", folder, "--", BUILD / "tailraced", "--set",
                                   "listeners=PLAINTEXT://127.0.0.1:{port}", "--set",
                                   "log.dirs={data}")
        self.assertEqual(figures["offsets"], 100)
        self.assertGreaterEqual(figures["killed_all_ms"], figures["killed_first_ms"])


def takes_direct(folder):
    """Whether files there can pass the page cache by."""
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.fcntl(file, fcntl.F_SETFL, os.O_DIRECT)
        except OSError:
            return False
        return True


class Floor(unittest.TestCase):
    def floor(self, *words):
        return subprocess.run([TAILRACE, "bench", "floor", "--format", "json", *map(str, words)],
                              capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)

    def check(self, figures):
        for better, worse in (("sync_4k_p50_us", "sync_4k_p99_us"), ("sync_64k_p50_us", "sync_64k_p99_us"),
                              ("round_trip_p50_us", "round_trip_p99_us"),
                              ("durable_1000_p50_us", "durable_1000_p99_us"),
                              ("durable_10000_p50_us", "durable_10000_p99_us")):
            self.assertTrue(0 < figures[better] <= figures[worse], figures)
        for name, value in figures.items():
            if name.endswith("_percent"):
                self.assertTrue(0 <= value <= 100, name)
            elif "_per_" in name or name.endswith("_us"):
                self.assertGreater(value, 0, name)

    def test_figures(self):
        """Everything is measured, in about the time that was given, and nothing stays in the folder."""
        with tempfile.TemporaryDirectory() as folder:
            done = self.floor("--folder", folder, "--time", "300ms")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(os.listdir(folder), [])
            figures = json.loads(done.stdout)
            self.check(figures)
            self.assertEqual(figures["direct"], takes_direct(folder))
            self.assertEqual("no O_DIRECT" in done.stderr, not figures["direct"])
            promised = subprocess.run([TAILRACE, "bench", "floor", "--format", "help"], capture_output=True,
                                      text=True, check=True).stdout
            self.assertEqual(set(figures), set(re.findall(r'"(\w+)":', promised)))

    @unittest.skipUnless(os.path.isdir("/dev/shm"), "no file system in memory here")
    def test_memory(self):
        """A file system that may not have O_DIRECT is measured all the same, and told apart."""
        done = self.floor("--folder", "/dev/shm", "--time", "100ms")
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = json.loads(done.stdout)
        self.check(figures)
        self.assertEqual(figures["direct"], takes_direct("/dev/shm"))

    def test_refused(self):
        """A folder that is not there, and a time that makes no sense, are said."""
        done = self.floor("--folder", "no/such/folder")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot make a file in no/such/folder", done.stderr)
        for time in ("99ms", "61s", "soon"):
            self.assertEqual(self.floor("--time", time).returncode, 2, time)


class Start(unittest.TestCase):
    def fail_start(self, *command):
        """What it says when it fails; nothing is left in its folder then."""
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([TAILRACE, "bench", "start", "--runs", "2", "--folder", folder, "--",
                                   *map(str, command)],
                                  capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
            self.assertEqual(os.listdir(folder), [])
        self.assertEqual(done.returncode, 1)
        return done.stderr

    def test_no_broker(self):
        """A command that is no broker is said, and leaves nothing behind."""
        self.assertIn("false ended before it answered", self.fail_start("false"))

    def test_no_program(self):
        """A program that is not there is called by its name."""
        self.assertIn("cannot start no/such/broker: No such file or directory", self.fail_start("no/such/broker"))

    def test_words(self):
        """What a broker says does not get among the figures."""
        script = 'echo good morning; exec "$0" "$@"'
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([TAILRACE, "bench", "start", "--runs", "1", "--folder", folder, "--format", "json",
                                   "--verbose", "--", "sh", "-c", script, str(BUILD / "tailraced"), "--set",
                                   "listeners=PLAINTEXT://127.0.0.1:{port}", "--set", "log.dirs={data}"],
                                  capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["runs"], 1)
        self.assertIn("good morning", done.stderr)

    def test_killed(self):
        """When it is killed itself, its broker and their folder go all the same."""
        with tempfile.TemporaryDirectory() as folder:
            tool = subprocess.Popen([TAILRACE, "bench", "start", "--runs", "1000", "--folder", folder, "--",
                                     str(BUILD / "tailraced"), "--set", "listeners=PLAINTEXT://127.0.0.1:{port}",
                                     "--set", "log.dirs={data}"], stdout=subprocess.DEVNULL)
            until(len, lambda: list(pathlib.Path(folder).glob("*/*")))
            tool.kill()
            tool.wait()
            until(lambda names: not names, lambda: os.listdir(folder))

    def test_running_broker(self):
        """Nor does a broker that runs when the measurement fails."""
        said = self.fail_start(BUILD / "tailraced", "--set", "listeners=PLAINTEXT://127.0.0.1:{port}", "--set",
                               "log.dirs={data}", "--set", "message.max.bytes=100")
        self.assertIn("the first record was refused", said)


class Idle(unittest.TestCase):
    def test_gone(self):
        """A process that is not there has no memory."""
        with subprocess.Popen(["true"]) as gone:
            pass
        done = bench("idle", "--pid", gone.pid)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"there is no process {gone.pid}", done.stderr)


class Report(BenchCase):
    def report(self, *words):
        return subprocess.run([TAILRACE, "bench", "report", *map(str, words)], capture_output=True, text=True,
                              timeout=PATIENCE_SECONDS, check=False)

    def test_files(self):
        """A file that is no result is called by its name, with what is wrong."""
        with tempfile.TemporaryDirectory() as folder:
            torn, other = pathlib.Path(folder, "torn.json"), pathlib.Path(folder, "other.json")
            torn.write_text('{\n"tool":\n', encoding="utf-8")
            other.write_text('{"mode": "floor"}', encoding="utf-8")
            for path, said in ((torn, f"{torn}, line 3: "), (other, f"{other}: no JSON result of bench produce"),
                               (f"{folder}/none.json", f"{folder}/none.json: No such file or directory")):
                with self.subTest(said):
                    done = self.report(path)
                    self.assertEqual((done.returncode, done.stdout), (1, ""))
                    self.assertIn(said, done.stderr)

    def test_no_bars(self):
        """For bars that there are not, no file is opened."""
        with tempfile.TemporaryDirectory() as folder:
            result, bars = pathlib.Path(folder, "result.json"), pathlib.Path(folder, "bars.svg")
            result.write_text('{"contenders": [], "figures": []}', encoding="utf-8")
            done = self.report(result, "--bars", "mb_per_s", "-o", bars)
            self.assertEqual(done.returncode, 1)
            self.assertIn("no comparison has a figure 'mb_per_s'", done.stderr)
            self.assertFalse(bars.exists())

    def test_full(self):
        """A page that does not fit on its disk is no success."""
        with tempfile.TemporaryDirectory() as folder:
            result = pathlib.Path(folder, "result.json")
            result.write_text(json.dumps(self.result("produce", "--topic", self.name("full"), "--closed", *requests(5))),
                              encoding="utf-8")
            done = self.report(result, "-o", "/dev/full")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/dev/full: No space left on device", done.stderr)


class Compare(BenchCase):
    def test_turns(self):
        """Each broker has had the load in each round, in the next one backwards, and the first one's
        figures are compared with the other's of the same round."""
        where = f"{_broker.address},{os.getpid()}"
        result = self.result("compare", "--topic", self.name("turns"), "--closed", "--rounds", 3,
                             *requests(50), f"a={where}", f"b={where}")
        begun = {name: [each["conditions"]["time"] for each in results]
                 for name, results in result["results"].items()}
        self.assertEqual(result["contenders"], ["a", "b"])
        order = sorted((moment, name) for name, moments in begun.items() for moment in moments)
        self.assertEqual("".join(name for _, name in order), "abbaab")
        rate = next(each for each in result["figures"] if each["name"] == "requests_per_s")
        seen = [each["figures"]["requests_per_s"] for each in result["results"]["a"]]
        self.assertEqual(rate["values"]["a"]["max"], max(seen))
        pairs = [a["figures"]["requests_per_s"] / b["figures"]["requests_per_s"]
                 for a, b in zip(result["results"]["a"], result["results"]["b"])]
        self.assertAlmostEqual(rate["ratios"]["b"]["max"], max(pairs), places=6)
        self.assertEqual(rate["ratios"]["b"]["is_decided"], min(pairs) > 1 or max(pairs) < 1)

    def test_started(self):
        """A broker may be a command; a topic to be fetched is filled first. Without a process there are
        no figures of one."""
        command = f"{BUILD / 'tailraced'} --set listeners=PLAINTEXT://127.0.0.1:{{port}} --set log.dirs={{data}}"
        with tempfile.TemporaryDirectory() as folder:
            result = self.result("compare", "--load", "fetch", "--topic", self.name("filled"),
                                 "--fill-bytes", "1MiB", "--rounds", 1, "--folder", folder, *requests(5),
                                 f"ours={command}", f"there={_broker.address}")
            self.assertEqual(os.listdir(folder), [])
        names = {figure["name"] for figure in result["figures"]}
        self.assertIn("mb_per_s", names)
        self.assertNotIn("cpu_s_per_gb", names)
        self.assertGreater(result["results"]["ours"][0]["server"]["memory_bytes_max"], 0)

    def test_missing(self):
        """A broker or a process that is not there is called by its name, and nobody has had a load then."""
        with subprocess.Popen(["true"]) as gone:
            pass
        here, topic = f"a={_broker.address}", self.name("missing")
        for there, said in (("b=127.0.0.1:1", "b: no broker answers at 127.0.0.1:1"),
                            (f"b={_broker.address},{gone.pid}", f"b: there is no process {gone.pid}"),
                            ("b=false {port}", "b ended before it answered")):
            with self.subTest(there):
                done = bench("compare", "--topic", topic, "--closed", "--rounds", 1, *requests(5), here, there)
                self.assertEqual(done.returncode, 1)
                self.assertIn(said, done.stderr)
        self.assertIn(f"there is no topic {topic}", bench("fetch", "--topic", topic, *SHORT).stderr)

    def test_page(self):
        """A page that cannot be written is said before anything is measured."""
        here, topic = f"a={_broker.address}", self.name("page")
        with tempfile.TemporaryDirectory() as folder:
            for page, said in ((f"{folder}/no/such.html", "No such file or directory"), (folder, "Is a directory")):
                done = bench("compare", "--topic", topic, "--closed", "--rounds", 1, *requests(5), "--html", page,
                             here, f"b={_broker.address}")
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"{page}: {said}", done.stderr)
            self.assertIn(f"there is no topic {topic}", bench("fetch", "--topic", topic, *SHORT).stderr)
            page = pathlib.Path(folder, "new.html")
            self.result("compare", "--topic", topic, "--closed", "--rounds", 1, *requests(5), "--html", page, here,
                        f"b={_broker.address}")
            self.assertIn("</html>", page.read_text(encoding="utf-8"))

    def test_usage(self):
        """Whom to compare must be clear."""
        self.assertIn("name two brokers", bench("compare", "--closed", "a=127.0.0.1:1").stderr)
        for words in (("a=127.0.0.1:1",), ("a=127.0.0.1:1", "a=127.0.0.1:2"), ("a", "b=127.0.0.1:1"),
                      ("--load", "partitions", "a=127.0.0.1:1", "b=127.0.0.1:1"),
                      ("--pid", "1", "a=127.0.0.1:1", "b=127.0.0.1:1")):
            with self.subTest(words):
                self.assertEqual(bench("compare", "--closed", *words).returncode, 2)


class Misbehaviour(unittest.TestCase):
    def run_against(self, judge, *words):
        broker = StubbornBroker(judge)
        try:
            return bench("produce", "--topic", TOPIC, *words, address=broker.address)
        finally:
            broker.close()

    def test_stall(self):
        """A broker that stalls once for a while has kept waiting all the requests that were meant to
        start meanwhile, not only the one that it had before it (no coordinated omission)."""
        state = {"count": 0}

        def judge():
            state["count"] += 1
            if state["count"] == 400:
                threading.Event().wait(0.2)
            return 0

        done = self.run_against(judge, "--rate", 1000, "--seconds", 1, "--warm-up", 0)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        late = sum(count for upper_us, count in result["histogram"] if upper_us > 50000)
        self.assertGreaterEqual(late, 140)
        self.assertGreater(result["figures"]["latency_us"]["p99"], 150000)
        self.assertEqual(result["figures"]["requests"], 1000)

    def test_late(self):
        """Whom the machine stops until its time is over still makes all requests that were meant."""
        seen = []
        tool = None

        def pause():
            tool.send_signal(signal.SIGSTOP)
            threading.Timer(0.5, tool.send_signal, (signal.SIGCONT,)).start()

        def judge():
            seen.append(True)
            if len(seen) == 5:
                # Between two requests, mostly: what was asked has been answered, and more is due.
                threading.Timer(0.005, pause).start()
            return 0

        broker = StubbornBroker(judge)
        self.addCleanup(broker.close)
        with subprocess.Popen([TAILRACE, "bench", "produce", "-b", broker.address, "--topic", TOPIC,
                               "--format", "json", "--rate", "100", "--seconds", "0.3",
                               "--warm-up", "0"], stdout=subprocess.PIPE, text=True) as tool:
            result = json.loads(tool.communicate(timeout=PATIENCE_SECONDS)[0])
        self.assertEqual(result["figures"]["requests"], 30)

    def test_stopped(self):
        """Whom the machine stops while it waits for an answer goes on waiting for it."""
        tool, is_running, stopped = None, threading.Event(), []

        def stop_for_a_moment():
            if stopped:
                return
            is_running.wait(PATIENCE_SECONDS)
            until("S".__eq__, lambda: process_state(tool.pid))
            stopped.append(tool.pid)
            os.kill(tool.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, tool.pid, os.WSTOPPED | os.WNOWAIT)
            os.kill(tool.pid, signal.SIGCONT)

        broker = StubbornBroker(lambda: 0, stop_for_a_moment)
        self.addCleanup(broker.close)
        with subprocess.Popen([TAILRACE, "bench", "produce", "-b", broker.address, "--topic", TOPIC,
                               "--format", "json", "--rate", "100", *SHORT],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tool:
            is_running.set()
            said = tool.communicate(timeout=PATIENCE_SECONDS)[1]
        self.assertEqual((tool.returncode, len(stopped)), (0, 1), said)

    def test_last_second(self):
        """What is answered behind the end is in the figures of the last second."""
        state = {"count": 0}

        def judge():
            state["count"] += 1
            if state["count"] == 90:
                threading.Event().wait(0.5)
            return 0

        done = self.run_against(judge, "--rate", 100, "--seconds", 1, "--warm-up", 0)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([(second["second"], second["records"]) for second in json.loads(done.stdout)["series"]],
                         [(1, 100)])

    def test_errors(self):
        """Refusals are counted by their names, beside what was taken."""
        state = {"count": 0}

        def judge():
            state["count"] += 1
            return 7 if state["count"] % 4 == 0 else 0

        done = self.run_against(judge, "--rate", 400, "--seconds", 0.5, "--warm-up", 0)
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = json.loads(done.stdout)["figures"]
        self.assertEqual(figures["errors_by_code"], {"REQUEST_TIMED_OUT": 50})
        self.assertEqual(figures["errors"], 50)
        self.assertEqual(figures["requests"], 150)

    def test_refused_time(self):
        """Refusals take their time, too: who takes one record and then none is not fast."""
        state = {"count": 0}

        def judge():
            state["count"] += 1
            if state["count"] == 1:
                return 0
            threading.Event().wait(0.2)
            return 7

        done = self.run_against(judge, "--closed", *requests(2))
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = json.loads(done.stdout)["figures"]
        self.assertEqual((figures["requests"], figures["errors"]), (1, 1))
        self.assertGreaterEqual(figures["seconds"], 0.2)

    def test_unknown(self):
        """Who does not tell what it is stays unknown."""
        done = self.run_against(lambda: 0, "--rate", 100, *SHORT)
        self.assertEqual(json.loads(done.stdout)["conditions"]["broker"],
                         {"name": "unknown", "io_backend": "unknown", "durability": "unknown",
                          "pid": None})

    def test_closed_connection(self):
        """A broker that closes a connection ends the run, which says so."""
        done = self.run_against(lambda: None, "--rate", 100, *SHORT)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"the broker at 127\.0\.0\.1:\d+ is lost.*the broker closed it")


if __name__ == "__main__":
    unittest.main()
