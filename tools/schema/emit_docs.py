"""Emits the reference page of a .msg file: what it is, its versions, and each field."""
from __future__ import annotations

import re

from model import FOREVER, Api, Field, Message, Schema, Struct, Versions


def emit_docs(schema: Schema) -> str:
    title = schema.api.title if schema.api else schema.stem
    lines = [f"# {title}", "", *map(version_item, schema.doc), ""]
    if schema.api:
        lines += api_table(schema.api)
    for message in schema.messages:
        lines += message_section(message)
    return "\n".join(lines).rstrip() + "\n"


def version_item(line: str) -> str:
    """A line of the list of versions ("v7   what it changed") as an item of a list."""
    return re.sub(r"^(v\d+)\s{2,}", r"- **\1** ", line)


def plain(versions: Versions) -> str:
    return str(versions).replace("v", "")


def api_table(api: Api) -> list[str]:
    advertised = f"{api.advertised_min}-{api.served.last}" if api.served else "not served"
    return ["| key | served | advertised | flexible since | known to Kafka |", "|---|---|---|---|---|",
            f"| {api.key} | {plain(api.served)} | {advertised} | "
            f"{api.flexible.first if api.flexible else 'never'} | {plain(api.versions)} |", ""]


def message_section(message: Message) -> list[str]:
    heading = message.kind.capitalize() if message.kind in ("request", "response") else message.title
    lines = [f"## {heading}", "", *map(version_item, message.doc), *([""] if message.doc else [])]
    if message.kind in ("data", "record"):
        key = f", key {message.key}" if message.kind == "record" else ""
        lines += [f"Versions {plain(message.versions)}, flexible {plain(message.flexible)}{key}.", ""]
    lines += ["| field | type | versions | default | |", "|---|---|---|---|---|"]
    return [*lines, *struct_rows(message, message.root, 0), ""]


def struct_rows(message: Message, struct: Struct, depth: int) -> list[str]:
    rows = []
    for field in struct.fields:
        rows.append(field_row(message, field, depth))
        if field.type.is_struct:
            rows += struct_rows(message, field.type.struct, depth + 1)
    return rows


def field_row(message: Message, field: Field, depth: int) -> str:
    name = "&nbsp;" * 4 * depth + f"`{field.name}`"
    return f"| {name} | {type_text(field)} | {open_range(message, field)} | {default_text(field)} | {notes(field)} |"


def type_text(field: Field) -> str:
    if not field.nullable:
        return f"{field.type}"
    within = "" if field.nullable == field.versions else f" in {plain(field.nullable)}"
    return f"{field.type}, nullable{within}"


def open_range(message: Message, field: Field) -> str:
    last = FOREVER if field.versions.last == message.versions.last else field.versions.last
    return plain(Versions(field.versions.first, last))


def default_text(field: Field) -> str:
    if field.starts_null:
        return "null"
    return f"`{field.default_text}`" if field.default_text else ""


def notes(field: Field) -> str:
    words = [f"Tag {field.tag}."] if field.tag is not None else []
    words += field.doc
    if field.ignorable:
        words.append("Left out of versions that lack it.")
    return " ".join(words).replace("|", "\\|")
