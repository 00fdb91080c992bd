"""What changes topics says how long the broker may take, and that is less than the tool listens: it
would otherwise give up on a broker that is about to answer."""
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support")]

from broker import Broker  # noqa: E402
from patience import PATIENCE_MS  # noqa: E402
from programs import tailrace  # noqa: E402
from proxy import Proxy  # noqa: E402

COMMANDS = {
    "CreateTopics": ("create", "orders"),
    "CreatePartitions": ("add-partitions", "orders", "-n", "1"),
    "DeleteRecords": ("trim-prefix", "orders", "-o", "end", "-p", "0", "-y"),
    "DeleteTopics": ("delete", "orders", "-y"),
}


class Grant(unittest.TestCase):
    def setUp(self):
        self.granted_ms = {}
        self.proxy = Proxy(tuple(COMMANDS))
        self.addCleanup(self.proxy.close)
        self.broker = Broker({"advertised.listeners": f"PLAINTEXT://{self.proxy.address}"})
        self.addCleanup(self.broker.close)
        self.broker.start()
        self.proxy.lead_to(self.broker.host, self.broker.port)
        self.proxy.rule = self.look

    def look(self, request):
        self.granted_ms[request.name] = request.fields["timeout_ms"]
        return False  # it goes on to the broker

    def test_is_less_than_the_tool_waits(self):
        for words in COMMANDS.values():
            if words[0] == "trim-prefix":
                tailrace(self.proxy, "topic", "produce", "orders", "-p", "0", data=b"one\n")
            tailrace(self.proxy, "topic", *words)
        for name in COMMANDS:
            with self.subTest(name):
                self.assertGreater(self.granted_ms[name], PATIENCE_MS // 2)
                self.assertLess(self.granted_ms[name], PATIENCE_MS)


if __name__ == "__main__":
    unittest.main()
