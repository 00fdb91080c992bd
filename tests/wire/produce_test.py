"""Produce: what is accepted, what is refused and how."""
import time
import unittest
import uuid

from case import *  # noqa: F403
from wire import Closed

BIG = 1 << 20


class ProduceTest(WireCase):
    def refused(self, name, records, **rest):
        """The error of a batch that must leave the log as it was."""
        answer = self.produce(name, records, **rest)
        self.assertEqual(answer["base_offset"], -1, answer)
        self.assertEqual(self.list_offsets(name, LATEST)[0]["offset"], 0)
        return answer["error"]

    def test_every_version_appends_and_says_where(self):
        name = self.topic()
        for i, version in enumerate(every_version("Produce")):
            answer = self.produce(name, batches.batch([b"v%d" % version]), version=version)
            self.assertEqual((answer["error"], answer["base_offset"]), (NONE, i), version)
            self.assertEqual(answer["log_append_time_ms"], -1)
        self.assertEqual(self.values(name), [b"v%d" % v for v in every_version("Produce")])

    def test_internal_topics_take_records_from_tools_alone(self):
        for name in ("__consumer_offsets", "__transaction_state"):
            created = self.create(name, 1, configs={"cleanup.policy": "compact"})
            self.assertIn(created["error"], (NONE, TOPIC_ALREADY_EXISTS), created)
            self.await_leaders(name, 1)
            before = self.list_offsets(name, LATEST)[0]["offset"]
            records = batches.batch([b"v"], keys=[b"\x7f\xff"])
            self.assertEqual(self.produce(name, records)["error"], INVALID_TOPIC)
            self.assertEqual(self.list_offsets(name, LATEST)[0]["offset"], before)
            self.connection.client_id = "__admin_client"
            self.assertEqual(self.produce(name, records)["error"], NONE)
            self.connection.client_id = None
            self.assertEqual(self.produce(name, records)["error"], INVALID_TOPIC)

    def test_versions_0_to_2_are_offered_but_close_the_connection(self):
        name = self.topic()
        for version in range(3):
            connection = self.connect()
            with self.assertRaises(Closed):
                connection.call("Produce", version, **self.produce_fields(
                    name, batches.batch([b"old"])))

    def test_all_parts_of_a_record_come_back(self):
        name = self.topic()
        headers = [(b"a", b"1"), (b"a", b"2"), (b"empty", b""), (b"null", None)]
        self.produce(name, batches.batch([b"v", b"", None], keys=[None, b"", b"k"], headers=headers))
        found = [r for b in batches.batches(self.fetch(name, 0)["records"]) for r in b.records()]
        self.assertEqual(found, [(0, None, b"v", headers), (1, b"", b"", headers),
                                 (2, b"k", None, headers)])

    def test_batch_is_kept_as_it_came_but_for_offset_and_epoch(self):
        name = self.topic()
        sent = batches.batch([b"x" * 10, b"y"], time_ms=time.time_ns() // 1_000_000)
        self.produce_values(name, b"first")
        self.produce(name, sent)
        got = self.fetch(name, 1)["records"]
        self.assertEqual(got[:8], (1).to_bytes(8, "big"))
        self.assertEqual(got[8:12], sent[8:12])
        self.assertEqual(got[12:16], bytes(4), "leader epoch 0")
        self.assertEqual(got[16:], sent[16:])

    def test_all_codecs_and_both_framings_of_snappy_are_accepted(self):
        name = self.topic()
        payload = batches.record(0, b"v" * 1000)
        for codec in range(5):
            packed = [batches.compress(codec, payload)]
            if codec == batches.SNAPPY:
                packed.append(batches.snappy_xerial(payload))
            for bytes_ in packed:
                sent = batches.batch_of(bytes_, 1, codec=codec)
                answer = self.produce(name, sent)
                self.assertEqual(answer["error"], NONE, f"codec {codec}")
                got = batches.batches(self.fetch(name, answer["base_offset"])["records"])[0]
                self.assertEqual((got.codec, got.payload), (codec, bytes_))

    def test_zstd_needs_version_7(self):
        name = self.topic()
        sent = batches.batch([b"z"], codec=batches.ZSTD)
        self.assertEqual(self.refused(name, sent, version=6), UNSUPPORTED_COMPRESSION_TYPE)
        self.assertEqual(self.produce(name, sent, version=7)["error"], NONE)

    def test_batches_that_do_not_agree_with_themselves_are_refused(self):
        name = self.topic()
        one = batches.record(0, b"v")
        cases = {
            "wrong checksum": (batches.batch([b"v"], crc_flip=1), CORRUPT_MESSAGE),
            "fewer records than counted": (batches.batch_of(one, 2), INVALID_RECORD),
            "more records than counted": (batches.batch_of(one + batches.record(1, b"w"), 1),
                                          INVALID_RECORD),
            "no records": (batches.batch_of(b"", 0), INVALID_RECORD),
            "last delta is not count - 1": (batches.batch_of(one, 1, last_delta=1), INVALID_RECORD),
            "control batch": (batches.batch([b"v"], attributes=batches.CONTROL), INVALID_RECORD),
            "two batches": (batches.batch([b"v"]) * 2, INVALID_RECORD),
            "sequence without producer epoch": (
                batches.batch([b"v"], producer_id=1, producer_epoch=0, sequence=-1),
                INVALID_RECORD),
        }
        for what, (sent, error) in cases.items():
            with self.subTest(what):
                self.assertEqual(self.refused(name, sent), error)

    def test_a_compressed_batch_is_looked_into(self):
        name = self.topic()
        for codec in range(1, 5):
            payload = batches.compress(codec, batches.record(0, b"v"))
            self.assertEqual(self.refused(name, batches.batch_of(payload, 2, codec=codec)),
                             INVALID_RECORD, f"codec {codec}")

    def test_empty_and_null_records_are_refused(self):
        """Kafka 4.3.1 leaves the client without an answer here; that is no model."""
        self.must_start_it()
        name = self.topic()
        for records in (b"", None):
            answer = self.produce(name, records)
            self.assertIn(answer["error"], (INVALID_RECORD, CORRUPT_MESSAGE), records)

    def test_batch_above_max_message_bytes_is_too_large(self):
        name = self.topic(max_message_bytes="1000")
        self.assertEqual(self.refused(name, batches.batch([b"x" * 1000])), MESSAGE_TOO_LARGE)
        self.assertEqual(self.produce(name, batches.batch([b"x" * 900]))["error"], NONE)

    def test_the_default_limit_takes_a_megabyte_and_not_much_more(self):
        name = self.topic()
        self.assertEqual(self.refused(name, batches.batch([b"x" * (BIG + 100)])), MESSAGE_TOO_LARGE)
        value = bytes(range(256)) * (BIG // 256)
        self.assertEqual(self.produce(name, batches.batch([value[:-100]]))["error"], NONE)
        self.assertEqual(self.values(name, partition_max_bytes=2 * BIG), [value[:-100]])

    def test_compacted_topic_wants_keys_and_names_the_record(self):
        name = self.topic(cleanup_policy="compact")
        answer = self.produce(name, batches.batch([b"a", b"b", b"c"], keys=[b"k", None, b"k"]))
        self.assertEqual(answer["error"], INVALID_RECORD)
        self.assertEqual([e["batch_index"] for e in answer["record_errors"]], [1])
        answer = self.produce(name, batches.batch([b"a", None], keys=[b"k", b"k"]))
        self.assertEqual(answer["error"], NONE)

    def test_timestamp_too_far_ahead_is_refused(self):
        name = self.topic()
        ahead = (time.time_ns() // 1_000_000) + 2 * 3_600_000
        self.assertEqual(self.refused(name, batches.batch([b"v"], time_ms=ahead)),
                         INVALID_TIMESTAMP)

    def test_log_append_time_is_set_by_the_broker(self):
        name = self.topic(message_timestamp_type="LogAppendTime")
        before = time.time_ns() // 1_000_000
        answer = self.produce(name, batches.batch([b"v", b"w"], time_ms=5))
        self.assertGreaterEqual(answer["log_append_time_ms"], before)
        got = batches.batches(self.fetch(name, 0)["records"])[0]
        self.assertTrue(got.attributes & batches.LOG_APPEND_TIME)
        self.assertTrue(got.crc_is_right)
        self.assertEqual(got.max_time_ms, answer["log_append_time_ms"])

    def test_unknown_topic_partition_and_id(self):
        name = self.topic()
        sent = batches.batch([b"v"])
        self.assertEqual(self.produce(self.name(), sent)["error"], UNKNOWN_TOPIC_OR_PARTITION)
        self.assertEqual(self.produce(name, sent, partition=1)["error"],
                         UNKNOWN_TOPIC_OR_PARTITION)
        answer = self.call("Produce", 13, acks=-1, timeout_ms=PATIENCE_MS, topics=[
            {"topic_id": uuid.uuid4(), "partitions": [{"index": 0, "records": sent}]}])
        self.assertEqual(answer["topics"][0]["partitions"][0]["error"], UNKNOWN_TOPIC_ID)

    def test_acks_other_than_minus_1_0_1_are_refused(self):
        name = self.topic()
        self.assertEqual(self.refused(name, batches.batch([b"v"]), acks=2), INVALID_REQUIRED_ACKS)

    def test_one_bad_partition_does_not_spoil_the_others(self):
        name = self.topic(partitions=3)
        records = [batches.batch([b"0"]), batches.batch([b"1"], crc_flip=1), batches.batch([b"2"])]
        answer = self.call("Produce", 9, acks=-1, timeout_ms=PATIENCE_MS, topics=[{
            "name": name,
            "partitions": [{"index": i, "records": r} for i, r in enumerate(records)]}])
        found = {p["index"]: p["error"] for p in answer["topics"][0]["partitions"]}
        self.assertEqual(found, {0: NONE, 1: CORRUPT_MESSAGE, 2: NONE})

    def test_acks_0_gets_no_response(self):
        """The answer to the next request must be the next thing on the connection."""
        name = self.topic()
        self.connection.send("Produce", 9, **self.produce_fields(name, batches.batch([b"a"]),
                                                                 acks=0))
        self.connection.sent.pop()
        self.assertEqual(self.produce_values(name, b"b"), 1)
        self.assertEqual(self.values(name), [b"a", b"b"])

    def test_acks_0_with_an_error_closes_the_connection(self):
        connection = self.connect()
        connection.send("Produce", 9, **self.produce_fields(self.name(), batches.batch([b"a"]),
                                                            acks=0))
        self.assertTrue(connection.is_closed())

    def test_pipelined_requests_are_answered_in_order(self):
        name = self.topic(partitions=2)
        sent = 50
        for i in range(sent):
            self.connection.send("Produce", 9, **self.produce_fields(
                name, batches.batch([b"%d" % i]), partition=i % 2))
            if i % 10 == 0:
                self.connection.send("Metadata", 1, topics=[])
                self.connection.send("ApiVersions", 0)
        offsets = {0: [], 1: []}
        while self.connection.sent:
            answer = self.connection.receive()
            for topic in answer.get("topics", ()):
                for p in topic["partitions"]:
                    offsets[p["index"]].append(p["base_offset"])
        self.assertEqual(offsets, {0: list(range(sent // 2)), 1: list(range(sent // 2))})
        self.assertEqual(self.values(name), [b"%d" % i for i in range(0, sent, 2)])

    def test_long_poll_in_front_holds_back_what_comes_behind_it(self):
        """Order on a connection holds although the fetch waits."""
        name = self.topic()
        other = self.connect()
        self.connection.send("Fetch", 12, **self.fetch_fields(name, 0, max_wait_ms=FOREVER_MS))
        self.connection.send("ApiVersions", 0)
        other.call("Produce", 9, **self.produce_fields(name, batches.batch([b"wake"])))
        answer = self.connection.receive()
        self.assertEqual(batches.values_of(answer["topics"][0]["partitions"][0]["records"]),
                         [b"wake"])
        self.assertEqual(self.connection.receive()["error"], NONE)


    def test_records_must_be_one_batch(self):
        """Anything less than a batch is INVALID_RECORD, as are two; a batch that is cut at the end of
        a good one is left out. Kafka 4.3 answers all of this alike."""
        name = self.topic()
        whole = batches.batch([b"value"] * 3)
        for sent in (b"", b"x", whole[:11], whole[:12], whole[:17], whole[:60], whole[:61],
                     whole[:-1], whole + whole):
            with self.subTest(len(sent)):
                self.assertEqual(self.refused(name, sent), INVALID_RECORD)
        for sent in (whole, whole + b"x", whole + whole[:20]):
            self.assertEqual(self.produce(name, sent)["error"], NONE)
        self.assertEqual(self.list_offsets(name, LATEST)[0]["offset"], 9)


if __name__ == "__main__":
    unittest.main()
