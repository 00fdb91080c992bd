"""DescribeLogDirs, and what clients see of a data directory that is away."""
import shutil
import tempfile
import unittest

from case import *  # noqa: F403

STORAGE_ERROR = 56
LEADER_NOT_AVAILABLE = 5


class DescribeLogDirsTest(WireCase):
    def directories(self, version=4, topics=None):
        answer = self.call("DescribeLogDirs", version, topics=topics)
        self.assertEqual(answer.get("error", NONE), NONE)
        return answer["results"]

    def test_every_version_tells_where_a_partition_lies_and_how_large_it_is(self):
        name = self.topic(partitions=2)
        self.produce(name, batches.batch([b"x" * 50_000]), partition=1)
        for version in every_version("DescribeLogDirs"):
            found = self.directories(version, [{"topic": name, "partitions": [1, 7]}])
            self.assertEqual([d["error"] for d in found], [NONE] * len(found))
            topics = [t for d in found for t in d["topics"]]
            self.assertEqual([t["name"] for t in topics], [name], version)
            partition, = topics[0]["partitions"]
            self.assertEqual((partition["index"], partition["offset_lag"], partition["is_future"]),
                             (1, 0, False))
            self.assertGreaterEqual(partition["size"], 50_000)
            self.assertTrue(all(d["log_dir"].startswith("/") for d in found))

    def test_null_means_all_and_what_is_not_there_is_left_out(self):
        names = {self.topic(), self.topic()}
        self.assertLessEqual(names, {t["name"] for d in self.directories() for t in d["topics"]})
        found = self.directories(topics=[{"topic": self.name(), "partitions": [0]}])
        self.assertEqual([d["topics"] for d in found], [[]] * len(found))

    def test_the_room_of_the_volume_is_told_from_version_4_on(self):
        for version in (4, 5):
            for directory, total_bytes in self.directories_of_still_volumes(version):
                self.assertEqual(directory["total_bytes"], total_bytes)
                self.assertTrue(0 <= directory["usable_bytes"] <= total_bytes)

    def directories_of_still_volumes(self, version):
        """[(directory, size of its volume)]. Some file systems grow and shrink as others on the same
        disk do, so the sizes are those that were the same before and after the question."""
        def sizes():
            return [shutil.disk_usage(path).total for path in paths]
        paths = [d["log_dir"] for d in self.directories(version)]
        for _ in tries():
            before, found = sizes(), self.directories(version)
            if sizes() == before:
                break
        else:
            self.fail(f"the sizes of volumes do not stand still: {before}")
        self.assertEqual([d["log_dir"] for d in found], paths)
        return list(zip(found, before))


class DirectoryAwayTest(WireCase):
    def test_its_partitions_have_no_leader_and_wait_for_it(self):
        self.must_start_it()
        folder = tempfile.mkdtemp(prefix="tailrace-dirs-")
        self.addCleanup(shutil.rmtree, folder)
        dirs = [f"{folder}/a", f"{folder}/b"]
        self.broker = Broker({"log.dirs": ",".join(dirs)}).start()
        self.addCleanup(self.broker.close)
        self.connection = self.connect()
        name = self.topic(partitions=4)
        for partition in range(4):
            self.produce_values(name, b"%d" % partition, partition=partition)
        self.restart({"log.dirs": dirs[0]})
        away = self.partitions(name)
        self.assertEqual([(p["error"], p["leader_id"], p["offline"]) for p in away],
                         [(NONE, 1, []), (LEADER_NOT_AVAILABLE, -1, [1])] * 2)
        for partition, wanted in ((0, NONE), (1, NOT_LEADER_OR_FOLLOWER)):
            self.assertEqual(self.fetch(name, 0, partition=partition)["error"], wanted)
            self.assertEqual(self.produce(name, batches.batch([b"x"]), partition=partition)["error"],
                             wanted)
        self.restart({"log.dirs": ",".join(reversed(dirs)), "metadata.log.dir": dirs[0]})
        self.assertEqual([p["leader_id"] for p in self.partitions(name)], [1] * 4)
        for partition, wanted in ((0, [b"0", b"x"]), (1, [b"1"]), (2, [b"2"]), (3, [b"3"])):
            self.assertEqual(self.values(name, partition=partition), wanted)

    def restart(self, settings):
        self.broker.stop()
        self.broker.settings = settings
        self.broker.start()
        self.connection = self.connect()

    def partitions(self, name):
        answer = self.call("Metadata", 12, topics=[{"topic_id": NO_UUID, "name": name}])
        return sorted(answer["topics"][0]["partitions"], key=lambda p: p["index"])


if __name__ == "__main__":
    unittest.main()
