"""Completes a parsed schema and refuses what cannot be encoded.

Completing: reused types find their struct, C names are given, ranges are cut to the versions of the
message, defaults become values. Every refusal says where, what and how to mend.
"""
from __future__ import annotations

from model import (INTEGER_RANGES, SCALARS, Api, Field, Message, Schema, SchemaError,
                   Struct, Versions, snake_case)

TAGS_MAX = 127  # the count of tags is written into one byte
KEYWORDS = set("auto break case char const continue default do double else enum extern float for goto if "
               "inline int long register restrict return short signed sizeof static struct switch typedef "
               "union unsigned void volatile while bool true false assert".split())


def check_schema(schema: Schema) -> Schema:
    if schema.api:
        check_api(schema, schema.api)
    for message in schema.messages:
        check_message(message)
    return schema


def check_api(schema: Schema, api: Api) -> None:
    if schema.number != api.key or schema.stem != snake_case(api.title):
        raise SchemaError(api.place, f"{api.title} has key {api.key}, which the file's name does not say",
                          f"call the file {api.key:02}_{snake_case(api.title)}.msg")
    kinds = [m.kind for m in schema.messages]
    if kinds != ["request", "response"]:
        raise SchemaError(api.place, "an api is one request and one response",
                          "write 'request' with its fields, then 'response' with its own")
    if not api.served.within(api.versions):
        raise SchemaError(api.place, f"served {api.served} goes beyond versions {api.versions}",
                          "describe those versions first")
    if api.served and api.advertised_min > api.served.first:
        raise SchemaError(api.place, "the advertised minimum is above what is served",
                          "advertise the same or a lower version")


def check_message(message: Message) -> None:
    if message.flexible and message.flexible.last != message.versions.last:
        raise SchemaError(message.place, "flexible versions end before the last version",
                          "a message stays flexible: write 'flexible N+'")
    check_struct(message, message.root, message.versions, {}, [])


def check_struct(message: Message, struct: Struct, versions: Versions, known: dict[str, Struct],
                 around: list[Struct]) -> None:
    """`known` are the types described so far, `around` those that hold this one."""
    struct.versions = versions
    struct.c_name = struct.c_name or f"{message.c_name}_{struct.word}"
    if not struct.fields and struct.word:
        raise SchemaError(struct.place, f"type '{struct.word}' is described nowhere",
                          "indent its fields below its first use, or use one of " + ", ".join(SCALARS))
    names: set[str] = set()
    for field in struct.fields:
        check_name(field, names)
        cut_versions(message, field, versions)
        check_shape(message, field)
        if field.type.is_struct:
            resolve_struct(message, field, known, [*around, struct])
        field.default = default_value(field)
    check_tags(struct)
    message.structs.append(struct)


def check_name(field: Field, names: set[str]) -> None:
    if field.name in names:
        raise SchemaError(field.place, f"a second field '{field.name}'", "names are unique in a struct")
    if field.name in KEYWORDS:
        raise SchemaError(field.place, f"'{field.name}' is a word of C", "choose another name")
    names.update((field.name, f"{field.name}_count") if field.type.is_array else (field.name,))


def cut_versions(message: Message, field: Field, versions: Versions) -> None:
    if not field.versions & message.versions:
        raise SchemaError(field.place, f"{field.name} is in no version ({field.versions} of {message.versions})",
                          "remove it or mend its versions")
    if field.versions.first != 0 and not Versions(field.versions.first, field.versions.first).within(versions):
        raise SchemaError(field.place, f"{field.name} begins at v{field.versions.first}, outside {versions}",
                          "begin where the struct that holds it begins")
    field.versions = field.versions & versions
    field.nullable = field.nullable & field.versions
    field.tagged = field.tagged & field.versions


