"""What the broker wrote, a reader made from the descriptions of the formats reads back: the same
records after an orderly stop and after a kill, and byte for byte what `tailrace log dump` shows."""
import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE)]

from broker import Broker  # noqa: E402
from programs import TAILRACE, create_topic, run, tailrace  # noqa: E402
import reader  # noqa: E402

SMALL = b"".join(b"small %d\n" % i for i in range(500))
LARGE = b"".join(b"%d " % i * 9000 + b"\n" for i in range(3))
TEXT = b"".join(b"a line of text that compresses well, number %d\n" % i for i in range(3000))


BULK = b"".join(b"%d" % (i % 10) * 100000 + b"\n" for i in range(12))


def write(broker):
    """Small, large and compressed batches, with keys and headers, over two partitions, of which one
    is long enough for a second segment."""
    create_topic(broker, "kinds", "-p", "2", "-c", "segment.bytes=1048576")
    tailrace(broker, "topic", "produce", "kinds", "-p", "1", "-X", "batch.num.messages=1", data=BULK)
    for _ in range(3):
        tailrace(broker, "topic", "produce", "kinds", "-p", "0", "-k", "key", "-H", "name:value",
                 data=SMALL)
        tailrace(broker, "topic", "produce", "kinds", "-p", "0", data=LARGE)
        tailrace(broker, "topic", "produce", "kinds", "-p", "1", "-z", "gzip", data=TEXT)


def consumed(broker):
    """The same form as Store.records(), as a client sees it."""
    found = {}
    for line in tailrace(broker, "topic", "consume", "kinds", "-o", "start:end", "--format",
                         "json").splitlines():
        record = json.loads(line)
        key, value = (None if record[name] is None else record[name].encode()
                      for name in ("key", "value"))
        headers = [(h["key"].encode(), h["value"].encode()) for h in record["headers"]]
        found.setdefault(("kinds", record["partition"]), {})[record["offset"]] = (
            record["timestamp"], key, value, headers)
    return found


