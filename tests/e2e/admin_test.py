"""The admin listener: numbers that move with what clients do, pages for health, and whoever speaks
HTTP badly does no harm."""
import contextlib
import http.client
import pathlib
import re
import socket
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "wire")]

from broker import Broker, free_port  # noqa: E402
from patience import PATIENCE_SECONDS, tries  # noqa: E402
from programs import AT_ONCE, create_topic, tailrace  # noqa: E402
from wire import Connection  # noqa: E402

SAMPLE = re.compile(r'([a-z_]+)(\{(?:[a-z]+="[^"\\]*",?)+\})? (-?[0-9.]+)')
CONNECTIONS_MAX = 16


class Pages(unittest.TestCase):
    """Asks `port` for its pages."""
    port = None

    def get(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        self.addCleanup(connection.close)
        connection.request(method, path)
        response = connection.getresponse()
        return response, response.read()

    def metrics(self):
        """{name and labels: value}; every line is a comment or a sample of a family that was
        announced."""
        response, body = self.get("/metrics")
        self.assertEqual((response.status, response.getheader("Content-Type")),
                         (200, "text/plain; version=0.0.4; charset=utf-8"))
        values, families = {}, set()
        for line in body.decode().splitlines():
            if line.startswith("# TYPE "):
                families.add(line.split()[2])
            if line.startswith("#"):
                continue
            sample = SAMPLE.fullmatch(line)
            self.assertIsNotNone(sample, line)
            self.assertTrue({sample[1], re.sub("_(bucket|sum|count)$", "", sample[1])} & families,
                            sample[1])
            self.assertNotIn(sample[1] + (sample[2] or ""), values)
            values[sample[1] + (sample[2] or "")] = float(sample[3])
        return values


class Admin(Pages):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.broker = Broker({"tailrace.admin.listener": f"127.0.0.1:{cls.port}"})
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start()
        create_topic(cls.broker, "orders", "-p", "2")
        create_topic(cls.broker, "others", "-p", "2")

    def send(self, data):
        """Raw bytes; the answer up to its end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS) as peer:
            peer.sendall(data)
            answer = b""
            while part := peer.recv(65536):
                answer += part
            return answer

    def test_numbers_move(self):
        """What is produced and consumed is counted, once, by topic and by partition."""
        before = self.metrics()
        tailrace(self.broker, "topic", "produce", "orders", "-p", "1", *AT_ONCE, data=b"a\nb\nc\n")
        tailrace(self.broker, "topic", "produce", "others", data=b"a\nb\n")
        tailrace(self.broker, "topic", "consume", "orders", "-o", "start:end", "-p", "1")
        after = self.metrics()

        def moved(name):
            return after[name] - before.get(name, 0)
        topic = '{topic="orders"}'
        self.assertEqual(moved(f"kafka_server_brokertopicmetrics_messagesin_total{topic}"), 3)
        self.assertEqual(
            moved('kafka_server_brokertopicmetrics_messagesin_total{topic="others"}'), 2)
        bytes_in = moved(f"kafka_server_brokertopicmetrics_bytesin_total{topic}")
        self.assertGreater(bytes_in, 60)
        self.assertGreaterEqual(moved(f"kafka_server_brokertopicmetrics_bytesout_total{topic}"),
                                bytes_in)
        place = '{topic="orders",partition="1"}'
        self.assertEqual(moved(f"kafka_log_log_logendoffset{place}"), 3)
        # What lies in whole blocks already, if the machine is so slow, counts with its padding.
        self.assertIn(moved(f"kafka_log_log_size{place}"), (bytes_in, 4096))
        self.assertEqual(after['kafka_log_log_logendoffset{topic="orders",partition="0"}'], 0)
        self.assertGreaterEqual(
            moved('kafka_network_requestmetrics_requests_total{request="Produce"}'), 1)
        self.assertGreaterEqual(moved("tailrace_journal_commit_seconds_count"), 1)
        self.assertGreater(moved("tailrace_journal_bytes_total"), 0)
        self.assertGreaterEqual(moved("tailrace_connections_accepted_total"), 2)

    def test_state_of_the_broker(self):
        """What holds now is shown: partitions, topics, loosened ones, the process."""
        values = self.metrics()
        self.assertEqual(values["tailrace_failed_stores"], 0)
        self.assertEqual(values["tailrace_damaged_ranges"], 0)
        self.assertGreater(values["process_resident_memory_bytes"], 1 << 20)
        self.assertGreater(values["process_open_fds"], 3)
        self.assertGreater(values["process_cpu_seconds_total"], 0)
        loose, partitions = values["tailrace_loose_partitions"], values[
            "kafka_server_replicamanager_partitioncount"]
        create_topic(self.broker, "loose", "-p", "3", "-c", "flush.ms=1000")
        values = self.metrics()
        self.assertEqual(values["tailrace_loose_partitions"], loose + 3)
        self.assertEqual(values["kafka_server_replicamanager_partitioncount"], partitions + 3)

    def test_partitions_are_loosened_and_fastened_while_they_live(self):
        """flush.messages of a topic that has records holds from when it was altered."""
        create_topic(self.broker, "later", "-p", "3")
        loose = self.metrics()["tailrace_loose_partitions"]
        for change, then in ((("--set", "flush.messages=1000"), loose + 3),
                             (("--delete", "flush.messages"), loose)):
            tailrace(self.broker, "topic", "produce", "later", data=b"a\nb\n")
            tailrace(self.broker, "topic", "alter-config", "later", *change)
            self.assertEqual(self.metrics()["tailrace_loose_partitions"], then)

    def test_histograms_are_cumulative(self):
        """Buckets never shrink with their bound, and the last is the count."""
        tailrace(self.broker, "topic", "list")
        values = self.metrics()
        name = 'tailrace_request_seconds_bucket{request="Metadata",le='
        buckets = [value for key, value in values.items() if key.startswith(name)]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual(buckets[-1],
                         values['tailrace_request_seconds_count{request="Metadata"}'])
        self.assertGreater(buckets[-1], 0)

    def test_other_pages(self):
        """Health and readiness answer; other pages and methods are refused by their codes."""
        self.assertEqual(self.get("/healthz")[0].status, 200)
        response, body = self.get("/readyz")
        self.assertEqual((response.status, body), (200, b'{"status":"ok"}\n'))
        self.assertEqual(self.get("/")[0].status, 404)
        self.assertEqual(self.get("/metrics", "POST")[0].status, 405)
        response, body = self.get("/metrics", "HEAD")
        self.assertEqual((response.status, body), (200, b""))
        self.assertGreater(int(response.getheader("Content-Length")), 1000)

    def test_bad_requests(self):
        """Too much, too strange or cut short is answered or dropped, and the next one is served."""
        endless = b"GET / HTTP/1.1\r\nX: ".ljust(8 * 1024, b"a")
        self.assertIn(b" 431 ", self.send(endless).split(b"\r")[0])
        with contextlib.suppress(ConnectionError):  # what is not read resets the connection
            self.send(endless * 1000)
        self.assertIn(b" 400 ", self.send(b"\x16\x03\x01\x00\r\n\r\n").split(b"\r")[0])
        with socket.create_connection(("127.0.0.1", self.port)) as peer:
            peer.sendall(b"GET /metr")
        self.assertIn(b" 200 ", self.send(b"GET /healthz HTTP/1.1\r\n\r\n").split(b"\r")[0])

    def test_slow_and_many(self):
        """Connections that say nothing are ended after a while, and those behind them are served
        then; clients of the broker notice nothing."""
        idle = [socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
                for _ in range(CONNECTIONS_MAX + 4)]
        for peer in idle:
            self.addCleanup(peer.close)
        tailrace(self.broker, "topic", "produce", "orders", "-p", "0", data=b"x\n")
        self.assertEqual(idle[0].recv(1), b"")
        self.assertEqual(self.get("/healthz")[0].status, 200)

    def test_taken_address(self):
        """Another broker with the same address says so, and serves without."""
        with Broker({"tailrace.admin.listener": f"127.0.0.1:{self.port}"}) as other:
            self.assertTrue(other.says("no metrics"))
            create_topic(other, "orders")


class Storage(Pages):
    """What storage does in the background shows, on a single core so that everything meets."""
    maxDiff = 2000

    def setUp(self):
        self.port = free_port()
        self.broker = Broker({"tailrace.admin.listener": f"127.0.0.1:{self.port}",
                              "tailrace.cores": "1", "log.cleaner.backoff.ms": "50",
                              "log.retention.check.interval.ms": "50"})
        self.addCleanup(self.broker.close)
        self.broker.start()

    def metrics_when(self, is_there):
        """The numbers once they are so."""
        for _ in tries():
            if is_there(values := self.metrics()):
                return values
        return self.fail(values)

    def test_compaction(self):
        """A log that is compacted shows as dirty before, and then as a pass with its bytes."""
        create_topic(self.broker, "keys", "-c", "cleanup.policy=compact", "-c",
                     "segment.bytes=1048576", "-c", "min.cleanable.dirty.ratio=1")
        lines = b"".join(b"%d\t%s\n" % (i % 10, b"v" * 2000) for i in range(2000))
        tailrace(self.broker, "topic", "produce", "keys", "-f", "%k\t%v\n", data=lines)
        self.metrics_when(
            lambda now: now["kafka_log_logcleanermanager_max_dirty_percent"] == 100)
        before = self.metrics()
        self.assertEqual(before["tailrace_compaction_seconds_count"], 0)
        tailrace(self.broker, "topic", "alter-config", "keys", "--set",
                 "min.cleanable.dirty.ratio=0.1")
        after = self.metrics_when(
            lambda now: now["tailrace_compaction_seconds_count"] > 0 and
            now["kafka_log_logcleanermanager_max_dirty_percent"] == 0)
        self.assertGreater(after["tailrace_compaction_seconds_sum"], 0)
        read, written = (after[f"tailrace_compaction_{what}_bytes_total"]
                         for what in ("read", "written"))
        self.assertGreater(read, 2 << 20)  # twice: for the keys, and to copy what stays
        self.assertGreater(written, 0)
        self.assertLess(written, read / 8)
        self.assertEqual(after["kafka_log_logcleanermanager_uncleanable_partitions_count"], 0)

    def test_retention(self):
        """What retention takes away is counted with its size; DeleteRecords counts as well."""
        create_topic(self.broker, "short", "-c", "segment.bytes=1048576", "-c",
                     "retention.bytes=1048576")
        tailrace(self.broker, "topic", "produce", "short", data=(b"x" * 90000 + b"\n") * 50)
        values = self.metrics_when(
            lambda now: now["tailrace_retention_deleted_segments_total"] > 1)
        self.assertGreater(values["tailrace_retention_deleted_bytes_total"], 1 << 20)
        self.assertGreater(values['kafka_log_log_logstartoffset{topic="short",partition="0"}'], 0)

    def read_beginning(self, topic):
        """One fetch from the start of partition 0, whatever it is answered."""
        connection = Connection(self.broker.host, self.broker.port)
        connection.call("Fetch", 11, replica_id=-1, max_wait_ms=0, min_bytes=1, max_bytes=1000,
                        session_epoch=-1, topics=[{"name": topic, "partitions": [
                            {"partition": 0, "partition_max_bytes": 1000, "fetch_offset": 0,
                             "current_leader_epoch": -1}]}])
        connection.close()

    def test_damaged_ranges(self):
        """Records that the disk has changed are a damaged range."""
        create_topic(self.broker, "bad")
        for _ in range(3):
            tailrace(self.broker, "topic", "produce", "bad", data=b"x" * 90000 + b"\n")
        self.assertEqual(self.metrics()["tailrace_damaged_ranges"], 0)
        self.broker.kill()
        segment = next((self.broker.folder / "data" / "topics").glob("bad-*/0/*.log"))
        with open(segment, "r+b") as file:
            file.seek(50000)
            file.write(b"y")
        self.broker.start()
        # Found by the start, or, if all had been recorded before the kill, by whoever reads it.
        self.read_beginning("bad")
        self.metrics_when(lambda now: now["tailrace_damaged_ranges"] == 1)

    def test_checkpoint_and_cold_reads(self):
        """Many bytes bring about a checkpoint; after a kill the start tells how long it took, and
        a first reader waits for the disk where a second one finds what he wants in memory."""
        create_topic(self.broker, "old")
        lines = b"".join(b"%d" % (i % 10) * 900000 + b"\n" for i in range(100))
        tailrace(self.broker, "topic", "produce", "old", data=lines)
        values = self.metrics_when(lambda now: now["tailrace_checkpoint_seconds_count"] > 0)
        self.assertGreater(values["tailrace_checkpoint_seconds_sum"], 0)
        self.broker.kill()
        self.broker.start()
        fresh = self.metrics()
        self.assertGreater(fresh["tailrace_recovery_seconds"], 0)
        self.assertLess(fresh["tailrace_recovery_seconds"], PATIENCE_SECONDS)
        self.assertEqual(fresh["tailrace_cold_read_bytes_total"], 0)
        first, second = (
            tailrace(self.broker, "topic", "consume", "old", "-o", "0:2") and self.metrics()
            for _ in range(2))
        self.assertGreater(first["tailrace_cold_cache_misses_total"], 0)
        self.assertGreaterEqual(first["tailrace_cold_read_bytes_total"], 1800000)
        self.assertGreater(second["tailrace_cold_cache_hits_total"],
                           first["tailrace_cold_cache_hits_total"])


if __name__ == "__main__":
    unittest.main()
