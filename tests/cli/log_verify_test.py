"""`tailrace log verify` on the directory of a real broker: nothing is found after an orderly stop or
a kill, and everything that is then done to the files is, with its place."""
import contextlib
import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "reader")]

from broker import Broker  # noqa: E402
from patience import tries  # noqa: E402
from programs import TAILRACE, create_topic, run, tailrace  # noqa: E402
import reader  # noqa: E402

SEGMENT_BYTES = 1 << 20
SMALL = b"".join(b"small %d\n" % i for i in range(1000))
LARGE = b"".join(b"%d " % (i % 10) * 50000 + b"\n" for i in range(22))


@contextlib.contextmanager
def changed(path, position, new):
    """`new` stands in the file while this lasts."""
    with open(path, "r+b") as file:
        file.seek(position)
        old = file.read(len(new))
        file.seek(position)
        file.write(new)
    try:
        yield
    finally:
        with open(path, "r+b") as file:
            file.seek(position)
            file.write(old)


def flipped(path, position):
    with open(path, "rb") as file:
        file.seek(position)
        return changed(path, position, bytes([file.read(1)[0] ^ 0x10]))


class Verify(unittest.TestCase):
    """Written to, killed, started and stopped; the tests spoil something and put it back."""
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.broker = Broker({"metadata.log.max.record.bytes.between.snapshots": "30000"})
        cls.addClassCleanup(cls.broker.close)
        cls.data = cls.broker.folder / "data"
        cls.broker.start()
        create_topic(cls.broker, "orders", "-p", "2", "-c", f"segment.bytes={SEGMENT_BYTES}")
        for partition in "01":
            for data in SMALL, LARGE, SMALL:
                tailrace(cls.broker, "topic", "produce", "orders", "-p", partition, "-X",
                         "batch.num.messages=500" if data is SMALL else "batch.num.messages=1",
                         data=data)
        for _ in range(4):  # commits of their own, since each is waited for
            tailrace(cls.broker, "topic", "produce", "orders", "-p", "0", data=b"one\n")
        cls.store = None
        cls.while_it_runs = run([TAILRACE, "log", "verify", cls.data], check=False)

    def alter(self):
        """Until there is a snapshot of the metadata, and a log that goes on behind it."""
        for i, _ in enumerate(tries()):
            tailrace(self.broker, "topic", "alter-config", "orders", "--set",
                     f"max.compaction.lag.ms={100 + i}")
            snapshots = sorted((self.data / "cluster").glob("snapshot-" + "?" * 20))
            batches = reader.MetadataLog(max((self.data / "cluster").glob("metadata-*"))).batches
            if snapshots and len(batches) > 2 and (
                    batches[-1].first_index > int(snapshots[-1].name[-20:])):
                return
        self.fail("no snapshot")

    def verify(self, directory=None, status=0):
        done = run([TAILRACE, "log", "verify", directory or self.data, "--format", "json"],
                   check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def damage(self):
        return [(d["topic"], d["partition"], d["first_offset"], d["last_offset"],
                 pathlib.PurePath(d["file"]).name, d["position"], d["what"])
                for d in self.verify(status=1)["damage"]]

    def test_1_refuses_while_a_broker_runs(self):
        """A running broker holds the lock: what it writes at the moment would look torn."""
        self.assertEqual(self.while_it_runs.returncode, 1)
        self.assertIn(b"in use by a broker", self.while_it_runs.stderr)

    def test_2_after_a_kill(self):
        """A killed broker leaves nothing that is damaged; a spoilt commit with later ones behind it
        is."""
        self.broker.kill()
        self.assertEqual(self.verify()["damage"], [])
        for path in (self.data / "journal").glob("*.journal"):
            commits = list(reader.commits(path))
            if len(commits) > 2:
                with flipped(path, commits[1].position + 50):
                    self.assertIn((None, None, None, None, path.name, commits[1].position,
                                   "a damaged commit with later ones behind it"), self.damage())
                break
        else:
            self.fail("no journal with three commits")
        self.assertEqual(self.verify()["damage"], [])

    def test_3_after_an_orderly_stop(self):
        """An orderly stop leaves nothing that is damaged or torn; one directory alone is read when
        asked."""
        self.broker.start()
        self.alter()
        self.assertEqual(self.broker.stop(), 0)
        everything = self.verify()
        self.assertEqual((everything["logs"], everything["damage"], everything["torn_bytes"]),
                         (2, [], 0))
        self.assertGreater(everything["segments"], 4)
        topic = next((self.data / "topics").iterdir())
        self.assertEqual(self.verify(topic)["logs"], 2)
        self.assertEqual(self.verify(topic / "1")["logs"], 1)

    def segments(self, partition=0):
        if Verify.store is None:
            Verify.store = reader.Store(self.data)
        return self.store.segments["orders", partition]

    def test_4_flipped_bits(self):
        """A flipped bit in a header, a batch and its records is found with the offsets it spoils."""
        segment = self.segments()[1]
        frame = segment.frames[1]
        for position in 9, 40, 64, 80, 64 + 61 + 5, frame.size // 2:
            with flipped(segment.path, frame.position + position):
                if position == frame.size // 2:
                    continue  # may lie in the padding, which nobody reads
                self.assertEqual([d[:6] for d in self.damage()],
                                 [("orders", 0, frame.base_offset, frame.last_offset,
                                   segment.path.name, frame.position)], position)

    def test_5_frames_elsewhere(self):
        """A whole frame in the place of another, of this log or of another partition, is damage."""
        segment = self.segments()[1]
        frame, other = segment.frames[1], segment.frames[2]
        wrong = self.segments(1)[1].frames[1]
        theirs = self.segments(1)[1].path.read_bytes()[wrong.position:wrong.position + wrong.size]
        ours = segment.path.read_bytes()[other.position:other.position + other.size]
        self.assertEqual(frame.size, wrong.size)
        for data in theirs, ours:
            with changed(segment.path, frame.position, data):
                self.assertEqual([d[2:4] for d in self.damage()],
                                 [(frame.base_offset, frame.last_offset)])

    def test_5_rest_of_another_segment(self):
        """What a file held before it was this segment's is no damage, and nothing that a crash has
        torn; also where it begins in the middle of a frame."""
        theirs = self.segments(1)[1]
        content = theirs.path.read_bytes()
        segment = self.segments()[-1]
        end = segment.frames[-1].position + segment.frames[-1].size
        for begin in theirs.frames[1].position, theirs.frames[1].position + 4096:
            rest = content[begin:theirs.frames[4].position]
            with changed(segment.path, end, rest.ljust(1 << 19, b"\0")):
                done = run([TAILRACE, "log", "verify", self.data], check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(b"are left from others", done.stderr)
                self.assertEqual(self.verify()["torn_bytes"], 0)
                lines = run([TAILRACE, "log", "dump", segment.path, "--format", "json"])
                rests = [line for line in map(json.loads, lines.splitlines())
                         if line["type"] == "rest"]
                self.assertEqual([rest["position"] for rest in rests], [end])
        with open(segment.path, "r+b") as file:
            file.truncate(end)
        self.assertEqual(self.verify()["damage"], [])

    def test_6_indexes(self):
        """An index that is damaged, or that speaks of other frames, is found."""
        segment = self.segments()[0]
        path = segment.path.with_suffix(".index")
        self.assertTrue(path.exists())
        with flipped(path, 70):
            self.assertEqual([(d[0], d[1], d[6]) for d in self.damage()],
                             [("orders", 0, "the index is damaged; a broker makes it anew")])
        content = bytearray(path.read_bytes())
        content[72:80] = (4096).to_bytes(8, "little")  # where the first entry points
        content[12:16] = bytes(4)
        content[12:16] = reader.crc32c(content).to_bytes(4, "little")
        with changed(path, 0, bytes(content)):
            self.assertIn("the index points at no frame; a broker makes it anew",
                          [d[6] for d in self.damage()])
        self.assertEqual(self.verify()["damage"], [])

    def test_5_leader_epochs(self):
        """A frame that is right but for its batch's leader epoch contradicts the catalog, and those
        behind it go back."""
        segment = self.segments()[1]
        frame, following = segment.frames[1:3]
        data = bytearray(segment.path.read_bytes()[frame.position:frame.position + frame.size])
        data[32:36] = (7).to_bytes(4, "little")
        data[64 + 12:64 + 16] = (7).to_bytes(4, "big")
        topic_id = next(iter(Verify.store.topic_ids))
        batches = reader.split_batches(bytes(data[64:64 + len(frame.batches[0].data)]), 1)
        place = topic_id, 0, segment.base_offset, segment.generation
        sum_ = reader.frame_sum(data[:64], batches, place, frame.position)
        data[56:60] = sum_.to_bytes(4, "little")
        with changed(segment.path, frame.position, bytes(data)):
            self.assertEqual([(*d[2:4], d[6]) for d in self.damage()],
                             [(frame.base_offset, frame.last_offset,
                               "the catalog knows another leader epoch here"),
                              (following.base_offset, following.last_offset,
                               "leader epochs go back")])

    def test_6_leftovers(self):
        """A segment file that the catalog does not list is a leftover, and no part of the log."""
        segment = self.segments()[1]
        leftover = segment.path.with_name(segment.path.stem + "-7.log")
        leftover.write_bytes(segment.path.read_bytes())
        self.addCleanup(leftover.unlink)
        self.assertEqual(self.verify()["damage"], [])

    def test_6_catalog(self):
        """A commit of the catalog of which one copy is spoilt is found and has lost nothing; with
        both spoilt, states are lost."""
        path = next((self.data / "catalog").glob("*.catalog"), self.data / "catalog" / "base")
        commits = list(reader.commits(path))
        first, second = [c.position for c in commits[:2]]
        self.assertEqual(commits[0].sequence, commits[1].sequence)
        for position in first, second:
            with flipped(path, position + 80):
                self.assertEqual([d[4:7:2] for d in self.damage()],
                                 [(path.name, "one of two copies of a commit is damaged")])
        with flipped(path, first + 80), flipped(path, second + 80):
            self.assertEqual(self.damage()[0][4], path.name)
        self.assertEqual(self.verify()["damage"], [])

    def test_6_metadata(self):
        """A flipped bit anywhere in what the broker knows about the cluster and itself is found in
        its file; so are entries that are lost, and a file that is."""
        cluster = self.data / "cluster"
        state, snapshot, log = (max(cluster.glob(pattern))
                                for pattern in ("state", "snapshot-*", "metadata-*"))
        batches = reader.MetadataLog(log).batches
        self.assertGreater(len(batches), 1)
        first, last = batches[0].position, batches[-1].position
        properties = self.data / "meta.properties"
        text = properties.read_bytes()
        for path, positions, what in (
                (state, (0, 10, 40), "the state of the metadata is damaged"),
                (snapshot, (3, 12, 30, 60, snapshot.stat().st_size - 1),
                 "the snapshot of the metadata is damaged"),
                (log, (0, 20, 4000), "the header of the metadata log is damaged"),
                (log, (first, first + 20, first + 60),
                 "a damaged batch of the metadata with later ones behind it"),
                (properties, [text.index(word) for word in (b"version", b"1\n", b"cluster")],
                 "something is missing or makes no sense"),
                (self.data / "journal" / "epoch", (0, 9, 17),
                 "checksum or invariant broken on disk"),
                (next((self.data / "journal").glob("*.clean")), (0, 9, 17),
                 "checksum or invariant broken on disk")):
            for position in positions:
                with flipped(path, position):
                    self.assertIn((path.name, what), [(d[4], d[6]) for d in self.damage()],
                                  position)
        for name, value, what in (
                (b"cluster.id=", b"A" * 5, "cluster.id is not that of the metadata"),
                (b"node.id=", b"7", "node.id is not that of the metadata"),
                (b"directory.id=", b"A" * 5, "directory.id is not known to the metadata")):
            with changed(properties, text.index(name) + len(name), value):
                self.assertIn(("meta.properties", what), [(d[4], d[6]) for d in self.damage()])
        with flipped(log, last + 40):
            self.assertIn((log.name, last, "a damaged batch of the metadata that was on disk"),
                          [d[4:7] for d in self.damage()])
        self.assertGreater(batches[-1].first_index, reader.read_metadata_snapshot(snapshot)[0])
        with changed(log, last, bytes(batches[-1].size)):
            self.assertIn("entries of the metadata that were on disk are missing at the end",
                          [d[6] for d in self.damage()])
        hidden = state.rename(self.data / "hidden")
        self.assertIn(("state", "the file is missing"), [(d[4], d[6]) for d in self.damage()])
        hidden.rename(state)
        self.assertEqual(self.verify()["damage"], [])

    def test_7_lost_ends(self):
        """A closed segment that lost its end leaves a gap, and so does one that is gone; what the
        last one lost, the catalog knows."""
        segment = self.segments()[1]
        frame = segment.frames[-1]
        with changed(segment.path, frame.position, bytes(frame.size)):
            self.assertEqual([(*d[2:4], d[6]) for d in self.damage()],
                             [(frame.base_offset, frame.last_offset,
                               "the segment is shorter than the catalog says")])
        hidden = segment.path.rename(segment.path.with_suffix(".hidden"))
        self.assertEqual([d[2:4] for d in self.damage()],
                         [(segment.frames[0].base_offset, frame.last_offset)])
        hidden.rename(segment.path)
        segment = self.segments()[-1]
        frame = segment.frames[-1]
        with changed(segment.path, frame.position, bytes(frame.size)):
            self.assertEqual([d[2:4] for d in self.damage()],
                             [(frame.base_offset, frame.last_offset)])
        self.assertEqual(self.verify()["damage"], [])


if __name__ == "__main__":
    unittest.main()
