"""Record batches (magic 2), built and taken apart byte by byte, and the codecs that the standard
library lacks in their simplest form: they store, or repeat, but do not search."""
import struct
import zlib

from wire import Reader, varint

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
TRANSACTIONAL, CONTROL, LOG_APPEND_TIME = 0x10, 0x20, 0x08


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC_TABLE = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _sized(data):
    return varint(-1) if data is None else varint(len(data)) + data


def record(offset_delta, value, key=None, headers=(), time_delta=0):
    body = b"\0" + varint(time_delta) + varint(offset_delta) + _sized(key) + _sized(value)
    body += varint(len(headers))
    for name, content in headers:
        body += _sized(name) + _sized(content)
    return varint(len(body)) + body


def batch_of(payload, count, *, codec=NONE, attributes=0, base_offset=0, time_ms=1_700_000_000_000,
             max_time_ms=None, producer_id=-1, producer_epoch=-1, sequence=-1, magic=2,
             last_delta=None, crc_flip=0, length_add=0):
    """A batch around record bytes, compressed already or not; every header field can be wrong."""
    tail = struct.pack(">hiqqqhii", attributes | codec, count - 1 if last_delta is None else last_delta,
                       time_ms, time_ms if max_time_ms is None else max_time_ms, producer_id,
                       producer_epoch, sequence, count) + payload
    crc = crc32c(tail) ^ crc_flip
    return struct.pack(">qiibI", base_offset, len(tail) + 9 + length_add, -1, magic, crc) + tail


def batch(values, *, keys=None, headers=(), codec=NONE, time_ms=1_700_000_000_000, time_step=0, **rest):
    """A batch of records with these values (None is null)."""
    payload = b"".join(
        record(i, value, keys[i] if keys else None, headers, i * time_step)
        for i, value in enumerate(values))
    return batch_of(compress(codec, payload), len(values), codec=codec, time_ms=time_ms,
                    max_time_ms=time_ms + max(0, (len(values) - 1) * time_step), **rest)


class Batch:
    """What a batch says."""

    def __init__(self, reader):
        self.base_offset = reader.number(">q")
        size = reader.number(">i")
        body = Reader(reader.take(size))
        self.leader_epoch = body.number(">i")
        self.magic = body.number(">b")
        self.crc = body.number(">I")
        self.crc_is_right = crc32c(body.data[body.at:]) == self.crc
        self.attributes = body.number(">h")
        self.last_offset = self.base_offset + body.number(">i")
        self.base_time_ms = body.number(">q")
        self.max_time_ms = body.number(">q")
        self.producer_id = body.number(">q")
        self.producer_epoch = body.number(">h")
        self.sequence = body.number(">i")
        self.count = body.number(">i")
        self.payload = bytes(body.take(body.remaining()))
        self.codec = self.attributes & 7

    def records(self):
        """[(offset, key, value, headers)] of an uncompressed or gzip batch."""
        data = zlib.decompress(self.payload, 31) if self.codec == GZIP else self.payload
        reader, out = Reader(data), []
        for _ in range(self.count):
            reader.varint()
            reader.take(1)
            reader.varint()
            offset = self.base_offset + reader.varint()
            key, value = _take_sized(reader), _take_sized(reader)
            headers = [(_take_sized(reader), _take_sized(reader)) for _ in range(reader.varint())]
            out.append((offset, key, value, headers))
        return out


def _take_sized(reader):
    size = reader.varint()
    return None if size < 0 else bytes(reader.take(size))


def batches(data):
    """All whole batches of a fetch; a cut one at the end is left out."""
    reader, out = Reader(data), []
    while reader.remaining() >= 12:
        size = struct.unpack_from(">i", data, reader.at + 8)[0]
        if reader.remaining() < size + 12:
            break
        out.append(Batch(reader))
    return out


def values_of(data):
    return [value for b in batches(data) for _, _, value, _ in b.records()]


