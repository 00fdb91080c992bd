#!/usr/bin/env python3
"""Random expressions and names: the broker's engine must say what Python's says.

  topic_pattern_test.py FILTER [SEED [COUNT]]
"""
import random
import re
import subprocess
import sys
import warnings

# Never empty: older Pythons say that \\B is not there, RE2 says that it is.
NAMES = "abc-_."


def expression(chance: random.Random, depth: int) -> str:
    if depth == 0 or chance.random() < 0.3:
        return chance.choice(["a", "b", "c", r"\.", "-", ".", "[ab]", "[^a]", r"\w", r"\W", "[a-c_]",
                              "^", "$", r"\b", r"\B", ""])
    one, two = expression(chance, depth - 1), expression(chance, depth - 1)
    return chance.choice([one + two, one + two, f"({one}|{two})", f"(?:{one})*", f"(?:{one})+",
                          f"(?:{one})?", f"(?:{one}){{1,2}}", f"(?:{one}){{2}}", f"(?:{one})*?{two}",
                          f"(?i:{one})"])


def main() -> int:
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 20_000
    chance = random.Random(seed)
    warnings.simplefilter("ignore")
    cases = []
    for _ in range(count):
        name = "".join(chance.choice(NAMES + "A") for _ in range(chance.randrange(1, 6)))
        cases.append((expression(chance, 4), name))
    text = "".join(f"{e}\t{n}\n" for e, n in cases)
    answers = subprocess.run([sys.argv[1]], input=text, capture_output=True, text=True,
                             check=True).stdout.split()
    wanted = ["1" if re.fullmatch(e, n, re.ASCII) else "0" for e, n in cases]
    wrong = [(c, w, a) for c, w, a in zip(cases, wanted, answers) if w != a]
    for (e, n), want, got in wrong[:10]:
        print(f"seed {seed}: '{e}' on '{n}': {got}, must be {want}")
    print(f"{len(answers) - len(wrong)} of {count} right, {wanted.count('1')} of them matches")
    return 1 if wrong or len(answers) != count or wanted.count("1") < count // 50 else 0


if __name__ == "__main__":
    sys.exit(main())
