"""What people do first, with kcat and with tailrace, both of which go through librdkafka."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support")]

from broker import broker_for_tests  # noqa: E402
from patience import PATIENCE_SECONDS  # noqa: E402
from programs import TAILRACE, create_topic, has_kcat, kcat, tailrace  # noqa: E402

_broker = None


def setUpModule():
    global _broker
    _broker = broker_for_tests()


def tearDownModule():
    _broker.close()


class ClientCase(unittest.TestCase):
    def setUp(self):
        self.broker = _broker
        self.name = f"e2e-{os.getpid()}-{self.id().rsplit('.', 1)[-1]}"[:200]

    def create(self, partitions=1, *words):
        create_topic(self.broker, self.name, "-p", partitions, *words)

    def kcat(self, *words, **rest):
        return kcat(self.broker, *words, "-t", self.name, **rest)

    def kcat_all(self, form, *words):
        return self.kcat("-C", "-e", "-q", "-f", form, *words).decode()

    def tailrace(self, command, *words, **rest):
        return tailrace(self.broker, "topic", command, self.name, *words, **rest)


@unittest.skipUnless(has_kcat(), "kcat is not installed")
class KcatTest(ClientCase):
    def test_partition_by_partition(self):
        self.create(3)
        for partition in range(3):
            self.kcat("-P", "-p", partition, data=b"one %d\ntwo %d\n" % (partition, partition))
        for partition in range(3):
            self.assertEqual(self.kcat_all("%o %s\n", "-p", partition),
                             f"0 one {partition}\n1 two {partition}\n")
        self.assertEqual(self.kcat_all("%s\n", "-p", "1", "-o", "1"), "two 1\n")
        self.assertEqual(self.kcat_all("%s\n", "-p", "1", "-o", "-1"), "two 1\n")

    def test_topic_is_created_by_producing(self):
        self.kcat("-P", data=b"first\n")
        self.assertEqual(self.kcat_all("%s\n"), "first\n")

    def test_lookup_by_time(self):
        self.create()
        self.kcat("-P", data=b"before\n")
        at = int(self.kcat_all("%T", "-p", "0")) + 1
        while time.time_ns() // 1_000_000 <= at:
            pass
        self.kcat("-P", data=b"after\n")
        found = kcat(self.broker, "-Q", "-t", f"{self.name}:0:{at}").decode()
        self.assertIn("offset 1", found)
        self.assertEqual(self.kcat_all("%s\n", "-p", "0", "-o", f"s@{at}"), "after\n")

    def test_headers_null_keys_and_null_values(self):
        self.create()
        self.kcat("-P", "-H", "a=1", "-H", "b=", data=b"no key\n")
        self.kcat("-P", "-Z", "-K", ":", data=b"key:\n")
        self.assertEqual(self.kcat_all("%K %S %h\n"), "-1 6 a=1,b=\n3 -1 \n")

    def test_records_of_a_megabyte(self):
        self.create(1, "-c", "max.message.bytes=2000000")
        value = bytes(range(1, 256)) * 4000 + b"end"
        value = value.replace(b"\n", b"x")
        self.kcat("-P", "-X", "message.max.bytes=2000000", data=value + b"\n")
        self.assertEqual(self.kcat("-C", "-e", "-q", "-f", "%s"), value)

    def test_record_that_is_too_large_is_refused_with_the_reason(self):
        self.create(1, "-c", "max.message.bytes=1000")
        done = self.kcat("-P", data=b"x" * 2000 + b"\n", check=False)
        self.assertIn(b"Message size too large", done.stderr)
        self.assertEqual(self.kcat_all("%s\n"), "")

    def test_many_small_requests_in_flight_stay_in_order(self):
        self.create()
        lines = b"".join(b"%d\n" % i for i in range(20000))
        self.kcat("-P", "-X", "linger.ms=0", "-X", "batch.num.messages=7", data=lines)
        self.kcat("-P", "-X", "enable.idempotence=true", "-X", "batch.num.messages=7", data=lines)
        self.assertEqual(self.kcat("-C", "-e", "-q", "-f", "%s\n"), lines * 2)

    def test_metadata_lists_the_topic(self):
        self.create(4)
        listing = json.loads(kcat(self.broker, "-L", "-J"))
        topic = [t for t in listing["topics"] if t["topic"] == self.name][0]
        self.assertEqual(len(topic["partitions"]), 4)

    def test_waiting_consumer_sees_a_new_record(self):
        self.create()
        self.kcat("-P", data=b"0\n")
        out = self.kcat("-C", "-c", "1", "-o", "beginning", "-q")
        self.assertEqual(out, b"0\n")


class TailraceTest(ClientCase):
    def test_create_list_describe_grow_delete(self):
        self.create(2, "-c", "retention.ms=1000000")
        names = [t["name"] for t in json.loads(tailrace(self.broker, "topic", "list", "--format",
                                                        "json"))]
        self.assertIn(self.name, names)
        described = json.loads(self.tailrace("describe", "-a", "--format", "json"))[0]
        configs = {c["key"]: (c["value"], c["source"]) for c in described["configs"]}
        self.assertEqual(configs["retention.ms"], ("1000000", "TOPIC"))
        self.assertEqual([p["high_watermark"] for p in described["partitions"]], [0, 0])
        self.tailrace("add-partitions", "-n", "3")
        self.assertEqual(json.loads(self.tailrace("list", "--format", "json"))[0]["partitions"], 5)
        self.tailrace("delete", "-y")
        self.assertEqual(self.tailrace("list", check=False).returncode, 1)

    def test_analysis_counts_batches_records_and_codecs(self):
        self.create(2)
        line = b"the same again and again " * 40 + b"\n"
        self.tailrace("produce", "-p", "0", "-z", "gzip", data=line * 50)
        self.tailrace("produce", "-p", "1", "-X", "batch.num.messages=10", data=line * 50)
        first, second = json.loads(self.tailrace("analyze", "--format", "json"))
        self.assertEqual((first["records"], second["records"]), (50, 50))
        self.assertEqual(list(first["codecs"]), ["gzip"])
        self.assertGreater(first["compression_ratio"], 10)
        self.assertEqual(second["codecs"], {"none": second["batches"]})
        self.assertGreaterEqual(second["batches"], 5)
        self.assertIsNone(second["compression_ratio"])
        one = json.loads(self.tailrace("analyze", "--batches", "1", "-p", "1", "--format", "json"))
        self.assertEqual([(t["partition"], t["batches"]) for t in one], [(1, 1)])
        old = json.loads(self.tailrace("analyze", "-t", "2001-01-01:2002-01-01", "--format", "json"))
        self.assertEqual([t["records"] for t in old], [0, 0])
        self.assertEqual(len(self.tailrace("analyze").splitlines()), 4)

    def starts(self):
        return [p["log_start"] for p in json.loads(
            self.tailrace("describe", "-p", "--format", "json"))[0]["partitions"]]

    def test_trimmed_records_are_gone_and_the_others_stay(self):
        self.create(2)
        for partition in "01":
            self.tailrace("produce", "-p", partition, data=b"".join(b"%d\n" % i for i in range(10)))
        self.tailrace("trim-prefix", "-o", "4", "--dry-run")
        self.assertEqual(self.starts(), [0, 0])
        trimmed = json.loads(self.tailrace("trim-prefix", "-o", "4", "-p", "1", "--format", "json"))
        self.assertEqual([(t["partition"], t["old_start"], t["new_start"], t["error"])
                          for t in trimmed], [(1, 0, 4, None)])
        self.assertEqual(self.starts(), [0, 4])
        self.assertEqual(self.tailrace("consume", "-o", "start:end", "-p", "1").split(),
                         [b"4", b"5", b"6", b"7", b"8", b"9"])
        self.tailrace("trim-prefix", "-o", "-3")
        self.assertEqual(self.starts(), [7, 7])
        self.tailrace("trim-prefix", "-o", "2")  # lies before them
        self.assertEqual(self.starts(), [7, 7])
        self.tailrace("trim-prefix", "-o", "@now")
        self.assertEqual(self.starts(), [10, 10])

    def test_trimming_fails_beyond_the_end_and_where_nothing_is(self):
        self.create(1)
        self.tailrace("produce", data=b"one\n")
        done = self.tailrace("trim-prefix", "-o", "5", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"OFFSET_OUT_OF_RANGE", done.stdout)
        self.assertEqual(self.tailrace("trim-prefix", "-o", "0", "-p", "3", check=False).returncode,
                         1)
        self.assertEqual(tailrace(self.broker, "topic", "trim-prefix", self.name + "-no", "-o", "0",
                                  check=False).returncode, 1)

    def test_loosened_topics_are_shown(self):
        self.create(1)
        self.assertIn(b"durability  durable", self.tailrace("describe", "-s"))
        loose = self.name + "-loose"
        create_topic(self.broker, loose, "-c", "flush.messages=1000")
        described = json.loads(tailrace(self.broker, "topic", "describe", loose, "--format",
                                        "json"))[0]
        self.assertEqual(described["durability"], "loose")

    def settings(self):
        """What is set on the topic itself."""
        described = json.loads(self.tailrace("describe", "-a", "--format", "json"))[0]
        return {c["key"]: c["value"] for c in described["configs"] if c["source"] == "TOPIC"}

    def test_settings_are_altered(self):
        self.create(1, "-c", "segment.ms=77")
        self.tailrace("alter-config", "--set", "retention.ms=5", "--delete", "segment.ms",
                      "--append", "cleanup.policy=compact")
        self.assertEqual(self.settings(), {"retention.ms": "5", "cleanup.policy": "delete,compact"})
        self.tailrace("alter-config", "--subtract", "cleanup.policy=delete", "--set",
                      "flush.messages=1000")
        self.assertEqual(self.settings(), {"retention.ms": "5", "cleanup.policy": "compact",
                                           "flush.messages": "1000"})
        self.assertIn(b"durability  loose", self.tailrace("describe", "-s"))

    def test_alterations_that_fail_or_are_only_tried_alter_nothing(self):
        self.create()
        self.tailrace("alter-config", "--set", "retention.ms=5", "--dry-run")
        done = tailrace(self.broker, "topic", "alter-config", self.name, "no-such-topic", "--set",
                        "retention.ms=x", "--format", "json", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual([(t["topic"], t["error"]) for t in json.loads(done.stdout)],
                         [(self.name, "INVALID_CONFIG"), ("no-such-topic", "INVALID_CONFIG")])
        done = tailrace(self.broker, "topic", "alter-config", "no-such-topic", "--set",
                        "retention.ms=5", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"UNKNOWN_TOPIC_OR_PARTITION", done.stdout)
        self.assertEqual(self.settings(), {})

    def test_what_exists_or_is_missing_fails_with_status_1_and_says_so(self):
        self.create()
        done = self.tailrace("create", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"TOPIC_ALREADY_EXISTS", done.stdout)
        self.assertEqual(self.tailrace("create", "--if-not-exists", check=False).returncode, 0)
        missing = tailrace(self.broker, "topic", "consume", "no-such-topic", check=False)
        self.assertEqual(missing.returncode, 1)
        self.assertIn(b"create it with", missing.stderr)

    def test_keys_values_and_headers_come_back(self):
        self.create()
        self.tailrace("produce", "-f", "%k %v", "-H", "a:1", "-H", "b:2", data=b"k v w\n")
        self.tailrace("produce", "-Z", "-k", "gone", data=b"\n")
        lines = [json.loads(line) for line in
                 self.tailrace("consume", "-o", ":end", "--format", "json").splitlines()]
        self.assertEqual([(r["key"], r["value"], len(r["headers"])) for r in lines],
                         [("k", "v w", 2), ("gone", None, 0)])
        text = self.tailrace("consume", "-n", "1", "-f", "%K %V %H %h{%k=%v;}\\n")
        self.assertEqual(text, b"1 3 2 a=1;b=2;\n")

    def test_bytes_that_are_not_text_survive(self):
        self.create()
        self.tailrace("produce", "-f", "%v{hex}", data=b"00ff0a80\n")
        self.assertEqual(self.tailrace("consume", "-o", ":end", "-f", "%v"), b"\0\xff\n\x80")
        self.assertEqual(self.tailrace("consume", "-o", ":end", "-f", "%v{base64}\\n"),
                         b"AP8KgA==\n")
        record = json.loads(self.tailrace("consume", "-o", ":end", "--format", "json"))
        self.assertEqual(record["value"], {"base64": "AP8KgA=="})

    def test_ranges_of_offsets(self):
        self.create()
        self.tailrace("produce", data=b"".join(b"%d\n" % i for i in range(10)))
        for offset, first, last in ((":end", 0, 9), ("3:6", 3, 5), ("-2:end", 8, 9), ("+8:end", 8, 9),
                                    (":4", 0, 3), ("start:2", 0, 1), ("5:end", 5, 9)):
            found = [int(line) for line in self.tailrace("consume", "-o", offset).split()]
            self.assertEqual(found, list(range(first, last + 1)), offset)
        self.assertEqual(self.tailrace("consume", "-o", "-3", "-n", "2").split(), [b"7", b"8"])

    def test_ranges_of_time(self):
        self.create()
        self.tailrace("produce", data=b"old\n")
        line = self.tailrace("consume", "-o", ":end", "-f", "%d")
        at = int(line) + 1
        while time.time_ns() // 1_000_000 <= at:
            pass
        self.tailrace("produce", data=b"new\n")
        self.assertEqual(self.tailrace("consume", "-o", f"@{at}:end"), b"new\n")
        self.assertEqual(self.tailrace("consume", "-o", f"@-1h:{at}"), b"old\n")
        self.assertEqual(self.tailrace("consume", "-o", "@now:end"), b"")
        offsets = json.loads(self.tailrace("offsets", "--time", at, "--format", "json"))
        self.assertEqual(offsets[0]["offset"], 1)

    def test_every_codec(self):
        self.create()
        lines = b"".join(b"line %d\n" % i for i in range(1000))
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            self.tailrace("produce", "-z", codec, data=lines)
        self.assertEqual(self.tailrace("consume", "-o", ":end"), lines * 5)

    def test_too_large_record_fails_with_the_reason(self):
        self.create(1, "-c", "max.message.bytes=1000")
        done = self.tailrace("produce", data=b"fits\n" + b"x" * 5000 + b"\n", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"max.message.bytes", done.stderr)

    def test_produced_records_are_shown_when_asked_for(self):
        self.create(3)
        shown = self.tailrace("produce", "-p", "2", "-o", "%t/%p/%o %v\\n", data=b"a\nb\n")
        self.assertEqual(shown, b"%b/2/0 a\n%b/2/1 b\n" % ((self.name.encode(),) * 2))

    def test_interrupted_consumer_ends_cleanly(self):
        """Ctrl-C: what was read is out, the count is on stderr, the status is 130."""
        self.create()
        self.tailrace("produce", data=b"one\n")
        waiting = subprocess.Popen([TAILRACE, "topic", "consume", self.name, "--brokers",
                                    self.broker.address], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.assertEqual(waiting.stdout.readline(), b"one\n")
        waiting.send_signal(signal.SIGINT)
        rest, said = waiting.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual((rest, waiting.returncode), (b"", 130))
        self.assertIn(b"consumed 1 record", said)

    def test_data_directories_with_their_partitions(self):
        self.create(3)
        self.tailrace("produce", "-p", "1", data=b"x" * 1000 + b"\n")
        found = json.loads(tailrace(self.broker, "cluster", "logdirs", self.name, "--format",
                                    "json"))
        sizes = {p["partition"]: p["size"] for d in found for p in d["partitions"]}
        self.assertEqual((sorted(sizes), sizes[0], sizes[2]), ([0, 1, 2], 0, 0))
        self.assertGreater(sizes[1], 1000)
        self.assertEqual({p["topic"] for d in found for p in d["partitions"]}, {self.name})
        self.assertTrue(all(d["error"] is None and d["directory"].startswith("/") for d in found))
        lines = tailrace(self.broker, "cluster", "logdirs", self.name, "-p").splitlines()
        self.assertEqual(len(lines), 4)

    def test_cluster_info_and_api_versions(self):
        info = json.loads(tailrace(self.broker, "cluster", "info", "--format", "json"))
        self.assertEqual(info["brokers"][0]["port"], self.broker.port)
        rows = json.loads(tailrace(self.broker, "api-versions", "--format", "json"))
        self.assertEqual([r["min"] for r in rows if r["name"] == "Produce"], [0])


if __name__ == "__main__":
    unittest.main()
