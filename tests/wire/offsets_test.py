"""ListOffsets, OffsetForLeaderEpoch and DeleteRecords: where something stands in the log."""
import unittest

from case import *  # noqa: F403

START_MS = 1_700_000_000_000


class ListOffsetsTest(WireCase):
    def lookup(self, name, timestamp, **rest):
        found = self.list_offsets(name, timestamp, **rest)[0]
        self.assertEqual(found["error"], NONE, found)
        return found["offset"], found["timestamp"]

    def test_every_version_finds_start_and_end(self):
        name = self.topic()
        self.produce_values(name, b"0", b"1")
        for version in every_version("ListOffsets"):
            self.assertEqual(self.lookup(name, EARLIEST, version=version), (0, -1), version)
            self.assertEqual(self.lookup(name, LATEST, version=version), (2, -1), version)

    def test_first_record_at_or_after_a_time_also_inside_batches(self):
        name = self.topic()
        for codec in (batches.NONE, batches.GZIP, batches.ZSTD, batches.LZ4, batches.SNAPPY):
            base = self.lookup(name, LATEST)[0]
            time_ms = START_MS + base * 1000
            self.produce(name, batches.batch([b"a", b"b", b"c"], codec=codec, time_ms=time_ms,
                                             time_step=10))
            for ahead, offset, at in ((-5, base, 0), (0, base, 0), (1, base + 1, 10),
                                      (10, base + 1, 10), (11, base + 2, 20), (20, base + 2, 20)):
                self.assertEqual(self.lookup(name, time_ms + ahead), (offset, time_ms + at),
                                 f"codec {codec}, {ahead} ms")

    def test_a_time_after_the_last_record_finds_nothing(self):
        name = self.topic()
        self.assertEqual(self.lookup(name, START_MS), (-1, -1))
        self.produce_values(name, b"0")
        self.assertEqual(self.lookup(name, START_MS + 1), (-1, -1))

    def test_records_need_not_be_in_order_of_time(self):
        name = self.topic()
        for ahead in (100, 50, 200, 150):
            self.produce(name, batches.batch([b"v"], time_ms=START_MS + ahead))
        self.assertEqual(self.lookup(name, START_MS + 60), (0, START_MS + 100))
        self.assertEqual(self.lookup(name, START_MS + 101), (2, START_MS + 200))

    def test_max_timestamp_is_the_youngest_record(self):
        name = self.topic()
        self.assertEqual(self.lookup(name, MAX_TIMESTAMP), (-1, -1))
        for ahead in (100, 300, 200):
            self.produce(name, batches.batch([b"v"], time_ms=START_MS + ahead))
        self.assertEqual(self.lookup(name, MAX_TIMESTAMP), (1, START_MS + 300))

    def test_a_partition_is_named_once(self):
        name, other = self.topic(3), self.topic()
        self.produce_values(name, b"0", partition=1)
        for version in every_version("ListOffsets"):
            partition = {"timestamp": LATEST}
            if version >= 4:
                partition["current_leader_epoch"] = -1
            topics = [(name, (0, 1, 2, 0)), (other, (0,)), (name, (2,))]
            answer = self.call("ListOffsets", version, replica_id=-1, topics=[
                {"name": topic, "partitions": [{"index": index, **partition} for index in indexes]}
                for topic, indexes in topics])
            found = [[(p["index"], p["error"], p["offset"]) for p in topic["partitions"]]
                     for topic in answer["topics"]]
            self.assertEqual(found, [[(0, INVALID_REQUEST, -1), (1, NONE, 1),
                                      (2, INVALID_REQUEST, -1), (0, INVALID_REQUEST, -1)],
                                     [(0, NONE, 0)], [(2, INVALID_REQUEST, -1)]], version)

    def test_leader_epoch_is_given_and_checked(self):
        name = self.topic()
        self.produce_values(name, b"0")
        found = self.list_offsets(name, LATEST)[0]
        self.assertEqual(found["leader_epoch"], 0)
        self.assertEqual(self.list_offsets(name, LATEST, epoch=0)[0]["error"], NONE)
        self.assertEqual(self.list_offsets(name, LATEST, epoch=9)[0]["error"],
                         UNKNOWN_LEADER_EPOCH)

    def test_unknown_topic_and_partition(self):
        name = self.topic()
        self.assertEqual(self.list_offsets(self.name(), LATEST)[0]["error"],
                         UNKNOWN_TOPIC_OR_PARTITION)
        found = self.list_offsets(name, LATEST, partitions=(0, 5))
        self.assertEqual([p["error"] for p in found], [NONE, UNKNOWN_TOPIC_OR_PARTITION])


