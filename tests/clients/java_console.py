"""Kafka's own console programs, with their default settings: so the producer is idempotent. The
consumer is given a partition, for then it needs no group; what it does in groups is java_groups.py.
"""
import json
import pathlib
import subprocess
import sys
import uuid

from features import expect, run_all
from java_groups import PROGRAM, groups

JARS, ADDRESS = sys.argv[1:3]
SECONDS_MAX = 60  # of one program
CASE_SECONDS_MAX = 240  # some cases start twenty
PACKAGE = "org.apache.kafka.tools."


def topic():
    return f"java-{uuid.uuid4().hex[:12]}"


def java(program, *words, text=""):
    done = subprocess.run([*PROGRAM, "-cp", f"{JARS}/*", PACKAGE + program, "--bootstrap-server",
                           ADDRESS, *words], input=text, capture_output=True, text=True,
                          timeout=SECONDS_MAX, check=False)
    if done.returncode != 0 or "ERROR" in done.stderr:
        raise RuntimeError((done.stderr or done.stdout).strip()[-400:])
    return done.stdout


def produce(name, text, *words):
    java("ConsoleProducer", "--topic", name, *words, text=text)


def consume(name, count, *words):
    return java("consumer.ConsoleConsumer", "--topic", name, "--partition", "0", "--offset",
                "earliest", "--max-messages", str(count), "--timeout-ms", "20000", *words)


def reader(*settings):
    return [word for setting in settings for word in ("--reader-property", setting)]


def formatter(*settings):
    return [word for setting in settings for word in ("--formatter-property", setting)]


def auto_create():
    name = topic()
    produce(name, "first\n")
    expect(consume(name, 1), "first\n")


def produce_and_consume():
    name = topic()
    lines = "".join(f"{i}\n" for i in range(5000))
    produce(name, lines)
    expect(consume(name, 5000), lines)


def headers():
    name = topic()
    produce(name, "a:1,b:2\tvalue\n", *reader("parse.headers=true"))
    expect(consume(name, 1, *formatter("print.headers=true")), "a:1,b:2\tvalue\n")


def null_key():
    name = topic()
    produce(name, "v\n")
    expect(consume(name, 1, *formatter("print.key=true")), "null\tv\n")


def null_value():
    name = topic()
    produce(name, "k\tNULL\n", *reader("parse.key=true", "null.marker=NULL"))
    expect(consume(name, 1, *formatter("print.key=true")), "k\tnull\n")


def codec(kind):
    def check():
        name = topic()
        lines = "".join(f"line {i}\n" for i in range(1000))
        produce(name, lines, "--compression-codec", kind)
        expect(consume(name, 1000), lines)
    return check


def time_lookup():
    name = topic()
    produce(name, "v\n")
    expect(java("GetOffsetShell", "--topic", name, "--time", "1000").strip(), f"{name}:0:0")
    expect(java("GetOffsetShell", "--topic", name, "--time", "latest").strip(), f"{name}:0:1")


def idempotence():
    """On by default; it must also work when asked for by name."""
    name = topic()
    produce(name, "v\n", "--command-property", "enable.idempotence=true")
    expect(consume(name, 1), "v\n")


def admin():
    name = topic()
    java("TopicCommand", "--create", "--topic", name, "--partitions", "3", "--replication-factor",
         "1")
    described = java("TopicCommand", "--describe", "--topic", name)
    expect("PartitionCount: 3" in described, True)
    java("TopicCommand", "--alter", "--topic", name, "--partitions", "5")
    expect(name in java("TopicCommand", "--list").split(), True)
    java("TopicCommand", "--delete", "--topic", name)


def told_by(text, name):
    """What a verifiable program says under this name."""
    said = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in said if line["name"] == name]


def verifiable():
    """The producer counts what was acknowledged, the consumer what came, and commits it."""
    name, count = topic(), 2000
    text = java("VerifiableProducer", "--topic", name, "--max-messages", str(count))
    total = told_by(text, "tool_data")[-1]
    expect((total["sent"], total["acked"]), (count, count))
    offsets = sorted(said["offset"] for said in told_by(text, "producer_send_success"))
    expect(offsets, list(range(count)))
    for protocol in ("classic", "consumer"):
        text = java("VerifiableConsumer", "--topic", name, "--group-id", f"{protocol}-of-{name}",
                    "--group-protocol", protocol, "--max-messages", str(count))
        expect(sum(said["count"] for said in told_by(text, "records_consumed")), count)
        committed = told_by(text, "offsets_committed")[-1]
        expect((committed["success"], committed["offsets"][0]["offset"]), (True, count))


def version():
    """As the name of its jar says."""
    return next(pathlib.Path(JARS).glob("kafka-tools-[0-9]*.jar")).stem.rpartition("-")[2]


run_all({"auto-create": auto_create, "produce": produce_and_consume,
         "consume": produce_and_consume, "headers": headers, "null key": null_key,
         "null value": null_value, "gzip": codec("gzip"), "snappy": codec("snappy"),
         "lz4": codec("lz4"), "zstd": codec("zstd"), "time look-up": time_lookup,
         "idempotence": idempotence, "admin": admin, "verifiable": verifiable,
         **groups(java, JARS, ADDRESS)},
        version(), CASE_SECONDS_MAX)
