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

    def send(self, name, sequence, *values, epoch=0, producer_id=None):
        sent = batches.batch(list(values or (b"%d" % sequence,)), sequence=sequence,
                             producer_epoch=epoch,
                             producer_id=self.id if producer_id is None else producer_id)
        answer = self.produce(name, sent)
        return answer["error"], answer["base_offset"]

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
        """Kafka says DUPLICATE_SEQUENCE_NUMBER (46) or OUT_OF_ORDER_SEQUENCE (45)."""
        name = self.topic()
        for sequence in range(8):
            self.send(name, sequence)
        self.assertIn(self.send(name, 0)[0], (OUT_OF_ORDER_SEQUENCE, 46))
        self.assertEqual(self.list_offsets(name, LATEST)[0]["offset"], 8)

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
        self.assertEqual(self.send(name, 1, epoch=0)[0], INVALID_PRODUCER_EPOCH)

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

    @staticmethod
    def produce_fields_plain(name, records):
        return {"acks": -1, "timeout_ms": 5000,
                "topics": [{"name": name, "partitions": [{"index": 0, "records": records}]}]}


if __name__ == "__main__":
    unittest.main()
