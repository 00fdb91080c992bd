"""Messages drawn at random from the broker's own schemas: each is well-formed, and means anything. Null
where that may be, numbers at their ends, names and ids that there are (those learned from answers
among them) or are not. A message is a dict of its fields, which `encode` writes and `decode` reads."""
import pathlib
import random
import struct
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "schema"))

from batch import CONTROL, LOG_APPEND_TIME, TRANSACTIONAL, batch, batch_of, record  # noqa: E402
from check import check_schema  # noqa: E402
from memory import Memory  # noqa: E402
from model import INTEGER_RANGES  # noqa: E402
from parse import parse_file  # noqa: E402
from wire import NO_UUID, Reader, uvarint  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
NUMBERS = {"bool": ">?", "int8": ">b", "int16": ">h", "uint16": ">H", "int32": ">i",
           "uint32": ">I", "int64": ">q", "float64": ">d"}
LEARNED_MAX = 6  # of one name, and so that they are met again
INT32_MAX = 2**31 - 1
OFFSETS_TOPIC = "__consumer_offsets"
TOPICS, GROUPS = ("t", "u", OFFSETS_TOPIC, "none"), ("f", "g", "h")  # one in each of 3 partitions
EXPRESSIONS = (".*", "t", "(a|b)*", "(x{0}){1000}", "(((((){1000}){1000}){1000}){1000})", "[",
               "((a){1,30}){1,30}", "t|u")
# Settings: what they are set to, whatever their type, and at their ends by type (as in DescribeConfigs).
TOPIC, BROKER, GROUP = 2, 4, 32
WORDS = ("compact", "delete", "compact,delete", "zstd", "gzip", "lz4", "LogAppendTime", "true", "false", "",
         " 5 ", "x", "0.5", "nan", "0", "1", "-1", "1000", "65536")
ENDS = {1: ("true", "false"), 3: (2**31 - 1, 2**31, -2**31), 5: (2**63 - 1, 2**63, -2**63),
        4: (2**15 - 1, 2**15, -2**15), 6: ("1.0", "1.1", "1e300")}

