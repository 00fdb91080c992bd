"""What a schema says, as plain data: files hold messages, messages hold structs, structs hold fields.

parse.py builds these from text, check.py completes and judges them, the emitters only read them.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field

FOREVER = 32767

# Schema word -> (C type, bytes on the wire, suffix of reader_ and writer_).
NUMBERS = {
    "bool": ("bool", 1, None),
    "int8": ("int8_t", 1, "i8"),
    "int16": ("int16_t", 2, "i16"),
    "uint16": ("uint16_t", 2, "u16"),
    "int32": ("int32_t", 4, "i32"),
    "uint32": ("uint32_t", 4, "u32"),
    "int64": ("int64_t", 8, "i64"),
    "float64": ("double", 8, "f64"),
    "uuid": ("struct uuid", 16, "uuid"),
}
TEXTS = ("string", "bytes")
SCALARS = (*NUMBERS, *TEXTS, "records")
INTEGER_RANGES = {
    "int8": (-(2**7), 2**7 - 1), "int16": (-(2**15), 2**15 - 1), "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1), "int64": (-(2**63), 2**63 - 1),
}


class SchemaError(Exception):
    """A mistake in a schema: where it stands, what is wrong, how to mend it."""

    def __init__(self, place: Place, wrong: str, mend: str):
        super().__init__(f"{place}: {wrong}; {mend}")


@dataclass(frozen=True)
class Place:
    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Versions:
    """A range of versions, both ends included; first > last is no version at all."""

    first: int
    last: int

    def __bool__(self) -> bool:
        return self.first <= self.last

    def __contains__(self, version: int) -> bool:
        return self.first <= version <= self.last

    def __and__(self, other: Versions) -> Versions:
        both = Versions(max(self.first, other.first), min(self.last, other.last))
        return both if both else NO_VERSIONS

    def within(self, other: Versions) -> bool:
        return not self or (other.first <= self.first and self.last <= other.last)

    def __str__(self) -> str:
        if not self:
            return "none"
        if self.last == FOREVER:
            return f"v{self.first}+"
        return f"v{self.first}" if self.first == self.last else f"v{self.first}-{self.last}"


NO_VERSIONS = Versions(1, 0)


@dataclass
class Type:
    """A scalar's word, or the short name of a struct; perhaps an array of them."""

    word: str
    is_array: bool = False
    struct: Struct | None = None  # set by check.py

    @property
    def is_struct(self) -> bool:
        return self.word not in SCALARS

    def __str__(self) -> str:
        return f"[{self.word}]" if self.is_array else self.word


@dataclass
class Field:
    place: Place
    name: str
    type: Type
    versions: Versions
    nullable: Versions = NO_VERSIONS
    default: object = None  # None is Kafka's null where the field starts as null
    default_text: str | None = None  # as written; None if the schema says nothing
    tag: int | None = None
    tagged: Versions = NO_VERSIONS
    ignorable: bool = False
    classic: bool = False  # keeps its classic length in flexible versions
    doc: list[str] = field(default_factory=list)

    @property
    def starts_null(self) -> bool:
        return self.default is None and bool(self.nullable)


@dataclass
class Struct:
    place: Place
    word: str  # short name; empty for the message itself
    fields: list[Field] = field(default_factory=list)
    versions: Versions = NO_VERSIONS  # those in which it can be on the wire
    c_name: str = ""

    def tagged_fields(self) -> list[Field]:
        return sorted((f for f in self.fields if f.tag is not None), key=lambda f: f.tag)


@dataclass
class Message:
    """One thing that is encoded alone: a request, a response, a data structure or a record."""

    place: Place
    kind: str  # request, response, data, record
    title: str  # Kafka's name: Produce, RequestHeader
    c_name: str
    key: int
    versions: Versions
    flexible: Versions
    root: Struct
    structs: list[Struct] = field(default_factory=list)  # inner before outer, the root last
    doc: list[str] = field(default_factory=list)


@dataclass
class Api:
    place: Place
    title: str
    key: int
    versions: Versions
    flexible: Versions
    served: Versions  # none if the broker does not answer it
    advertised_min: int


@dataclass
class Schema:
    """One .msg file."""

    path: str
    stem: str  # file name without number and suffix: produce
    number: int | None
    api: Api | None = None
    messages: list[Message] = field(default_factory=list)
    doc: list[str] = field(default_factory=list)


def snake_case(name: str) -> str:
    """Kafka's CamelCase names as C writes them: ApiKeys -> api_keys, TimeoutMs -> timeout_ms."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", words).lower()
