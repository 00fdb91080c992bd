#!/usr/bin/env python3
"""Every schema must say what Kafka's own definition of the message says.

  schema_reference_test.py [REFERENCE]     a folder with Kafka's message definitions in JSON

Without an argument it looks beside the checkout, in ../shared/kafka-messages; where there is no such
folder it says so and exits with 77, which ctest shows as skipped. Compared are, field by field: name,
type, versions, nullable and tagged versions, tag, default and ignorable; and for each message its key,
valid and flexible versions.
"""
from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = 77
sys.path.insert(0, str(ROOT / "tools" / "schema"))

from check import check_schema  # noqa: E402
from model import FOREVER, NO_VERSIONS, Field, Message, Struct, Versions, snake_case  # noqa: E402
from parse import parse_file  # noqa: E402

# Names that the rule for words would split oddly.
NAMES = {"Enable2Pc": "enable_2pc"}


def versions(text: str | None) -> Versions:
    if text is None or text == "none":
        return NO_VERSIONS
    match = re.match(r"(\d+)(?:(\+)|-(\d+))?$", text)
    first = int(match[1])
    return Versions(first, FOREVER if match[2] else int(match[3] or first))


def load(path: Path) -> dict:
    lines = path.read_text(encoding="utf-8").splitlines()
    return json.loads("\n".join(line for line in lines if not line.lstrip().startswith("//")))


class Comparison:
    """Collects what differs between one schema message and its definition."""

    def __init__(self, message: Message, definition: dict):
        self.message = message
        self.definition = definition
        self.common = {s["name"]: s["fields"] for s in definition.get("commonStructs", [])}
        self.wrong: list[str] = []

    def same(self, place, what: str, ours, theirs) -> None:
        if ours != theirs:
            self.wrong.append(f"{place}: {what} is {ours}, in Kafka {theirs}")

    def run(self) -> list[str]:
        message, place = self.message, self.message.place
        valid = versions(self.definition["validVersions"])
        self.same(place, "versions", message.versions, valid)
        self.same(place, "flexible", message.flexible, versions(self.definition["flexibleVersions"]) & valid)
        if message.kind in ("request", "response"):
            self.same(place, "key", message.key, self.definition["apiKey"])
        self.compare_struct(message.root, self.definition["fields"], valid)
        return self.wrong

    def compare_struct(self, struct: Struct, fields: list[dict], scope: Versions) -> None:
        # A field that was only in versions which are gone has no place in ours.
        present = [f for f in fields if versions(f["versions"]) & scope]
        names = [NAMES.get(f["name"], snake_case(f["name"])) for f in present]
        self.same(struct.place, "list of fields", [f.name for f in struct.fields], names)
        for ours, theirs in zip(struct.fields, present):
            self.compare_field(ours, theirs, scope)

    def compare_field(self, ours: Field, theirs: dict, scope: Versions) -> None:
        inside = versions(theirs["versions"]) & scope
        nullable = versions(theirs.get("nullableVersions")) & inside
        place = ours.place
        self.same(place, "versions", ours.versions, inside)
        self.same(place, "nullable", ours.nullable, nullable)
        self.same(place, "tag", ours.tag, theirs.get("tag"))
        self.same(place, "tagged versions", ours.tagged, versions(theirs.get("taggedVersions")) & inside)
        self.same(place, "ignorable", ours.ignorable, theirs.get("ignorable", False))
        self.same(place, "classic", ours.classic, theirs.get("flexibleVersions") == "none")
        self.same(place, "default", ours.default, default_of(theirs, nullable))
        self.compare_type(ours, theirs, inside)

    def compare_type(self, ours: Field, theirs: dict, inside: Versions) -> None:
        word = theirs["type"].removeprefix("[]")
        self.same(ours.place, "array", ours.type.is_array, theirs["type"].startswith("[]"))
        is_struct = word[0].isupper()
        self.same(ours.place, "struct", ours.type.is_struct, is_struct)
        if is_struct and ours.type.is_struct:
            self.compare_struct(ours.type.struct, theirs.get("fields") or self.common[word], inside)
        elif not is_struct:
            self.same(ours.place, "type", ours.type.word, word)


def default_of(theirs: dict, nullable: Versions) -> object:
    """What the field starts from, as check.py says it."""
    text, word = theirs.get("default"), theirs["type"]
    if text == "null":
        return None
    if word == "records" and nullable:
        return None
    if word.startswith("[]") or word in ("bytes", "records", "uuid", "string") or word[0].isupper():
        return text or ""
    if word == "bool":
        return str(text).lower() == "true"
    if word == "float64":
        return float(text or 0)
    return int(str(text or "0"), 0)


def definition_name(message: Message) -> str:
    return message.title + {"request": "Request", "response": "Response"}.get(message.kind, "")


def main() -> int:
    reference = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "kafka-messages"
    if not reference.is_dir():
        print(f"skipped: no folder {reference} with Kafka's definitions")
        return SKIPPED
    messages = [m for path in sorted((ROOT / "protocol" / "messages").glob("*.msg"))
                for m in check_schema(parse_file(str(path))).messages]
    wrong = []
    for message in messages:
        wrong += Comparison(message, load(reference / f"{definition_name(message)}.json")).run()
    print("\n".join(wrong) if wrong else f"{len(messages)} messages say what Kafka says")
    return 1 if wrong or not messages else 0


if __name__ == "__main__":
    sys.exit(main())
