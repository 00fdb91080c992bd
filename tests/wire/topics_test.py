"""CreateTopics, DeleteTopics, CreatePartitions, DescribeConfigs, and the two that alter them."""
import unittest
import uuid

from case import *  # noqa: F403

TOPIC, BROKER = 2, 4
SOURCE_TOPIC, SOURCE_DEFAULT = 1, 5


class CreateTopicsTest(WireCase):
    def test_every_version_creates(self):
        for version in every_version("CreateTopics"):
            name = self.name()
            answer = self.create(name, 2, version)
            self.assertEqual((answer["error"], answer["name"]), (NONE, name), version)
            if version >= 5:
                self.assertEqual((answer["num_partitions"], answer["replication_factor"]), (2, 1))
                self.assertIn("cleanup.policy", [c["name"] for c in answer["configs"]])
            if version >= 7:
                self.assertEqual(answer["topic_id"], self.topic_id(name))

    def test_minus_1_means_the_brokers_defaults_at_every_version(self):
        for version in every_version("CreateTopics"):
            answer = self.create(self.name(), -1, version, replication_factor=-1)
            self.assertEqual(answer["error"], NONE, version)

    def test_what_is_refused(self):
        taken = self.topic()
        broker = self.call("Metadata", 1, topics=[])["controller_id"]
        place = [{"partition": 0, "broker_ids": [broker]}]
        free = {"num_partitions": -1, "replication_factor": -1}
        cases = {
            "taken name": ({"name": taken}, TOPIC_ALREADY_EXISTS),
            "empty name": ({"name": ""}, INVALID_TOPIC),
            "dot": ({"name": "."}, INVALID_TOPIC),
            "dots": ({"name": ".."}, INVALID_TOPIC),
            "space": ({"name": "a b"}, INVALID_TOPIC),
            "too long": ({"name": "x" * 250}, INVALID_TOPIC),
            "no partitions": ({"num_partitions": 0}, INVALID_PARTITIONS),
            "negative partitions": ({"num_partitions": -2}, INVALID_PARTITIONS),
            "more replicas than brokers": ({"replication_factor": 9}, INVALID_REPLICATION_FACTOR),
            "no replicas": ({"replication_factor": 0}, INVALID_REPLICATION_FACTOR),
            "unknown setting": ({"configs": {"no.such": "1"}}, INVALID_CONFIG),
            "bad value": ({"configs": {"retention.ms": "long"}}, INVALID_CONFIG),
            "value out of range": ({"configs": {"segment.bytes": "1"}}, INVALID_CONFIG),
            "bad word": ({"configs": {"cleanup.policy": "keep"}}, INVALID_CONFIG),
            "count and assignment": ({"assignments": place}, INVALID_REQUEST),
            "assignment to nobody": (
                {**free, "assignments": [{"partition": 0, "broker_ids": [999]}]},
                INVALID_REPLICA_ASSIGNMENT),
            "assignment twice to one": (
                {**free, "assignments": [{"partition": 0, "broker_ids": [broker, broker]}]},
                INVALID_REPLICA_ASSIGNMENT),
            "assignment of one partition twice": (
                {**free, "assignments": [{"partition": 1, "broker_ids": [broker]}] * 2},
                INVALID_REPLICA_ASSIGNMENT),
            "assignment with a gap": (
                {**free, "assignments": [{"partition": 1, "broker_ids": [broker]}]},
                INVALID_REPLICA_ASSIGNMENT),
        }
        for what, (fields, error) in cases.items():
            with self.subTest(what):
                answer = self.create(**{"name": self.name(), **fields})
                self.assertEqual(answer["error"], error, answer)
                self.assertTrue(answer["message"])

    def test_assignment_by_hand(self):
        broker = self.call("Metadata", 1, topics=[])["controller_id"]
        places = [{"partition": p, "broker_ids": [broker]} for p in (1, 0, 2)]
        name = self.name()
        answer = self.create(name, -1, replication_factor=-1, assignments=places)
        self.assertEqual((answer["error"], answer["num_partitions"]), (NONE, 3))
        self.await_leaders(name, 3)

    def test_a_name_twice_in_one_request_is_refused(self):
        name = self.name()
        topic = {"name": name, "num_partitions": 1, "replication_factor": 1}
        answer = self.call("CreateTopics", 7, topics=[topic, topic], timeout_ms=PATIENCE_MS)
        self.assertEqual({t["error"] for t in answer["topics"]}, {INVALID_REQUEST})

    def test_names_that_differ_in_dot_and_underscore_collide(self):
        base = self.name()
        self.assertEqual(self.create(f"{base}.x_y")["error"], NONE)
        self.assertEqual(self.create(f"{base}_x.y")["error"], INVALID_TOPIC)

    def test_validate_only_creates_nothing(self):
        name = self.name()
        topic = {"name": name, "num_partitions": 1, "replication_factor": 1}
        answer = self.call("CreateTopics", 7, topics=[topic], timeout_ms=PATIENCE_MS,
                           validate_only=True)
        self.assertEqual(answer["topics"][0]["error"], NONE)
        self.assertEqual(self.topic_id(name), NO_UUID)

    def test_one_bad_topic_does_not_spoil_the_others(self):
        good, bad = self.name(), "not legal"
        topics = [{"name": n, "num_partitions": 1, "replication_factor": 1} for n in (bad, good)]
        answer = self.call("CreateTopics", 7, topics=topics, timeout_ms=PATIENCE_MS)
        self.assertEqual({t["name"]: t["error"] for t in answer["topics"]},
                         {bad: INVALID_TOPIC, good: NONE})


