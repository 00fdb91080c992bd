"""Emits a fuzz target for each .msg file: any bytes, read as any version of any of its messages."""
from __future__ import annotations

from model import Schema


def emit_fuzz(schema: Schema, prefix: str) -> str:
    lines = [f"/* Generated from {schema.path}; do not edit. */",
             f'#include "{prefix}/{schema.stem}.h"', "", '#include "tests/protocol/fuzz_message.h"', ""]
    lines += [f"FUZZ_MESSAGE({m.c_name})" for m in schema.messages]
    lines += ["", "static const struct fuzz_message messages[] = {"]
    for m in schema.messages:
        lines += [f'    {{"{m.title}", "{m.kind}", {m.versions.first}, {m.versions.last},',
                  f"     {m.c_name}_recode, {m.c_name}_encode_default}},"]
    lines += ["};", "", "FUZZ_TARGET(messages)"]
    return "\n".join(lines) + "\n"
