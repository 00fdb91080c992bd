"""What is left on disk of topics that are gone: a broker that was killed, or lost power, between the
commit of a deletion and the removal of the files goes on with it when it starts again. A directory
of which the cluster knows nothing is set aside, and stays.

    strays_test.py [unittest's own]"""
import json
import pathlib
import re
import shutil
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE.parent / "wire"))

import batch as batches  # noqa: E402
from broker import Broker, external_address  # noqa: E402
from patience import PATIENCE_MS, tries  # noqa: E402
from programs import create_topic, tailrace  # noqa: E402
from wire import Connection  # noqa: E402

NONE = 0
PARTITIONS, KILLS = 4, 6
STORAGE = ("topics", "catalog", "journal")  # all but the metadata
SMALL = batches.batch([b"y" * 100])
LARGE = batches.batch([b"x" * 200_000])  # straight to the segment: there is a directory
FOREIGN = "foreign-AAAAAAAAAAAAAAAAAAAAAQ"
OWES = r"deletions of an earlier run are carried out"
TROUBLE = re.compile(r'level=(?:warn|error) .*?msg=("[^"]*"|[^ ]*)')


@unittest.skipIf(external_address(), "needs a broker that it may kill")
class StraysTest(unittest.TestCase):
    def setUp(self):
        self.broker = Broker({"tailrace.cores": "2"}).start()
        self.addCleanup(self.broker.close)
        self.data = self.broker.folder / "data"
        self.usual = self.troubles()  # few open files, no direct transfers: this machine's own

    def call(self, api, version, **fields):
        connection = Connection(self.broker.host, self.broker.port)
        try:
            return connection.call(api, version, **fields)
        finally:
            connection.close()

    def create(self, name, *batches_of_each):
        create_topic(self.broker, name, "-p", PARTITIONS)
        for records in batches_of_each:
            partitions = [{"index": p, "records": records} for p in range(PARTITIONS)]
            answer = self.call("Produce", 9, acks=-1, timeout_ms=PATIENCE_MS,
                               topics=[{"name": name, "partitions": partitions}])
            self.assertEqual({p["error"] for p in answer["topics"][0]["partitions"]}, {NONE})

    def delete(self, *names):
        answer = self.call("DeleteTopics", 5, names=list(names), timeout_ms=PATIENCE_MS)
        self.assertEqual({topic["error"] for topic in answer["topics"]}, {NONE})

    def troubles(self):
        """What the present process has warned of."""
        return {found[1] for line in self.broker.log if (found := TROUBLE.search(line))}

    def directories(self):
        return {path.name for path in (self.data / "topics").iterdir()}

    def directory_of(self, name):
        """Of a topic that is there."""
        return next(found for found in self.directories() if found.startswith(f"{name}-"))

    def wait_for(self, wanted):
        for _ in tries():
            if self.directories() == wanted:
                return
        self.fail((self.directories(), wanted, "".join(self.broker.log)))

    def check_nothing_is_owed(self):
        """Neither the disk nor the catalog has anything left: the next start finds no work."""
        self.broker.stop()
        self.broker.start()
        self.assertEqual([line for line in self.broker.log if OWES in line], [])

    def delete_in_metadata_alone(self, end, *names):
        """The topics are deleted, and the disk is put back to what it was before, but for the
        metadata: as if the broker had been killed when it had committed no more than that."""
        aside = self.broker.folder / "aside"
        end()
        for name in STORAGE:
            shutil.copytree(self.data / name, aside / name)
        self.broker.start()
        self.delete(*names)
        self.broker.stop()
        for name in STORAGE:
            shutil.rmtree(self.data / name)
            shutil.move(aside / name, self.data / name)

    def go_through(self, end):
        self.create("kept", SMALL, LARGE)
        self.create("gone", SMALL, LARGE)
        self.create("gone-brief", SMALL)
        self.create("gone-empty")
        kept = self.directory_of("kept")
        self.delete_in_metadata_alone(end, "gone", "gone-brief", "gone-empty")
        self.assertTrue(self.directory_of("gone"))
        self.broker.start()
        self.assertTrue(self.broker.says(OWES))
        self.wait_for({kept})
        ends = json.loads(tailrace(self.broker, "topic", "offsets", "kept", "--format", "json"))
        self.assertEqual({row["offset"] for row in ends}, {2})
        self.assertEqual(self.troubles() - self.usual, set())
        self.check_nothing_is_owed()

    def test_a_deletion_is_carried_out_after_an_orderly_stop(self):
        self.go_through(self.broker.stop)

    def test_a_deletion_is_carried_out_after_a_kill(self):
        self.go_through(self.broker.kill)

    def test_a_snapshot_says_which_topics_were_deleted(self):
        """When the record that removed the topic has gone from the metadata log."""
        self.broker.settings["metadata.log.max.record.bytes.between.snapshots"] = "1"
        self.broker.stop()
        self.broker.start()
        self.create("gone", SMALL, LARGE)
        self.delete_in_metadata_alone(self.broker.stop, "gone")
        self.broker.start()
        self.wait_for(set())
        self.check_nothing_is_owed()

    def test_the_space_comes_back_after_a_kill_right_behind_the_answer(self):
        for count in range(KILLS):
            self.create(f"gone-{count}", SMALL, LARGE)
            self.delete(f"gone-{count}")
            self.broker.kill()
            self.broker.start()
            self.wait_for(set())
        self.check_nothing_is_owed()

    def test_what_nobody_knows_is_set_aside_and_stays(self):
        """What the catalog alone does not know goes, if its topic was deleted."""
        self.create("gone", SMALL, LARGE)
        gone = self.directory_of("gone")
        self.delete("gone")
        for _ in range(2):  # until the catalog has not even its removal any more
            self.broker.stop()
            self.broker.start()
        self.broker.stop()
        for name in (FOREIGN, gone):
            shutil.rmtree(self.data / "topics" / name, ignore_errors=True)
            (self.data / "topics" / name / "0").mkdir(parents=True)
            (self.data / "topics" / name / "0" / f"{0:020}.log").write_bytes(b"whatever")
        for _ in range(2):
            self.broker.start()
            self.wait_for({f"{FOREIGN}.stray"})
            self.broker.stop()
        self.assertEqual((self.data / "topics" / f"{FOREIGN}.stray" / "0" / f"{0:020}.log")
                         .read_bytes(), b"whatever")


if __name__ == "__main__":
    unittest.main()
