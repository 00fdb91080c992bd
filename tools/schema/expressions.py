"""C expressions that the emitted codecs are made of: versions, defaults, sizes."""
from __future__ import annotations

from model import NUMBERS, Field, Message, Struct, Versions

C_LIMITS = {
    "int8": (-(2**7), "INT8_MIN"), "int16": (-(2**15), "INT16_MIN"), "int32": (-(2**31), "INT32_MIN"),
    "int64": (-(2**63), "INT64_MIN"),
}


def within(versions: Versions, scope: Versions) -> str | None:
    """The test that `version`, known to be in `scope`, is in `versions`; None if it always is."""
    if scope.within(versions):
        return None
    if not versions & scope:
        return "false"
    tests = []
    if versions.first > scope.first:
        tests.append(f"version >= {versions.first}")
    if versions.last < scope.last:
        tests.append(f"version <= {versions.last}")
    return " && ".join(tests)


def choose(versions: Versions, scope: Versions, yes: str, no: str) -> str:
    test = within(versions, scope)
    return {None: yes, "false": no}.get(test, f"{test} ? {yes} : {no}")


def form(message: Message, struct: Struct, field: Field) -> str:
    if field.classic:
        return "WIRE_CLASSIC"
    test = within(message.flexible, struct.versions)
    return {None: "WIRE_COMPACT", "false": "WIRE_CLASSIC"}.get(test, "form")


def needs_form(message: Message, struct: Struct) -> bool:
    """Whether the functions of `struct` choose between classic and compact lengths."""
    mixed = within(message.flexible, struct.versions) not in (None, "false")
    return mixed and any(has_length(f) and not f.classic for f in struct.fields if not only_tagged(f))


def has_length(field: Field) -> bool:
    return field.type.is_array or field.type.word in ("string", "bytes", "records")


def only_tagged(field: Field) -> bool:
    return field.tag is not None and field.versions.within(field.tagged)


def null(field: Field, scope: Versions) -> str:
    return choose(field.nullable, scope, "WIRE_NULLABLE", "WIRE_NOT_NULL")


def c_type(field: Field) -> str:
    """The type of one value of the field, without the star of arrays and nullable structs."""
    word = field.type.word
    if field.type.is_struct:
        return f"struct {field.type.struct.c_name}"
    if word == "records":
        return "struct records_field"
    return NUMBERS[word][0] if word in NUMBERS else "struct bytes"


def is_pointer(field: Field) -> bool:
    return field.type.is_array or (field.type.is_struct and bool(field.nullable))


def literal(field: Field) -> str:
    word, value = field.type.word, field.default
    if word == "bool":
        return "true" if value else "false"
    if word == "string":
        return f'bytes_of_text("{value}")'
    if word == "float64":
        return repr(value)
    low = C_LIMITS.get(word)
    if low and value == low[0]:
        return low[1]
    if word == "int64" and abs(value) > 2**31 - 1:
        return f"INT64_C({value})"
    return f"{value}u" if word == "uint32" else str(value)


def initial(field: Field) -> str | None:
    """The initializer of the field in a struct of zeros; None where zero is right or a struct
    initializes itself."""
    if field.starts_null:
        return "{.is_null = true}" if field.type.word == "records" else None
    if field.type.is_array:
        return "WIRE_EMPTY"
    if field.type.word in ("string", "bytes"):
        return f'bytes_of_text("{field.default}")'
    if field.type.word in NUMBERS and field.default not in ("", 0, False):
        return literal(field)
    return None


def is_default(field: Field, at: str) -> str:
    """The test that the field, found at expression `at`, holds its default."""
    kind = field.type
    if kind.is_array:
        if field.starts_null:
            return f"{at} == NULL"
        return f"{at} != NULL && {at}_count == 0" if field.nullable else f"{at}_count == 0"
    if kind.is_struct:
        return f"{at} == NULL" if field.nullable else f"{kind.struct.c_name}_is_default(&{at})"
    if kind.word == "records":
        return f"{at}.is_null" if field.starts_null else f"!{at}.is_null && {at}.size == 0"
    if kind.word in ("string", "bytes"):
        return is_default_text(field, at)
    if kind.word == "uuid":
        return f"uuid_is_zero({at})"
    if kind.word == "bool":
        return at if field.default else f"!{at}"
    return f"{at} == {literal(field)}"


def is_default_text(field: Field, at: str) -> str:
    if field.starts_null:
        return f"bytes_are_null({at})"
    if field.default:
        return f'bytes_equal_text({at}, "{field.default}")'
    return f"!bytes_are_null({at}) && {at}.size == 0" if field.nullable else f"{at}.size == 0"


NEGATIONS = ((" == ", " != "), (" != ", " == "), (" >= ", " < "), (" <= ", " > "))


def negate(test: str) -> str:
    """The opposite of a test, as a person would write it."""
    if "&&" in test:
        return f"!({test})"
    if test.startswith("!"):
        return test[1:]
    for sign, opposite in NEGATIONS:
        if sign in test:
            return test.replace(sign, opposite)
    return f"!{test}"


def size_min(message: Message, field: Field, version: int) -> int:
    """The fewest bytes that an element of the array can take on the wire."""
    if field.type.is_struct:
        return max(1, struct_size_min(message, field.type.struct, version))
    return value_size_min(message, field, version)


def struct_size_min(message: Message, struct: Struct, version: int) -> int:
    present = [f for f in struct.fields if version in f.versions and version not in f.tagged]
    size = sum(field_size_min(message, f, version) for f in present)
    return size + (1 if version in message.flexible else 0)


def field_size_min(message: Message, field: Field, version: int) -> int:
    if field.type.is_array:
        return 1 if version in message.flexible else 4
    if field.type.is_struct:
        return 1 if version in field.nullable else struct_size_min(message, field.type.struct, version)
    return value_size_min(message, field, version)


def value_size_min(message: Message, field: Field, version: int) -> int:
    if field.type.word in NUMBERS:
        return NUMBERS[field.type.word][1]
    if version in message.flexible and not field.classic:
        return 1
    return 2 if field.type.word == "string" else 4


def size_min_expression(message: Message, field: Field, scope: Versions) -> str:
    """size_min over the versions of `scope`, as a chain of choices from the newest down."""
    steps: list[tuple[int, int]] = []  # first version, size
    for version in range(scope.first, scope.last + 1):
        size = size_min(message, field, version)
        if not steps or steps[-1][1] != size:
            steps.append((version, size))
    text = str(steps[0][1])
    for first, size in steps[1:]:
        text = f"version >= {first} ? {size} : {text}"
    return text