def compress(codec, data):
    return {NONE: bytes, GZIP: _gzip, SNAPPY: snappy_raw, LZ4: _lz4, ZSTD: _zstd}[codec](data)


def _gzip(data):
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def _plain_uvarint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def snappy_raw(data):
    """One block of literals (the framing of librdkafka)."""
    out = _plain_uvarint(len(data))
    for at in range(0, len(data), 65536):
        piece = data[at: at + 65536]
        out += b"\xf4" + struct.pack("<H", len(piece) - 1) + piece
    return out


def snappy_xerial(data):
    """Java's framing: a magic and blocks with their sizes."""
    block = snappy_raw(data)
    return b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1) + struct.pack(">i", len(block)) + block


def _rotate(value, bits):
    return (value << bits | value >> (32 - bits)) & 0xFFFFFFFF


def xxh32(data):
    """Of fewer than 16 bytes with seed 0: all that the header of an lz4 frame needs."""
    assert len(data) < 16
    p1, p2, p3, p4, p5 = 2654435761, 2246822519, 3266489917, 668265263, 374761393
    value, at = (p5 + len(data)) & 0xFFFFFFFF, 0
    while at + 4 <= len(data):
        word = struct.unpack_from("<I", data, at)[0]
        value = _rotate((value + word * p3) & 0xFFFFFFFF, 17) * p4 & 0xFFFFFFFF
        at += 4
    for byte in data[at:]:
        value = _rotate((value + byte * p5) & 0xFFFFFFFF, 11) * p1 & 0xFFFFFFFF
    value = (value ^ value >> 15) * p2 & 0xFFFFFFFF
    value = (value ^ value >> 13) * p3 & 0xFFFFFFFF
    return value ^ value >> 16


def _lz4_header():
    flags = b"\x60\x70"  # version 1, independent blocks, of up to 4 MiB
    return b"\x04\x22\x4d\x18" + flags + bytes([xxh32(flags) >> 8 & 0xFF])


def _lz4(data):
    out = _lz4_header()
    for at in range(0, len(data), 1 << 20):
        piece = data[at: at + (1 << 20)]
        out += struct.pack("<I", len(piece) | 0x80000000) + piece
    return out + struct.pack("<I", 0)


def _zstd_frame(size, blocks):
    header = b"\x28\xb5\x2f\xfd" + b"\xa0" + struct.pack("<I", size)  # one segment, 4-byte size
    return header + blocks


def _zstd(data):
    blocks, at = b"", 0
    while True:
        piece = data[at: at + 0x20000]
        at += len(piece)
        is_last = at >= len(data)
        blocks += struct.pack("<I", len(piece) << 3 | is_last)[:3] + piece
        if is_last:
            return _zstd_frame(len(data), blocks)


def bomb(codec, size):
    """A few bytes that claim, and become, `size` bytes of zeros."""
    if codec == GZIP:
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        zeros = bytes(1 << 20)
        return b"".join(packer.compress(zeros) for _ in range(size >> 20)) + packer.flush()
    if codec == SNAPPY:  # one literal zero, then copies of 64 bytes from one byte back
        return _plain_uvarint(size) + b"\0\0" + b"\xfe\1\0" * ((size - 1) // 64)
    if codec == LZ4:  # each block: one literal, one match of almost 4 MiB from one byte back
        block = b"\x1f\0\1\0" + b"\xff" * ((4 << 20) // 255 - 8) + b"\0" + b"\x50" + bytes(5)
        one = struct.pack("<I", len(block)) + block
        return _lz4_header() + one * (size >> 22) + struct.pack("<I", 0)
    assert codec == ZSTD  # blocks that repeat one byte 128 KiB long
    count = size >> 17
    blocks = b"".join(struct.pack("<I", 0x20000 << 3 | 1 << 1 | (i + 1 == count))[:3] + b"\0"
                      for i in range(count))
    return _zstd_frame(count << 17, blocks)
