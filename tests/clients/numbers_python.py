"""numbers.c's contract with kafka-python.

    numbers_python.py BROKERS TOPIC COUNT
"""
import logging
import sys

import kafka
from kafka import KafkaProducer

ADDRESS, TOPIC, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
WAIT_SECONDS = 60

logging.disable(logging.CRITICAL)
sys.stdout.reconfigure(line_buffering=True)
print("version", kafka.__version__)
sender = KafkaProducer(bootstrap_servers=ADDRESS, enable_idempotence=True, acks="all", linger_ms=0,
                       batch_size=1, retry_backoff_ms=50, reconnect_backoff_ms=20,
                       reconnect_backoff_max_ms=200, request_timeout_ms=5000,
                       delivery_timeout_ms=20000)
sent = []
for number in range(COUNT):
    try:
        sent.append((number, sender.send(TOPIC, b"%d" % number, partition=0)))
    except Exception as problem:  # what a producer refuses at once is its answer too
        print("failed", number, type(problem).__name__)
for number, future in sent:
    try:
        print("delivered", number, future.get(WAIT_SECONDS).offset)
    except Exception as problem:  # whatever it is, its name is what the page shows
        print("failed", number, type(problem).__name__)
