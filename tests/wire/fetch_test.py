"""Fetch: limits, waiting, sessions, topic ids."""
import time
import unittest
import uuid

from case import *  # noqa: F403


class FetchTest(WireCase):
    def test_every_version_returns_the_records(self):
        name = self.topic()
        self.produce_values(name, b"a", b"b")
        for version in every_version("Fetch"):
            answer = self.fetch(name, 0, version=version)
            self.assertEqual(answer["error"], NONE, version)
            self.assertEqual(answer["high_watermark"], 2)
            self.assertEqual(answer.get("last_stable_offset", 2), 2)
            self.assertEqual(answer.get("log_start_offset", 0), 0)
            self.assertIsNone(answer.get("aborted"))
            self.assertEqual(batches.values_of(answer["records"]), [b"a", b"b"], version)

    def test_offset_inside_a_batch_returns_the_whole_batch(self):
        name = self.topic()
        self.produce_values(name, b"0", b"1", b"2")
        self.produce_values(name, b"3", b"4")
        self.assertEqual(self.values(name, 1), [b"0", b"1", b"2", b"3", b"4"])
        self.assertEqual(self.values(name, 2), [b"0", b"1", b"2", b"3", b"4"])
        self.assertEqual(self.values(name, 4), [b"3", b"4"])

    def test_end_of_the_log_is_empty_and_beyond_it_is_out_of_range(self):
        name = self.topic()
        self.produce_values(name, b"0")
        at_end = self.fetch(name, 1)
        self.assertEqual((at_end["error"], at_end["records"] or b""), (NONE, b""))
        for offset in (2, 1 << 40, -1):
            answer = self.fetch(name, offset)
            self.assertEqual(answer["error"], OFFSET_OUT_OF_RANGE, offset)

    def test_unknown_topic_partition_and_id(self):
        name = self.topic()
        self.assertEqual(self.fetch(self.name(), 0)["error"], UNKNOWN_TOPIC_OR_PARTITION)
        self.assertEqual(self.fetch(name, 0, partition=7)["error"], UNKNOWN_TOPIC_OR_PARTITION)
        fields = self.fetch_fields(name, 0, version=13)
        fields["topics"][0]["topic_id"] = uuid.uuid4()
        answer = self.call("Fetch", 13, **fields)
        self.assertEqual(answer["topics"][0]["partitions"][0]["error"], UNKNOWN_TOPIC_ID)

    def test_first_batch_comes_whole_however_small_the_limits_are(self):
        name = self.topic()
        big = b"x" * 100_000
        self.produce_values(name, big)
        self.produce_values(name, b"next")
        for limits in ({"partition_max_bytes": 1}, {"max_bytes": 1}, {"partition_max_bytes": 0},
                       {"max_bytes": 1, "partition_max_bytes": 1}):
            got = self.fetch(name, 0, **limits)["records"]
            self.assertEqual(batches.values_of(got), [big], limits)

    def test_only_the_first_partition_with_data_may_exceed_the_limit(self):
        name = self.topic(partitions=2)
        for partition in (0, 1):
            self.produce_values(name, b"x" * 50_000, partition=partition)
        fields = self.fetch_fields(name, 0, max_bytes=10)
        first = fields["topics"][0]["partitions"][0]
        fields["topics"][0]["partitions"] = [first, {**first, "partition": 1}]
        found = self.call("Fetch", 12, **fields)["topics"][0]["partitions"]
        self.assertEqual([bool(batches.batches(p["records"] or b"")) for p in found], [True, False])

    def test_partition_limit_is_about_whole_batches(self):
        name = self.topic()
        for i in range(10):
            self.produce_values(name, b"%d" % i * 1000)
        got = self.fetch(name, 0, partition_max_bytes=3500)["records"]
        self.assertEqual(len(batches.batches(got)), 3)
        self.assertLessEqual(len(got), 3500)

    def test_partitions_are_answered_in_the_order_asked(self):
        name = self.topic(partitions=3)
        fields = self.fetch_fields(name, 0)
        first = fields["topics"][0]["partitions"][0]
        fields["topics"][0]["partitions"] = [{**first, "partition": p} for p in (2, 0, 1)]
        answer = self.call("Fetch", 12, **fields)
        self.assertEqual([p["partition"] for p in answer["topics"][0]["partitions"]], [2, 0, 1])

    def test_leader_epoch_is_checked(self):
        name = self.topic()
        self.produce_values(name, b"0")
        for epoch, error in ((0, NONE), (5, UNKNOWN_LEADER_EPOCH)):
            fields = self.fetch_fields(name, 0)
            fields["topics"][0]["partitions"][0]["current_leader_epoch"] = epoch
            answer = self.call("Fetch", 12, **fields)["topics"][0]["partitions"][0]
            self.assertEqual(answer["error"], error, epoch)

    def test_aborted_list_is_there_for_read_committed_only(self):
        name = self.topic()
        self.produce_values(name, b"0")
        fields = self.fetch_fields(name, 0)
        fields["isolation_level"] = 1
        answer = self.call("Fetch", 12, **fields)["topics"][0]["partitions"][0]
        self.assertEqual(answer["aborted"], [])
        self.assertEqual(batches.values_of(answer["records"]), [b"0"])


