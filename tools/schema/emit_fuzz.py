"""Emits a fuzz target for each .msg file: any bytes, read as any version of any of its messages."""
from __future__ import annotations

from model import Schema


def emit_fuzz(schema: Schema, prefix: str) -> str:
    lines = [f"/* Generated from {schema.path}; do not edit. */",
             f'#include "{prefix}/{schema.stem}.h"', "", '#include "tests/protocol/fuzz_message.h"', ""]
    lines += [f"FUZZ_MESSAGE({m.c_name})" for m in schema.messages]
    lines += ["", "static const struct fuzz_message messages[] = {"]
    lines += [f"    FUZZ_MESSAGE_ROW({m.c_name}, {m.c_name.upper()})," for m in schema.messages]
    lines += ["};", "", "FUZZ_TARGET(messages)"]
    return "\n".join(lines) + "\n"
