"""Figures of the house: not rules, but what one watches. Heuristic: it reads text."""
import re

from tidy_tree import line_of, without_directives

FUNCTION = re.compile(r"([A-Za-z_]\w*)\s*\([^;{}]*\)\s*$")


def _functions(code):
    """(name, lines, body) of each function in C text without comments and directives."""
    depth, start, head = 0, 0, 0
    for match in re.finditer(r"[{};]", code):
        c, position = match.group(0), match.start()
        if c == "{":
            if depth == 0:
                start = position
            depth += 1
        elif c == "}":
            depth -= 1
            if depth == 0:
                name = FUNCTION.search(code[head:start])
                if name:
                    begin = head + len(code[head:start]) - len(code[head:start].lstrip())
                    lines = line_of(code, position) - line_of(code, begin) + 1
                    yield name.group(1), lines, code[start:position]
                head = match.end()
        elif depth == 0:
            head = match.end()


def _spread(numbers):
    """Median, 95th percentile and largest."""
    ordered = sorted(numbers) or [0]
    return " / ".join(str(ordered[min(len(ordered) - 1, int(len(ordered) * share))])
                      for share in (0.5, 0.95, 1))


def _ratio(part, whole):
    return f"{part / max(1, whole):.2f}"


def _comment_lines(text):
    return sum(match.group(0).count("\n") + 1 for match in re.finditer(r"/\*.*?\*/", text, re.S))


def figures(tree):
    """(what, value) in the order in which they are printed."""
    functions = [(path, *found) for path in tree.product if path.endswith(".c")
                 for found in _functions(without_directives(tree.code[path]))]
    cores = [found for found in functions if found[0].endswith("_core.c")]
    sizes = {path: tree.text(path).count("\n") for path in tree.product}
    asserts = [len(re.findall(r"\bassert\s*\(", body)) for _, _, _, body in functions]
    core_asserts = [len(re.findall(r"\bassert\s*\(", body)) for _, _, _, body in cores]
    pointers = sum(len(re.findall(r"\bvoid\s*\*\s*\w+\s*[,)]", tree.code[path]))
                   for path in tree.product if path.split("/")[0] not in ("base", "io"))
    yield "files", len(sizes)
    yield "lines", sum(sizes.values())
    yield "lines per file, median / p95 / largest", _spread(sizes.values())
    yield "functions", len(functions)
    yield "lines per function, median / p95 / largest", _spread(found[2] for found in functions)
    yield "functions over 70 lines", sum(found[2] > 70 for found in functions)
    yield "asserts per function", _ratio(sum(asserts), len(functions))
    yield "asserts per function of a core", _ratio(sum(core_asserts), len(cores))
    yield "comment lines per line", _ratio(sum(_comment_lines(tree.text(path)) for path in sizes),
                                           sum(sizes.values()))
    yield "void pointer parameters outside base and io", pointers
