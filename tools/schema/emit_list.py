"""Emits list.h of a prefix: its messages, and the APIs among them, as X-macros. Whatever has to
name each message once (the API table, the dispatch, the test programs) expands these."""
from __future__ import annotations

from emit_header import guard
from model import FOREVER, Api, Message, Schema, snake_case


def emit_list(schemas: list[Schema], prefix: str) -> str:
    schemas = sorted(schemas, key=lambda s: (s.number if s.number is not None else FOREVER, s.stem))
    name = guard(prefix, "list")
    lines = ["/* Generated from the schemas; do not edit. */", f"#ifndef {name}", f"#define {name}", ""]
    lines += [f'#include "{prefix}/{s.stem}.h"' for s in schemas] + [""]
    apis = [s.api for s in schemas if s.api]
    if apis:
        lines += api_macros(apis)
    messages = [m for s in schemas for m in s.messages]
    word = prefix.replace("/", "_").replace("-", "_").upper()
    lines += macro("X(name, title, kind, key, version_min, version_max, flexible_since)",
                   f"{word}_LIST", [message_row(m) for m in messages])
    lines += ["#endif"]
    return "\n".join(lines) + "\n"


def api_macros(apis: list[Api]) -> list[str]:
    served = [api for api in apis if api.served]
    return (
        macro("X(NAME, key): every API that a schema describes.", "API_KEY_LIST",
              [f"{upper(api)}, {api.key}" for api in apis])
        + macro("X(NAME, name): every API that is served.", "API_LIST",
                [f"{upper(api)}, {snake_case(api.title)}" for api in served])
        + macro("X(NAME, title, version_min, version_max, advertised_min, flexible_since)", "API_ROW_LIST",
                [f'{upper(api)}, "{api.title}", {api.served.first}, {api.served.last}, '
                 f"{api.advertised_min}, {since(api.flexible)}" for api in served]))


def macro(comment: str, name: str, rows: list[str]) -> list[str]:
    lines = [f"#define {name}(X)", *(f"    X({row})" for row in rows)]
    width = max(map(len, lines)) + 1
    return [f"/* {comment} */", *(line.ljust(width) + "\\" for line in lines[:-1]), lines[-1], ""]


def message_row(message: Message) -> str:
    return (f'{message.c_name}, "{message.title}", "{message.kind}", {message.key}, '
            f"{message.versions.first}, {message.versions.last}, {since(message.flexible)}")


def since(versions) -> int:
    return versions.first if versions else FOREVER


def upper(api: Api) -> str:
    return snake_case(api.title).upper()
