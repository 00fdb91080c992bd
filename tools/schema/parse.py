"""Text of a .msg file -> model. The language is described in tools/schema/README.md."""
from __future__ import annotations

import re
from pathlib import Path

from model import (FOREVER, NO_VERSIONS, Api, Field, Message, Place, Schema, SchemaError, Struct,
                   Type, Versions, snake_case)

INDENT = 2
HEAD = re.compile(r"(api|data|record)\s+(\w+)\s*(?:,\s*(.*))?$")
RANGE = re.compile(r"v?(\d+)(?:(\+)|-(\d+))?$")
FIELD = re.compile(
    r"(?P<name>[a-z][a-z0-9_]*)\s*:\s*"
    r"(?P<nullable>nullable(?:\((?P<nullable_range>[^)]*)\))?\s+)?"
    r"(?P<open>\[)?(?P<type>[a-z][a-z0-9_]*)(?P<close>\])?"
    r"(?:\s*=\s*(?P<default>\"[^\"]*\"|[^\s,]+))?"
    r"(?P<attributes>(?:\s*,\s*[^,]+)*)$")
TAG = re.compile(r"tag\s+(\d+)(?:\((.*)\))?$")


def parse_range(text: str, place: Place) -> Versions:
    if text == "none":
        return NO_VERSIONS
    match = RANGE.match(text.strip())
    if not match:
        raise SchemaError(place, f"'{text}' is no range of versions", "write v3+, v3-12, v3 or none")
    first = int(match[1])
    return Versions(first, FOREVER if match[2] else int(match[3] or first))


