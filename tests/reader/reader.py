"""Reads what the broker has written, with nothing but Python's standard library and the descriptions
at the heads of storage/frame.h, storage/index_file.h, storage/commit.h, storage/epoch_file.h,
storage/catalog.h, storage/state_file.h, storage/path.h, cluster/metadata_format.h,
cluster/metadata_record.h, cluster/meta_properties.h, protocol/batch.h and protocol/batch_record.h.
It shares no code with the broker: where both agree, the descriptions are true.

Damaged pieces are passed over and listed, as whoever must get data out of a broken directory would
want it."""
import base64
import pathlib
import re
import struct
import zlib

BLOCK = 4096


def _crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ 0x82F63B78 if n & 1 else n >> 1
        table.append(n)
    return table


_CRC_TABLE = _crc_table()


def crc32c(data, crc=0):
    """Castagnoli's checksum; `crc` goes on from an earlier part."""
    table = _CRC_TABLE
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def blocks(size):
    return (size + BLOCK - 1) // BLOCK * BLOCK


# --- Record batches: protocol/batch.h ------------------------------------------------------------

BATCH_HEADER = struct.Struct(">qiibIhiqqqhii")
BATCH_CRC_FROM = 21
CODECS = {0: "none", 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}


class Damaged(Exception):
    """Bytes that are not what the format says."""


class Batch:
    """One record batch: its header's fields as attributes, its bytes as `data`."""

    def __init__(self, data):
        if len(data) < BATCH_HEADER.size:
            raise Damaged("shorter than a batch's header")
        (self.base_offset, length, self.leader_epoch, self.magic, self.crc, self.attributes,
         self.last_offset_delta, self.base_timestamp, self.max_timestamp, self.producer_id,
         self.producer_epoch, self.base_sequence, self.record_count) = BATCH_HEADER.unpack_from(data)
        if self.magic != 2 or length < BATCH_HEADER.size - 12 or 12 + length > len(data):
            raise Damaged("not a record batch")
        self.data = data[:12 + length]

    @property
    def last_offset(self):
        return self.base_offset + self.last_offset_delta

    @property
    def codec(self):
        return CODECS.get(self.attributes & 7, "unknown")

    def is_right(self):
        return crc32c(self.data[BATCH_CRC_FROM:]) == self.crc

    def uncovered(self):
        """What the batch's own checksum leaves out."""
        return self.data[:BATCH_CRC_FROM]

    def records(self):
        """[(offset, timestamp, key, value, [(header, value)])]; only what zlib can decompress."""
        data = self.data[BATCH_HEADER.size:]
        if self.codec == "gzip":
            data = zlib.decompress(data, 31)
        elif self.codec != "none":
            raise NotImplementedError(self.codec)
        reader = _Varints(data)
        return [self._record(reader) for _ in range(self.record_count)]

    def _record(self, reader):
        end = reader.number()
        end += reader.position
        reader.position += 1
        timestamp = self.base_timestamp + reader.number()
        if self.attributes & 0x08:
            timestamp = self.max_timestamp
        offset = self.base_offset + reader.number()
        key, value = reader.sized(), reader.sized()
        headers = [(reader.sized(), reader.sized()) for _ in range(reader.number())]
        if reader.position != end:
            raise Damaged("a record that is not as long as it says")
        return offset, timestamp, key, value, headers


class _Varints:
    def __init__(self, data):
        self.data, self.position = data, 0

    def number(self):
        raw = shift = 0
        while True:
            byte = self.data[self.position]
            self.position += 1
            raw |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return raw >> 1 ^ -(raw & 1)

    def sized(self):
        size = self.number()
        if size < 0:
            return None
        self.position += size
        return bytes(self.data[self.position - size:self.position])


def split_batches(data, count):
    """`count` batches that fill `data`."""
    found = []
    for _ in range(count):
        found.append(Batch(data))
        data = data[len(found[-1].data):]
    if len(data) > 0:
        raise Damaged("bytes behind the last batch")
    return found


# --- Segments: storage/frame.h -------------------------------------------------------------------

FRAME_HEADER = struct.Struct("<4sBBHIIqqiIqqII")


def frame_sum(header, batches, place, position):
    """The checksum of a frame at this position of the segment that `place` names."""
    topic_id, partition, base_offset, generation = place
    sum_ = crc32c(topic_id + struct.pack("<iqIQ", partition, base_offset, generation, position))
    sum_ = crc32c(bytes(header[:56]) + bytes(4) + bytes(header[60:]), sum_)
    for batch in batches:
        sum_ = crc32c(batch.uncovered(), sum_)
    return sum_