class DeleteTopicsTest(WireCase):
    def gone(self, name):
        for _ in tries():
            answer = self.call("Metadata", 9, topics=[{"name": name}])
            if answer["topics"][0]["error"] == UNKNOWN_TOPIC_OR_PARTITION:
                return True
        return False

    def test_every_version_deletes(self):
        for version in every_version("DeleteTopics"):
            name = self.topic()
            named = {"topics": [{"name": name}]} if version >= 6 else {"names": [name]}
            answer = self.call("DeleteTopics", version, timeout_ms=PATIENCE_MS, **named)
            self.assertEqual(answer["topics"][0]["error"], NONE, version)
            self.assertTrue(self.gone(name))

    def test_by_id(self):
        name = self.topic()
        topic_id = self.topic_id(name)
        answer = self.call("DeleteTopics", 6, timeout_ms=PATIENCE_MS,
                           topics=[{"name": None, "topic_id": topic_id}])["topics"][0]
        self.assertEqual((answer["error"], answer["name"], answer["topic_id"]),
                         (NONE, name, topic_id))
        self.assertTrue(self.gone(name))

    def test_what_is_refused(self):
        name = self.topic()
        cases = {
            "unknown name": ({"name": self.name()}, UNKNOWN_TOPIC_OR_PARTITION),
            "unknown id": ({"name": None, "topic_id": uuid.uuid4()}, UNKNOWN_TOPIC_ID),
            "neither": ({"name": None}, INVALID_REQUEST),
            "both": ({"name": name, "topic_id": self.topic_id(name)}, INVALID_REQUEST),
        }
        for what, (topic, error) in cases.items():
            with self.subTest(what):
                answer = self.call("DeleteTopics", 6, timeout_ms=PATIENCE_MS, topics=[topic])
                self.assertEqual(answer["topics"][0]["error"], error)
        self.assertFalse(self.topic_id(name) == NO_UUID)

    def test_produce_and_fetch_after_delete_do_not_know_it(self):
        name = self.topic()
        self.produce_values(name, b"v")
        self.call("DeleteTopics", 5, names=[name], timeout_ms=PATIENCE_MS)
        self.assertTrue(self.gone(name))
        for _ in tries():
            if self.fetch(name, 0)["error"] == UNKNOWN_TOPIC_OR_PARTITION:
                break
        self.assertEqual(self.fetch(name, 0)["error"], UNKNOWN_TOPIC_OR_PARTITION)
        self.assertEqual(self.produce(name, batches.batch([b"v"]))["error"],
                         UNKNOWN_TOPIC_OR_PARTITION)


