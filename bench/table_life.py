"""Rows of the table that begin and end brokers: start, idle, recovery, very many partitions. Each
function gets the measurement's context and answers figures by name."""
import signal
import statistics
import struct
import time

import driver

CREATE_TOPICS = 19
POLICY_VIOLATION = 44
IDLE_SECONDS = 5
SETTLE_SECONDS = 2
PARTITIONS = 10000
ENDURANCE_SECONDS, EDGE_SECONDS = 1800, 120
QUICK_ENDURANCE_SECONDS, QUICK_EDGE_SECONDS = 4, 2


def idle_percent(broker, seconds):
    time.sleep(SETTLE_SECONDS)
    before, begin = broker.cpu_seconds(), time.perf_counter()
    time.sleep(seconds)
    return (broker.cpu_seconds() - before) / (time.perf_counter() - begin) * 100


def start(context):
    return context.bench("start", "--runs", 1, "--folder", context.folder, "--", *context.words)


def idle(context):
    with context.new_broker() as broker:
        broker.start()
        percent = idle_percent(broker, IDLE_SECONDS)
        return {"resident_mib": broker.resident_mib(), "cpu_percent": percent}


def killed(context):
    requests = (64 if context.is_quick else 1024) * 1024
    with context.new_broker() as broker:
        broker.start()
        context.bench("produce", "-b", broker.address, "--topic", "killed", "--connections", 64,
                      "--partitions", 16, "--closed", "--in-flight", 4, "--warm-up", 0, "--seconds", 3600,
                      "--requests", requests)
        broker.end(signal.SIGKILL)
        return {"restart_ms": broker.start() * 1000}


def create_request(topic, partitions):
    """CreateTopics version 2, as a frame."""
    name = struct.pack(">h", len(topic)) + topic.encode()
    body = struct.pack(">i", 1) + name + struct.pack(">ihii", partitions, 1, 0, 0)
    body += struct.pack(">i?", driver.ANSWER_SECONDS * 1000, False)
    head = struct.pack(">hhih", CREATE_TOPICS, 2, 1, -1)
    return struct.pack(">i", len(head) + len(body)) + head + body


def create_topic(broker, topic, partitions):
    answer = broker.ask(create_request(topic, partitions))
    # Correlation id, throttle time, one topic: its name, its error.
    error, = struct.unpack_from(">h", answer, 4 + 4 + 4 + 2 + len(topic))
    return error


def create_partitions(broker, partitions):
    """In one topic, or in two where the broker does not take so many in one request, as Kafka does not."""
    for parts in (1, 2):
        errors = {create_topic(broker, f"many-{parts}-{part}", partitions // parts) for part in range(parts)}
        if errors != {POLICY_VIOLATION}:
            break
    if errors != {0}:
        raise driver.DriverError(f"{broker.name} does not make {partitions} partitions: errors {sorted(errors)}")


def many(context):
    partitions = PARTITIONS // 10 if context.is_quick else PARTITIONS
    figures = {}
    with context.new_broker() as broker:
        broker.start()
        begin = time.perf_counter()
        create_partitions(broker, partitions)
        figures["create_ms"] = (time.perf_counter() - begin) * 1000
        figures["cpu_percent"] = idle_percent(broker, IDLE_SECONDS)
        figures["resident_mib"] = broker.resident_mib()
        broker.end(signal.SIGKILL)
        figures["restart_ms"] = broker.start() * 1000
    return figures


def endurance(context):
    seconds, edge = ((QUICK_ENDURANCE_SECONDS, QUICK_EDGE_SECONDS) if context.is_quick else
                     (ENDURANCE_SECONDS, EDGE_SECONDS))
    with context.new_broker(driver.CHECK_OFTEN) as broker:
        broker.start()
        context.bench.create_topic(broker.address, "endurance", 16, f"retention.bytes={256 << 20}",
                                   f"segment.bytes={64 << 20}")
        result = context.bench("produce", "-b", broker.address, "--pid", broker.pid, "--topic", "endurance",
                               "--connections", 64, "--partitions", 16, "--closed", "--batch-bytes",
                               "16KiB", "--seconds", seconds)
    seen = [second["p99_us"] for second in result["series"]]
    first, last = statistics.median(seen[:edge]), statistics.median(seen[-edge:])
    return {**result, "first_p99_us": first, "last_p99_us": last, "growth": last / max(first, 1),
            "mb_per_s": result["figures"]["mb_per_s"]}


LIVES = {"start": start, "idle": idle, "killed": killed, "many": many, "endurance": endurance}
