"""Metadata, DescribeCluster and DescribeTopicPartitions: what the cluster looks like."""
import unittest
import uuid

from case import *  # noqa: F403

UNSET_OPERATIONS = -(1 << 31)


class MetadataTest(WireCase):
    def ask(self, version, *names, **fields):
        topics = [{"name": name, **({"topic_id": NO_UUID} if version >= 10 else {})}
                  for name in names]
        if version >= 4:
            fields.setdefault("allow_auto_create", False)
        return self.call("Metadata", version, topics=topics, **fields)

    def test_every_version_names_this_broker_and_the_topic(self):
        name = self.topic(partitions=2)
        for version in every_version("Metadata"):
            answer = self.ask(version, name)
            broker = answer["brokers"][0]
            self.assertEqual((broker["host"], broker["port"]),
                             (self.broker.host, self.broker.port), version)
            topic = answer["topics"][0]
            self.assertEqual((topic["error"], topic["name"]), (NONE, name))
            self.assertEqual(sorted(p["index"] for p in topic["partitions"]), [0, 1])
            for partition in topic["partitions"]:
                self.assertEqual(partition["error"], NONE)
                self.assertEqual(partition["leader_id"], broker["node_id"])
                self.assertEqual(partition["replicas"], [broker["node_id"]])
                self.assertEqual(partition["isr"], [broker["node_id"]])
            if version >= 1:
                self.assertEqual(answer["controller_id"], broker["node_id"])
            if version >= 2:
                self.assertTrue(answer["cluster_id"])
            if version >= 7:
                self.assertEqual({p["leader_epoch"] for p in topic["partitions"]}, {0})
            if version >= 8:
                self.assertEqual(topic["operations"], UNSET_OPERATIONS)
            if version >= 10:
                self.assertNotEqual(topic["topic_id"], NO_UUID)

    def test_empty_means_all_in_version_0_and_none_later(self):
        name = self.topic()
        self.assertIn(name, [t["name"] for t in self.ask(0)["topics"]])
        for version in range(1, 14):
            self.assertEqual(self.ask(version)["topics"], [], version)

    def test_null_means_all(self):
        name = self.topic()
        for version in range(1, 14):
            fields = {"allow_auto_create": False} if version >= 4 else {}
            answer = self.call("Metadata", version, topics=None, **fields)
            self.assertIn(name, [t["name"] for t in answer["topics"]], version)

    def test_missing_topic_is_created_by_asking_and_there_at_the_next_try(self):
        for version in (0, 1, 3, 4, 9, 12):
            name = self.name()
            fields = {"allow_auto_create": True} if version >= 4 else {}
            first = self.ask(version, name, **fields)["topics"][0]
            self.assertIn(first["error"], (NONE, UNKNOWN_TOPIC_OR_PARTITION), version)
            for _ in tries():
                topic = self.ask(version, name, **fields)["topics"][0]
                if topic["error"] == NONE:
                    break
            self.assertEqual((topic["error"], len(topic["partitions"])), (NONE, 1), version)
            self.await_leaders(name, 1)
            self.produce_values(name, b"at once")

    def test_missing_topic_is_not_created_when_the_client_forbids_it(self):
        name = self.name()
        for _ in range(3):
            topic = self.ask(9, name)["topics"][0]
            self.assertEqual(topic["error"], UNKNOWN_TOPIC_OR_PARTITION)
            self.assertEqual(topic["name"], name)

    def test_names_that_are_not_legal_are_refused_and_not_created(self):
        for name in ("", ".", "..", "a b", "ä", "x" * 250, "a/b"):
            topic = self.ask(9, name, allow_auto_create=True)["topics"][0]
            self.assertEqual(topic["error"], INVALID_TOPIC, repr(name))

    def test_topics_are_found_by_id(self):
        name = self.topic()
        topic_id = self.topic_id(name)
        answer = self.call("Metadata", 12, topics=[{"topic_id": topic_id, "name": None}])
        topic = answer["topics"][0]
        self.assertEqual((topic["error"], topic["name"], topic["topic_id"]), (NONE, name, topic_id))

    def test_unknown_id(self):
        wanted = uuid.uuid4()
        answer = self.call("Metadata", 12, topics=[{"topic_id": wanted, "name": None}])
        topic = answer["topics"][0]
        self.assertEqual((topic["error"], topic["topic_id"]), (UNKNOWN_TOPIC_ID, wanted))

    def test_a_topic_made_again_has_another_id(self):
        name = self.topic()
        before = self.topic_id(name)
        self.call("DeleteTopics", 5, names=[name], timeout_ms=PATIENCE_MS)
        for _ in tries():
            if self.create(name)["error"] == NONE:
                break
        self.await_leaders(name, 1)
        self.assertNotEqual(self.topic_id(name), before)
        self.assertEqual(self.list_offsets(name, LATEST)[0]["offset"], 0)

    def test_operations_are_given_when_asked_for(self):
        name = self.topic()
        answer = self.ask(10, name, include_topic_operations=True, include_cluster_operations=True)
        self.assertNotEqual(answer["topics"][0]["operations"], UNSET_OPERATIONS)
        self.assertNotEqual(answer["cluster_operations"], UNSET_OPERATIONS)