class CreatePartitionsTest(WireCase):
    def grow(self, name, count, version=3, **fields):
        answer = self.call("CreatePartitions", version, timeout_ms=PATIENCE_MS,
                           topics=[{"name": name, "count": count, **fields}])
        return answer["topics"][0]

    def test_every_version_adds(self):
        for version in every_version("CreatePartitions"):
            name = self.topic()
            self.produce_values(name, b"stays")
            self.assertEqual(self.grow(name, 4, version)["error"], NONE, version)
            self.await_leaders(name, 4)
            self.assertEqual(self.produce_values(name, b"new", partition=3), 0)
            self.assertEqual(self.values(name), [b"stays"])

    def test_what_is_refused(self):
        name = self.topic(partitions=3)
        self.assertEqual(self.grow(name, 3)["error"], INVALID_PARTITIONS)
        self.assertEqual(self.grow(name, 2)["error"], INVALID_PARTITIONS)
        self.assertEqual(self.grow(name, 0)["error"], INVALID_PARTITIONS)
        self.assertEqual(self.grow(self.name(), 3)["error"], UNKNOWN_TOPIC_OR_PARTITION)
        answer = self.grow(name, 5, assignments=[{"broker_ids": [1]}])
        self.assertEqual(answer["error"], INVALID_REPLICA_ASSIGNMENT)

    def test_validate_only_adds_nothing(self):
        name = self.topic()
        answer = self.call("CreatePartitions", 3, timeout_ms=PATIENCE_MS, validate_only=True,
                           topics=[{"name": name, "count": 2}])
        self.assertEqual(answer["topics"][0]["error"], NONE)
        topics = self.call("Metadata", 9, topics=[{"name": name}])["topics"]
        self.assertEqual(len(topics[0]["partitions"]), 1)