# Names and numbers that there are, or may be, by the field that says them, with its struct in front
# where another means something else. A field without a line here takes any.
KNOWN = {
    **dict.fromkeys(("topic", "name", "topic_name", "topics", "topic_names", "resource_name",
                     "subscribed_topic_names"), TOPICS),
    **dict.fromkeys(("group", "group_id", "group_ids", "groups", "groups_names", "key", "coordinator_keys",
                     "transactional_id"), GROUPS),
    **dict.fromkeys(("instance_id", "group_instance_id"), ("i1", "i2")),
    **dict.fromkeys(("member_id", "leader"), ("", "m1", "m2", "m3")),
    **dict.fromkeys(("protocol_name", "protocol", "server_assignor", "protocol_type"),
                    ("range", "uniform", "consumer", "roundrobin")),
    **dict.fromkeys(("subscribed_topic_regex", "regular_expression"), EXPRESSIONS),
    **dict.fromkeys(("partition", "partition_index", "partition_indexes", "index", "partitions",
                     "owned_partitions"), (0, 1, 2, 3, 4, -1, 1 << 24, INT32_MAX)),
    **dict.fromkeys(("member_epoch", "previous_member_epoch", "generation_id", "generation",
                     "generation_id_or_member_epoch"), (-2, -1, 0, 1, 2, 3, 5)),
    **dict.fromkeys(("epoch", "assignment_epoch", "assignment_epochs"), (-1, 0, 1, 2, 3, 1 << 30)),
    **dict.fromkeys(("config_name", "configuration_keys"), ("none", "")),
    "config_value": WORDS,
    "max_wait_ms": (0, 0, 1, -5, 20),
    "timeout_ms": (0, 10, -1, 100, INT32_MAX),
    "session_timeout_ms": (6000, 10000, 1, 30000, 10000),
    "session_timeout": (6000, 10000, 0, -1, -2**31, INT32_MAX),
    **dict.fromkeys(("rebalance_timeout_ms", "rebalance_timeout"),
                    (-2**31, -1, 0, 1, 1000, 60000, INT32_MAX)),
    "acks": (-1, 0, 1, 1, -1, 7),
    "replica_id": (-1, -1, -1, 0, -2),
    "num_partitions": (-1, 1, 3, 0, -2, 200, 10001, INT32_MAX),
    "replication_factor": (-1, 1, 1, 0, 2, -3),
    "count": (1, 2, 3, 5, 0, -1, INT32_MAX),
    "key_type": (0, 0, 0, 1, 2, 3),
    "session_id": (0,),
    "session_epoch": (0, -1, 1, 2, 3),
    "fetch_offset": (0, 0, 1, 2, -1),
    "partition_max_bytes": (0, 1000, 1048576, -1),
    "max_bytes": (1048576, 0, 1, -1),
    "resource_type": (2, 2, 2, 4, 32, 8, 0, 99),
    "config_operation": (0, 0, 0, 1, 2, 3, 9, -1),
    "state": (0, 1, 2),
}
# The same in messages as clients send them: without these, hardly any would get as far as to change
# something.
USUAL = {
    **{name: TOPICS[:2] for name, values in KNOWN.items() if values is TOPICS},
    **dict.fromkeys(("member_id", "leader"), ("",)),
    **dict.fromkeys(("protocol_name", "protocol", "server_assignor"), ("range",)),
    "protocol_type": ("consumer",),
    **dict.fromkeys(("partition", "partition_index", "partition_indexes", "index", "partitions"),
                    (0, 1, 2)),
    "member_epoch": (0, 0, 0, -1, -2),
    "config_operation": (0, 0, 1),
    "resource_type": (TOPIC, TOPIC, GROUP),
    "resource_name": TOPICS[:3],
    "session_timeout_ms": (10000, 1000, 200),
    "rebalance_timeout_ms": (20, 50, 200),
    "acks": (-1, 1),
    "replica_id": (-1,),
    "num_partitions": (1, 3),
    "replication_factor": (-1, 1),
    "max_bytes": (1048576,),
    "partition_max_bytes": (1048576,),
    "session_epoch": (0, 1, 2),
    "committed_offset": (0, 1, 2),
    "transaction_timeout_ms": (1000, 60000),
    "producer_id": (-1,),
    "producer_epoch": (-1,),
}
# The same for one API: of those who begin.
BEGIN = {
    "JoinGroup": {"group_id": ("f", "f", "f", "g"), "member_id": ("",), "protocol_type": ("consumer",)},
    "ConsumerGroupHeartbeat": {
        "group_id": ("h", "h", "h", "g"), "member_id": ("m1", "m2", "m3"), "member_epoch": (0,),
        "topic_partitions": ([],), "subscribed_topic_names": (["t"], ["t", "u"], ["u", "none"])},
    "InitProducerId": {"transactional_id": (None,)},
    "Produce": {"transactional_id": (None,)},
    # "s" has no members.
    "OffsetCommit": {"group_id": ("s",), "member_id": ("",), "generation_id_or_member_epoch": (-1,),
                     "group_instance_id": (None,)},
    "OffsetFetch": {"group_id": ("s", "f", "h"), "member_id": (None,), "member_epoch": (-1,)},
    "OffsetDelete": {"group_id": ("s", "f", "h")},
    "DeleteGroups": {"groups_names": (["s"], ["f"], ["h", "g"])},
    "Fetch": {"session_id": (0,), "session_epoch": (0, 0, 0, -1)},
    "FindCoordinator": {"key_type": (0,)},
    "DescribeCluster": {"endpoint_type": (1,)},
    "ConsumerGroupDescribe": {"group_ids": (["h"], ["h", "g"])},
    # The groups' topic is deleted by those who say anything.
    "CreateTopics": {"topic_name": ("v", "w"), "assignments": ([],)},
    "CreatePartitions": {"topic_name": ("t", "v", "w"), "count": (4, 5, 6), "assignments": (None,)},
    "DeleteTopics": {"topic_name": ("v", "w", "v", "w", "u"), "topic_id": (NO_UUID,),
                     "topic_names": (["v"], ["w"], ["v", "w"], ["u"])},
}
# What an answer says in one field is asked with in others; of those not named here, in none.
LEARNED = {
    "topic_id": ("topic_id",),
    "member_id": ("member_id", "leader"),
    "leader": ("member_id", "leader"),
    "generation_id": ("generation_id", "generation_id_or_member_epoch"),
    "member_epoch": ("member_epoch", "generation_id_or_member_epoch", "generation_id"),
    "leader_epoch": ("current_leader_epoch", "leader_epoch", "last_fetched_epoch"),
    "producer_id": ("producer_id",),
    "producer_epoch": ("producer_epoch",),
    "high_watermark": ("fetch_offset",),
    "base_offset": ("fetch_offset", "offset"),
    "committed_offset": ("offset", "committed_offset"),
}


