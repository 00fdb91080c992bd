"""FindCoordinator, OffsetCommit, OffsetFetch, OffsetDelete, and groups listed, described, deleted:
what a client needs that keeps offsets and assigns partitions itself."""
import unittest
import uuid

from case import *  # noqa: F403

GROUP, TRANSACTION = 0, 1
BY_ID_SINCE = 10


class GroupCase(WireCase):
    def setUp(self):
        super().setUp()
        self.coordinator_of("wire-any")

    def coordinator_of(self, group):
        """Kafka makes the topic meanwhile and loads it; asks until there is a coordinator."""
        for _ in tries():
            found = self.call("FindCoordinator", 4, key_type=GROUP, keys=[group])
            if found["coordinators"][0]["error"] == NONE:
                return found["coordinators"][0]
        self.fail(f"no coordinator: {found}")

    def topic_key(self, name, version):
        by_id = version >= BY_ID_SINCE
        return {"topic_id": self.topic_id(name)} if by_id else {"name": name}

    def commit(self, group, name, offsets, version=8, generation=-1, member="", epoch=-1,
               metadata="", key=None, retention_ms=-1):
        """The errors by partition."""
        partitions = []
        for index, offset in offsets.items():
            partition = {"index": index, "offset": offset, "metadata": metadata}
            if version >= 6:
                partition["leader_epoch"] = epoch
            partitions.append(partition)
        fields = {"group": group, "generation": generation, "member": member}
        if version >= 7:
            fields["instance"] = None
        if version <= 4:
            fields["retention_ms"] = retention_ms
        topic = {**(key or self.topic_key(name, version)), "partitions": partitions}
        for _ in tries():
            answer = self.call("OffsetCommit", version, topics=[topic], **fields)
            errors = {p["index"]: p["error"] for p in answer["topics"][0]["partitions"]}
            if not {COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR} & set(errors.values()):
                break
        return errors

    def fetch_group(self, group, topics, version=8):
        """The group's answer, in the newer form whatever the version. `topics`: names and their
        partitions, or None for all."""
        keyed = None if topics is None else [
            {**self.topic_key(name, version), "partitions": list(partitions)}
            for name, partitions in topics.items()]
        stable = {"require_stable": False} if version >= 7 else {}
        if version < 8:
            answer = self.call("OffsetFetch", version, group=group, topics=keyed, **stable)
            return {"group": group, "topics": answer["topics"], "error": answer.get("error", NONE)}
        one = {"group": group, "topics": keyed}
        if version >= 9:
            one.update(member=None, epoch=-1)
        return self.call("OffsetFetch", version, groups=[one], **stable)["groups"][0]

    def offsets(self, group, name, partitions=(0,), version=8):
        answer = self.fetch_group(group, {name: partitions}, version)
        self.assertEqual(answer["error"], NONE, answer)
        return {p["index"]: p["offset"] for p in answer["topics"][0]["partitions"]}

    def listed(self, version=5, **filters):
        fields = {"states": [], "types": [], **filters} if version >= 5 else \
                 {"states": [], **filters} if version >= 4 else {}
        answer = self.call("ListGroups", version, **fields)
        self.assertEqual(answer["error"], NONE, answer)
        return {g["group"]: g for g in answer["groups"]}

    def delete(self, *groups, version=2):
        answer = self.call("DeleteGroups", version, groups=list(groups))
        return {r["group"]: r["error"] for r in answer["results"]}