class DescribeConfigsTest(WireCase):
    # What a topic has in Kafka 4.3: tools read all, change one, and write all back.
    TOPIC_CONFIGS = {
        "cleanup.policy": "delete", "compression.gzip.level": "-1", "compression.lz4.level": "9",
        "compression.type": "producer", "compression.zstd.level": "3",
        "delete.retention.ms": "86400000", "file.delete.delay.ms": "60000",
        "flush.messages": "9223372036854775807", "flush.ms": "9223372036854775807",
        "follower.replication.throttled.replicas": "", "index.interval.bytes": "4096",
        "leader.replication.throttled.replicas": "", "local.retention.bytes": "-2",
        "local.retention.ms": "-2", "max.compaction.lag.ms": "9223372036854775807",
        "max.message.bytes": "1048588", "message.timestamp.after.max.ms": "3600000",
        "message.timestamp.before.max.ms": "9223372036854775807",
        "message.timestamp.type": "CreateTime", "min.cleanable.dirty.ratio": "0.5",
        "min.compaction.lag.ms": "0", "min.insync.replicas": "1", "preallocate": "false",
        "remote.log.copy.disable": "false", "remote.log.delete.on.disable": "false",
        "remote.storage.enable": "false", "retention.bytes": "-1", "retention.ms": "604800000",
        "segment.bytes": "1073741824", "segment.index.bytes": "10485760",
        "segment.jitter.ms": "0", "segment.ms": "604800000",
        "unclean.leader.election.enable": "false",
    }

    def ask(self, kind, name, version=4, keys=None, **fields):
        answer = self.call("DescribeConfigs", version,
                           resources=[{"type": kind, "name": name, "keys": keys}], **fields)
        return answer["results"][0]

    def test_a_topic_has_all_settings_with_kafkas_defaults(self):
        name = self.topic()
        found = {c["name"]: c["value"] for c in self.ask(TOPIC, name)["configs"]}
        self.assertEqual({k: found.get(k) for k in self.TOPIC_CONFIGS}, self.TOPIC_CONFIGS)

    def test_every_version_marks_what_was_set_on_the_topic(self):
        name = self.topic(retention_ms="1234567")
        for version in every_version("DescribeConfigs"):
            result = self.ask(TOPIC, name, version)
            self.assertEqual(result["error"], NONE)
            rows = {c["name"]: c for c in result["configs"]}
            self.assertEqual(rows["retention.ms"]["value"], "1234567")
            self.assertEqual(rows["retention.ms"]["source"], SOURCE_TOPIC)
            self.assertEqual(rows["segment.bytes"]["source"], SOURCE_DEFAULT)
            if version >= 3:
                self.assertEqual(rows["retention.ms"]["type"], 5)
                self.assertEqual(rows["cleanup.policy"]["type"], 7)

    def test_only_the_keys_asked_for(self):
        name = self.topic()
        result = self.ask(TOPIC, name, keys=["retention.ms", "no.such"])
        self.assertEqual([c["name"] for c in result["configs"]], ["retention.ms"])

    def test_synonyms_and_documentation_when_asked_for(self):
        name = self.topic(retention_ms="5")
        plain = self.ask(TOPIC, name, keys=["retention.ms"])["configs"][0]
        self.assertEqual((plain["synonyms"], plain["documentation"]), ([], None))
        full = self.ask(TOPIC, name, keys=["retention.ms"], include_synonyms=True,
                        include_documentation=True)["configs"][0]
        self.assertEqual(full["synonyms"][0], {"name": "retention.ms", "value": "5",
                                               "source": SOURCE_TOPIC, "tags": {}})
        self.assertEqual([s for s in full["synonyms"] if s["value"] is None], [])
        self.assertTrue(full["documentation"])

    def test_the_broker_has_settings_too(self):
        broker = self.call("Metadata", 1, topics=[])["controller_id"]
        result = self.ask(BROKER, str(broker))
        found = {c["name"]: c for c in result["configs"]}
        self.assertEqual(result["error"], NONE)
        for name in ("node.id", "log.retention.hours", "num.partitions", "message.max.bytes",
                     "auto.create.topics.enable", "listeners"):
            self.assertIn(name, found)

    def test_what_cannot_be_altered_is_read_only(self):
        """Of a broker's settings those that its answer calls read-only are refused, and topics have
        none; here that is all of a broker's, in Kafka those that need a new start."""
        broker = str(self.call("Metadata", 1, topics=[])["controller_id"])
        found = self.ask(BROKER, broker)["configs"]
        for config in [c for c in found if c["name"] in ("node.id", "log.dirs", "num.io.threads")]:
            answer = self.call("IncrementalAlterConfigs", 1, validate_only=True, resources=[
                {"type": BROKER, "name": broker, "configs": [
                    {"name": config["name"], "operation": 0, "value": config["value"]}]}])
            self.assertEqual(answer["results"][0]["error"] != NONE, config["read_only"],
                             config["name"])
        self.assertFalse(any(c["read_only"] for c in self.ask(TOPIC, self.topic())["configs"]))

    def test_unknown_topic_and_kind(self):
        self.assertEqual(self.ask(TOPIC, self.name())["error"], UNKNOWN_TOPIC_OR_PARTITION)
        self.assertEqual(self.ask(77, "x")["error"], INVALID_REQUEST)


SET, DELETE, APPEND, SUBTRACT = range(4)