def dump(path, *flags, status=0):
    done = run([TAILRACE, "log", "dump", path, "--format", "json", *flags], check=False)
    assert done.returncode == status, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def flip(path, position):
    """One bit of a file."""
    with open(path, "r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 4]))


class Reader(unittest.TestCase):
    """One story: write, kill, look, start again, stop, look again. The tests look."""
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.broker = Broker({"metadata.log.max.record.bytes.between.snapshots": "20000"})
        cls.addClassCleanup(cls.broker.close)
        cls.data = cls.broker.folder / "data"
        cls.broker.start()
        write(cls.broker)
        cls.expected = consumed(cls.broker)
        cls.broker.kill()
        cls.killed = reader.Store(cls.data)
        cls.killed_records = cls.killed.records()
        journals = sorted((cls.data / "journal").glob("*.journal"))
        cls.commits = [list(reader.commits(path)) for path in journals]
        cls.dumped_commits = [dump(path) for path in journals]
        cls.broker.start()
        cls.consumed_again = consumed(cls.broker)
        cls.exit_status = cls.broker.stop()
        cls.stopped = reader.Store(cls.data)

    def check_records(self, found):
        self.assertEqual({key: len(records) for key, records in found.items()},
                         {("kinds", 0): 3 * 503, ("kinds", 1): 3 * 3000 + 12})
        self.assertEqual(found, self.expected)

    def test_kill(self):
        """After a kill, segments and journals together hold everything that was acknowledged; and
        the broker that starts again on them serves the same."""
        self.check_records(self.killed_records)
        self.assertEqual(self.consumed_again, self.expected)

    def test_orderly_stop(self):
        """After an orderly stop the segments alone hold everything, without a gap or damage."""
        self.assertEqual(self.exit_status, 0)
        self.check_records(self.stopped.records())
        for segments in self.stopped.segments.values():
            batches = [batch for segment in segments for batch in segment.batches()]
            ends = [batch.last_offset + 1 for batch in batches]
            self.assertEqual([batch.base_offset for batch in batches], [0, *ends[:-1]])
            self.assertFalse(any(segment.damage or segment.has_rest for segment in segments))

    def test_dump_of_segments(self):
        """The dump of a segment has the frames, batches and records that the reader finds."""
        for segments in self.stopped.segments.values():
            for segment in segments:
                lines = dump(segment.path, "--print-data")
                self.assertEqual(
                    [(f.position, f.size, f.base_offset, f.last_offset, len(f.batches),
                      f.durable_offset, bool(f.flags & 1), "right") for f in segment.frames],
                    [(l["position"], l["size"], l["base_offset"], l["last_offset"], l["batches"],
                      l["durable_offset"], l["direct"], l["checksum"])
                     for l in lines if l["type"] == "frame"])
                self.assertEqual(
                    [(b.base_offset, b.record_count, len(b.data), b.codec, b.max_timestamp)
                     for b in segment.batches()],
                    [(l["base_offset"], l["records"], l["size"], l["codec"], l["max_timestamp"])
                     for l in lines if l["type"] == "batch"])
                self.assertEqual(
                    [(r[0], r[1], r[3].decode()) for b in segment.batches() for r in b.records()],
                    [(l["offset"], l["timestamp"], l["value"])
                     for l in lines if l["type"] == "record"])

    def test_catalog(self):
        """After an orderly stop the catalog lists exactly the segments that are there, with the
        sizes they have, and every log reaches as far as it says; the dump has the same states."""
        states = reader.states(self.data / "catalog")
        self.assertEqual(sorted(states), sorted(self.stopped.segments))
        for key, state in states.items():
            segments = self.stopped.segments[key]
            self.assertEqual([(s[0], s[3], s[1]) for s in state.segments],
                             [(s.base_offset, s.generation, s.end) for s in segments])
            self.assertEqual([s[2] for s in state.segments],
                             [max(f.max_timestamp for f in s.frames) for s in segments])
            last = segments[-1].frames[-1]
            self.assertEqual((state.start_offset, state.recovery_offset, state.damages),
                             (0, last.last_offset + 1, []))
            self.assertEqual([(e[0], e[2]) for e in state.epochs], [(last.leader_epoch, 0)])
            batches = [b for s in segments for b in s.batches() if b.producer_id >= 0]
            self.assertEqual({p[0][0] for p in state.producers}, {b.producer_id for b in batches})
            for (producer_id, *_), known in state.producers:
                own = [(b.base_sequence, b.base_offset, b.last_offset) for b in batches
                       if b.producer_id == producer_id]
                self.assertEqual([(k[0], k[2], k[3]) for k in known], own[-5:])
        lines = [line for path in (self.data / "catalog").iterdir() for line in dump(path)]
        dumped = {(l["topic"], l["recovery_offset"], len(l["segments"]), l["producers"])
                  for l in lines if l["type"] == "state"}
        for key, state in states.items():
            self.assertIn((key[0], state.recovery_offset, len(state.segments),
                           len(state.producers)), dumped)

    def test_indexes(self):
        """Each entry of an index is a frame with the greatest timestamp up to the next entry; and
        the dump has the same entries."""
        index_count = 0
        for path in (self.data / "topics").glob("*/*/*.index"):
            place, covered, entries = reader.read_index(path)
            segment = next(s for s in self.stopped.segments["kinds", place[1]]
                           if s.path == path.with_suffix(".log"))
            self.assertEqual(place[2:], (segment.base_offset, segment.generation))
            self.assertEqual(covered, segment.end)
            ends = [e[1] for e in entries[1:]] + [covered]
            self.assertEqual(entries, [
                (frame.base_offset, position,
                 max(f.max_timestamp for f in segment.frames if position <= f.position < end))
                for (_, position, _), end in zip(entries, ends)
                for frame in segment.frames if frame.position == position])
            self.assertEqual([(e["base_offset"], e["position"], e["max_timestamp"])
                              for e in dump(path) if e["type"] == "entry"], entries)
            index_count += 1
        self.assertGreater(index_count, 0)

    def test_dump_of_journals(self):
        """The dump of a journal has the commits and entries that the reader finds."""
        entry_count = 0
        for found, lines in zip(self.commits, self.dumped_commits):
            self.assertEqual([(c.position, c.epoch, c.sequence, c.core) for c in found],
                             [(l["position"], l["epoch"], l["sequence"], l["core"])
                              for l in lines if l["type"] == "commit"])
            entries = [(e[3], e[4], len(e[5])) for c in found for e in c.entries]
            self.assertEqual(entries, [(l["base_offset"], l["durable_offset"], l["size"])
                                       for l in lines if l["type"] == "entry"])
            entry_count += len(entries)
        self.assertGreater(entry_count, 0)

    def test_metadata(self):
        """Snapshot and log tell the same records to the reader and in the dump, the topic among
        them; the mark of the orderly stop is where the log ends."""
        cluster = self.data / "cluster"
        snapshot, log = (max(cluster.glob(pattern)) for pattern in ("snapshot-*", "metadata-*"))
        index, term, records = reader.read_metadata_snapshot(snapshot)
        content = reader.MetadataLog(log)
        lines = dump(snapshot)
        self.assertEqual((lines[0]["type"], lines[0]["index"], lines[0]["term"]),
                         ("metadata_snapshot", index, term))
        self.assertEqual([l["record"] for l in lines[1:]], [r[0] for r in records])
        topics = [reader.topic_of_record(body) for name, _, body in records if name == "topic"]
        self.assertEqual(dict(topics), self.stopped.topic_ids)
        lines = dump(log)
        self.assertEqual((lines[0]["type"], lines[0]["first_index"]),
                         ("metadata_log", content.first_index))
        self.assertEqual([(b.position, b.size, b.first_index, len(b.entries))
                          for b in content.batches],
                         [(l["position"], l["size"], l["first_index"], l["entries"])
                          for l in lines if l["type"] == "metadata_batch"])
        entries = [entry for batch in content.batches for entry in batch.entries]
        self.assertEqual([(e[0], e[1], len(e[3])) for e in entries],
                         [(l["index"], l["term"], l["size"]) for l in lines
                          if l["type"] == "entry"])
        self.assertEqual([r[0] for r in content.records()],
                         [l["record"] for l in lines if l["type"] == "metadata"])
        state = reader.read_metadata_state(cluster / "state")
        self.assertEqual(state[2], entries[-1][0])
        line, = dump(cluster / "state")
        self.assertEqual((line["type"], line["term"], line["vote"], line["stored_index"],
                          line["server_id"]), ("metadata_state", *state))

    def test_small_files(self):
        """The files that say which run it was and whose the directory is, and those that only hold
        a place."""
        epoch = reader.read_epoch(self.data / "journal" / "epoch")
        for path in (self.data / "journal" / "epoch", *(self.data / "journal").glob("*.clean")):
            kind = "clean" if path.suffix == ".clean" else "epoch"
            self.assertEqual(reader.read_epoch(path), epoch)
            self.assertEqual(dump(path), [{"type": kind, "epoch": epoch, "checksum": "right"}])
        line, = dump(self.data / "meta.properties")
        properties = reader.read_meta_properties(self.data / "meta.properties")
        self.assertEqual((line["type"], line["cluster_id"], str(line["node_id"]),
                          line["directory_id"]),
                         ("meta_properties", properties["cluster.id"], properties["node.id"],
                          properties["directory.id"]))
        self.assertEqual(dump(self.data / ".lock")[0]["type"], "opaque")

    def test_every_file_is_of_a_kind(self):
        """There is no file in the directory that a dump does not know, and each says what it is."""
        kinds = {dump(path)[0]["type"] for path in self.data.rglob("*") if path.is_file()}
        self.assertEqual(kinds, {"segment", "index", "journal", "catalog", "epoch", "clean",
                                 "opaque", "meta_properties", "metadata_state",
                                 "metadata_log", "metadata_snapshot"})

    def test_damage_of_small_files(self):
        """A flipped bit shows in the dump of each kind that has a checksum."""
        cluster = self.data / "cluster"
        for path in (self.data / "journal" / "epoch", cluster / "state",
                     next(cluster.glob("snapshot-*")), next(cluster.glob("metadata-*"))):
            for position in 0, 9:
                flip(path, position)
                lines = dump(path, status=1)
                flip(path, position)
                self.assertEqual([l["type"] for l in lines], ["damage"], path)

    def test_damage(self):
        """One flipped bit spoils the frame that it is in; dump and reader pass over the same bytes
        and show all behind them."""
        segment = self.stopped.segments["kinds", 0][0]
        spoilt = segment.frames[1]
        flip(segment.path, spoilt.position + 100)
        self.addCleanup(flip, segment.path, spoilt.position + 100)
        again = reader.Store(self.data).segments["kinds", 0][0]
        self.assertEqual(again.damage, [(spoilt.position, spoilt.position + spoilt.size)])
        lines = dump(segment.path, status=1)
        self.assertEqual([(l["position"], l["position"] + l["size"])
                          for l in lines if l["type"] == "damage"], again.damage)
        self.assertEqual([l["base_offset"] for l in lines
                          if l["type"] == "frame" and l["checksum"] == "right"],
                         [f.base_offset for f in segment.frames if f.position != spoilt.position])
        self.assertEqual([l["position"] for l in lines
                          if l["type"] == "frame" and l["checksum"] == "wrong"], [spoilt.position])


if __name__ == "__main__":
    unittest.main()
