"""Kafka's console consumer as the member of a group, under both protocols, and what its
kafka-consumer-groups says about the group and does to it. Records are sent by kafka-python: each
JVM costs a second, and the console producer does not choose partitions."""
import queue
import re
import subprocess
import threading

from features import expect
from group_story import Stories

import kafka
from kafka.admin import KafkaAdminClient, NewTopic

PROGRAM = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
           "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
TELL = "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.clients.consumer=info"
WAIT_SECONDS = 30


class GroupConsumer:
    """A console consumer that runs: its partitions are known by its log. It commits by itself."""

    def __init__(self, words):
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.records, self.partitions, self.changes = queue.SimpleQueue(), set(), 0
        self.complaints = []
        self.readers = [threading.Thread(target=target, daemon=True)
                        for target in (self._read_records, self._read_log)]
        for reader in self.readers:
            reader.start()

    def _read_records(self):
        for line in self.process.stdout:
            self.records.put(line.rstrip("\n").encode())

    def _read_log(self):
        for line in self.process.stderr:
            names = {int(number) for number in re.findall(r"-(\d+)(?=[,\]\s]|$)",
                                                          line.rpartition("partitions")[2])}
            if line.startswith("\tAssigned partitions:"):
                self.partitions = names
            elif "newly assigned partitions" in line:
                self.partitions = self.partitions | names
                self.changes += 1
            elif re.search(r"Revoke previously assigned|partitions lost", line):
                self.partitions = self.partitions - names
                self.changes += 1
            elif "ERROR" in line:
                self.complaints.append(line)

    def poll(self):
        expect((self.process.poll(), self.complaints), (None, []))
        found = []
        try:
            found.append(self.records.get(timeout=0.2))
            while True:
                found.append(self.records.get_nowait())
        except queue.Empty:
            return found

    def commit(self):
        """It does so every 100 ms, and when it ends."""

    def assigned(self):
        return self.partitions

    def close(self):
        self.process.terminate()
        self.process.wait(WAIT_SECONDS)
        for reader in self.readers:
            reader.join(WAIT_SECONDS)
        expect(self.complaints, [])


class GroupClient:
    """For group_story.py, under one of the two protocols."""

    def __init__(self, java, jars, address, protocol):
        self.java, self.jars, self.address, self.protocol = java, jars, address, protocol

    def create_topic(self, name, partitions):
        admin = KafkaAdminClient(bootstrap_servers=self.address)
        admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])
        admin.close()

    def send(self, name, batch):
        sender = kafka.KafkaProducer(bootstrap_servers=self.address, acks="all")
        sent = [sender.send(name, value, partition=partition)
                for partition, values in batch.items() for value in values]
        for record in sent:
            record.get(WAIT_SECONDS)
        sender.close()

    def consumer(self, name, group, instance=None):
        static = ["--command-property", f"group.instance.id={instance}"] if instance else []
        return GroupConsumer([
            *PROGRAM, TELL, "-cp", f"{self.jars}/*",
            "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", self.address,
            "--topic", name, "--group", group, "--from-beginning",
            "--command-property", f"group.protocol={self.protocol}",
            "--command-property", "auto.commit.interval.ms=100", *static])

    def tool(self, *words):
        """The rows of its table, each a list of its words."""
        text = self.java("consumer.group.ConsumerGroupCommand", *words)
        return [line.split() for line in text.splitlines() if line.strip()]

    def describe(self, group):
        """Says of --state, and checks that --list and --members agree with it."""
        row = self.tool("--describe", "--group", group, "--state")[-1]
        state, members = row[-2].lower(), int(row[-1])
        expect([group] in self.tool("--list"), True)
        rows = self.tool("--describe", "--group", group, "--members", "--verbose")
        expect(len([row for row in rows if row[0] == group]), members)
        return state, members

    def offsets(self, group, name):
        if [group] not in self.tool("--list"):
            return {}
        rows = self.tool("--describe", "--group", group, "--offsets")
        return {int(row[2]): int(row[3]) for row in rows if row[:2] == [group, name]}

    def reset(self, group, name, *words):
        """{partition: new offset} as the tool says when it has executed it."""
        rows = self.tool("--reset-offsets", "--group", group, "--topic", name, *words, "--execute")
        return {int(row[2]): int(row[3]) for row in rows if row[:2] == [group, name.split(":")[0]]}

    def move(self, group, name, places):
        for partition, offset in places.items():
            done = self.reset(group, f"{name}:{partition}", "--to-offset", str(offset))
            expect(done, {partition: offset})

    def delete(self, group):
        self.tool("--delete", "--group", group)


class JavaStories(Stories):
    def reset(self):
        """Every mode of --reset-offsets, and --delete-offsets."""
        topic, group, send = self.begin(1)
        self.read(topic, group, send(20))
        ask = self.client.reset
        for words, wanted in (
                (["--to-earliest"], 0), (["--to-latest"], 20), (["--to-offset", "7"], 7),
                (["--shift-by", "3"], 10), (["--shift-by", "-4"], 6), (["--to-current"], 6),
                (["--to-datetime", "2020-01-01T00:00:00.000"], 0), (["--by-duration", "P1D"], 0),
                (["--to-offset", "99"], 20)):
            expect((words, ask(group, topic, *words)), (words, {0: wanted}))
        expect(self.client.offsets(group, topic), {0: 20})
        self.client.tool("--delete-offsets", "--group", group, "--topic", topic)
        expect(self.client.offsets(group, topic), {})


def groups(java, jars, address):
    classic, new = (JavaStories(GroupClient(java, jars, address, protocol), "java")
                    for protocol in ("classic", "consumer"))
    return {**classic.features(), "group static": classic.static, "reset-offsets": classic.reset,
            **new.features("new group"), "new group static": new.static}
