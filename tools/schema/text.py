"""Small helpers of the emitters: indented lines, comments, files."""
from __future__ import annotations

import textwrap
from contextlib import contextmanager
from pathlib import Path

WIDTH = 100


class Lines:
    """C text that grows line by line."""

    def __init__(self):
        self.lines: list[str] = []
        self.depth = 0

    def add(self, *lines: str) -> None:
        self.lines += ["    " * self.depth + line if line else "" for line in lines]

    @contextmanager
    def block(self, head: str, end: str = "}"):
        """`head {` ... `}`, its body indented."""
        self.add(f"{head} {{")
        self.depth += 1
        yield
        self.depth -= 1
        self.add(end)

    @contextmanager
    def function(self, head: str):
        self.add("", *wrap_call(head), "{")
        self.depth += 1
        yield
        self.depth -= 1
        self.add("}")

    @contextmanager
    def when(self, condition: str | None):
        """The body under a condition; without one, the body alone."""
        if condition is None:
            yield
            return
        head = len(self.lines)
        with self.block(f"if ({condition})"):
            yield
        if len(self.lines) == head + 3:  # one line needs no braces
            self.lines[head:] = [self.lines[head][: -len(" {")], self.lines[head + 1]]

    def comment(self, text: str) -> None:
        if not text:
            return
        width = WIDTH - 4 * self.depth - 6
        wrapped = textwrap.wrap(text, width)
        if len(wrapped) == 1:
            self.add(f"/* {wrapped[0]} */")
        else:
            self.add("/* " + wrapped[0], *(" * " + line for line in wrapped[1:-1]), f" * {wrapped[-1]} */")

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def wrap_call(head: str) -> list[str]:
    """A function's head on as many lines as it needs, broken between parameters."""
    if len(head) <= WIDTH:
        return [head]
    open_at = head.index("(") + 1
    parameters = head[open_at:].split(", ")
    if open_at + max(map(len, parameters)) >= WIDTH:
        return [head[:open_at], "    " + head[open_at:]]
    lines = [head[:open_at] + parameters[0]]
    for parameter in parameters[1:]:
        joined = f"{lines[-1]}, {parameter}"
        if len(joined) < WIDTH:
            lines[-1] = joined
        else:
            lines[-1] += ","
            lines.append(" " * open_at + parameter)
    return lines


def write_file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