class LongPollTest(WireCase):
    def test_waits_for_max_wait_when_there_is_nothing(self):
        name = self.topic()
        start = time.monotonic()
        answer = self.fetch(name, 0, max_wait_ms=300)
        waited = time.monotonic() - start
        self.assertEqual(answer["records"] or b"", b"")
        self.assertGreaterEqual(waited, 0.28)

    def test_no_wait_when_there_is_something_or_min_bytes_is_0(self):
        name = self.topic()
        self.fetch(name, 0, max_wait_ms=FOREVER_MS, min_bytes=0)
        self.produce_values(name, b"0")
        self.fetch(name, 0, max_wait_ms=FOREVER_MS)

    def test_wakes_when_a_record_arrives(self):
        name = self.topic()
        waiting = self.connect()
        waiting.send("Fetch", 12, **self.fetch_fields(name, 0, max_wait_ms=FOREVER_MS))
        self.produce_values(name, b"now")
        answer = waiting.receive()
        records = answer["topics"][0]["partitions"][0]["records"]
        self.assertEqual(batches.values_of(records), [b"now"])

    def test_min_bytes_gathers_over_many_partitions(self):
        """None of 20 partitions has enough alone; the last produce makes it enough."""
        partitions = 20
        name = self.topic(partitions=partitions)
        fields = self.fetch_fields(name, 0, max_wait_ms=FOREVER_MS, min_bytes=partitions * 1000)
        first = fields["topics"][0]["partitions"][0]
        fields["topics"][0]["partitions"] = [{**first, "partition": p} for p in range(partitions)]
        waiting = self.connect()
        waiting.send("Fetch", 12, **fields)
        for partition in range(partitions):
            self.produce_values(name, b"x" * 1000, partition=partition)
        found = waiting.receive()["topics"][0]["partitions"]
        size = sum(len(p["records"] or b"") for p in found)
        self.assertGreaterEqual(size, partitions * 1000)

    def test_min_bytes_that_never_come_end_with_what_there_is(self):
        name = self.topic()
        self.produce_values(name, b"little")
        answer = self.fetch(name, 0, max_wait_ms=200, min_bytes=1 << 20)
        self.assertEqual(batches.values_of(answer["records"]), [b"little"])

    def test_an_error_ends_the_wait_at_once(self):
        answer = self.fetch(self.name(), 0, max_wait_ms=FOREVER_MS)
        self.assertEqual(answer["error"], UNKNOWN_TOPIC_OR_PARTITION)