def check_shape(message: Message, field: Field) -> None:
    kind = field.type
    can_be_null = kind.is_array or kind.is_struct or kind.word in ("string", "bytes", "records")
    if field.nullable and not can_be_null:
        raise SchemaError(field.place, f"{kind} cannot be null", "remove 'nullable'")
    if kind.word == "records" and (kind.is_array or field.tag is not None):
        raise SchemaError(field.place, "records are taken by reference and stand alone",
                          "neither put them into an array nor tag them")
    if field.tag is not None and not field.tagged.within(message.flexible):
        raise SchemaError(field.place, f"tagged in {field.tagged}, but only {message.flexible} is flexible",
                          "begin the tag at the first flexible version")
    if field.classic and (kind.word != "string" or kind.is_array):
        raise SchemaError(field.place, "only a string can keep its classic length", "remove 'classic'")


def resolve_struct(message: Message, field: Field, known: dict[str, Struct], around: list[Struct]) -> None:
    """The first use describes the type, later ones only name it."""
    here, word = field.type.struct, field.type.word
    if word in known and here.fields:
        raise SchemaError(field.place, f"type '{word}' is described twice in one message",
                          "name it only, or give the second one another name")
    if any(struct.word == word for struct in around):
        raise SchemaError(field.place, f"type '{word}' holds itself", "Kafka's messages do not nest without end")
    if word not in known:
        known[word] = here
        check_struct(message, here, field.versions, known, around)
        return
    if not field.versions.within(known[word].versions):
        raise SchemaError(field.place, f"type '{word}' was described for {known[word].versions} only",
                          "describe it at the use that spans all its versions")
    field.type.struct = known[word]


def check_tags(struct: Struct) -> None:
    tagged = struct.tagged_fields()
    for expected, field in enumerate(tagged):
        if field.tag != expected:
            raise SchemaError(field.place, f"tag {field.tag} where {expected} is next",
                              "tags of a struct count up from 0 without gap")
    if len(tagged) > TAGS_MAX:
        raise SchemaError(struct.place, "too many tags", f"at most {TAGS_MAX}")


def default_value(field: Field) -> object:
    """The value a field starts from. None is null."""
    text, kind = field.default_text, field.type
    if text == "null":
        if field.nullable != field.versions:
            raise SchemaError(field.place, "starts as null but cannot be null in every version",
                              "make it nullable in all its versions, or choose another default")
        return None
    if kind.is_array or kind.word in ("bytes", "records", "uuid") or kind.is_struct:
        return container_default(field)
    return scalar_default(field)


def container_default(field: Field) -> object:
    if field.default_text is not None:
        raise SchemaError(field.place, f"{field.type} cannot start as {field.default_text}",
                          "it starts empty; only 'null' may be written")
    if field.type.word == "records" and field.nullable:
        return None
    if field.type.is_struct and not field.type.is_array and field.nullable:
        raise SchemaError(field.place, "a nullable struct starts as null", "write '= null'")
    return ""


def scalar_default(field: Field) -> object:
    text, word = field.default_text, field.type.word
    try:
        if word == "string":
            return text.strip('"') if text is not None else ""
        if word == "bool":
            return {"true": True, "false": False, None: False}[text]
        if word == "float64":
            return float(text or 0)
        value = int(text or "0", 0)
    except (ValueError, KeyError):
        raise SchemaError(field.place, f"'{text}' is no {word}", "write a number, true or false") from None
    low, high = INTEGER_RANGES[word]
    if not low <= value <= high:
        raise SchemaError(field.place, f"{value} does not fit {word}", f"choose between {low} and {high}")
    return value


def check_together(schemas: list[Schema]) -> None:
    """What only the whole list can show: keys and names that are taken twice."""
    keys: dict[tuple[str, int], Message] = {}
    names: dict[str, Message] = {}
    for message in (m for schema in schemas for m in schema.messages):
        if message.c_name in names:
            raise SchemaError(message.place, f"'{message.title}' stands also at {names[message.c_name].place}",
                              "names are unique under one prefix")
        names[message.c_name] = message
        if message.kind == "data":
            continue
        other = keys.setdefault((message.kind, message.key), message)
        if other is not message:
            raise SchemaError(message.place, f"key {message.key} is taken at {other.place}", "choose another key")