class DescribeClusterTest(WireCase):
    def test_every_version_agrees_with_metadata(self):
        metadata = self.call("Metadata", 9, topics=[])
        for version in every_version("DescribeCluster"):
            fields = {"endpoint_type": 1} if version >= 1 else {}
            answer = self.call("DescribeCluster", version, **fields)
            self.assertEqual(answer["error"], NONE)
            self.assertEqual(answer["cluster_id"], metadata["cluster_id"])
            self.assertEqual([(b["node_id"], b["host"], b["port"]) for b in answer["brokers"]],
                             [(b["node_id"], b["host"], b["port"]) for b in metadata["brokers"]])

    def test_asking_a_broker_for_controllers_is_an_error(self):
        answer = self.call("DescribeCluster", 1, endpoint_type=2)
        self.assertEqual(answer["error"], 114)  # MISMATCHED_ENDPOINT_TYPE
        answer = self.call("DescribeCluster", 1, endpoint_type=9)
        self.assertEqual(answer["error"], 115)  # UNSUPPORTED_ENDPOINT_TYPE


class DescribeTopicPartitionsTest(WireCase):
    def ask(self, names, limit=2000, cursor=None):
        return self.call("DescribeTopicPartitions", 0, topics=[{"name": n} for n in names],
                         partition_limit=limit, cursor=cursor)

    def test_topics_come_in_the_order_of_their_names(self):
        names = sorted((self.topic(partitions=2), self.topic()))
        answer = self.ask(reversed(names))
        self.assertEqual([t["name"] for t in answer["topics"]], names)
        self.assertIsNone(answer["next_cursor"])
        self.assertEqual({t["error"] for t in answer["topics"]}, {NONE})

    def test_pages_follow_each_other_by_the_cursor_without_gap(self):
        names = sorted((self.topic(partitions=5), self.topic(partitions=3)))
        sizes = {n: len(self.ask([n])["topics"][0]["partitions"]) for n in names}
        seen, cursor, pages = [], None, 0
        while pages < 20:
            answer = self.ask(names, limit=3, cursor=cursor)
            page = [(t["name"], p["index"]) for t in answer["topics"] for p in t["partitions"]]
            self.assertLessEqual(len(page), 3)
            seen += page
            pages += 1
            cursor = answer["next_cursor"]
            if cursor is None:
                break
            cursor = {k: cursor[k] for k in ("topic_name", "partition_index")}
        self.assertEqual(seen, [(n, i) for n in names for i in range(sizes[n])])
        self.assertEqual(pages, 3)

    def test_unknown_topic_is_named_with_its_error(self):
        name = self.name()
        topic = self.ask([name])["topics"][0]
        self.assertEqual((topic["error"], topic["name"]), (UNKNOWN_TOPIC_OR_PARTITION, name))


if __name__ == "__main__":
    unittest.main()
