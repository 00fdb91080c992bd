"""Emits the source of a .msg file: for each struct its defaults, its reader and its writer."""
from __future__ import annotations

from expressions import (choose, form, initial, is_default, is_pointer, needs_form, negate, null,
                         only_tagged, size_min_expression, within)
from model import NUMBERS, Field, Message, Schema, Struct
from text import Lines


def emit_source(schema: Schema, prefix: str) -> str:
    out = Lines()
    out.add(f"/* Generated from {schema.path}; do not edit. */")
    out.add(f'#include "{prefix}/{schema.stem}.h"', "", '#include "base/assert.h"')
    for message in schema.messages:
        compared = compared_structs(message)
        for struct in message.structs:
            emit_init(out, struct)
            if id(struct) in compared:
                emit_is_default(out, struct)
        for struct in message.structs:
            emit_read_tags(out, message, struct)
            emit_read(out, message, struct)
        emit_decode(out, message)
        for struct in message.structs:
            emit_write_tags(out, message, struct)
            emit_write(out, message, struct)
        emit_encode(out, message)
    return out.text()


def compared_structs(message: Message) -> set[int]:
    """Identities of the embedded structs whose being default is asked: tagged ones, and ones that
    some version cannot carry; and what these embed."""
    found: set[int] = set()

    def add(struct: Struct) -> None:
        found.add(id(struct))
        for field in struct.fields:
            if embeds(field):
                add(field.type.struct)

    for struct in message.structs:
        for field in struct.fields:
            asked = field.tag is not None or (not struct.versions.within(field.versions) and not field.ignorable)
            if embeds(field) and asked:
                add(field.type.struct)
    return found


def embeds(field: Field) -> bool:
    return field.type.is_struct and not is_pointer(field)


# Defaults


def emit_init(out: Lines, struct: Struct) -> None:
    with out.function(f"void {struct.c_name}_init(struct {struct.c_name} *into)"):
        out.add("assert(into != NULL);")
        values = [(f.name, initial(f)) for f in struct.fields]
        values = [f".{name} = {value}," for name, value in values if value is not None]
        if values:
            with out.block(f"*into = (struct {struct.c_name})", "};"):
                out.add(*values)
        else:
            out.add(f"*into = (struct {struct.c_name}){{0}};")
        for field in struct.fields:
            if embeds(field):
                out.add(f"{field.type.struct.c_name}_init(&into->{field.name});")


def emit_is_default(out: Lines, struct: Struct) -> None:
    with out.function(f"static bool {struct.c_name}_is_default(const struct {struct.c_name} *from)"):
        for field in struct.fields:
            out.add(f"if ({negate(is_default(field, 'from->' + field.name))})", "    return false;")
        out.add("return true;")


# Reading


def emit_decode(out: Lines, message: Message) -> None:
    name = message.c_name
    with out.function(f"enum status {name}_decode(struct reader *reader, int16_t version, "
                      f"struct arena *arena, struct {name} *into)"):
        out.add("assert(reader != NULL);", "assert(into != NULL);")
        out.add(f"if (version < {message.versions.first} || version > {message.versions.last})",
                "    return STATUS_UNSUPPORTED;")
        out.add(f"{name}_read(reader, version, arena, into);", "return reader->status;")


def emit_form(out: Lines, message: Message, struct: Struct) -> None:
    if needs_form(message, struct):
        test = within(message.flexible, struct.versions)
        out.add(f"const enum wire_form form = {test} ? WIRE_COMPACT : WIRE_CLASSIC;")


def emit_read(out: Lines, message: Message, struct: Struct) -> None:
    name = struct.c_name
    with out.function(f"static void {name}_read(struct reader *reader, int16_t version, "
                      f"struct arena *arena, struct {name} *into)"):
        emit_form(out, message, struct)
        out.add(f"{name}_init(into);")
        for field in struct.fields:
            if only_tagged(field):
                continue
            with out.when(combine(within(field.versions, struct.versions), untagged(field))):
                emit_read_field(out, message, field, field.versions, form(message, struct, field))
        flexible = within(message.flexible, struct.versions)
        if flexible != "false":
            with out.when(flexible):
                skip = "wire_skip_tags(reader);"
                out.add(f"{name}_read_tags(reader, version, arena, into);" if struct.tagged_fields() else skip)