class Frame:
    """One frame of a segment, checked in every byte."""

    def __init__(self, data, position, place):
        (magic, version, self.flags, header_size, payload_size, batch_count, self.base_offset,
         self.last_offset, self.leader_epoch, _, self.max_timestamp, self.durable_offset, crc,
         _) = FRAME_HEADER.unpack_from(data, position)
        if magic != b"TRF1" or version != 1 or header_size != FRAME_HEADER.size:
            raise Damaged("not a frame")
        self.position, self.size = position, blocks(header_size + payload_size)
        begin = position + header_size
        if position + self.size > len(data) or payload_size == 0:
            raise Damaged("a frame longer than the file")
        self.batches = split_batches(data[begin:begin + payload_size], batch_count)
        sum_ = frame_sum(data[position:begin], self.batches, place, position)
        if sum_ != crc or not all(batch.is_right() for batch in self.batches):
            raise Damaged("a wrong checksum")


class Segment:
    """A segment's file: its good frames, and [(position, end)] of what is not one."""

    NAME = re.compile(r"([0-9]{20})(?:-([0-9]+))?\.log")

    def __init__(self, path, topic_id, partition):
        name = self.NAME.fullmatch(path.name)
        self.path = path
        self.base_offset, self.generation = int(name[1]), int(name[2] or 0)
        self.frames, self.damage = [], []
        data = memoryview(path.read_bytes())
        place = topic_id, partition, self.base_offset, self.generation
        position = bad_from = 0
        while position < len(data):
            try:
                frame = Frame(data, position, place)
            except (Damaged, struct.error):
                position += BLOCK
                continue
            if bad_from < position:
                self.damage.append((bad_from, position))
            self.frames.append(frame)
            position = bad_from = position + frame.size
        self.end = bad_from
        self.has_rest = any(data[bad_from:])

    def batches(self):
        return [batch for frame in self.frames for batch in frame.batches]


# --- Indexes: storage/index_file.h ----------------------------------------------------------------

INDEX_HEADER = struct.Struct("<4sIII16siIqQII")
INDEX_ENTRY = struct.Struct("<qQq")


def read_index(path):
    """(place, covered bytes, [(base offset, position, greatest timestamp)])."""
    data = path.read_bytes()
    (magic, version, size, crc, topic_id, partition, generation, base_offset, covered, count,
     _) = INDEX_HEADER.unpack_from(data)
    zeroed = data[:12] + bytes(4) + data[16:]
    if magic != b"TRI1" or version != 1 or size != len(data) or crc32c(zeroed) != crc:
        raise Damaged(path)
    entries = list(INDEX_ENTRY.iter_unpack(data[INDEX_HEADER.size:]))
    if len(entries) != count:
        raise Damaged(path)
    return (topic_id, partition, base_offset, generation), covered, entries


# --- Journals: storage/commit.h, storage/epoch_file.h --------------------------------------------

COMMIT_HEADER = struct.Struct("<4sIQQIIII24x")
COMMIT_ENTRY = struct.Struct("<Ii16sqqII")
EPOCH_FILE = struct.Struct("<4sIQII")


class Commit:
    """One commit; `entries` are (kind, topic id, partition, base offset, durable offset, payload)."""

    def __init__(self, data, position):
        magic, version, self.epoch, self.sequence, size, count, self.core, crc = (
            COMMIT_HEADER.unpack_from(data, position))
        if magic != b"TRJ1" or version != 1 or not COMMIT_HEADER.size <= size <= len(data):
            raise Damaged("not a commit")
        self.position, self.size = position, blocks(size)
        whole = bytearray(data[position:position + size])
        whole[36:40] = bytes(4)
        if len(whole) < size or crc32c(whole) != crc:
            raise Damaged("a wrong checksum")
        self.entries = []
        at = COMMIT_HEADER.size
        for _ in range(count):
            kind, partition, topic_id, base_offset, durable_offset, payload_size, _ = (
                COMMIT_ENTRY.unpack_from(whole, at))
            begin = at + COMMIT_ENTRY.size
            self.entries.append((kind, topic_id, partition, base_offset, durable_offset,
                                 bytes(whole[begin:begin + payload_size])))
            at = (begin + payload_size + 7) // 8 * 8


