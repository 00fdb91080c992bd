"""The tree as tidy sees it: files, C text without comments, modules of the build, objects.

A module is a folder whose CMakeLists.txt has a `module(...)` line (cmake/module.cmake). The floors
are the folders that the top CMakeLists.txt adds, in its order: lowest first.
"""
import json
import os
import re
from dataclasses import dataclass, field
from functools import cached_property

# Never looked at: what builds and runs leave behind.
SKIPPED_FOLDERS = {".git", "build", "data", "__pycache__", "node_modules", ".cache", ".vscode"}
C_ENDINGS = (".c", ".h")
TEXT_ENDINGS = C_ENDINGS + (".py", ".sh", ".cmake", ".txt", ".md", ".msg", ".json", ".yml", ".java",
                            ".js", ".go", ".properties", ".service")
TOP_SCRIPTS = ("dev", ".ci/run", "tools/tidy")

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "defined", "__attribute__",
            "static_assert", "_Static_assert", "_Alignas", "__typeof__", "_Noreturn"}


def without_comments(text):
    """Comments and the insides of strings gone, every line where it was."""
    def replace(match):
        token = match.group(0)
        if token[0] == "/":
            return " " + "\n" * token.count("\n")
        return token[0] + token[0]
    return TOKEN.sub(replace, text)


def without_directives(text):
    """Preprocessor lines gone too, with their continuations."""
    def replace(match):
        return "\n" * match.group(0).count("\n")
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", replace, text, flags=re.M)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


@dataclass
class Module:
    """One `module(...)` line. Paths in `public` are from the top of the tree."""
    folder: str
    name: str
    line: int
    public: set = field(default_factory=set)
    uses: list = field(default_factory=list)


def top_level_pieces(text):
    """(position, text, ending) of each declaration or definition outside all braces; `ending` is
    ';' for a declaration and '{' for what has a body."""
    depth, start = 0, 0
    for match in re.finditer(r"[{};]", text):
        c = match.group(0)
        if c == "{":
            if depth == 0:
                yield start, text[start:match.start()], c
            depth += 1
        elif c == "}":
            depth -= 1
            if depth == 0:
                start = match.end()
        elif depth == 0:
            yield start, text[start:match.start()], c
            start = match.end()


def function_names(text):
    """(name, line, has_body) of the functions declared or defined at the top level of C text that
    has neither comments nor directives."""
    for position, piece, ending in top_level_pieces(text):
        head = re.match(r"[\s\w*]*?\b([A-Za-z_]\w*)\s*\(", piece)
        if not head or head.group(1) in KEYWORDS or "=" in piece[:head.end()]:
            continue
        if re.match(r"\s*typedef\b", piece) or not re.search(r"[\w*]\s+\**$|\*$",
                                                             piece[:head.start(1)]):
            continue
        yield head.group(1), line_of(text, position + head.start(1)), ending == "{"


class Tree:
    def __init__(self, root, build=None):
        self.root = os.path.abspath(root)
        self.build = os.path.abspath(build) if build else None
        self.notes = []
        self._texts = {}

    @cached_property
    def files(self):
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), self.root)
                if name.endswith(TEXT_ENDINGS) or path in TOP_SCRIPTS:
                    found.append(path)
        return found

    def text(self, path):
        if path not in self._texts:
            with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
                self._texts[path] = file.read()
        return self._texts[path]

    @cached_property
    def c_files(self):
        return [path for path in self.files if path.endswith(C_ENDINGS)]

    @cached_property
    def code(self):
        """C text without comments, by path; what macros say is still there."""
        return {path: without_comments(self.text(path)) for path in self.c_files}

    @cached_property
    def product(self):
        """The C files that belong to a module's folder."""
        return [path for path in self.c_files if self.module_of(path)]

    @cached_property
    def modules(self):
        """Modules by folder, from every CMakeLists.txt below a floor."""
        found = {}
        for path in self.files:
            folder = os.path.dirname(path)
            if os.path.basename(path) != "CMakeLists.txt" or not folder:
                continue
            if folder.split("/")[0] in ("tests", "tools"):
                continue
            text = re.sub(r"#[^\n]*", "", self.text(path))
            for match in re.finditer(r"\bmodule\(([^)]*)\)", text):
                found[folder] = self._parse_module(folder, match.group(1).split(),
                                                   line_of(text, match.start()))
        return found

    @staticmethod
    def _parse_module(folder, words, line):
        module = Module(folder, words[0], line)
        key = None
        for word in words[1:]:
            if word in ("PUBLIC", "SOURCES", "USES", "LIBRARIES"):
                key = word
            elif key == "PUBLIC":
                module.public.add(os.path.normpath(os.path.join(folder, word)))
            elif key == "USES":
                module.uses.append(word)
        return module

    def module_of(self, path):
        folder = os.path.dirname(path)
        while folder and folder not in self.modules:
            folder = os.path.dirname(folder)
        return self.modules.get(folder)

    @cached_property
    def floors(self):
        """The order of the floors, lowest first."""
        if "CMakeLists.txt" not in self.files:
            return []
        match = re.search(r"foreach\(floor\s+([^)]*)\)", self.text("CMakeLists.txt"))
        return match.group(1).split() if match else []

    @cached_property
    def generated(self):
        """Text of the generated C files, by the path that an #include would give."""
        found = {}
        base = os.path.join(self.build, "generated") if self.build else None
        for folder, _, names in os.walk(base) if base else ():
            for name in names:
                path = os.path.join(folder, name)
                if name.endswith(C_ENDINGS):
                    with open(path, encoding="utf-8", errors="replace") as file:
                        found[os.path.relpath(path, base)] = file.read()
        return found

    @cached_property
    def generated_code(self):
        return {path: without_comments(text) for path, text in self.generated.items()}

    def in_comments(self, path, pattern):
        """(match, line) of what the comments of a file hold of a pattern."""
        text = self.text(path)
        for token in TOKEN.finditer(text):
            if token.group(0)[0] == "/":
                for match in pattern.finditer(token.group(0)):
                    yield match, line_of(text, token.start() + match.start())

    def includes(self, path):
        """(target, line) of every #include with quotes."""
        text = self.text(path)
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', text, re.M):
            yield match.group(1), line_of(text, match.start())

    @cached_property
    def objects(self):
        """Source path -> object file, for the compiled files of modules and programs."""
        commands = os.path.join(self.build or "", "compile_commands.json")
        if not self.build or not os.path.exists(commands):
            return {}
        found = {}
        with open(commands, encoding="utf-8") as file:
            for entry in json.load(file):
                source = os.path.relpath(entry["file"], self.root)
                output = re.search(r" -o (\S+)", entry["command"])
                top = source.split("/")[0]
                if output and top not in ("tests", ".."):
                    found[source] = os.path.join(entry["directory"], output.group(1))
        return found

    @cached_property
    def kind(self):
        """release, debug or asan: what the build was configured as."""
        cache = os.path.join(self.build or "", "CMakeCache.txt")
        if not self.build or not os.path.exists(cache):
            return None
        with open(cache, encoding="utf-8") as file:
            match = re.search(r"^TAILRACE_KIND:\w+=(\w+)", file.read(), re.M)
        return match.group(1) if match else None
