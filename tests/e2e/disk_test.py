"""Disk trouble with real processes on hostile file systems: full, failing, read-only; and too few
file handles. Needs root to mount small file systems, and loop devices; skipped without.

A disk that gives real input/output errors is a file system on a loop device whose file lies on a
tmpfs that is full: blocks that were never written find no room, and fdatasync says EIO once."""
import contextlib
import http.client
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE.parent / "wire"))

import batch as batches  # noqa: E402
from broker import Broker, free_port  # noqa: E402
from patience import PATIENCE_MS, PATIENCE_SECONDS, tries  # noqa: E402
from programs import has_kcat, kcat  # noqa: E402
from wire import NO_UUID, Closed, Connection  # noqa: E402

MIB = 1 << 20
NONE, LEADER_NOT_AVAILABLE, TIMED_OUT, STORAGE_ERROR = 0, 5, 7, 56
LATEST = -1
LARGE = batches.batch([b"x" * 200_000])  # past the journal, straight to the segment
SMALL = batches.batch([b"y" * 100])
REFUSAL_MS = 1000  # after so long a request that waits for space is answered


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def unmount(target):
    """After a broker has gone its ring ends what is in flight, in the kernel, and has its files open
    so long; each attempt takes some milliseconds."""
    for _ in tries():
        done = subprocess.run(["umount", str(target)], check=False, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
        if done.returncode == 0:
            return
    raise RuntimeError(f"{target} cannot be unmounted: {done.stderr.decode()}")


class Mounts:
    """Small file systems under a folder of their own, taken down in reverse."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tailrace-disk-"))
        self.mounted = []

    def mount(self, name, *words):
        target = self.folder / name
        target.mkdir()
        run("mount", *words, str(target))
        self.mounted.append(target)
        return target

    def tmpfs(self, name, size_mib):
        return self.mount(name, "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs")

    def failing(self, name, size_mib):
        """A disk that works until break_disk is called on it."""
        below = self.tmpfs(f"{name}-below", size_mib)
        image = below / "image"
        with open(image, "wb") as file:
            file.truncate(4096 * MIB)
        run("mkfs.ext4", "-q", "-E", "lazy_itable_init=1,nodiscard", str(image))
        return self.mount(name, "-o", "loop", str(image))

    def repair(self, name):
        """Gives the disk its room back and checks the file system, which may have stopped as well."""
        below, target = self.folder / f"{name}-below", self.folder / name
        os.unlink(below / "filler")
        unmount(target)
        subprocess.run(["e2fsck", "-fy", str(below / "image")], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run("mount", "-o", "loop", str(below / "image"), str(target))

    def close(self):
        for target in reversed(self.mounted):
            subprocess.run(["umount", "-l", str(target)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def fill(folder, leave=0):
    """Takes all the room of a file system but `leave` bytes."""
    with open(folder / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while shutil.disk_usage(folder).free > leave + 4096:
            file.write(bytes(min(MIB, shutil.disk_usage(folder).free - leave)))


def break_disk(mounts, name):
    fill(mounts.folder / f"{name}-below")


def can_mount():
    mounts = Mounts()
    try:
        mounts.failing("probe", 16)
    except (OSError, subprocess.CalledProcessError):
        return False
    finally:
        mounts.close()
    return True


class DiskCase(unittest.TestCase):
    def setUp(self):
        self.mounts = Mounts()
        self.addCleanup(self.mounts.close)
        self.broker = None
        self.connection = None

    def start(self, *dirs, **settings):
        if self.broker is None:
            self.broker = Broker({"tailrace.cores": "1"})
            self.addCleanup(shutil.rmtree, self.broker.folder, True)
            self.addCleanup(self.broker.kill)
        self.broker.settings["log.dirs"] = ",".join(map(str, dirs))
        self.broker.settings.update(settings)
        self.broker.start()
        self.connect()

    def connect(self, timeout=PATIENCE_SECONDS):
        self.connection = Connection(self.broker.host, self.broker.port, timeout)
        self.addCleanup(self.connection.close)

    def create(self, name, partitions=1, **configs):
        topic = {"name": name, "num_partitions": partitions, "replication_factor": 1,
                 "configs": [{"name": key.replace("_", "."), "value": value}
                             for key, value in configs.items()]}
        answer = self.connection.call("CreateTopics", 7, topics=[topic], timeout_ms=PATIENCE_MS)
        self.assertEqual(answer["topics"][0]["error"], NONE, answer)

    def produce(self, name, records, partition=0, timeout_ms=PATIENCE_MS):
        answer = self.connection.call("Produce", 9, acks=-1, timeout_ms=timeout_ms, topics=[
            {"name": name, "partitions": [{"index": partition, "records": records}]}])
        return answer["topics"][0]["partitions"][0]["error"]

    def end(self, name, partition=0):
        answer = self.connection.call("ListOffsets", 8, replica_id=-1, topics=[
            {"name": name, "partitions": [{"index": partition, "timestamp": LATEST,
                                           "current_leader_epoch": -1}]}])
        found = answer["topics"][0]["partitions"][0]
        return found["error"], found["offset"]

    def fetch(self, name, offset=0, partition=0):
        asked = {"partition": partition, "fetch_offset": offset, "partition_max_bytes": MIB,
                 "log_start_offset": -1, "current_leader_epoch": -1, "last_fetched_epoch": -1}
        answer = self.connection.call("Fetch", 12, max_wait_ms=0, min_bytes=1, max_bytes=MIB,
                                      replica_id=-1, session_id=0, session_epoch=-1,
                                      topics=[{"name": name, "partitions": [asked]}])
        return answer["topics"][0]["partitions"][0]

    def delete_records(self, name, offset, partition=0):
        answer = self.connection.call("DeleteRecords", 2, timeout_ms=PATIENCE_MS, topics=[
            {"name": name, "partitions": [{"partition": partition, "offset": offset}]}])
        return answer["topics"][0]["partitions"][0]["error"]

    def read_all(self, name, offset=0, partition=0):
        """The bytes of all batches from the offset on, without those fields that the broker gives."""
        content = b""
        _, end = self.end(name, partition)
        found = []
        while offset < end:
            answer = self.fetch(name, offset, partition)
            self.assertEqual(answer["error"], NONE, answer)
            content = answer["records"] or b""
            self.assertTrue(content, f"nothing at {offset} of {end}")
            at = 0
            while at + 61 <= len(content):
                size = 12 + int.from_bytes(content[at + 8:at + 12], "big")
                if at + size > len(content):
                    break
                base = int.from_bytes(content[at:at + 8], "big")
                delta = int.from_bytes(content[at + 23:at + 27], "big")
                found.append(content[at + 17:at + size])
                offset = base + delta + 1
                at += size
        return found

    def produce_until_refused(self, name, records, partition=0, count_max=4000):
        """How many were acknowledged, and the error after them; None when the broker went away.
        What is on its way when others take the last room waits for more, as long as it may."""
        acknowledged = 0
        for _ in range(count_max):
            try:
                error = self.produce(name, records, partition, REFUSAL_MS)
            except (Closed, OSError):
                return acknowledged, None
            if error not in (NONE, TIMED_OUT):
                return acknowledged, error
            acknowledged += error == NONE
        return self.fail(f"{count_max} produce requests went through")

    def until(self, condition, message):
        """Asks the broker again and again."""
        for _ in tries():
            if condition():
                return
        self.fail(message + "\n" + "".join(self.broker.log))

    def leaders(self, name):
        answer = self.connection.call("Metadata", 12, topics=[{"topic_id": NO_UUID, "name": name}])
        found = sorted(answer["topics"][0]["partitions"], key=lambda p: p["index"])
        return [p["leader_id"] for p in found]


@unittest.skipUnless(can_mount(), "needs root and loop devices to make small file systems")
class FullDiskTest(DiskCase):
    def refused(self, name):
        acknowledged, error = self.produce_until_refused(name, LARGE)
        self.assertEqual(error, STORAGE_ERROR)
        self.assertTrue(self.broker.says("out of disk space"))
        return acknowledged

    def comes_back(self, name):
        self.until(lambda: self.produce(name, LARGE, timeout_ms=REFUSAL_MS) == NONE,
                   "it does not come back by itself")

    def check_kept(self, name, count, end):
        """Each record of those acknowledged is there and is what was sent."""
        self.broker.kill()
        self.start(self.disk / "data")
        found = self.read_all(name, end - count)
        self.assertGreaterEqual(len(found), count)
        self.assertEqual(set(found), {LARGE[17:]})

    def begin(self, **settings):
        self.disk = self.mounts.tmpfs("disk", 420)
        self.start(self.disk / "data", **settings)

    def test_records_that_are_deleted_make_room_on_a_disk_filled_by_others(self):
        self.begin()
        self.create("t", segment_bytes=str(4 * MIB), file_delete_delay_ms="0")
        for _ in range(250):
            self.assertEqual(self.produce("t", LARGE), NONE)
        fill(self.disk)
        self.refused("t")
        self.assertEqual(self.produce("t", SMALL), STORAGE_ERROR)
        self.assertEqual(self.delete_records("t", 240), NONE)
        self.comes_back("t")
        end = self.end("t")[1]
        self.check_kept("t", end - 240, end)

    def try_create(self, name):
        topic = {"name": name, "num_partitions": 1, "replication_factor": 1, "configs": []}
        answer = self.connection.call("CreateTopics", 7, topics=[topic], timeout_ms=PATIENCE_MS)
        return answer["topics"][0]

    def create_is_refused(self, name):
        answer = self.try_create(name)
        self.assertEqual(answer["error"], STORAGE_ERROR)
        self.assertIn("No space left in log directory /", answer["message"])

    def growth_is_refused(self, name):
        topic = {"name": name, "count": 2, "assignments": None}
        answer = self.connection.call("CreatePartitions", 3, topics=[topic], timeout_ms=PATIENCE_MS)
        self.assertEqual(answer["topics"][0]["error"], STORAGE_ERROR)
        self.assertIn("No space left in log directory /", answer["topics"][0]["message"])

    def delete(self, name):
        answer = self.connection.call("DeleteTopics", 1, names=[name], timeout_ms=PATIENCE_MS)
        self.assertEqual(answer["topics"][0]["error"], NONE)

    def alter(self, name, **configs):
        settings = [{"name": key.replace("_", "."), "operation": 0, "value": value}
                    for key, value in configs.items()]
        answer = self.connection.call("IncrementalAlterConfigs", 1, resources=[
            {"type": 2, "name": name, "configs": settings}])
        self.assertEqual(answer["results"][0]["error"], NONE, answer)

    def test_hundreds_of_topics_go_and_none_come_on_a_disk_filled_by_others(self):
        """Those that are deleted before the large one are empty and give nothing back."""
        self.begin()
        self.create("big", file_delete_delay_ms="0")
        for _ in range(200):
            self.assertEqual(self.produce("big", LARGE), NONE)
        for number in range(600):
            self.create(f"t{number}", file_delete_delay_ms="0")
        fill(self.disk)
        for number in range(300):
            self.create_is_refused(f"n{number}")
        self.growth_is_refused("t0")
        answer = self.connection.call("Metadata", 12, allow_auto_create=True, topics=[
            {"topic_id": NO_UUID, "name": "auto"}])
        self.assertEqual(answer["topics"][0]["error"], LEADER_NOT_AVAILABLE)
        for number in range(600):
            self.delete(f"t{number}")
        self.create_is_refused("n")
        self.delete("big")
        self.until(lambda: self.try_create("after")["error"] == NONE, "no space comes back")
        self.comes_back("after")

    def keeps_too_much(self, **configs):
        self.begin(**{"log.retention.check.interval.ms": "500"})
        self.create("t", segment_bytes=str(4 * MIB), file_delete_delay_ms="0", retention_ms="-1")
        for _ in range(250):
            self.assertEqual(self.produce("t", LARGE), NONE)
        fill(self.disk)
        self.refused("t")
        self.alter("t", **configs)
        self.comes_back("t")

    def test_retention_by_size_makes_room_on_a_full_disk(self):
        self.keeps_too_much(retention_bytes=str(8 * MIB))

    def test_retention_by_time_makes_room_on_a_full_disk(self):
        self.keeps_too_much(retention_ms="1")

    @unittest.skipUnless(has_kcat(), "kcat is not installed")
    def test_an_idempotent_producer_waits_for_space_and_nothing_is_lost_or_doubled(self):
        """kcat, which goes through librdkafka."""
        self.begin()
        self.create("t")
        self.create("other")
        fill(self.disk)
        self.refused("other")
        lines = [b"%d %s" % (i, b"z" * 1000) for i in range(3000)]
        settings = ["-X", "enable.idempotence=true", "-X", "message.timeout.ms=600000"]
        producer = subprocess.Popen(["kcat", "-b", self.broker.address, "-P", "-t", "t", "-p", "0",
                                     *settings], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(producer.kill)
        producer.stdin.write(b"\n".join(lines) + b"\n")
        producer.stdin.close()
        with self.assertRaises(subprocess.TimeoutExpired):
            producer.wait(3)
        self.assertEqual(self.end("t")[1], 0)
        os.unlink(self.disk / "filler")
        self.assertEqual(producer.wait(PATIENCE_SECONDS), 0)
        found = kcat(self.broker, "-C", "-t", "t", "-p", "0", "-e", "-q", "-f", "%s\n")
        self.assertEqual(found.splitlines(), lines)

    def test_a_restart_on_a_full_disk_reads_and_deletes(self):
        self.begin()
        self.create("kept")
        self.create("goes", file_delete_delay_ms="0")
        for _ in range(100):
            self.assertEqual(self.produce("kept", LARGE), NONE)
        acknowledged = self.refused("goes")
        self.broker.kill()
        fill(self.disk)
        self.start(self.disk / "data")
        self.refused("kept")
        self.assertGreaterEqual(len(self.read_all("kept")), 100)
        self.assertGreaterEqual(self.end("goes")[1], acknowledged)
        answer = self.connection.call("DeleteTopics", 1, names=["goes"], timeout_ms=PATIENCE_MS)
        self.assertEqual(answer["topics"][0]["error"], NONE)
        self.comes_back("kept")

    def test_appends_are_refused_and_come_back_and_nothing_acknowledged_is_lost(self):
        disk = self.mounts.tmpfs("disk", 420)
        self.start(disk / "data")
        self.create("kept")
        self.create("goes", file_delete_delay_ms="0")
        for _ in range(20):
            self.assertEqual(self.produce("kept", LARGE), NONE)
        self.refused("goes")
        self.assertEqual(self.fetch("kept")["error"], NONE)
        answer = self.connection.call("DeleteTopics", 1, names=["goes"], timeout_ms=PATIENCE_MS)
        self.assertEqual(answer["topics"][0]["error"], NONE)
        self.comes_back("kept")
        kept = self.end("kept")[1]
        self.disk = disk
        self.check_kept("kept", kept, kept)


def flush_count(folder):
    """How often the device below has been told to empty its cache; the last but one of the fields."""
    device = os.stat(folder).st_dev
    path = pathlib.Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
    return int(path.read_text(encoding="utf-8").split()[15])


@unittest.skipUnless(can_mount(), "needs root and loop devices to make small file systems")
class FlushTest(DiskCase):
    def test_each_acknowledgement_comes_after_a_flush_of_the_disk(self):
        disk = self.mounts.failing("disk", 600)
        for backend in ("posix", "auto"):
            self.start(disk / "data", **{"tailrace.io": backend})
            self.create(backend)
            for records in (SMALL, LARGE):
                before = flush_count(disk)
                for _ in range(50):
                    self.assertEqual(self.produce(backend, records), NONE)
                self.assertGreaterEqual(flush_count(disk) - before, 50)
            self.broker.kill()


@unittest.skipUnless(can_mount(), "needs root and loop devices to make small file systems")
class FailingDiskTest(DiskCase):
    def check_all(self, name, count, partition=0):
        """What was acknowledged is there, as it was sent."""
        found = self.read_all(name, partition=partition)
        self.assertGreaterEqual(len(found), count)
        self.assertEqual(set(found), {LARGE[17:]})

    def test_the_only_disk_fails_and_the_broker_says_so_and_ends(self):
        disk = self.mounts.failing("disk", 600)
        self.start(disk / "data")
        self.create("t")
        for _ in range(10):
            self.assertEqual(self.produce("t", LARGE), NONE)
        break_disk(self.mounts, "disk")
        acknowledged, _ = self.produce_until_refused("t", LARGE)
        self.assertEqual(self.broker.process.wait(PATIENCE_SECONDS), 1)
        self.assertTrue(self.broker.says("there is no broker without it"))
        self.broker.process = None
        self.mounts.repair("disk")
        self.start(disk / "data")
        self.check_all("t", 10 + acknowledged)
        self.assertEqual(self.produce("t", LARGE), NONE)

    def test_one_of_two_disks_fails_and_takes_its_own_partitions_only(self):
        good, bad = self.mounts.tmpfs("good", 600), self.mounts.failing("bad", 600)
        self.start(good / "data", bad / "data")
        self.create("t", partitions=2)
        for partition in (0, 1):
            self.assertEqual(self.produce("t", LARGE, partition), NONE)
        break_disk(self.mounts, "bad")
        acknowledged, error = self.produce_until_refused("t", LARGE, partition=1)
        self.assertEqual(error, STORAGE_ERROR)
        self.assertEqual(self.produce("t", SMALL, partition=1), STORAGE_ERROR)
        self.assertEqual(self.end("t", 1)[0], STORAGE_ERROR)
        self.assertEqual(self.fetch("t", partition=1)["error"], STORAGE_ERROR)
        self.until(lambda: self.leaders("t") == [1, -1], "the metadata does not say so")
        for _ in range(20):
            self.assertEqual(self.produce("t", LARGE, partition=0), NONE)
        self.create("new", partitions=2)
        self.assertEqual(self.leaders("new"), [1, 1])
        for _ in range(20):
            self.assertEqual(self.produce("new", LARGE, partition=1), NONE)
        self.assertEqual(self.fetch("t", partition=0)["error"], NONE)
        found = self.connection.call("DescribeLogDirs", 4, topics=None)["results"]
        self.assertEqual([d["error"] for d in found], [NONE, STORAGE_ERROR])
        self.broker.kill()
        self.mounts.repair("bad")
        self.start(good / "data", bad / "data")
        self.assertEqual(self.leaders("t"), [1, 1])
        self.assertEqual(self.end("t", 0), (NONE, 21))
        self.check_all("t", 21, partition=0)
        self.check_all("t", 1 + acknowledged, partition=1)
        self.check_all("new", 20, partition=1)
        self.assertEqual(self.produce("t", LARGE, partition=1), NONE)


@unittest.skipUnless(can_mount(), "needs root and loop devices to make small file systems")
class StartTest(DiskCase):
    def refused(self, folder, reason):
        with self.assertRaisesRegex(RuntimeError, reason):
            self.start(folder)

    def test_a_read_only_disk_is_a_clear_error(self):
        disk = self.mounts.tmpfs("disk", 16)
        run("mount", "-o", "remount,ro", str(disk))
        self.refused(disk / "data", "cannot be used.*permission denied")

    def test_a_full_disk_is_a_clear_error(self):
        disk = self.mounts.tmpfs("disk", 16)
        fill(disk)
        self.refused(disk / "data", "no space left on device")


class FileHandlesTest(DiskCase):
    """64 handles, 200 clients, 100 partitions."""
    CLIENTS, PARTITIONS = 200, 100

    def start_with_few_handles(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="tailrace-disk-"))
        self.addCleanup(shutil.rmtree, folder, True)
        launcher = folder / "tailraced"
        admin_port = free_port()
        self.broker = Broker({"tailrace.cores": "1",
                              "tailrace.admin.listener": f"127.0.0.1:{admin_port}"})
        launcher.write_text(f'#!/bin/sh\nulimit -n 64\nexec {self.broker.program} "$@"\n')
        launcher.chmod(0o755)
        self.broker.program = launcher
        self.addCleanup(shutil.rmtree, self.broker.folder, True)
        self.addCleanup(self.broker.kill)
        self.start(folder / "data")
        self.admin_port = admin_port
        self.assertTrue(self.broker.says("few open files are allowed.*limit=64"))

    def accept_is_paused(self):
        connection = http.client.HTTPConnection(self.broker.host, self.admin_port,
                                                timeout=PATIENCE_SECONDS)
        self.addCleanup(connection.close)
        connection.request("GET", "/metrics")
        return "\ntailrace_accept_paused 1" in connection.getresponse().read().decode()

    def work(self, records, failures):
        """A client who writes to some partitions and reads them from the beginning, and goes."""
        try:
            connection = Connection(self.broker.host, self.broker.port)
            for partition in random.sample(range(self.PARTITIONS), 5):
                answer = connection.call("Produce", 9, acks=-1, timeout_ms=PATIENCE_MS, topics=[
                    {"name": "t", "partitions": [{"index": partition, "records": records}]}])
                found = answer["topics"][0]["partitions"][0]
                asked = {"partition": partition, "fetch_offset": 0, "partition_max_bytes": MIB,
                         "log_start_offset": -1, "current_leader_epoch": -1,
                         "last_fetched_epoch": -1}
                answer = connection.call(
                    "Fetch", 12, max_wait_ms=0, min_bytes=1, max_bytes=MIB, replica_id=-1,
                    session_id=0, session_epoch=-1, topics=[{"name": "t", "partitions": [asked]}])
                read = answer["topics"][0]["partitions"][0]
                if found["error"] != NONE or read["error"] != NONE or not read["records"]:
                    failures.append((partition, found, read["error"]))
            connection.close()
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    def test_clients_wait_to_be_let_in_and_nobody_is_turned_away(self):
        self.start_with_few_handles()
        self.create("t", partitions=self.PARTITIONS)
        idle = [Connection(self.broker.host, self.broker.port) for _ in range(40)]
        self.until(self.accept_is_paused, "the metric does not say that clients wait")
        self.assertTrue(self.broker.says("more clients wait until one has gone"))
        self.assertEqual(self.produce("t", LARGE), NONE)
        for one in idle:
            one.close()
        self.until(lambda: not self.accept_is_paused(), "clients wait although there is room")
        for partition in range(self.PARTITIONS):
            self.assertEqual(self.produce("t", LARGE, partition), NONE)
        self.connection.close()
        self.broker.kill()
        self.broker.start()
        failures = []
        clients = [threading.Thread(target=self.work, args=((LARGE, SMALL)[i % 2], failures))
                   for i in range(self.CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        self.assertEqual(failures, [])
        for trouble in ("out of disk space or file handles", "cannot accept connections"):
            self.assertNotIn(trouble, "".join(self.broker.log))
        self.assertTrue(self.broker.is_alive())


if __name__ == "__main__":
    unittest.main()