def commits(path):
    """All whole commits of a journal file, in the order of their positions."""
    data = path.read_bytes()
    position = 0
    while (position := data.find(b"TRJ1", position)) >= 0:
        size = 1
        if position % BLOCK == 0:
            try:
                commit = Commit(data, position)
                size = commit.size
                yield commit
            except (Damaged, struct.error):
                pass
        position += size


# --- The catalog: storage/catalog.h, storage/state_file.h ----------------------------------------

STATE_HEADER = struct.Struct("<4sIII16siIIIqqqIIII")
STATE_SEGMENT = struct.Struct("<qQqIIqqq")
STATE_EPOCH = struct.Struct("<iIq")
STATE_PRODUCER = struct.Struct("<qhHiq")
STATE_BATCH = struct.Struct("<iiqqq")
STATE_TRANSACTION = struct.Struct("<qqq")
STATE_RANGE = struct.Struct("<qq")


class State:
    """What the catalog says about one log; each list holds tuples in the order of the format."""

    def __init__(self, data):
        (magic, version, size, crc, self.topic_id, self.partition, segments, epochs, producers,
         self.start_offset, self.recovery_offset, self.cleaned_offset, damages, name_size,
         transactions, _) = (
             STATE_HEADER.unpack_from(data))
        if magic != b"TRS1" or version != 3 or size != len(data):
            raise Damaged("not a state")
        if crc32c(data[:12] + bytes(4) + data[16:]) != crc:
            raise Damaged("a wrong checksum")
        self._data, self._at = data, STATE_HEADER.size
        self.segments = [self._take(STATE_SEGMENT) for _ in range(segments)]
        self.epochs = [self._take(STATE_EPOCH) for _ in range(epochs)]
        self.producers = []
        for _ in range(producers):
            producer = self._take(STATE_PRODUCER)
            self.producers.append((producer, [self._take(STATE_BATCH)
                                              for _ in range(producer[2])]))
        self.transactions = [self._take(STATE_TRANSACTION) for _ in range(transactions)]
        self.damages = [self._take(STATE_RANGE) for _ in range(damages)]
        self.topic = data[self._at:].decode()
        if self._at + name_size != len(data):
            raise Damaged("bytes that belong to nothing")

    def _take(self, form):
        self._at += form.size
        return form.unpack_from(self._data, self._at - form.size)


def states(directory):
    """{(topic name, partition): State}, the newest of each log that is not removed."""
    newest, epoch = {}, None
    for path in [directory / "base", *sorted(directory.glob("*.catalog"))]:
        for commit in commits(path):
            epoch = commit.epoch if epoch is None else epoch
            for kind, topic_id, partition, entry_version, _, payload in commit.entries:
                key = topic_id, partition
                if commit.epoch == epoch and kind in (3, 4) and (
                        key not in newest or newest[key][0] < entry_version):
                    newest[key] = entry_version, State(payload) if kind == 3 else None
    return {(state.topic, state.partition): state
            for _, state in newest.values() if state is not None}


def read_epoch(path):
    """The number in journal/epoch, of which there are two copies, or a .clean file."""
    data = path.read_bytes()
    magic, version, epoch, crc, _ = EPOCH_FILE.unpack_from(data)
    if magic != b"TRE1" or version != 1 or crc32c(data[:16]) != crc:
        raise Damaged(path)
    return epoch


# --- Metadata: cluster/metadata_format.h, cluster/metadata_record.h, cluster/records/metadata.msg ---

METADATA_STATE = struct.Struct("<8sIIQQQQ16x")
METADATA_LOG_HEADER = struct.Struct("<8sIIQQ")
METADATA_BATCH = struct.Struct("<4sIQQII")
METADATA_ENTRY = struct.Struct("<QII")
METADATA_SNAPSHOT = struct.Struct("<8sIIQQQQQ")
METADATA_RECORD = struct.Struct(">hhI")
METADATA_COMMAND = 1
METADATA_RECORDS = {1: "cluster", 2: "broker", 3: "topic", 4: "partition", 5: "remove_topic",
                    6: "topic_config", 7: "broker_config", 8: "producer_ids", 9: "deleted_topics"}


def _checked(data, form, magic):
    """The fields of a block behind magic, checksum and version."""
    found, crc, version, *fields = form.unpack_from(data)
    if found != magic or version != 1 or crc32c(data[12:]) != crc:
        raise Damaged(magic)
    return fields


def read_metadata_state(path):
    """(term, vote, stored index, server id)."""
    return tuple(_checked(path.read_bytes(), METADATA_STATE, b"TRMSTATE"))