class Parser:
    def __init__(self, path: str, text: str):
        self.path = path
        stem = Path(path).stem
        number = re.match(r"(\d+)_(.*)$", stem)
        self.schema = Schema(path, number[2] if number else stem, int(number[1]) if number else None)
        self.lines = text.splitlines()
        self.doc: list[str] = []
        self.open: list[tuple[int, Struct]] = []  # structs that a field may join, by indentation
        self.message: Message | None = None

    def parse(self) -> Schema:
        for number, line in enumerate(self.lines, 1):
            self.parse_line(line, Place(self.path, number))
        if not self.schema.messages:
            raise SchemaError(Place(self.path, 1), "the file describes no message",
                              "begin with 'api NAME, ...', 'data NAME, ...' or 'record NAME, ...'")
        return self.schema

    def parse_line(self, line: str, place: Place) -> None:
        text = line.strip()
        if not text:
            if not self.message and not self.schema.doc:
                self.schema.doc, self.doc = self.doc, []
            elif self.doc:
                raise SchemaError(place, "the description above belongs to nothing",
                                  "put it directly above what it describes")
        elif text.startswith("//"):
            self.doc.append(text[2:].removeprefix(" "))
        elif line[0] == " ":
            self.parse_field(line, place)
        elif text in ("request", "response"):
            self.begin_exchange(text, place)
        else:
            self.parse_head(text, place)

    def take_doc(self) -> list[str]:
        doc, self.doc = self.doc, []
        return doc

    def parse_head(self, text: str, place: Place) -> None:
        match = HEAD.match(text)
        if not match:
            raise SchemaError(place, f"'{text}' begins nothing that is known",
                              "a line without indentation is 'api', 'data', 'record', 'request' or 'response'")
        kind, title, rest = match.groups()
        settings = self.parse_settings(rest or "", place)
        versions = parse_range(self.need(settings, "versions", place), place)
        flexible = parse_range(self.need(settings, "flexible", place), place) & versions
        if kind == "api":
            self.begin_api(title, versions, flexible, settings, place)
        else:
            key = int(self.need(settings, "key", place)) if kind == "record" else -1
            self.begin_message(kind, title, snake_case(title), key, versions, flexible, place)
        if settings:
            raise SchemaError(place, f"'{next(iter(settings))}' is not a setting of '{kind}'", "remove it")

    def parse_settings(self, text: str, place: Place) -> dict[str, str]:
        settings: dict[str, str] = {}
        for part in filter(None, (p.strip() for p in text.split(","))):
            word, _, value = part.partition(" ")
            if word in settings:
                raise SchemaError(place, f"'{word}' is set twice", "keep one")
            settings[word] = value.strip()
        return settings

    def need(self, settings: dict[str, str], word: str, place: Place) -> str:
        if word not in settings:
            raise SchemaError(place, f"'{word}' is missing", f"add ', {word} ...' to the line")
        return settings.pop(word)

    def begin_api(self, title, versions, flexible, settings, place: Place) -> None:
        if self.schema.api:
            raise SchemaError(place, "a second api in one file", "give each api its own file")
        key = int(self.need(settings, "key", place))
        served = NO_VERSIONS if "unserved" in settings else versions
        settings.pop("unserved", None)
        if "served" in settings:
            served = parse_range(settings.pop("served"), place)
        advertised = int(settings.pop("advertised", served.first if served else versions.first))
        self.schema.api = Api(place, title, key, versions, flexible, served, advertised)
        doc = self.take_doc()
        self.schema.doc += ["", *doc] if self.schema.doc and doc else doc

    def begin_exchange(self, kind: str, place: Place) -> None:
        api = self.schema.api
        if not api:
            raise SchemaError(place, f"'{kind}' before 'api'", "begin the file with 'api NAME, key N, ...'")
        self.begin_message(kind, api.title, f"{snake_case(api.title)}_{kind}", api.key, api.versions,
                           api.flexible, place)

    def begin_message(self, kind, title, c_name, key, versions, flexible, place: Place) -> None:
        root = Struct(place, "", c_name=c_name)
        self.message = Message(place, kind, title, c_name, key, versions, flexible, root,
                               doc=self.take_doc())
        self.schema.messages.append(self.message)
        self.open = [(0, root)]

    def parse_field(self, line: str, place: Place) -> None:
        depth = (len(line) - len(line.lstrip(" "))) // INDENT
        if "\t" in line or depth * INDENT != len(line) - len(line.lstrip(" ")):
            raise SchemaError(place, "odd indentation", f"indent by {INDENT} spaces for each level")
        self.open = self.open[:depth]
        if not self.open or depth != self.open[-1][0] + 1:
            raise SchemaError(place, "the field belongs to no struct",
                              "indent it one level more than the field or message that holds it")
        code, _, comment = line.partition("//")
        field = self.build_field(code.strip(), comment.strip(), place)
        struct = self.open[-1][1]
        struct.fields.append(field)
        if field.type.is_struct:
            field.type.struct = Struct(place, field.type.word)
            self.open.append((depth, field.type.struct))

    def build_field(self, code: str, comment: str, place: Place) -> Field:
        match = FIELD.match(code)
        if not match or bool(match["open"]) != bool(match["close"]):
            raise SchemaError(place, f"'{code}' is not a field",
                              "write 'name: [nullable] type [= default] [, attribute]...  // versions'")
        if comment and not re.match(r"v\d", comment):
            raise SchemaError(place, f"the comment '{comment}' is no range of versions",
                              "a comment behind a field is its versions, as in '// v3+'; describe it above")
        versions = parse_range(comment, place) if comment else Versions(0, FOREVER)
        field = Field(place, match["name"], Type(match["type"], bool(match["open"])), versions,
                      default_text=match["default"], doc=self.take_doc())
        if match["nullable"]:
            within = match["nullable_range"]
            field.nullable = parse_range(within, place) & versions if within else versions
        for attribute in filter(None, (a.strip() for a in match["attributes"].split(","))):
            self.set_attribute(field, attribute, place)
        return field

    def set_attribute(self, field: Field, attribute: str, place: Place) -> None:
        tag = TAG.match(attribute)
        if tag:
            field.tag = int(tag[1])
            field.tagged = parse_range(tag[2], place) if tag[2] else field.versions
        elif attribute == "ignorable":
            field.ignorable = True
        elif attribute == "classic":
            field.classic = True
        else:
            raise SchemaError(place, f"'{attribute}' is not an attribute",
                              "use 'tag N', 'ignorable' or 'classic'")


def parse_file(path: str) -> Schema:
    return Parser(path, Path(path).read_text(encoding="utf-8")).parse()
