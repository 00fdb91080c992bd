"""InitProducerId and the sequence numbers of idempotent producers."""
import unittest

from case import *  # noqa: F403

LAST_SEQUENCE = (1 << 31) - 1


class InitProducerIdTest(WireCase):
    def test_every_version_gives_a_new_id_with_epoch_0(self):
        seen = set()
        for version in every_version("InitProducerId"):
            fields = {"producer_id": -1, "producer_epoch": -1} if version >= 3 else {}
            answer = self.call("InitProducerId", version, transactional_id=None,
                               timeout_ms=2147483647, **fields)
            self.assertEqual((answer["error"], answer["producer_epoch"]), (NONE, 0), version)
            self.assertNotIn(answer["producer_id"], seen)
            seen.add(answer["producer_id"])

    def test_ids_are_not_given_twice(self):
        ids = [self.call("InitProducerId", 4, transactional_id=None, producer_id=-1,
                         producer_epoch=-1)["producer_id"] for _ in range(200)]
        self.assertEqual(len(set(ids)), len(ids))

    def test_a_producer_that_has_an_id_gets_a_new_one(self):
        """Only a transactional id keeps its producer id; others raise the epoch by themselves."""
        for version in (3, 4, 5):
            had = self.call("InitProducerId", version, transactional_id=None, producer_id=-1,
                            producer_epoch=-1)
            answer = self.call("InitProducerId", version, transactional_id=None,
                               producer_id=had["producer_id"], producer_epoch=7)
            self.assertEqual((answer["error"], answer["producer_epoch"]), (NONE, 0))
            self.assertNotEqual(answer["producer_id"], had["producer_id"])

    def test_an_id_without_its_epoch_is_refused_and_an_epoch_without_its_id(self):
        for version in (3, 4, 5):
            for half in ({"producer_id": 5, "producer_epoch": -1},
                         {"producer_id": -1, "producer_epoch": 0}):
                answer = self.call("InitProducerId", version, transactional_id=None, **half)
                self.assertEqual(answer["error"], INVALID_REQUEST, half)
                self.assertEqual(answer["producer_id"], -1)

    def test_an_empty_transactional_id_is_refused(self):
        answer = self.call("InitProducerId", 4, transactional_id="", timeout_ms=1000,
                           producer_id=-1, producer_epoch=-1)
        self.assertEqual(answer["error"], INVALID_REQUEST)