def schemas(pattern):
    """All messages of the files, [schema], in their files' order."""
    return [check_schema(parse_file(str(path))) for path in sorted(ROOT.glob(pattern))]


PLAIN = {message.title: message for schema in schemas("protocol/messages/consumer_*.msg")
         for message in schema.messages}


# --- Bytes -------------------------------------------------------------------------------------


def _length(size, form, is_compact):
    if is_compact:
        return uvarint(0 if size is None else size + 1)
    return struct.pack(form, -1 if size is None else size)


def _read_length(reader, form, is_compact):
    size = reader.uvarint() - 1 if is_compact else reader.number(form)
    return None if size < 0 else size


def _length_form(field):
    return ">h" if field.type.word == "string" else ">i"


def _is_in_place(field, version):
    return version in field.versions and (field.tag is None or version not in field.tagged)


def encode(message, version, values):
    return _encode_struct(message, message.root, version, values)


def _encode_struct(message, shape, version, values):
    out = b"".join(_encode_field(message, field, version, values[field.name])
                   for field in shape.fields if _is_in_place(field, version))
    if version not in message.flexible:
        return out
    tagged = [field for field in shape.tagged_fields()
              if field.name in values and not _is_in_place(field, version)]
    out += uvarint(len(tagged))
    for field in tagged:
        data = _encode_field(message, field, version, values[field.name])
        out += uvarint(field.tag) + uvarint(len(data)) + data
    return out


def _encode_field(message, field, version, value):
    if not field.type.is_array:
        return _encode_one(message, field, version, value)
    out = _length(None if value is None else len(value), ">i", version in message.flexible)
    return out + b"".join(_encode_one(message, field, version, one, True) for one in value or ())


def _encode_one(message, field, version, value, is_element=False):
    word = field.type.word
    if field.type.is_struct:
        if is_element or version not in field.nullable:
            return _encode_struct(message, field.type.struct, version, value)
        if value is None:
            return b"\xff"
        return b"\1" + _encode_struct(message, field.type.struct, version, value)
    if word == "uuid":
        return value.bytes
    if word in NUMBERS:
        return struct.pack(NUMBERS[word], value)
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    is_compact = version in message.flexible and not field.classic
    size = None if data is None else len(data)
    return _length(size, _length_form(field), is_compact) + (data or b"")


def decode(message, version, reader):
    """What the bytes say in this version; EOFError if they end too soon."""
    return _decode_struct(message, message.root, version, reader)


def _decode_struct(message, shape, version, reader):
    values = {field.name: _decode_field(message, field, version, reader)
              for field in shape.fields if _is_in_place(field, version)}
    by_tag = {field.tag: field for field in shape.tagged_fields()}
    for _ in range(reader.uvarint() if version in message.flexible else 0):
        field = by_tag[reader.uvarint()]
        inner = Reader(reader.take(reader.uvarint()))
        values[field.name] = _decode_field(message, field, version, inner)
        assert inner.remaining() == 0, f"{inner.remaining()} bytes too many in {field.name}"
    return values


def _decode_field(message, field, version, reader):
    if not field.type.is_array:
        return _decode_one(message, field, version, reader)
    count = _read_length(reader, ">i", version in message.flexible)
    assert count is not None or version in field.nullable, f"null in {field.name}"
    return None if count is None else [
        _decode_one(message, field, version, reader, True) for _ in range(count)]


def _decode_one(message, field, version, reader, is_element=False):
    word = field.type.word
    if field.type.is_struct:
        if not is_element and version in field.nullable and reader.number(">b") < 0:
            return None
        return _decode_struct(message, field.type.struct, version, reader)
    if word == "uuid":
        return uuid.UUID(bytes=bytes(reader.take(16)))
    if word in NUMBERS:
        return reader.number(NUMBERS[word])
    size = _read_length(reader, _length_form(field), version in message.flexible and not field.classic)
    assert size is not None or version in field.nullable, f"null in {field.name}"
    if size is None:
        return None
    data = bytes(reader.take(size))
    return data.decode("utf-8", "surrogateescape") if word == "string" else data


# --- Chance ------------------------------------------------------------------------------------