class FindCoordinatorTest(GroupCase):
    def test_every_version_finds_the_broker(self):
        for version in every_version("FindCoordinator"):
            kind = {"key_type": GROUP} if version >= 1 else {}
            if version >= 4:
                answer = self.call("FindCoordinator", version, keys=["a", "b"], **kind)
                found = answer["coordinators"]
                self.assertEqual([c["key"] for c in found], ["a", "b"], version)
            else:
                found = [self.call("FindCoordinator", version, key="a", **kind)]
            for one in found:
                self.assertEqual((one["error"], one["port"]), (NONE, self.broker.port), version)

    def test_the_topic_of_offsets_is_internal_and_compacted(self):
        answer = self.call("Metadata", 9, topics=[{"name": "__consumer_offsets"}],
                           allow_auto_create=False, include_topic_operations=False,
                           include_cluster_operations=False)
        topic = answer["topics"][0]
        self.assertEqual((topic["error"], topic["is_internal"]), (NONE, True))
        self.assertEqual(len(topic["partitions"]), 50)


class OffsetCommitTest(GroupCase):
    def test_every_version_commits_what_every_version_fetches(self):
        name, group = self.topic(3), self.name()
        for version in every_version("OffsetCommit"):
            offset = 100 + version
            self.assertEqual(self.commit(group, name, {0: offset, 2: offset + 1}, version),
                             {0: NONE, 2: NONE}, version)
            for reading in every_version("OffsetFetch"):
                self.assertEqual(self.offsets(group, name, (0, 1, 2), reading),
                                 {0: offset, 1: -1, 2: offset + 1}, (version, reading))

    def test_epoch_and_metadata_are_kept(self):
        name, group = self.topic(), self.name()
        self.commit(group, name, {0: 7}, epoch=3, metadata="wo ich war: ü")
        found = self.fetch_group(group, {name: [0]}, 8)["topics"][0]["partitions"][0]
        self.assertEqual((found["offset"], found["leader_epoch"], found["metadata"]),
                         (7, 3, "wo ich war: ü"))
        self.commit(group, name, {0: 8}, metadata=None)
        found = self.fetch_group(group, {name: [0]}, 8)["topics"][0]["partitions"][0]
        self.assertEqual((found["leader_epoch"], found["metadata"]), (-1, ""))

    def test_offsets_may_go_back(self):
        name, group = self.topic(), self.name()
        for offset in (5, 3, 0):
            self.commit(group, name, {0: offset})
            self.assertEqual(self.offsets(group, name), {0: offset})

    def test_partitions_that_are_not_there(self):
        name, group = self.topic(2), self.name()
        for version in every_version("OffsetCommit"):
            self.assertEqual(self.commit(group, name, {0: 1, 5: 1, -1: 1}, version),
                             {0: NONE, 5: UNKNOWN_TOPIC_OR_PARTITION,
                              -1: UNKNOWN_TOPIC_OR_PARTITION}, version)
        self.assertEqual(self.commit(group, None, {0: 1}, key={"name": "never-made"}),
                         {0: UNKNOWN_TOPIC_OR_PARTITION})
        self.assertEqual(self.commit(group, None, {0: 1}, 10, key={"topic_id": uuid.UUID(int=7)}),
                         {0: UNKNOWN_TOPIC_ID})

    def test_metadata_has_a_limit_in_characters(self):
        name, group = self.topic(2), self.name()
        self.assertEqual(self.commit(group, name, {0: 1}, metadata="ü" * 4096), {0: NONE})
        self.assertEqual(self.commit(group, name, {0: 2}, metadata="ü" * 4097),
                         {0: OFFSET_METADATA_TOO_LARGE})
        self.assertEqual(self.offsets(group, name), {0: 1})

    def test_a_generation_needs_a_group(self):
        name, group = self.topic(), self.name()
        self.assertEqual(self.commit(group, name, {0: 1}, 8, generation=3, member="m"),
                         {0: ILLEGAL_GENERATION})
        self.assertEqual(self.commit(group, name, {0: 1}, 9, generation=3, member="m"),
                         {0: GROUP_ID_NOT_FOUND})
        self.assertNotIn(group, self.listed())

    def test_a_generation_needs_a_member(self):
        name, group = self.topic(), self.name()
        self.commit(group, name, {0: 1})
        for version in every_version("OffsetCommit"):
            self.assertEqual(self.commit(group, name, {0: 2}, version, generation=3, member="m"),
                             {0: UNKNOWN_MEMBER_ID}, version)
        self.assertEqual(self.offsets(group, name), {0: 1})

    def test_the_group_without_a_name_keeps_offsets_too(self):
        name = self.topic()
        self.assertEqual(self.commit("", name, {0: 4}), {0: NONE})
        self.assertEqual(self.offsets("", name), {0: 4})


