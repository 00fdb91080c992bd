"""Emits the header of a .msg file: structs that hold all fields of all versions, and the codec."""
from __future__ import annotations

from expressions import c_type, is_pointer
from model import Field, Message, Schema, Struct
from text import Lines, wrap_call


def guard(prefix: str, stem: str) -> str:
    return f"TAILRACE_{prefix}_{stem}_H".replace("/", "_").replace("-", "_").upper()


def emit_header(schema: Schema, prefix: str) -> str:
    out = Lines()
    name = guard(prefix, schema.stem)
    out.add(f"/* Generated from {schema.path}; do not edit.")
    out.add(*(f" * {line}".rstrip() for line in schema.doc), " */")
    out.add(f"#ifndef {name}", f"#define {name}", "", '#include "protocol/wire.h"')
    for message in schema.messages:
        emit_message(out, message)
    out.add("", "#endif")
    return out.text()


def emit_message(out: Lines, message: Message) -> None:
    name = message.c_name
    out.add("", "enum {")
    out.add(f"    {name.upper()}_VERSION_MIN = {message.versions.first},")
    out.add(f"    {name.upper()}_VERSION_MAX = {message.versions.last},")
    if message.key >= 0:
        out.add(f"    {name.upper()}_KEY = {message.key},")
    out.add("};")
    for struct in message.structs:
        emit_struct(out, message, struct)
    out.add("")
    out.comment(f"Reads a {name} of `version`: strings are views into the reader's bytes, arrays are taken "
                "from the arena, fields that the version lacks hold their defaults. Not all bytes need to be "
                "consumed. STATUS_UNSUPPORTED for a version outside "
                f"{message.versions}, else the reader's status.")
    out.add(*wrap_call(f"enum status {name}_decode(struct reader *reader, int16_t version, "
                       f"struct arena *arena, struct {name} *into);"))
    out.add("")
    out.comment(f"Writes `from` as `version`. A failure stays in the writer: STATUS_UNSUPPORTED for a value "
                "that the version cannot carry, STATUS_INVALID for a null that may not be, STATUS_TOO_LARGE.")
    out.add(*wrap_call(f"void {name}_encode(struct writer *writer, int16_t version, "
                       f"const struct {name} *from);"))


def emit_struct(out: Lines, message: Message, struct: Struct) -> None:
    out.add("")
    if struct is message.root:
        out.comment(" ".join(message.doc))
    with out.block(f"struct {struct.c_name}", "};"):
        for field in struct.fields:
            emit_field(out, struct, field)
    out.add("", "/* Sets every field to its default. */",
            f"void {struct.c_name}_init(struct {struct.c_name} *into);")


def emit_field(out: Lines, struct: Struct, field: Field) -> None:
    out.comment(" ".join(field.doc))
    notes = []
    if not struct.versions.within(field.versions):
        notes.append(str(field.versions))
    if field.tag is not None:
        notes.append(f"tag {field.tag}")
    if field.nullable:
        notes.append("nullable" if field.nullable == field.versions else f"nullable {field.nullable}")
    note = f" /* {', '.join(notes)} */" if notes else ""
    star = "*" if is_pointer(field) else ""
    out.add(f"{c_type(field)} {star}{field.name};{note}")
    if field.type.is_array:
        out.add(f"uint32_t {field.name}_count;")