def untagged(field: Field) -> str | None:
    """The test that a field which is tagged in some versions stands in its place."""
    if field.tag is None:
        return None
    return negate(within(field.tagged, field.versions))


def combine(*tests: str | None) -> str | None:
    present = [t for t in tests if t is not None]
    return " && ".join(present) if present else None


def emit_read_tags(out: Lines, message: Message, struct: Struct) -> None:
    tagged = struct.tagged_fields()
    if not tagged:
        return
    name = struct.c_name
    with out.function(f"static void {name}_read_tags(struct reader *reader, int16_t version, "
                      f"struct arena *arena, struct {name} *into)"):
        out.add("struct wire_tags tags = wire_tags_open(reader);")
        with out.block("while (wire_tags_next(reader, &tags))"), out.block("switch (tags.tag)"):
            for field in tagged:
                emit_read_tag(out, message, struct, field)
            out.add("default:", "    wire_tags_skip(reader, &tags);", "    break;")


def emit_read_tag(out: Lines, message: Message, struct: Struct, field: Field) -> None:
    out.add(f"case {field.tag}:")
    out.depth += 1
    test = within(field.tagged, struct.versions & message.flexible)
    if test is not None:
        out.add(f"if ({negate(test)}) {{", "    reader_fail(reader, STATUS_MALFORMED);", "    break;", "}")
    emit_read_field(out, message, field, field.tagged, "WIRE_COMPACT", in_tag=True)
    out.add("break;")
    out.depth -= 1


def emit_read_field(out: Lines, message: Message, field: Field, scope, how: str, in_tag: bool = False) -> None:
    at = f"into->{field.name}"
    if field.type.is_array:
        emit_read_array(out, message, field, scope, how)
    elif field.type.is_struct:
        emit_read_struct(out, field, scope, in_tag)
    elif field.type.word == "records":
        out.add(f"{at} = wire_read_records(reader, {how}, {null(field, scope)}, arena);")
    elif field.type.word in NUMBERS:
        out.add(f"{at} = {read_number(field)};")
    else:
        out.add(f"{at} = wire_read_{field.type.word}(reader, {how}, {null(field, scope)});")


def read_number(field: Field) -> str:
    suffix = NUMBERS[field.type.word][2]
    return f"reader_{suffix}(reader)" if suffix else "wire_read_bool(reader)"


def emit_read_struct(out: Lines, field: Field, scope, in_tag: bool) -> None:
    at, name = f"into->{field.name}", field.type.struct.c_name
    if not is_pointer(field):
        out.add(f"{name}_read(reader, version, arena, &{at});")
        return
    presence = "wire_read_tag_presence(reader)" if in_tag else "wire_read_presence(reader)"
    test = within(field.nullable, scope)
    if test is not None:
        presence = f"{negate(test)} || {presence}"
    with out.block(f"if ({presence})"):
        out.add(f"{at} = wire_allocate(reader, arena, sizeof *{at});")
        out.add(f"if ({at} != NULL)", f"    {name}_read(reader, version, arena, {at});")


def emit_read_array(out: Lines, message: Message, field: Field, scope, how: str) -> None:
    at = f"into->{field.name}"
    smallest = size_min_expression(message, field, scope)
    out.add(f"{at} = wire_read_array(", "    reader, arena,",
            f"    (struct wire_array){{.form = {how},",
            f"                        .null = {null(field, scope)},",
            f"                        .wire_size_min = {smallest},",
            f"                        .element_size = sizeof *{at}}},",
            f"    &{at}_count);")
    out.add(f"for (uint32_t i = 0; i < {at}_count && reader->status == STATUS_OK; i++)")
    if field.type.is_struct:
        out.add(f"    {field.type.struct.c_name}_read(reader, version, arena, &{at}[i]);")
    elif field.type.word in NUMBERS:
        out.add(f"    {at}[i] = {read_number(field)};")
    else:
        out.add(f"    {at}[i] = wire_read_{field.type.word}(reader, {how}, WIRE_NOT_NULL);")


# Writing


def emit_encode(out: Lines, message: Message) -> None:
    name = message.c_name
    with out.function(f"void {name}_encode(struct writer *writer, int16_t version, const struct {name} *from)"):
        out.add("assert(writer != NULL);", "assert(from != NULL);")
        out.add(f"if (version < {message.versions.first} || version > {message.versions.last})",
                "    writer_fail(writer, STATUS_UNSUPPORTED);", "else",
                f"    {name}_write(writer, version, from);")


