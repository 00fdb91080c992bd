"""Members of a living group (life_history.py) that are programs of others, whose lines are told in our
words: kcat, and Kafka's own verifiable consumer.

    life_wrapper.py kcat BOOTSTRAP GROUP TOPIC NAME [--protocol P]
    life_wrapper.py java JARS BOOTSTRAP GROUP TOPIC NAME [--protocol P]

Signals reach both processes. kcat commits by itself and does not say when, so nothing is told of it.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

from life_member import SESSION_MS, tell, words

READ_SIZE = 1 << 16
JAVA = ["java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]


class Kcat:
    """What it prints of records and of partitions comes by one pipe, so that its order is kept."""

    def command(self, asked):
        return ["kcat", "-E", "-b", asked.bootstrap, "-G", asked.group, "-u", "-J",
                "-X", "auto.offset.reset=earliest", "-X", "auto.commit.interval.ms=400",
                "-X", f"client.id={asked.name}", "-X", f"session.timeout.ms={SESSION_MS}",
                "-X", "reconnect.backoff.max.ms=500", asked.topic]

    errors = subprocess.STDOUT

    def tell(self, lines):
        found = {}
        for line in lines:
            if line.startswith("{"):
                record = json.loads(line)
                found.setdefault(record["partition"], []).append(record["offset"])
            elif "rebalanced" in line:
                self.tell_records(found)
                found = {}
                self.tell_partitions(line)
        self.tell_records(found)

    @staticmethod
    def tell_records(found):
        for partition, offsets in found.items():
            tell("records", partition=partition, first=offsets[0], last=offsets[-1],
                 count=len(offsets))

    @staticmethod
    def tell_partitions(line):
        """"% Group NAME rebalanced (memberid ID): assigned: topic [0], topic [1]" """
        for word in ("assigned", "revoked"):
            _, is_it, places = line.partition(f"{word}: ")
            if is_it:
                tell(word, partitions=[int(number) for number in re.findall(r"\[(\d+)\]", places)])


class Java:
    def __init__(self, jars):
        self.jars = jars

    def command(self, asked):
        with tempfile.NamedTemporaryFile("w", suffix=".properties", delete=False) as settings:
            settings.write(f"client.id={asked.name}\n")
        session = ["--session-timeout", str(SESSION_MS)] if asked.protocol == "classic" else []
        return [*JAVA, "-cp", f"{self.jars}/*", "org.apache.kafka.tools.VerifiableConsumer",
                "--bootstrap-server", asked.bootstrap, "--group-id", asked.group, "--topic",
                asked.topic, "--group-protocol", asked.protocol, "--command-config", settings.name,
                *session]

    errors = None

    def tell(self, lines):
        for line in lines:
            said = json.loads(line)
            tell_in_our_words = getattr(self, said["name"], None)
            if tell_in_our_words is not None:
                tell_in_our_words(said)

    @staticmethod
    def partitions_assigned(said):
        tell("assigned", partitions=[place["partition"] for place in said["partitions"]])

    @staticmethod
    def partitions_revoked(said):
        tell("revoked", partitions=[place["partition"] for place in said["partitions"]])

    @staticmethod
    def records_consumed(said):
        for place in said["partitions"]:
            tell("records", partition=place["partition"], first=place["minOffset"],
                 last=place["maxOffset"], count=place["count"])

    @staticmethod
    def offsets_committed(said):
        if said["success"]:
            tell("committed", offsets={place["partition"]: place["offset"]
                                       for place in said["offsets"]})
        else:
            tell("commit-failed", error=said["error"])


def pieces(pipe):
    """Whole lines, those that came together in one list."""
    rest = b""
    while data := os.read(pipe.fileno(), READ_SIZE):
        *lines, rest = (rest + data).split(b"\n")
        yield [line.decode() for line in lines if line]


def main():
    kind = sys.argv.pop(1)
    client = Kcat() if kind == "kcat" else Java(sys.argv.pop(1))
    signal.signal(signal.SIGTERM, lambda *_: None)  # the other one ends, and so does this
    with subprocess.Popen(client.command(words()), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=client.errors) as process:
        for lines in pieces(process.stdout):
            client.tell(lines)
    if process.returncode not in (0, 128 + signal.SIGTERM, -signal.SIGTERM):
        tell("problem", error=f"{kind} ended with {process.returncode}")
        return 1
    tell("left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
