#!/usr/bin/env python3
"""Every golden vector must come back from the codec byte for byte.

  vectors_test.py CODEC VECTORS.jsonl.gz...

Feeds CODEC one line for each vector and compares its answer with the bytes it got, or with the
same bytes without the tags that nobody knows (canonical_hex).
"""
from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter

SHOWN_MAX = 20
ASKED = ("api", "key", "type", "version", "flexible")


def load(paths: list[str]) -> list[dict]:
    vectors = []
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            vectors += [json.loads(line) for line in lines]
    return vectors


def ask(codec: str, vectors: list[dict]) -> list[dict]:
    questions = [{word: v[word] for word in ASKED if word in v} | {"hex": v["body_hex"]} for v in vectors]
    text = "\n".join(json.dumps(question) for question in questions) + "\n"
    done = subprocess.run([codec], input=text, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def judge(vector: dict, answer: dict) -> str | None:
    """What is wrong with the answer, or None."""
    got = answer.get("hex")
    if got is None:
        return f"answered {answer}"
    wanted = (vector["body_hex"], vector.get("canonical_hex"))
    return None if got in wanted else f"got {got}, want {wanted[0]}"


def main() -> int:
    vectors = load(sys.argv[2:])
    answers = ask(sys.argv[1], vectors)
    if not vectors or len(answers) != len(vectors):
        print(f"{len(answers)} answers to {len(vectors)} vectors")
        return 1
    wrong = [(v, w) for v, a in zip(vectors, answers) if (w := judge(v, a))]
    for vector, what in wrong[:SHOWN_MAX]:
        print(f"{vector['api']} {vector['type']} v{vector['version']} {vector['kind']}: {what}")
    kinds = Counter(v["api"] for v in vectors)
    print(f"{len(vectors) - len(wrong)} of {len(vectors)} vectors of {len(kinds)} messages came back")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