class OffsetForLeaderEpochTest(WireCase):
    def ask(self, name, epoch, version=4, current=-1, partition=0):
        fields = {"replica_id": -1} if version >= 3 else {}
        answer = self.call("OffsetForLeaderEpoch", version, topics=[{"name": name, "partitions": [
            {"partition": partition, "current_leader_epoch": current, "leader_epoch": epoch}]}],
            **fields)
        return answer["topics"][0]["partitions"][0]

    def test_every_version_says_where_the_current_epoch_ends(self):
        """-1 would be read as lost data, and the consumer would jump."""
        name = self.topic()
        self.produce_values(name, b"0", b"1", b"2")
        for version in every_version("OffsetForLeaderEpoch"):
            found = self.ask(name, 0, version)
            self.assertEqual((found["error"], found["leader_epoch"], found["end_offset"]),
                             (NONE, 0, 3), version)

    def test_an_empty_log_ends_at_its_start(self):
        found = self.ask(self.topic(), 0)
        self.assertEqual((found["error"], found["leader_epoch"], found["end_offset"]), (NONE, 0, 0))

    def test_a_later_epoch_has_no_end_yet(self):
        name = self.topic()
        self.produce_values(name, b"0")
        found = self.ask(name, 5)
        self.assertEqual((found["error"], found["leader_epoch"], found["end_offset"]),
                         (NONE, -1, -1))

    def test_current_epoch_is_checked(self):
        name = self.topic()
        self.assertEqual(self.ask(name, 0, current=0)["error"], NONE)
        self.assertEqual(self.ask(name, 0, current=3)["error"], UNKNOWN_LEADER_EPOCH)

    def test_unknown_topic_and_partition(self):
        self.assertEqual(self.ask(self.name(), 0)["error"], UNKNOWN_TOPIC_OR_PARTITION)
        self.assertEqual(self.ask(self.topic(), 0, partition=4)["error"],
                         UNKNOWN_TOPIC_OR_PARTITION)


class DeleteRecordsTest(WireCase):
    def delete(self, name, offset, partition=0, version=2):
        answer = self.call("DeleteRecords", version, timeout_ms=PATIENCE_MS,
                           topics=[{"name": name,
                                    "partitions": [{"partition": partition, "offset": offset}]}])
        found = answer["topics"][0]["partitions"][0]
        return found["error"], found["low_watermark"]

    def test_every_version_moves_the_start(self):
        name = self.topic()
        for version in every_version("DeleteRecords"):
            self.produce_values(name, b"0", b"1")
            offset = version * 2 + 1
            self.assertEqual(self.delete(name, offset, version=version), (NONE, offset), version)
            self.assertEqual(self.list_offsets(name, EARLIEST)[0]["offset"], offset, version)
        self.assertEqual(self.delete(name, 1), (NONE, 5))
        self.assertEqual(self.delete(name, -1), (NONE, 6))
        self.assertEqual(self.list_offsets(name, EARLIEST)[0]["offset"], 6)

    def test_what_cannot_be_deleted(self):
        name = self.topic()
        self.produce_values(name, b"0", b"1")
        self.assertEqual(self.delete(name, 3), (OFFSET_OUT_OF_RANGE, -1))
        self.assertEqual(self.delete(name, -2), (OFFSET_OUT_OF_RANGE, -1))
        self.assertEqual(self.delete(name, 1, partition=7), (UNKNOWN_TOPIC_OR_PARTITION, -1))
        self.assertEqual(self.delete("never-made", 0), (UNKNOWN_TOPIC_OR_PARTITION, -1))
        compacted = self.topic(cleanup_policy="compact")
        self.assertEqual(self.delete(compacted, 0), (POLICY_VIOLATION, -1))

    def test_a_fetch_below_the_start_is_out_of_range(self):
        name = self.topic()
        self.produce_values(name, b"0", b"1", b"2")
        self.assertEqual(self.delete(name, 2), (NONE, 2))
        self.assertEqual(self.fetch(name, 1)["error"], OFFSET_OUT_OF_RANGE)
        found = self.fetch(name, 2)
        self.assertEqual(found["error"], NONE)
        self.assertEqual(found["log_start_offset"], 2)


if __name__ == "__main__":
    unittest.main()
