"""How long producers are remembered, and how many: with settings that make both short."""
import time
import unittest
import urllib.request

from case import *  # noqa: F403
from broker import free_port

WAIT_SECONDS = 20


class LimitsTest(WireCase):
    def begin(self, **settings):
        self.must_start_it()
        admin = f"127.0.0.1:{free_port()}"
        self.metrics_url = f"http://{admin}/metrics"
        self.broker = Broker({"tailrace.cores": "1", "tailrace.admin.listener": admin,
                              **{name.replace("_", "."): text for name, text in settings.items()}})
        self.broker.start()
        self.addCleanup(self.broker.close)
        self.connection = self.connect()

    def metric(self, name):
        with urllib.request.urlopen(self.metrics_url, timeout=WAIT_SECONDS) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name + " "):
                    return int(float(line.split()[1]))
        self.fail(f"no metric {name}")

    def send(self, name, producer_id, sequence):
        answer = self.produce(name, batches.batch([b"v"], producer_id=producer_id, producer_epoch=0,
                                                  sequence=sequence))
        return answer["error"], answer["base_offset"]

    def test_who_was_silent_longest_makes_room_on_whatever_partition(self):
        self.begin(tailrace_producer_ids_max="3")
        first, second = self.topic(), self.topic()
        self.send(first, 1, 0)
        self.send(second, 2, 0)
        self.send(first, 3, 0)
        self.send(first, 1, 1)
        self.assertEqual(self.metric("tailrace_producers_forgotten_total"), 0)
        self.assertEqual(self.send(second, 4, 0), (NONE, 1))
        self.assertEqual(self.metric("kafka_server_replicamanager_produceridcount"), 3)
        self.assertEqual(self.metric("tailrace_producers_forgotten_total"), 1)
        self.assertEqual(self.send(first, 1, 1), (NONE, 2), "it was heard after the second")
        self.assertEqual(self.send(first, 3, 5)[0], OUT_OF_ORDER_SEQUENCE)
        self.assertEqual(self.send(second, 2, 5), (NONE, 2), "nobody knows it any more")

    def test_the_limit_holds_after_a_restart(self):
        self.begin(tailrace_producer_ids_max="4")
        name = self.topic()
        for producer_id in range(4):
            self.send(name, producer_id, 0)
        for end in (self.broker.stop, self.broker.kill):
            end()
            self.broker.start()
            self.connection = self.connect()
            self.assertEqual(self.metric("kafka_server_replicamanager_produceridcount"), 4)
            self.assertEqual(self.send(name, 3, 0), (NONE, 3))
        self.broker.stop()
        self.broker.settings["tailrace.producer.ids.max"] = "2"
        self.broker.start()
        self.connection = self.connect()
        self.send(name, 9, 0)
        self.assertEqual(self.metric("kafka_server_replicamanager_produceridcount"), 2)

    def test_a_silent_producer_expires_and_may_begin_anywhere(self):
        self.begin(producer_id_expiration_ms="1000", log_retention_check_interval_ms="100")
        name, begun = self.topic(), time.monotonic()
        self.send(name, 1, 0)
        error = OUT_OF_ORDER_SEQUENCE
        while error == OUT_OF_ORDER_SEQUENCE and time.monotonic() < begun + WAIT_SECONDS:
            error, offset = self.send(name, 1, 7)
        self.assertEqual((error, offset), (NONE, 1))
        self.assertGreater(time.monotonic() - begun, 0.9)
        self.assertEqual(self.send(name, 1, 0)[0], OUT_OF_ORDER_SEQUENCE)
        self.assertEqual(self.send(name, 1, 8), (NONE, 2))
        while self.metric("kafka_server_replicamanager_produceridcount") > 0:
            self.assertLess(time.monotonic(), begun + WAIT_SECONDS, "it still takes memory")


if __name__ == "__main__":
    unittest.main()
