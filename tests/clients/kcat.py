"""kcat, as Debian builds it: a librdkafka of some age. kcat has no words for creating a topic, nor
for describing or changing a group; the topics of the groups are made by kafka-python."""
import json
import queue
import re
import subprocess
import sys
import threading
import uuid

from features import Skip, expect, run_all
from group_story import Stories

from kafka.admin import KafkaAdminClient, NewTopic

ADDRESS = sys.argv[1]
WAIT_SECONDS = 20


def kcat(*words, text=""):
    done = subprocess.run(["kcat", "-b", ADDRESS, *words], input=text, capture_output=True,
                          text=True, timeout=WAIT_SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-400:])
    return done.stdout


def topic():
    return f"kcat-{uuid.uuid4().hex[:12]}"


def produce(name, text, *words):
    kcat("-P", "-t", name, "-p", "0", "-X", "acks=all", *words, text=text)


def consume(name, count, form="%s\n", offset="beginning"):
    return kcat("-C", "-t", name, "-p", "0", "-o", offset, "-c", str(count), "-q", "-f", form)


def auto_create():
    name = topic()
    produce(name, "first\n")
    expect(consume(name, 1), "first\n")


def produce_and_consume():
    name = topic()
    lines = [f"{i}\n" for i in range(5000)]
    produce(name, "".join(lines))
    expect(consume(name, 5000), "".join(lines))
    expect(consume(name, 1, offset="2500"), "2500\n")


def headers():
    name = topic()
    produce(name, "v\n", "-H", "a=1", "-H", "a=2", "-H", "empty=")
    expect(consume(name, 1, "%h %s\n"), "a=1,a=2,empty= v\n")


def null_key():
    name = topic()
    produce(name, "v\n")
    expect(consume(name, 1, "%K %S\n"), "-1 1\n")


def null_value():
    name = topic()
    produce(name, "k:\n", "-K", ":", "-Z")
    expect(consume(name, 1, "%k %S\n"), "k -1\n")


def codec(kind):
    def check():
        name = topic()
        lines = "".join(f"line {i}\n" for i in range(500))
        produce(name, lines, "-z", kind)
        expect(consume(name, 500), lines)
    return check


def time_lookup():
    name = topic()
    produce(name, "v\n")
    expect(kcat("-Q", "-t", f"{name}:0:1000").strip(), f"{name} [0] offset 0")


def idempotence():
    name = topic()
    produce(name, "0\n1\n2\n", "-X", "enable.idempotence=true")
    expect(consume(name, 3), "0\n1\n2\n")


def admin():
    name = topic()
    produce(name, "v\n")
    found = json.loads(kcat("-L", "-J", "-t", name))["topics"][0]
    expect((found["topic"], len(found["partitions"])), (name, 1))


class GroupConsumer:
    """A kcat that runs: its records come by its output, its partitions by its complaints."""

    def __init__(self, name, group):
        self.process = subprocess.Popen(
            ["kcat", "-b", ADDRESS, "-G", group, "-u", "-J", "-X", "auto.offset.reset=earliest",
             "-X", "auto.commit.interval.ms=100", name], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.records, self.partitions = queue.SimpleQueue(), set()
        for target in (self._read_records, self._read_assignments):
            threading.Thread(target=target, daemon=True).start()

    def _read_records(self):
        for line in self.process.stdout:
            self.records.put(json.loads(line)["payload"].encode())

    def _read_assignments(self):
        """"% Group NAME rebalanced (memberid ID): assigned: topic [0], topic [1]" """
        for line in self.process.stderr:
            _, found, places = line.partition("assigned: ")
            if "revoked: " in line:
                self.partitions = set()
            elif found:
                self.partitions = {int(place.rpartition("[")[2].rstrip("]\n"))
                                   for place in places.split(", ") if "[" in place}

    def poll(self):
        expect(self.process.poll(), None)
        found = []
        try:
            found.append(self.records.get(timeout=0.2))
            while True:
                found.append(self.records.get_nowait())
        except queue.Empty:
            return found

    def commit(self):
        """kcat commits by itself: every 100 ms, and when it ends."""

    def assigned(self):
        return self.partitions

    def close(self):
        self.process.terminate()
        expect(self.process.wait(WAIT_SECONDS), 0)


class GroupClient:
    """For group_story.py."""

    def create_topic(self, name, partitions):
        admin = KafkaAdminClient(bootstrap_servers=ADDRESS)
        admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])
        admin.close()

    def send(self, name, batch):
        for partition, values in batch.items():
            lines = b"\n".join(values).decode() + "\n"
            kcat("-P", "-t", name, "-p", str(partition), "-X", "acks=all", text=lines)

    def consumer(self, name, group):
        return GroupConsumer(name, group)

    def describe(self, _):
        raise Skip("kcat does not describe groups")

    def offsets(self, _group, _name):
        raise Skip("kcat does not show committed offsets")

    def delete(self, _):
        raise Skip("kcat does not delete groups")


run_all({"auto-create": auto_create, "produce": produce_and_consume,
         "consume": produce_and_consume, "headers": headers, "null key": null_key,
         "null value": null_value, "gzip": codec("gzip"), "snappy": codec("snappy"),
         "lz4": codec("lz4"), "zstd": codec("zstd"), "time look-up": time_lookup,
         "idempotence": idempotence, "admin": admin,
         **Stories(GroupClient(), "kcat").features()},
        re.search(r"Version ([\d.]+).*?(librdkafka [\d.]+)", kcat("-V"), re.S).expand(r"\1, \2"))
