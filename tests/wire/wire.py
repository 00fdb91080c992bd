"""A tiny Kafka client: codecs that walk the tables of schema.py, frames, one connection.

Messages are dicts. A field that is left out of a request is zero, empty, or null where it may be."""
import pathlib
import socket
import struct
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from patience import PATIENCE_SECONDS  # noqa: E402
from schema import APIS  # noqa: E402

NUMBERS = {"bool": ">?", "i8": ">b", "i16": ">h", "i32": ">i", "i64": ">q"}
NO_UUID = uuid.UUID(int=0)


def uvarint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def varint(number):
    """Zigzag, as inside records."""
    return uvarint((number << 1) ^ (number >> 63) if number < 0 else number << 1)


class Reader:
    """Takes a message apart; raises EOFError when it ends too soon."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if size < 0 or self.at + size > len(self.data):
            raise EOFError(f"{size} bytes wanted, {len(self.data) - self.at} left")
        self.at += size
        return self.data[self.at - size: self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def uvarint(self):
        result = shift = 0
        while True:
            byte = self.take(1)[0]
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    def varint(self):
        number = self.uvarint()
        return (number >> 1) ^ -(number & 1)

    def remaining(self):
        return len(self.data) - self.at


def _length(size, form, flexible):
    """`size` None is null."""
    if flexible:
        return uvarint(0 if size is None else size + 1)
    return struct.pack(form, -1 if size is None else size)


def _encode_one(field, value, version, flexible):
    if field.type in NUMBERS:
        return struct.pack(NUMBERS[field.type], value)
    if field.type == "uuid":
        return value.bytes
    if field.type == "{}":
        return encode_fields(field.fields, value, version, flexible)
    data = value.encode() if isinstance(value, str) else value
    form = ">h" if field.type == "str" else ">i"
    return _length(None if data is None else len(data), form, flexible) + (data or b"")


def _default(field, version):
    if field.may_be_null(version):
        return None
    if field.is_array:
        return []
    return {"str": "", "uuid": NO_UUID, "bytes": b"", "records": b"", "{}": {}}.get(field.type, 0)


def _encode_field(field, value, version, flexible):
    if field.is_array:
        out = _length(None if value is None else len(value), ">i", flexible)
        return out + b"".join(_encode_one(field, v, version, flexible) for v in value or ())
    if field.type == "{}" and field.null_from is not None:
        return b"\xff" if value is None else b"\1" + _encode_one(field, value, version, flexible)
    return _encode_one(field, value, version, flexible)


def encode_fields(fields, values, version, flexible):
    unknown = set(values) - {field.name for field in fields}
    assert not unknown, f"no such field: {unknown}"
    out = b""
    for field in fields:
        if field.stands_in(version):
            value = values.get(field.name, _default(field, version))
            out += _encode_field(field, value, version, flexible)
    return out + (b"\0" if flexible else b"")


def _read_length(reader, form, flexible):
    size = reader.uvarint() - 1 if flexible else reader.number(form)
    return None if size < 0 else size


def _decode_one(field, reader, version, flexible):
    if field.type in NUMBERS:
        return reader.number(NUMBERS[field.type])
    if field.type == "uuid":
        return uuid.UUID(bytes=bytes(reader.take(16)))
    if field.type == "{}":
        return decode_fields(field.fields, reader, version, flexible)
    size = _read_length(reader, ">h" if field.type == "str" else ">i", flexible)
    if size is None:
        return None
    data = reader.take(size)
    return data.decode() if field.type == "str" else bytes(data)


def _decode_field(field, reader, version, flexible):
    if field.is_array:
        count = _read_length(reader, ">i", flexible)
        if count is None:
            return None
        return [_decode_one(field, reader, version, flexible) for _ in range(count)]
    if field.type == "{}" and field.null_from is not None and reader.number(">b") < 0:
        return None
    return _decode_one(field, reader, version, flexible)


def decode_fields(fields, reader, version, flexible):
    values = {}
    for field in fields:
        if field.stands_in(version):
            values[field.name] = _decode_field(field, reader, version, flexible)
            if values[field.name] is None and not field.may_be_null(version):
                raise ValueError(f"null in {field.name}, version {version}")
    if flexible:
        values["tags"] = {}
        for _ in range(reader.uvarint()):
            tag = reader.uvarint()
            values["tags"][tag] = bytes(reader.take(reader.uvarint()))
    return values


def request_frame(name, version, fields, correlation_id=1, client_id="wire-test"):
    """A whole frame with its size."""
    api = APIS[name]
    flexible = version >= api.flexible
    header = struct.pack(">hhi", api.key, version, correlation_id)
    header += _length(None if client_id is None else len(client_id), ">h", False)
    header += (client_id or "").encode() + (b"\0" if flexible else b"")
    body = encode_fields(api.request, fields, version, flexible)
    return struct.pack(">i", len(header) + len(body)) + header + body


def raw_frame(payload):
    return struct.pack(">i", len(payload)) + payload


class Closed(Exception):
    """The broker closed the connection."""


class Connection:
    """One connection. `call` asks and waits; `send` and `receive` apart make a pipeline."""

    def __init__(self, host, port, timeout=PATIENCE_SECONDS):
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation_id = 0
        self.client_id = "wire-test"
        self.sent = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, name, version, **fields):
        """Sends a request without waiting; its correlation id."""
        self.correlation_id += 1
        self.send_bytes(request_frame(name, version, fields, self.correlation_id, self.client_id))
        self.sent.append((name, version, self.correlation_id))
        return self.correlation_id

    def receive_frame(self):
        """The next frame without its size; Closed if there is none."""
        size = struct.unpack(">i", self._receive(4))[0]
        return self._receive(size)

    def _receive(self, size):
        data = bytearray()
        while len(data) < size:
            try:
                piece = self.socket.recv(min(size - len(data), 1 << 20))
            except ConnectionResetError:
                raise Closed from None
            if not piece:
                raise Closed
            data += piece
        return bytes(data)

    def receive(self):
        """The response to the oldest request that is still open; all of its bytes must be used."""
        name, version, correlation_id = self.sent.pop(0)
        api = APIS[name]
        reader = Reader(self.receive_frame())
        answered = reader.number(">i")
        assert answered == correlation_id, f"{answered} answered, {correlation_id} expected"
        flexible = version >= api.flexible
        if flexible and name != "ApiVersions":
            assert reader.uvarint() == 0, "tags in a response header"
        values = decode_fields(api.response, reader, version, flexible)
        assert reader.remaining() == 0, f"{reader.remaining()} bytes too many"
        return values

    def call(self, name, version, **fields):
        self.send(name, version, **fields)
        return self.receive()

    def is_closed(self):
        """True when the broker closes the connection without a word (within the timeout)."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