class OffsetFetchTest(GroupCase):
    def test_all_topics(self):
        names, group = [self.topic(2), self.topic(2)], self.name()
        for name in names:
            self.commit(group, name, {0: 1, 1: 2})
        for version in range(2, 11):
            found = self.fetch_group(group, None, version)["topics"]
            ids = [self.topic_id(n) for n in names] if version >= BY_ID_SINCE else names
            key = "topic_id" if version >= BY_ID_SINCE else "name"
            self.assertEqual(sorted(t[key] for t in found), sorted(ids), version)
            for topic in found:
                self.assertEqual({p["index"]: p["offset"] for p in topic["partitions"]},
                                 {0: 1, 1: 2}, version)

    def test_several_groups_at_once(self):
        name, groups = self.topic(), [self.name() for _ in range(20)]
        for number, group in enumerate(groups):
            self.commit(group, name, {0: number})
        asked = [{"group": g, "topics": [{"name": name, "partitions": [0]}]} for g in groups]
        answer = self.call("OffsetFetch", 8, groups=asked, require_stable=True)
        self.assertEqual([g["group"] for g in answer["groups"]], groups)
        self.assertEqual([g["topics"][0]["partitions"][0]["offset"] for g in answer["groups"]],
                         list(range(20)))

    def test_a_group_that_is_not_there_has_no_offsets(self):
        name = self.topic()
        for version in every_version("OffsetFetch"):
            self.assertEqual(self.offsets(self.name(), name, (0,), version), {0: -1}, version)

    def test_a_topic_made_anew_has_no_offsets(self):
        name, group = self.topic(2), self.name()
        self.commit(group, name, {0: 5, 1: 6})
        self.call("DeleteTopics", 5, names=[name], timeout_ms=PATIENCE_MS)
        self.assertEqual(self.create(name, 2)["error"], NONE)
        self.await_leaders(name, 2)
        for version in every_version("OffsetFetch"):
            self.assertEqual(self.offsets(group, name, (0, 1), version), {0: -1, 1: -1}, version)
        self.commit(group, name, {1: 1})
        self.assertEqual(self.offsets(group, name, (0, 1)), {0: -1, 1: 1})

    def test_an_id_that_is_not_there(self):
        answer = self.call("OffsetFetch", 10, require_stable=False, groups=[
            {"group": "g", "member": None, "epoch": -1,
             "topics": [{"topic_id": uuid.UUID(int=7), "partitions": [0]}]}])
        found = answer["groups"][0]["topics"][0]["partitions"][0]
        self.assertEqual((found["error"], found["offset"]), (UNKNOWN_TOPIC_ID, -1))


class OffsetDeleteTest(GroupCase):
    def ask(self, group, name, partitions):
        answer = self.call("OffsetDelete", 0, group=group, topics=[
            {"name": name, "partitions": [{"index": p} for p in partitions]}])
        errors = {p["index"]: p["error"] for t in answer["topics"] for p in t["partitions"]}
        return answer["error"], errors

    def test_offsets_go_one_by_one(self):
        name, group = self.topic(3), self.name()
        self.commit(group, name, {0: 1, 1: 2, 2: 3})
        self.assertEqual(self.ask(group, name, (0, 2)), (NONE, {0: NONE, 2: NONE}))
        self.assertEqual(self.offsets(group, name, (0, 1, 2)), {0: -1, 1: 2, 2: -1})

    def test_what_is_refused(self):
        name, group = self.topic(), self.name()
        self.commit(group, name, {0: 1})
        self.assertEqual(self.ask(group, name, (7,)), (NONE, {7: UNKNOWN_TOPIC_OR_PARTITION}))
        self.assertEqual(self.ask(self.name(), name, (0,))[0], GROUP_ID_NOT_FOUND)
        self.assertEqual(self.ask("", name, (0,))[0], INVALID_GROUP_ID)


