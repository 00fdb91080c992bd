"""Compiles message schemas.

  compile.py message FILE --prefix P --output DIR [--docs DIR]    codec, fuzz target, reference page
  compile.py list FILE... --prefix P --output DIR                 P/list.h, and checks across files

Writes DIR/P/<name>.h, DIR/P/<name>.c, DIR/P/fuzz/<name>_fuzz.c and <docs>/<file>.md. A mistake in a
schema is reported as FILE:LINE: what is wrong; how to mend it.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from check import check_schema, check_together
from emit_docs import emit_docs
from emit_fuzz import emit_fuzz
from emit_header import emit_header
from emit_list import emit_list
from emit_source import emit_source
from model import SchemaError
from parse import parse_file
from text import write_file


def compile_message(path: str, prefix: str, output: Path, docs: Path | None) -> None:
    schema = check_schema(parse_file(path))
    schema.path = f"{prefix}/{Path(path).name}"
    folder = output / prefix
    write_file(folder / f"{schema.stem}.h", emit_header(schema, prefix))
    write_file(folder / f"{schema.stem}.c", emit_source(schema, prefix))
    write_file(folder / "fuzz" / f"{schema.stem}_fuzz.c", emit_fuzz(schema, prefix))
    if docs:
        write_file(docs / f"{Path(path).stem}.md", emit_docs(schema))


def compile_list(paths: list[str], prefix: str, output: Path) -> None:
    schemas = [check_schema(parse_file(path)) for path in paths]
    check_together(schemas)
    write_file(output / prefix / "list.h", emit_list(schemas, prefix))


def main() -> int:
    arguments = argparse.ArgumentParser(description="Compiles message schemas.")
    arguments.add_argument("what", choices=("message", "list"))
    arguments.add_argument("files", nargs="+")
    arguments.add_argument("--prefix", required=True)
    arguments.add_argument("--output", required=True, type=Path)
    arguments.add_argument("--docs", type=Path)
    given = arguments.parse_args()
    try:
        if given.what == "list":
            compile_list(given.files, given.prefix, given.output)
        else:
            for path in given.files:
                compile_message(path, given.prefix, given.output, given.docs)
    except SchemaError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