class Draw:
    """What one seed draws, message by message. Each message has chances of its own, so what has been
    learned, or not yet, changes no more than the values that are taken from it."""

    def __init__(self, seed):
        self.seed = seed
        self.known = {name: list(values) for name, values in KNOWN.items()}
        self.learned, self.memory = {}, Memory(TOPICS[:2])
        self.settings = {}  # by type of resource: {name: (type, value)}
        self.begin(0)

    def begin(self, *place):
        self.chance = random.Random(repr((self.seed, place)))
        self.is_usual, self.somebody, self.said = False, {}, {}

    def is_so(self, probability):
        return self.chance.random() < probability

    def one_of(self, values):
        return values[int(self.chance.random() * len(values))]

    def below(self, limit):
        return int(self.chance.random() * limit)

    def message(self, message, version, title="", line=0):
        """Anything that its schema allows, at times from somebody who is in the middle of something."""
        return self._message(message, version, title, line, 0.5)

    def usual_message(self, message, version, title, line):
        """Something that makes sense, mostly, and most often comes from such a one."""
        self.is_usual = True
        return self._message(message, version, title, line, 0.85)

    def _message(self, message, version, title, line, probability):
        is_somebody, at = self.is_so(probability), self.chance.random()
        people = self.memory.may_ask(title, line) if is_somebody else ()
        begin = {name: self.one_of(values) for name, values in BEGIN.get(title, {}).items()}
        if people:
            self.somebody = people[int(at * len(people))].says
        elif self.is_usual:
            self.somebody = begin
        return self._struct(message, message.root, version)

    def _struct(self, message, shape, version):
        values = {}
        for field in shape.fields:
            if _is_in_place(field, version):
                values[field.name] = self._field(message, shape, field, version)
            elif version in field.versions and self.is_so(0.2):
                values[field.name] = self._field(message, shape, field, version)
        return values

    def _field(self, message, shape, field, version):
        """As many chances are taken whatever is known of somebody."""
        qualified = f"{shape.word}_{field.name}"
        name = qualified if qualified in KNOWN else field.name
        is_as_known = self.is_so(0.98 if self.is_usual else 0.8)
        value = self._any(message, field, name, version)
        if is_as_known and name in self.somebody:
            value = self.somebody[name]
        self.said[name] = value
        return value

    def _any(self, message, field, name, version):
        is_left_out = self.is_so(self._share_left_out(field) if self.is_usual else 0.2)
        if version in field.nullable and is_left_out:
            return None
        if not field.type.is_array:
            return self._one(message, field, name, version)
        count = self.one_of((1,) * 8 + (0, 2, 2) if self.is_usual else (0, 1, 1, 1, 2, 2, 3))
        if self.is_usual and name in ("assignments", "topic_partitions") and self.is_so(0.7):
            count = 0
        return [self._one(message, field, name, version) for _ in range(count)]

    @staticmethod
    def _share_left_out(field):
        if field.type.word == "records":
            return 0.02
        return 0.6 if field.starts_null else 0.05

    def _one(self, message, field, name, version):
        word = field.type.word
        if field.type.is_struct:
            return self._struct(message, field.type.struct, version)
        if word == "bool":
            return self.is_so(0.15 if self.is_usual and name == "validate_only" else 0.5)
        if word == "float64":
            return 0.0
        if word == "uuid":
            return self._uuid(name)
        if word == "string":
            return self._text(name)
        if word == "bytes":
            return self._opaque()
        return self._records() if word == "records" else self._number(name, word)

    def _known(self, name, probability):
        """A known value by this name, or nothing; as many chances are taken whatever is known."""
        is_wanted, at = self.is_so(probability) or self.is_usual, self.chance.random()
        values = (*self._given(name), *self.learned.get(name, ()))
        return values[int(at * len(values))] if is_wanted and values else None

    def _given(self, name):
        if self.is_usual and name == "topic_id":
            return tuple(self.memory.topic_ids.values())
        kind = self.said.get("resource_type", TOPIC)
        if name == "resource_name" and kind in (BROKER, GROUP):
            return GROUPS if kind == GROUP else ("", "1")
        settings = self.settings.get(kind, {})
        if name in ("config_name", "configuration_keys") and settings:
            return tuple(settings)
        if name == "config_value":
            return self._setting_values(*settings.get(self.said["config_name"], (0, None)))
        given = self.known.get(name, ())
        return USUAL.get(name, given) if self.is_usual else given

    @staticmethod
    def _setting_values(kind, now):
        """Those in the middle, at the ends and beyond them."""
        if kind not in ENDS:
            return WORDS
        middle = ("0", "0", "1", "-1", "1000") if kind != 1 else ()
        return (*middle, *map(str, ENDS[kind]), *([now] if now else ()))

    def _number(self, name, word):
        low, high = INTEGER_RANGES[word]
        known = self._known(name, 0.8)
        edge = self.one_of((low, -2, -1, 0, 1, 2, 3, 1000, high - 1, high))
        return min(max(edge if known is None else known, low), high)

    def _text(self, name):
        known = self._known(name, 0.85)
        other = self.one_of(("", "a", "t", "g", "x" * 250, "x" * 300, "\udcff\0z", "..", "1", "broker"))
        return other if known is None else known

    def _uuid(self, name):
        known = self._known(name, 0.7)
        other = uuid.UUID(int=self.one_of((0, 1, self.below(2**52))))
        return other if known is None else known

    def _opaque(self):
        """Mostly what consumers say of themselves to each other."""
        if self.is_so(0.3) and not self.is_usual:
            return self.one_of((b"", b"\0\0\0\0\0\0\xff\xff\xff\xff", b"x"))
        message = self.one_of(tuple(PLAIN.values()))
        version = self.below(message.versions.last + 1)
        said = self.one_of((version, version, version, 99, -1))
        return struct.pack(">h", said) + encode(
            message, version, self._struct(message, message.root, version))

    def _records(self):
        if self.is_usual:
            return self._usual_batch()
        data = self._batch()
        if self.is_so(0.1):
            data = data[:self.below(len(data) + 1)]
        return data + self._batch() if self.is_so(0.05) else data

    def _usual_batch(self):
        values = [b"v" * self.below(50) for _ in range(self.one_of((1, 2, 5)))]
        keys = [b"k"] * len(values)
        if "producer_id" not in self.somebody:
            return batch(values, keys=keys)
        return batch(values, keys=keys, **{name: self.somebody[name] for name in (
            "producer_id", "producer_epoch", "sequence")})

    def _batch(self):
        count = self.one_of((1, 1, 2, 5))
        payload = b"".join(record(i, self.one_of((None, b"", b"v" * self.below(50))),
                                  self.one_of((None, b"k", b"kk"))) for i in range(count))
        producer = self._number("producer_id", "int64") if self.is_so(0.6) else -1
        is_one = producer >= 0
        epoch, sequence = self.one_of((-1, 0, 0, 1, -2, 32767)), self.one_of((-1, 0, 0, 1, 2, 5, INT32_MAX))
        time_ms = self.one_of((1_700_000_000_000, 1_700_000_000_000, 0, -1, 2**62))
        return batch_of(
            payload, self.one_of((count, count, count, count, 0, -1, count + 1)),
            attributes=self.one_of((0, 0, 0, 0, LOG_APPEND_TIME, TRANSACTIONAL, CONTROL,
                                    TRANSACTIONAL | CONTROL, 0x40, 1, 7)),
            last_delta=self.one_of((count - 1, count - 1, count - 1, count - 1, -1, count, INT32_MAX)),
            base_offset=self.one_of((0, 0, 5, -1)), time_ms=time_ms,
            max_time_ms=self.one_of((time_ms, time_ms + count - 1, -1)), producer_id=producer,
            producer_epoch=epoch if is_one else -1, sequence=sequence if is_one else -1)

    def learn(self, values):
        """Takes from an answer what can be asked with."""
        if isinstance(values, list):
            for value in values:
                self.learn(value)
        elif isinstance(values, dict):
            for name, value in values.items():
                if isinstance(value, (list, dict)):
                    self.learn(value)
                elif value not in (None, "", NO_UUID):
                    for other in LEARNED.get(name, ()):
                        self._keep(other, value)

    def _keep(self, name, value):
        """The newest few."""
        values = self.learned.setdefault(name, [])
        if value not in values:
            values.append(value)
            del values[:-LEARNED_MAX]


def show(values):
    """On one line, and no longer than can be read."""
    if isinstance(values, dict):
        return "{" + ", ".join(f"{name}: {show(value)}" for name, value in values.items()) + "}"
    if isinstance(values, list):
        return "[" + ", ".join(map(show, values)) + "]"
    if isinstance(values, bytes):
        return f"x'{values.hex()}'"
    return str(values) if isinstance(values, uuid.UUID) else repr(values)