class SequenceTest(WireCase):
    def setUp(self):
        super().setUp()
        self.id = self.new_id()

    def new_id(self):
        return self.call("InitProducerId", 4, transactional_id=None, producer_id=-1,
                         producer_epoch=-1)["producer_id"]

    def batch(self, sequence, *values, epoch=0, producer_id=None):
        return batches.batch(list(values), sequence=sequence, producer_epoch=epoch,
                             producer_id=self.id if producer_id is None else producer_id)

    def send(self, name, sequence, *values, **producer):
        answer = self.produce(name, self.batch(sequence, *(values or (b"%d" % sequence,)),
                                               **producer))
        return answer["error"], answer["base_offset"]

    def request(self, name, partitions):
        """One request; the answers of its partitions."""
        answer = self.call("Produce", 9, acks=-1, timeout_ms=PATIENCE_MS,
                           topics=[{"name": name, "partitions": partitions}])
        return answer["topics"][0]["partitions"]

    def delete_before(self, name, offset):
        answer = self.call("DeleteRecords", 2, timeout_ms=PATIENCE_MS, topics=[
            {"name": name, "partitions": [{"partition": 0, "offset": offset}]}])
        self.assertEqual(answer["topics"][0]["partitions"][0]["error"], NONE)

    def test_in_order(self):
        name = self.topic()
        self.assertEqual(self.send(name, 0, b"a", b"b"), (NONE, 0))
        self.assertEqual(self.send(name, 2, b"c"), (NONE, 2))
        self.assertEqual(self.values(name), [b"a", b"b", b"c"])

    def test_any_of_the_last_five_batches_again_is_answered_with_its_first_offset(self):
        name = self.topic()
        for sequence in range(7):
            self.assertEqual(self.send(name, sequence), (NONE, sequence))
        for sequence in (2, 3, 4, 5, 6, 2):
            self.assertEqual(self.send(name, sequence), (NONE, sequence))
        self.assertEqual(self.list_offsets(name, LATEST)[0]["offset"], 7)

    def test_an_older_batch_again_is_no_success_and_not_stored(self):
        name = self.topic()
        for sequence in range(8):
            self.send(name, sequence)
        self.assertEqual(self.send(name, 0)[0], OUT_OF_ORDER_SEQUENCE)
        self.assertEqual(self.send(name, 2)[0], OUT_OF_ORDER_SEQUENCE)
        self.assertEqual(self.list_offsets(name, LATEST)[0]["offset"], 8)

    def test_a_batch_that_begins_or_ends_like_a_known_one_is_not_that_one(self):
        name = self.topic()
        self.send(name, 0, b"a", b"b", b"c")
        for sequence, values in ((0, [b"a"]), (0, [b"a", b"b"]), (1, [b"b", b"c"]), (2, [b"c"]),
                                 (0, [b"a", b"b", b"c", b"d"])):
            self.assertEqual(self.send(name, sequence, *values)[0], OUT_OF_ORDER_SEQUENCE)
        self.assertEqual(self.send(name, 3, b"d"), (NONE, 3))

    def test_a_repetition_is_answered_like_the_first_time(self):
        name = self.topic(message_timestamp_type="LogAppendTime")
        sent = self.batch(0, b"a", b"b")
        first = self.produce(name, sent)
        self.produce(name, self.batch(2, b"c"))
        self.delete_before(name, 1)
        again = self.produce(name, sent)
        self.assertEqual((again["error"], again["base_offset"]), (NONE, 0))
        self.assertEqual(again["log_append_time_ms"], first["log_append_time_ms"])
        self.assertEqual((first["log_start_offset"], again["log_start_offset"]), (0, 1))

    def test_deleted_records_do_not_make_a_producer_forgotten(self):
        name = self.topic()
        for sequence in range(3):
            self.send(name, sequence)
        self.delete_before(name, 3)
        self.assertEqual(self.send(name, 2), (NONE, 2))
        self.assertEqual(self.send(name, 5)[0], OUT_OF_ORDER_SEQUENCE)
        self.assertEqual(self.send(name, 3), (NONE, 3))

    def test_a_producer_id_without_sequence_is_refused(self):
        name = self.topic()
        answer = self.produce(name, batches.batch([b"v"], producer_id=self.id, producer_epoch=0))
        self.assertEqual(answer["error"], INVALID_RECORD)
        self.assertEqual(self.send(name, 0), (NONE, 0))

    def test_two_batches_for_one_partition_are_refused_and_neither_is_stored(self):
        name = self.topic()
        answer = self.produce(name, self.batch(0, b"a") + self.batch(1, b"b"))
        self.assertEqual(answer["error"], INVALID_RECORD)
        self.assertEqual(self.send(name, 0, b"a"), (NONE, 0))

    def test_partitions_of_one_request_are_judged_one_by_one(self):
        name = self.topic(partitions=3)
        sent = [{"index": 0, "records": self.batch(0, b"a")},
                {"index": 1, "records": self.batch(0, b"b")}]
        self.request(name, sent)
        answers = self.request(name, [{"index": 0, "records": self.batch(0, b"a")},
                                      {"index": 1, "records": self.batch(2, b"d")},
                                      {"index": 2, "records": self.batch(0, b"e")}])
        self.assertEqual({p["index"]: (p["error"], p["base_offset"]) for p in answers},
                         {0: (NONE, 0), 1: (OUT_OF_ORDER_SEQUENCE, -1), 2: (NONE, 0)})

    def test_acks_make_no_difference_to_what_is_stored(self):
        """Clients refuse to be idempotent with other acks than all; the broker does not."""
        name = self.topic()
        for acks in (1, -1, 1):
            self.assertEqual(self.produce(name, self.batch(0, b"a"), acks=acks)["base_offset"], 0)
        without = self.connect()
        for sequence, value in ((1, b"b"), (1, b"b"), (2, b"c")):
            without.send("Produce", 9, **self.produce_fields(
                name, self.batch(sequence, value), acks=0))
        without.send("Produce", 9, **self.produce_fields(name, self.batch(9, b"j"), acks=0))
        self.assertTrue(without.is_closed(), "of a gap nobody else can tell")
        self.assertEqual(self.send(name, 2, b"c"), (NONE, 2), "answered when it is on disk")
        self.assertEqual(self.values(name), [b"a", b"b", b"c"])

    def test_after_a_lost_batch_all_wait_for_its_repetition(self):
        """Five in flight, of which the second never arrived."""
        name = self.topic()
        for sequence in (0, 2, 3, 4, 1, 2, 3, 4):
            self.connection.send("Produce", 9, **self.produce_fields(
                name, self.batch(sequence, b"%d" % sequence)))
        errors = []
        while self.connection.sent:
            errors.append(self.connection.receive()["topics"][0]["partitions"][0]["error"])
        self.assertEqual(errors, [NONE] + [OUT_OF_ORDER_SEQUENCE] * 3 + [NONE] * 4)
        self.assertEqual(self.values(name), [b"0", b"1", b"2", b"3", b"4"])

    def test_a_gap_is_refused(self):
        name = self.topic()
        self.assertEqual(self.send(name, 0), (NONE, 0))
        self.assertEqual(self.send(name, 2)[0], OUT_OF_ORDER_SEQUENCE)
        self.assertEqual(self.send(name, 1), (NONE, 1))

    def test_a_producer_that_is_not_known_may_begin_anywhere(self):
        name = self.topic()
        self.assertEqual(self.send(name, 77), (NONE, 0))
        self.assertEqual(self.send(name, 78), (NONE, 1))

    def test_sequence_goes_on_with_0_after_the_largest(self):
        name = self.topic()
        self.assertEqual(self.send(name, LAST_SEQUENCE - 1, b"a", b"b"), (NONE, 0))
        self.assertEqual(self.send(name, 0, b"c"), (NONE, 2))
        other = self.topic()
        self.assertEqual(self.send(other, LAST_SEQUENCE, b"a", b"b", b"c"), (NONE, 0))
        self.assertEqual(self.send(other, 2, b"d"), (NONE, 3))

    def test_new_epoch_begins_with_0_and_fences_the_old(self):
        name = self.topic()
        self.send(name, 0)
        self.assertEqual(self.send(name, 1, epoch=1)[0], OUT_OF_ORDER_SEQUENCE)
        self.assertEqual(self.send(name, 0, epoch=1), (NONE, 1))
        for sequence in (0, 1):
            self.assertEqual(self.send(name, sequence, epoch=0)[0], INVALID_PRODUCER_EPOCH)
        self.assertEqual(self.send(name, 0, epoch=1), (NONE, 1))
        self.assertEqual(self.send(name, 0, epoch=32767), (NONE, 2))
        self.assertEqual(self.send(name, 1, epoch=1)[0], INVALID_PRODUCER_EPOCH)

    def test_epochs_that_are_none(self):
        """Hand-made: without an epoch sequences have no order; less than none is refused."""
        name = self.topic()
        self.assertEqual(self.send(name, 0, epoch=-2)[0], INVALID_PRODUCER_EPOCH)
        for sequence, offset in ((0, 0), (5, 1), (5, 1), (1, 2)):
            self.assertEqual(self.send(name, sequence, epoch=-1), (NONE, offset))
        self.assertEqual(self.send(name, 3, epoch=0), (NONE, 3))
        self.assertEqual(self.send(name, 5, epoch=0)[0], OUT_OF_ORDER_SEQUENCE)

    def test_partitions_and_producers_count_for_themselves(self):
        name = self.topic(partitions=2)
        other = self.new_id()
        self.assertEqual(self.send(name, 0), (NONE, 0))
        self.assertEqual(self.send(name, 0, producer_id=other), (NONE, 1))
        sent = batches.batch([b"v"], producer_id=self.id, producer_epoch=0, sequence=0)
        self.assertEqual(self.produce(name, sent, partition=1)["base_offset"], 0)

    def test_duplicates_in_a_pipeline_are_stored_once(self):
        """A client that lost the connection sends its five batches again."""
        name = self.topic()
        for _ in range(2):
            for sequence in range(5):
                sent = batches.batch([b"%d" % sequence], producer_id=self.id, producer_epoch=0,
                                     sequence=sequence)
                self.connection.send("Produce", 9, **self.produce_fields_plain(name, sent))
        offsets = []
        while self.connection.sent:
            partition = self.connection.receive()["topics"][0]["partitions"][0]
            self.assertEqual(partition["error"], NONE)
            offsets.append(partition["base_offset"])
        self.assertEqual(offsets, list(range(5)) * 2)
        self.assertEqual(self.values(name), [b"0", b"1", b"2", b"3", b"4"])

    def test_producers_are_known_after_a_stop_and_after_a_kill(self):
        self.must_start_it()
        name = self.topic(message_timestamp_type="LogAppendTime")
        first = {sequence: self.produce(name, self.batch(sequence, b"v"))["log_append_time_ms"]
                 for sequence in range(7)}
        for end in (self.broker.kill, self.broker.stop, self.broker.kill):
            end()
            self.broker.start()
            self.connection = self.connect()
            for sequence in range(2, 7):
                again = self.produce(name, self.batch(sequence, b"v"))
                self.assertEqual((again["error"], again["base_offset"]), (NONE, sequence))
                self.assertEqual(again["log_append_time_ms"], first[sequence])
            self.assertEqual(self.send(name, 1, b"v")[0], OUT_OF_ORDER_SEQUENCE)
            self.assertEqual(self.send(name, 8)[0], OUT_OF_ORDER_SEQUENCE)
        self.assertEqual(self.send(name, 7), (NONE, 7))
        self.assertEqual(self.send(name, 0, epoch=1), (NONE, 8))

    @staticmethod
    def produce_fields_plain(name, records):
        return {"acks": -1, "timeout_ms": PATIENCE_MS,
                "topics": [{"name": name, "partitions": [{"index": 0, "records": records}]}]}


if __name__ == "__main__":
    unittest.main()