class GroupsTest(GroupCase):
    def test_every_version_lists(self):
        name, group = self.topic(), self.name()
        self.commit(group, name, {0: 1})
        for version in every_version("ListGroups"):
            found = self.listed(version)[group]
            self.assertEqual(found["protocol_type"], "", version)
            if version >= 4:
                self.assertEqual(found["state"], "Empty", version)
            if version >= 5:
                self.assertEqual(found["type"], "classic", version)

    def test_filters(self):
        name, group = self.topic(), self.name()
        self.commit(group, name, {0: 1})
        for filters, is_shown in (({"states": ["empty"]}, True), ({"states": ["Stable"]}, False),
                                  ({"types": ["Classic"]}, True), ({"types": ["consumer"]}, False),
                                  ({"states": ["Stable", "EMPTY"], "types": ["CLASSIC"]}, True)):
            self.assertEqual(group in self.listed(**filters), is_shown, filters)

    def test_every_version_describes(self):
        name, group, missing = self.topic(), self.name(), self.name()
        self.commit(group, name, {0: 1})
        for version in every_version("DescribeGroups"):
            fields = {"include_operations": True} if version >= 3 else {}
            answer = self.call("DescribeGroups", version, groups=[group, missing], **fields)
            here, away = answer["groups"]
            self.assertEqual((here["group"], here["error"], here["state"], here["members"]),
                             (group, NONE, "Empty", []), version)
            self.assertEqual((away["group"], away["state"]), (missing, "Dead"), version)
            self.assertEqual(away["error"], GROUP_ID_NOT_FOUND if version >= 6 else NONE, version)
            if version >= 6:
                self.assertEqual(away["error_message"], f"Group {missing} not found.")
            if version >= 3:
                self.assertEqual(here["operations"], 3400, version)

    def test_every_version_deletes(self):
        name = self.topic()
        for version in every_version("DeleteGroups"):
            groups = [self.name(), self.name()]
            self.commit(groups[0], name, {0: 1})
            self.assertEqual(self.delete(*groups, version=version),
                             {groups[0]: NONE, groups[1]: GROUP_ID_NOT_FOUND}, version)
            self.assertNotIn(groups[0], self.listed())
            self.assertEqual(self.offsets(groups[0], name), {0: -1})


class CrashTest(GroupCase):
    def loaded_group(self, group, topics):
        return until(lambda answer: answer["error"] != COORDINATOR_LOAD_IN_PROGRESS,
                     lambda: self.fetch_group(group, topics))

    def test_what_was_answered_is_there_after_a_crash(self):
        self.must_start_it()
        name, groups = self.topic(4), [self.name() for _ in range(30)]
        for number, group in enumerate(groups):
            self.assertEqual(self.commit(group, name, {0: number, 3: 9}, metadata=f"m{number}"),
                             {0: NONE, 3: NONE})
        self.delete(groups[0])
        for crash in (self.broker.kill, self.broker.stop):
            crash()
            self.broker.start()
            self.connection = self.connect()
            for number, group in enumerate(groups[1:], 1):
                answer = self.loaded_group(group, {name: [0, 1, 3]})
                found = [(p["offset"], p["metadata"]) for p in answer["topics"][0]["partitions"]]
                self.assertEqual(found, [(number, f"m{number}"), (-1, ""), (9, f"m{number}")])
            self.assertNotIn(groups[0], self.listed())


if __name__ == "__main__":
    unittest.main()
