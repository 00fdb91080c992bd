"""Bytes that no client should send: each gets an error or a closed connection, and the broker goes
on serving others within bounded memory."""
import random
import re
import struct
import unittest

from case import *  # noqa: F403
from wire import Closed, raw_frame, request_frame, uvarint

MIB = 1 << 20
GROWTH_BYTES_MAX = 200 * MIB
SEED = 20260901

# What the log says of a connection that was closed because of what it sent.
SIZE = "request size is negative or above socket.request.max.bytes"
HEADER = "malformed request header"
KEY = "unknown api key"
VERSION = "unsupported version of this api"
BODY = "the request could not be decoded"
REFUSED = f"({SIZE}|{HEADER}|{KEY}|{VERSION}|{BODY})"


def header(key, version, flexible=False, correlation_id=1):
    out = struct.pack(">hhih", key, version, correlation_id, 1) + b"x"
    return out + (b"\0" if flexible else b"")


def cut(frame, size):
    """The frame with only `size` bytes of its payload, and a length that says so."""
    return raw_frame(frame[4: 4 + size])


class MalformedTest(WireCase):
    def setUp(self):
        super().setUp()
        self.still_serves()

    def still_serves(self):
        self.assertTrue(self.broker.is_alive())
        answer = self.connect().call("ApiVersions", 0)
        self.assertEqual(answer["error"], NONE)

    def closes(self, data, finish=False, reason=REFUSED):
        """The broker answers these bytes by closing the connection, and says in its log why and to
        whom; it goes on serving. Without `reason` nothing need be said: the client went first."""
        connection = self.connect()
        begin = len(self.broker.log)
        peer = "%s:%d" % connection.socket.getsockname()
        try:
            connection.send_bytes(data)
            if finish:
                connection.socket.shutdown(1)
        except OSError:  # closed before all was sent
            pass
        self.assertTrue(connection.is_closed(), data[:40])
        if reason and not isinstance(self.broker, ExternalBroker):
            line = f"level=warn.*{reason}.*peer={re.escape(peer)}"
            self.assertTrue(self.broker.says(line, begin), (reason, self.broker.log[begin:]))
        self.still_serves()

    def ends(self, data):
        """It closes, or answers something whole: never silence, never a crash."""
        connection = self.connect()
        connection.send_bytes(data)
        try:
            connection.receive_frame()
        except Closed:
            pass
        self.still_serves()

    def test_frame_sizes_that_cannot_be(self):
        for size in (-1, -(1 << 31), (1 << 31) - 1, 101 * MIB):
            with self.subTest(size):
                self.closes(struct.pack(">i", size) + b"rest", reason=SIZE)

    def test_frames_too_small_for_a_header(self):
        for size in (0, 1, 4, 7):
            with self.subTest(size):
                self.closes(struct.pack(">i", size) + bytes(size), reason=HEADER)

    def test_a_frame_that_ends_early(self):
        frame = request_frame("Metadata", 9, {"topics": []})
        for size in (1, 3, 4, 10, len(frame) - 1):
            with self.subTest(size):
                self.closes(frame[:size], finish=True, reason=None)

    def test_other_protocols(self):
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03",
                     b"\xff" * 64):
            with self.subTest(data[:5]):
                self.closes(data, finish=True, reason=SIZE)

    def test_unknown_keys_and_versions(self):
        for key, version in ((999, 0), (-1, 0), (4, 0)):
            with self.subTest(f"key {key}"):
                self.closes(raw_frame(header(key, version) + bytes(20)), reason=KEY)
        for key, version in ((3, 99), (3, -1), (0, 99), (1, 3), (2, 0)):
            with self.subTest(f"key {key} version {version}"):
                self.closes(raw_frame(header(key, version) + bytes(20)),
                            reason=f"({VERSION}|{HEADER})")

    def test_every_api_cut_anywhere(self):
        """A shorter body than its version has, in an honest frame."""
        name = self.topic()
        whole = {
            "Metadata": {"topics": [{"name": name}]},
            "Produce": self.produce_fields(name, batches.batch([b"v"])),
            "Fetch": self.fetch_fields(name, 0),
            "ListOffsets": {"topics": [{"name": name, "partitions": [{"index": 0}]}]},
            "CreateTopics": {"topics": [{"name": "never", "num_partitions": 1}]},
            "DescribeConfigs": {"resources": [{"type": 2, "name": name}]},
            "OffsetForLeaderEpoch": {"topics": [{"name": name, "partitions": [{"partition": 0}]}]},
        }
        versions = {"Metadata": 9, "Produce": 9, "Fetch": 12, "ListOffsets": 7, "CreateTopics": 5,
                    "DescribeConfigs": 4, "OffsetForLeaderEpoch": 4}
        for api, fields in whole.items():
            frame = request_frame(api, versions[api], fields)
            for size in range(12, len(frame) - 4, 7):
                with self.subTest(f"{api} {size}"):
                    self.ends(cut(frame, size))

    def test_counts_beyond_the_frame(self):
        """Room for what is counted must not be taken before it is seen to be there."""
        before = self.memory()
        huge = struct.pack(">i", 0x7FFFFFFF)
        cases = [header(3, 1) + huge, header(3, 1) + struct.pack(">i", 1 << 24),
                 header(3, 9, True) + uvarint(0x7FFFFFFF), header(3, 9, True) + uvarint(1 << 28),
                 header(19, 2) + huge, header(2, 1) + struct.pack(">i", -1) + huge,
                 header(0, 3) + struct.pack(">hhi", -1, 1, 1) + huge,
                 header(32, 4, True) + uvarint(0x7FFFFFFF)]
        for body in cases:
            with self.subTest(body.hex()):
                self.closes(raw_frame(body + bytes(8)), reason=BODY)
        self.stayed_small(before)

    def test_varints_that_do_not_end(self):
        for body in (header(3, 9, True) + b"\xff" * 12, header(3, 9) + b"\xff" * 12,
                     header(3, 9, True) + b"\x80" * 5 + b"\0"):
            with self.subTest(body.hex()):
                self.closes(raw_frame(body))

    def test_null_where_none_may_be(self):
        """A topic without a name in Metadata 8; a null array in ListOffsets 1; null names."""
        for body in (header(3, 8) + struct.pack(">ih", 1, -1) + bytes(3),
                     header(2, 1) + struct.pack(">ii", -1, -1),
                     header(20, 1) + struct.pack(">ihi", 1, -1, 1000)):
            with self.subTest(body.hex()):
                self.closes(raw_frame(body), reason=BODY)

    def test_tagged_fields_that_lie(self):
        for tags in (uvarint(1) + uvarint(7) + uvarint(1000), uvarint(0xFFFFFFF),
                     uvarint(1) + uvarint(7)):
            with self.subTest(tags.hex()):
                self.closes(raw_frame(header(3, 9) + tags), reason=HEADER)

    def test_unknown_tagged_fields_are_skipped(self):
        frame = raw_frame(header(3, 9) + uvarint(1) + uvarint(99) + uvarint(3) + b"abc"
                          + uvarint(1) + b"\0\0\0" + uvarint(1) + uvarint(77) + uvarint(1) + b"z")
        connection = self.connect()
        connection.send_bytes(frame)
        connection.receive_frame()

    def test_old_message_formats_are_refused(self):
        name = self.topic()
        for magic in (0, 1, 3, 127):
            answer = self.produce(name, batches.batch([b"v"], magic=magic))
            self.assertNotEqual(answer["error"], NONE, magic)
        self.assertEqual(self.list_offsets(name, LATEST)[0]["offset"], 0)
        self.still_serves()

    def test_batches_that_are_cut_or_lie_about_their_length(self):
        name = self.topic()
        whole = batches.batch([b"value"] * 3)
        sent = [whole[:size] for size in (1, 11, 12, 17, 60, 61, len(whole) - 1)]
        sent += [batches.batch([b"v"], length_add=n) for n in (-30, -1, 1, 1 << 20, -(1 << 30))]
        for records in sent:
            with self.subTest(len(records)):
                connection = self.connect()
                connection.send("Produce", 9, **self.produce_fields(name, records))
                try:
                    answer = connection.receive()["topics"][0]["partitions"][0]
                    self.assertNotEqual(answer["error"], NONE)
                except Closed:
                    pass
                self.still_serves()
        self.assertEqual(self.list_offsets(name, LATEST)[0]["offset"], 0)

    def test_records_that_lie_about_their_lengths(self):
        name = self.topic()
        for payload in (b"\xff" * 20, batches.varint(1000) + b"\0\0\0", batches.varint(-5) + bytes(9),
                        b"\x80" * 20, batches.record(0, b"v")[:-2]):
            answer = self.produce(name, batches.batch_of(payload, 1))
            self.assertNotEqual(answer["error"], NONE, payload)
        self.assertEqual(self.list_offsets(name, LATEST)[0]["offset"], 0)

    def test_payloads_that_do_not_decompress(self):
        name = self.topic()
        for codec in (1, 2, 3, 4, 5, 6, 7):
            for payload in (b"", b"rubbish", bytes(100), b"\xff" * 100):
                answer = self.produce(name, batches.batch_of(payload, 1, codec=codec))
                self.assertNotEqual(answer["error"], NONE, (codec, payload))
        self.assertEqual(self.list_offsets(name, LATEST)[0]["offset"], 0)
        self.still_serves()

    def test_bombs_of_every_codec_are_refused_in_bounded_memory(self):
        """A megabyte that becomes a gigabyte; the claimed counts do not fit it."""
        self.must_start_it()
        name = self.topic()
        before = self.memory()
        for codec in (batches.GZIP, batches.SNAPPY, batches.LZ4, batches.ZSTD):
            size = (20 if codec == batches.SNAPPY else 200) * MIB
            sent = batches.batch_of(batches.bomb(codec, size), 1, codec=codec)
            answer = self.produce(name, sent)
            self.assertNotEqual(answer["error"], NONE, codec)
            self.stayed_small(before)
        self.still_serves()

    def test_silent_connections_cost_little(self):
        self.must_start_it()
        before = self.memory()
        silent = [self.connect() for _ in range(200)]
        for connection in silent:
            connection.send_bytes(struct.pack(">i", 90 * MIB) + b"slow")
        self.still_serves()
        self.stayed_small(before)

    def test_large_answers_that_nobody_reads_yet_are_few(self):
        """Forty requests of some kilobytes, each with an answer that takes 20 MiB to make."""
        self.must_start_it()
        asked = {"topics": [{"topic_id": NO_UUID, "name": self.topic(500)}] * 300}
        before = self.broker.memory_bytes()
        self.broker.memory_bytes_max()
        frame = request_frame("Metadata", 12, asked)
        connection = self.connect()
        connection.send_bytes(frame * 40)
        sizes = {len(connection.receive_frame()) for _ in range(40)}
        self.assertEqual(len(sizes), 1)
        self.assertGreater(sizes.pop(), 2 * MIB)
        self.assertLess(self.broker.memory_bytes_max() - before, 2 * GROWTH_BYTES_MAX)
        self.still_serves()

    def test_random_bytes_and_random_changes(self):
        """2,000 frames from a fixed seed: some rubbish, most real ones with a few bytes changed."""
        chance = random.Random(SEED)
        name = self.topic()
        real = [request_frame("Metadata", 12, {"topics": [{"topic_id": NO_UUID, "name": name}]}),
                request_frame("Fetch", 12, self.fetch_fields(name, 0)),
                request_frame("ListOffsets", 7, {"topics": [{"name": name, "partitions": [
                    {"index": 0, "current_leader_epoch": -1, "timestamp": -1}]}]}),
                request_frame("DescribeConfigs", 4, {"resources": [{"type": 2, "name": name}]}),
                request_frame("Produce", 9, self.produce_fields(name, batches.batch([b"v"])))]
        for _ in range(2000):
            frame = bytearray(chance.choice(real))
            for _ in range(chance.randint(1, 4)):
                frame[chance.randrange(8, len(frame))] = chance.randrange(256)
            connection = self.connect()
            connection.send_bytes(bytes(frame))
            connection.close()
        self.still_serves()

    def memory(self):
        return None if isinstance(self.broker, ExternalBroker) else self.broker.memory_bytes()

    def stayed_small(self, before):
        if before is not None:
            self.assertLess(self.broker.memory_bytes() - before, GROWTH_BYTES_MAX)


if __name__ == "__main__":
    unittest.main()