def emit_write(out: Lines, message: Message, struct: Struct) -> None:
    name = struct.c_name
    with out.function(f"static void {name}_write(struct writer *writer, int16_t version, "
                      f"const struct {name} *from)"):
        emit_form(out, message, struct)
        for field in struct.fields:
            emit_write_place(out, message, struct, field)
        flexible = within(message.flexible, struct.versions)
        if flexible != "false":
            with out.when(flexible):
                none = "wire_write_no_tags(writer);"
                out.add(f"{name}_write_tags(writer, version, from);" if struct.tagged_fields() else none)


def emit_write_place(out: Lines, message: Message, struct: Struct, field: Field) -> None:
    """The field where it stands among its neighbours; a value that has no place here is refused."""
    present = within(field.versions, struct.versions)
    if not only_tagged(field):
        with out.when(combine(present, untagged(field))):
            emit_write_field(out, field, field.versions, form(message, struct, field))
    if present is not None and not field.ignorable:
        stray = negate(is_default(field, f"from->{field.name}"))
        out.add(f"if ({negate(present)} && {stray})", "    writer_fail(writer, STATUS_UNSUPPORTED);")


def emit_write_tags(out: Lines, message: Message, struct: Struct) -> None:
    tagged = struct.tagged_fields()
    if not tagged:
        return
    name = struct.c_name
    with out.function(f"static void {name}_write_tags(struct writer *writer, int16_t version, "
                      f"const struct {name} *from)"):
        out.add("size_t tags = wire_write_tags_begin(writer);")
        for field in tagged:
            test = within(field.tagged, struct.versions & message.flexible)
            stray = negate(is_default(field, f"from->{field.name}"))
            with out.block(f"if ({combine(test, stray)})"):
                out.add(f"size_t tag = wire_write_tag_begin(writer, tags, {field.tag});")
                emit_write_field(out, field, field.tagged, "WIRE_COMPACT", in_tag=True)
                out.add("wire_write_tag_end(writer, tag);")


def emit_write_field(out: Lines, field: Field, scope, how: str, in_tag: bool = False) -> None:
    at = f"from->{field.name}"
    if field.type.is_array:
        emit_write_array(out, field, scope, how)
    elif field.type.is_struct:
        emit_write_struct(out, field, scope, in_tag)
    elif field.type.word in NUMBERS:
        out.add(write_number(field, at))
    elif field.type.word == "records":
        out.add(f"wire_write_records(writer, {how}, {null(field, scope)}, &{at});")
    else:
        out.add(f"wire_write_{field.type.word}(writer, {how}, {null(field, scope)}, {at});")


def write_number(field: Field, value: str) -> str:
    suffix = NUMBERS[field.type.word][2]
    return f"writer_{suffix}(writer, {value});" if suffix else f"wire_write_bool(writer, {value});"


def emit_write_struct(out: Lines, field: Field, scope, in_tag: bool) -> None:
    at, name = f"from->{field.name}", field.type.struct.c_name
    if not is_pointer(field):
        out.add(f"{name}_write(writer, version, &{at});")
        return
    presence = "wire_write_tag_presence" if in_tag else "wire_write_presence"
    may_be_null = choose(field.nullable, scope, "WIRE_NULLABLE", "WIRE_NOT_NULL")
    out.add(f"if ({presence}(writer, {may_be_null}, {at} != NULL))",
            f"    {name}_write(writer, version, {at});")


def emit_write_array(out: Lines, field: Field, scope, how: str) -> None:
    at = f"from->{field.name}"
    out.add(f"wire_write_count(writer, {how}, {null(field, scope)}, {at} == NULL, {at}_count);")
    out.add(f"for (uint32_t i = 0; i < {at}_count; i++)")
    if field.type.is_struct:
        out.add(f"    {field.type.struct.c_name}_write(writer, version, &{at}[i]);")
    elif field.type.word in NUMBERS:
        out.add("    " + write_number(field, f"{at}[i]"))
    else:
        out.add(f"    wire_write_{field.type.word}(writer, {how}, WIRE_NOT_NULL, {at}[i]);")