class FetchSessionTest(WireCase):
    """A broker may refuse sessions by answering id 0; ours grants them, as Kafka does."""

    def open(self, name, partitions):
        fields = self.fetch_fields(name, 0, epoch=0)
        first = fields["topics"][0]["partitions"][0]
        fields["topics"][0]["partitions"] = [{**first, "partition": p} for p in range(partitions)]
        answer = self.call("Fetch", 12, **fields)
        self.assertEqual(answer["error"], NONE)
        self.assertNotEqual(answer["session_id"], 0)
        return answer

    def go_on(self, session_id, epoch, topics=(), forgotten=(), max_wait_ms=0):
        return self.call("Fetch", 12, replica_id=-1, max_wait_ms=max_wait_ms, min_bytes=1,
                         max_bytes=1 << 20, session_id=session_id, session_epoch=epoch,
                         topics=list(topics), forgotten=list(forgotten))

    @staticmethod
    def shown(answer):
        return {p["partition"]: batches.values_of(p["records"] or b"")
                for topic in answer["topics"] for p in topic["partitions"]}

    @staticmethod
    def position(name, partition, offset):
        return {"name": name, "partitions": [{
            "partition": partition, "fetch_offset": offset, "partition_max_bytes": 1 << 20,
            "current_leader_epoch": -1, "last_fetched_epoch": -1, "log_start_offset": -1}]}

    def test_full_request_names_all_then_only_what_changed(self):
        name = self.topic(partitions=3)
        opened = self.open(name, 3)
        session = opened["session_id"]
        self.assertEqual(self.shown(opened), {0: [], 1: [], 2: []})
        self.assertEqual(self.shown(self.go_on(session, 1)), {})
        self.produce_values(name, b"new", partition=1)
        self.assertEqual(self.shown(self.go_on(session, 2)), {1: [b"new"]})
        moved = self.go_on(session, 3, [self.position(name, 1, 1)])
        self.assertEqual(self.shown(moved).get(1, []), [])
        self.assertEqual(self.shown(self.go_on(session, 4)), {})

    def test_forgotten_partition_is_not_shown_any_more(self):
        name = self.topic(partitions=2)
        session = self.open(name, 2)["session_id"]
        self.go_on(session, 1, forgotten=[{"name": name, "partitions": [0]}])
        self.produce_values(name, b"0", partition=0)
        self.produce_values(name, b"1", partition=1)
        self.assertEqual(self.shown(self.go_on(session, 2)), {1: [b"1"]})

    def test_partition_may_join_later(self):
        name = self.topic(partitions=2)
        session = self.open(name, 1)["session_id"]
        self.produce_values(name, b"late", partition=1)
        answer = self.go_on(session, 1, [self.position(name, 1, 0)])
        self.assertEqual(self.shown(answer), {1: [b"late"]})

    def test_waits_inside_a_session(self):
        name = self.topic()
        session = self.open(name, 1)["session_id"]
        other = self.connect()
        self.connection.send("Fetch", 12, replica_id=-1, max_wait_ms=FOREVER_MS, min_bytes=1,
                             max_bytes=1 << 20, session_id=session, session_epoch=1)
        other.call("Produce", 9, **self.produce_fields_without_call(name, b"woken"))
        self.assertEqual(self.shown(self.connection.receive()), {0: [b"woken"]})

    @staticmethod
    def produce_fields_without_call(name, value):
        return {"acks": -1, "timeout_ms": PATIENCE_MS, "topics": [{"name": name, "partitions": [
            {"index": 0, "records": batches.batch([value])}]}]}

    def test_unknown_session_and_wrong_epoch(self):
        name = self.topic()
        session = self.open(name, 1)["session_id"]
        self.assertEqual(self.go_on(session ^ 0x55555, 1)["error"], FETCH_SESSION_ID_NOT_FOUND)
        self.assertEqual(self.go_on(session, 7)["error"], INVALID_FETCH_SESSION_EPOCH)
        self.assertEqual(self.go_on(session, 1)["error"], NONE)
        self.assertEqual(self.go_on(session, 1)["error"], INVALID_FETCH_SESSION_EPOCH)

    def test_closing_a_session_ends_it(self):
        name = self.topic()
        session = self.open(name, 1)["session_id"]
        closed = self.call("Fetch", 12, **self.fetch_fields(name, 0, session_id=session, epoch=-1))
        self.assertEqual((closed["error"], closed["session_id"]), (NONE, 0))
        self.assertEqual(self.go_on(session, 1)["error"], FETCH_SESSION_ID_NOT_FOUND)

    def test_session_works_with_topic_ids(self):
        name = self.topic()
        topic_id = self.topic_id(name)
        answer = self.call("Fetch", 16, **self.fetch_fields(name, 0, version=16, epoch=0))
        session = answer["session_id"]
        self.assertNotEqual(session, 0)
        self.produce_values(name, b"by id")
        answer = self.call("Fetch", 16, max_wait_ms=0, min_bytes=1, max_bytes=1 << 20,
                           session_id=session, session_epoch=1)
        self.assertEqual([t["topic_id"] for t in answer["topics"]], [topic_id])
        self.assertEqual(self.shown(answer), {0: [b"by id"]})


if __name__ == "__main__":
    unittest.main()
