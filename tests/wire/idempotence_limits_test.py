"""How long producers are remembered, and how many: with settings that make both short."""
import time
import unittest
import urllib.request

from case import *  # noqa: F403
from broker import free_port

EXPIRATION_SECONDS = 1


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
        with urllib.request.urlopen(self.metrics_url, timeout=PATIENCE_SECONDS) as answer:
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
        self.begin(producer_id_expiration_ms=str(EXPIRATION_SECONDS * 1000),
                   log_retention_check_interval_ms="100")
        name = self.topic()
        for producer_id, _ in enumerate(tries()):
            began_again = self.await_expiration(name, producer_id)
            error = self.send(name, producer_id, 0)[0]
            if time.monotonic() < began_again + EXPIRATION_SECONDS:
                break  # otherwise it may have been forgotten once more
        self.assertEqual(error, OUT_OF_ORDER_SEQUENCE)
        self.assertEqual(self.send(name, producer_id, 8)[0], NONE)
        for _ in tries():
            if self.metric("kafka_server_replicamanager_produceridcount") == 0:
                return
        self.fail("it still takes memory")

    def await_expiration(self, name, producer_id):
        """Of one that begins with 0, and with 7 when that is no gap any more; answers when."""
        first_asked = time.monotonic()
        error, first = self.send(name, producer_id, 0)
        self.assertEqual(error, NONE)
        for _ in tries():
            asked = time.monotonic()
            error, offset = self.send(name, producer_id, 7)
            if error != OUT_OF_ORDER_SEQUENCE:
                break
        self.assertEqual((error, offset), (NONE, first + 1))
        self.assertGreater(time.monotonic() - first_asked, EXPIRATION_SECONDS * 0.9)
        return asked


if __name__ == "__main__":
    unittest.main()