class AlterConfigsCase(WireCase):
    def configs(self, name):
        """What is set on the topic itself."""
        answer = self.call("DescribeConfigs", 4, resources=[{"type": TOPIC, "name": name,
                                                             "keys": None}])["results"][0]
        return {c["name"]: c["value"] for c in answer["configs"] if c["source"] == SOURCE_TOPIC}

    def alter(self, name, *changes, version=1, kind=TOPIC, **fields):
        """Changes are (setting, operation, value); answers error and message."""
        configs = [{"name": n, "operation": o, "value": v} for n, o, v in changes]
        answer = self.call("IncrementalAlterConfigs", version, resources=[
            {"type": kind, "name": name, "configs": configs}], **fields)["results"][0]
        self.assertEqual((answer["type"], answer["name"]), (kind, name))
        return answer["error"], answer["message"]

    def replace(self, name, configs, version=2, **fields):
        rows = [{"name": n, "value": v} for n, v in configs.items()]
        answer = self.call("AlterConfigs", version, resources=[
            {"type": TOPIC, "name": name, "configs": rows}], **fields)["results"][0]
        self.assertEqual((answer["type"], answer["name"]), (TOPIC, name))
        return answer["error"], answer["message"]


class IncrementalAlterConfigsTest(AlterConfigsCase):
    def test_every_version_sets_and_deletes(self):
        for version in every_version("IncrementalAlterConfigs"):
            name = self.topic(retention_ms="5")
            done = self.alter(name, ("segment.ms", SET, "77"), ("retention.ms", DELETE, None),
                              version=version)
            self.assertEqual(done, (NONE, None))
            self.assertEqual(self.configs(name), {"segment.ms": "77"})

    def test_lists_are_appended_to_and_subtracted_from(self):
        name = self.topic()
        for operation, words, then in ((APPEND, "compact", "delete,compact"),
                                       (APPEND, "compact,delete", "delete,compact"),
                                       (SUBTRACT, "delete", "compact"),
                                       (SUBTRACT, "delete", "compact")):
            self.assertEqual(self.alter(name, ("cleanup.policy", operation, words)), (NONE, None))
            self.assertEqual(self.configs(name), {"cleanup.policy": then})

    def test_what_is_refused(self):
        name = self.topic(retention_ms="5")
        none = self.name()
        cases = {
            "unknown setting": (name, ("no.such", SET, "1"), INVALID_CONFIG,
                                "Unknown topic config name: no.such"),
            "bad value": (name, ("retention.ms", SET, "long"), INVALID_CONFIG,
                          "Invalid value long for configuration retention.ms: "
                          "Not a number of type LONG"),
            "no list": (name, ("retention.ms", APPEND, "1"), INVALID_CONFIG,
                        "Can't APPEND to key retention.ms because its type is not LIST."),
            "bad word": (name, ("cleanup.policy", APPEND, "keep"), INVALID_CONFIG, None),
            "null": (name, ("retention.ms", SET, None), INVALID_REQUEST,
                     "Null value not supported for : retention.ms"),
            "name of no topic": ("a b", ("retention.ms", SET, "x"), INVALID_TOPIC, None),
            "no topic": (none, ("retention.ms", SET, "1"), UNKNOWN_TOPIC_OR_PARTITION,
                         f"The topic '{none}' does not exist."),
            "no name": ("", ("retention.ms", SET, "1"), INVALID_REQUEST,
                        "Default topic resources are not allowed."),
        }
        for what, (topic, change, error, message) in cases.items():
            with self.subTest(what):
                got = self.alter(topic, change)
                self.assertEqual(got, (error, got[1] if message is None else message))
                self.assertTrue(got[1])
        self.assertEqual(self.configs(name), {"retention.ms": "5"})

    def test_all_of_a_topic_or_nothing(self):
        name = self.topic()
        self.assertEqual(self.alter(name, ("retention.ms", SET, "9"), ("segment.ms", SET, "x"))[0],
                         INVALID_CONFIG)
        self.assertEqual(self.configs(name), {})

    def test_settings_that_contradict_each_other(self):
        name = self.topic(max_compaction_lag_ms="50")
        self.assertEqual(
            self.alter(name, ("min.compaction.lag.ms", SET, "51")),
            (INVALID_CONFIG, "conflict topic config setting min.compaction.lag.ms (51) > "
                             "max.compaction.lag.ms (50)"))
        self.assertEqual(self.alter(name, ("min.compaction.lag.ms", SET, " 50 ")), (NONE, None))
        self.assertEqual(self.configs(name), {"min.compaction.lag.ms": "50",
                                              "max.compaction.lag.ms": "50"})

    def test_operations_that_nobody_knows(self):
        self.assertIn(self.alter(self.topic(), ("retention.ms", 4, "1"))[0], (INVALID_REQUEST, -1))
        self.assertIn(self.alter(self.topic(), ("retention.ms", -1, "1"))[0], (INVALID_REQUEST, -1))

    def test_named_twice(self):
        name, other = self.topic(), self.topic()
        self.assertEqual(
            self.alter(name, ("retention.ms", SET, "9"), ("retention.ms", DELETE, None)),
            (INVALID_REQUEST, "Error due to duplicate config keys"))
        row = [{"name": "retention.ms", "operation": SET, "value": "9"}]
        answers = self.call("IncrementalAlterConfigs", 1, resources=[
            {"type": TOPIC, "name": n, "configs": row} for n in (name, other, name)])["results"]
        self.assertEqual([a["name"] for a in answers], [name, other, name])
        self.assertEqual([a["error"] for a in answers], [INVALID_REQUEST, NONE, INVALID_REQUEST])
        self.assertEqual(answers[0]["message"], "Each resource must appear at most once.")
        self.assertEqual((self.configs(name), self.configs(other)), ({}, {"retention.ms": "9"}))

    def test_validate_only_alters_nothing(self):
        name = self.topic()
        self.assertEqual(self.alter(name, ("retention.ms", SET, "9"), validate_only=True),
                         (NONE, None))
        self.assertEqual(self.alter(name, ("retention.ms", SET, "x"), validate_only=True)[0],
                         INVALID_CONFIG)
        self.assertEqual(self.configs(name), {})

    def test_brokers_and_strangers(self):
        broker = str(self.call("Metadata", 1, topics=[])["controller_id"])
        change = ("num.partitions", SET, "5")
        for kind, name, changes, error in ((BROKER, broker, [change], INVALID_REQUEST),
                                           (BROKER, "", [change], INVALID_REQUEST),
                                           (BROKER, broker, [], NONE),
                                           (BROKER, "99", [], INVALID_REQUEST),
                                           (BROKER, "x", [], INVALID_REQUEST),
                                           (77, "x", [change], INVALID_REQUEST)):
            with self.subTest(kind=kind, name=name):
                self.assertEqual(self.alter(name, *changes, kind=kind)[0], error)


class ReplaceConfigsTest(AlterConfigsCase):
    def test_every_version_replaces_all(self):
        for version in every_version("AlterConfigs"):
            name = self.topic(retention_ms="5", segment_ms="6")
            done = self.replace(name, {"segment.ms": "7", "flush.ms": "8"}, version)
            self.assertEqual(done, (NONE, None))
            self.assertEqual(self.configs(name), {"segment.ms": "7", "flush.ms": "8"})
            self.assertEqual(self.replace(name, {}, version), (NONE, None))
            self.assertEqual(self.configs(name), {})

    def test_what_is_refused(self):
        name = self.topic(retention_ms="5")
        self.assertEqual(self.replace(name, {"no.such": "1"})[0], INVALID_CONFIG)
        self.assertEqual(self.replace(name, {"segment.ms": None})[0], INVALID_REQUEST)
        self.assertEqual(self.replace(self.name(), {})[0], UNKNOWN_TOPIC_OR_PARTITION)
        self.assertEqual(self.replace(name, {"flush.ms": "7"}, validate_only=True), (NONE, None))
        self.assertEqual(self.configs(name), {"retention.ms": "5"})


if __name__ == "__main__":
    unittest.main()