def metadata_records(data):
    """[(name of the record, version, body)]."""
    found = []
    while data:
        key, version, size = METADATA_RECORD.unpack_from(data)
        begin = METADATA_RECORD.size
        if begin + size > len(data):
            raise Damaged("a record longer than what holds it")
        found.append((METADATA_RECORDS[key], version, bytes(data[begin:begin + size])))
        data = data[begin + size:]
    return found


def topic_of_record(body):
    """(topic id, name) of a topic's record."""
    size = struct.unpack_from(">h", body, 16)[0]
    return body[:16], body[18:18 + size].decode()


class MetadataBatch:
    """One batch of the metadata log; `entries` are (index, term, kind, data)."""

    def __init__(self, data, position, file_id):
        magic, crc, id_, first_index, count, size = METADATA_BATCH.unpack_from(data, position)
        begin = position + METADATA_BATCH.size
        if magic != b"TRMB" or id_ != file_id or begin + size > len(data):
            raise Damaged("not a batch of this file")
        if crc32c(data[position + 8:begin + size]) != crc:
            raise Damaged("a wrong checksum")
        self.position, self.size = position, blocks(METADATA_BATCH.size + size)
        self.first_index, self.entries = first_index, []
        for index in range(first_index, first_index + count):
            term, entry_size, kind = METADATA_ENTRY.unpack_from(data, begin)
            begin += METADATA_ENTRY.size
            self.entries.append((index, term, kind, bytes(data[begin:begin + entry_size])))
            begin += entry_size


class MetadataLog:
    """A file of the metadata log: its whole batches, up to the first that is none."""

    def __init__(self, path):
        data = path.read_bytes()
        file_id, self.first_index = _checked(data[:BLOCK], METADATA_LOG_HEADER, b"TRM_LOG_")
        self.batches, position = [], BLOCK
        while position < len(data):
            try:
                self.batches.append(MetadataBatch(data, position, file_id))
            except (Damaged, struct.error):
                break
            position += self.batches[-1].size

    def records(self):
        return [record for batch in self.batches for _, _, kind, data in batch.entries
                if kind == METADATA_COMMAND for record in metadata_records(data)]


def read_metadata_snapshot(path):
    """(index, term, records)."""
    data = path.read_bytes()
    index, term, _, configuration_size, records_size = _checked(data, METADATA_SNAPSHOT,
                                                                b"TRM_SNAP")
    begin = METADATA_SNAPSHOT.size + configuration_size
    if begin + records_size != len(data):
        raise Damaged(path)
    return index, term, metadata_records(data[begin:])


def read_meta_properties(path):
    """{name: value}: cluster/meta_properties.h."""
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


# --- A directory: storage/path.h -----------------------------------------------------------------

class Store:
    """What a directory of log.dirs holds. The broker must not run."""

    TOPIC = re.compile(r"(.+)-([A-Za-z0-9_-]{22})")

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.segments = {}  # (topic name, partition) -> [Segment], by base offset
        self.topic_ids = {}
        for topic in sorted((self.directory / "topics").iterdir()):
            name, text = self.TOPIC.fullmatch(topic.name).groups()
            topic_id = base64.urlsafe_b64decode(text + "==")
            self.topic_ids[topic_id] = name
            for partition in topic.iterdir():
                if partition.name.isdigit():
                    self.segments[name, int(partition.name)] = [
                        Segment(path, topic_id, int(partition.name))
                        for path in sorted(partition.glob("*.log"))]

    def journal(self):
        """Batches of the present run's commits: {(topic name, partition): [Batch]}."""
        epoch = read_epoch(self.directory / "journal" / "epoch")
        found = {}
        for path in sorted((self.directory / "journal").glob("*.journal")):
            for commit in commits(path):
                for kind, topic_id, partition, _, _, payload in commit.entries:
                    if commit.epoch == epoch and kind == 1 and topic_id in self.topic_ids:
                        key = self.topic_ids[topic_id], partition
                        found.setdefault(key, []).append(Batch(payload))
        return found

    def records(self):
        """{(topic name, partition): {offset: (timestamp, key, value, headers)}}, from segments and
        journals together: what is in both is the same."""
        batches = {key: [batch for segment in segments for batch in segment.batches()]
                   for key, segments in self.segments.items()}
        for key, more in self.journal().items():
            batches.setdefault(key, []).extend(more)
        return {key: {record[0]: record[1:] for batch in of_one for record in batch.records()}
                for key, of_one in batches.items()}
