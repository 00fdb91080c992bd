"""The checks of tidy, one function each: a tree in, findings out. Every message says how to mend."""
import os
import re
import shutil
import subprocess
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tidy_tree import function_names, line_of, without_directives

LINES_MAX = 1000
FORMAT_VERSION = "14"


@dataclass(order=True, frozen=True)
class Finding:
    path: str
    line: int
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


def check_floors(tree):
    """A module uses only modules of lower floors."""
    order = {folder: number for number, folder in enumerate(tree.floors)}
    by_name = {module.name: module for module in tree.modules.values()}
    for module in tree.modules.values():
        path = f"{module.folder}/CMakeLists.txt"
        mine = order.get(module.folder.split("/")[0])
        for name in module.uses:
            if name not in by_name:
                yield Finding(path, module.line, f"USES {name}, which is no module: remove it, or "
                              "give that folder a module(...) line")
                continue
            theirs = order.get(by_name[name].folder.split("/")[0])
            if mine is not None and theirs is not None and theirs >= mine:
                yield Finding(path, module.line, f"USES {name}, which is not on a lower floor: move "
                              "what is shared down, or hand in a callback from above")


def check_includes(tree):
    """Includes go along USES, and only to PUBLIC headers of other folders."""
    for path in tree.product:
        here = tree.module_of(path)
        for target, line in tree.includes(path):
            there = tree.module_of(target)
            if target not in tree.c_files and target not in tree.generated:
                if tree.build or there is None:
                    yield Finding(path, line, f'includes "{target}", which is not in the tree: write '
                                  "the path from the top of the tree")
                continue
            if there is None:
                yield Finding(path, line, f'includes "{target}", which belongs to no module: product '
                              "code must not depend on tests or tools")
            elif there is not here:
                yield from _check_across(path, line, target, here, there, tree.generated)


def _check_across(path, line, target, here, there, generated):
    if there.name not in here.uses:
        yield Finding(path, line, f'includes "{target}", but module {here.name} does not use '
                      f"{there.name}: add {there.name} to its USES if it stands on a lower floor, "
                      "else turn the dependency round")
    elif target not in there.public and target not in generated:
        yield Finding(path, line, f'includes "{target}", which is not PUBLIC in {there.folder}: use '
                      "a public header, or add it to PUBLIC if it is meant as a contract")


def check_circles(tree):
    """No file needs, through its includes, another that needs it. x.c and x.h are one."""
    graph = defaultdict(set)
    for path in tree.product:
        stem = os.path.splitext(path)[0]
        for target, _ in tree.includes(path):
            other = os.path.splitext(target)[0]
            if target in tree.code and other != stem:
                graph[stem].add(other)
    for ring in _rings(graph):
        yield Finding(min(ring) + ".h", 1, f"includes go in a circle ({', '.join(sorted(ring))}): "
                      "move what both need into a third file below them, or the code that ties them "
                      "into a .c file with a name of its own")


def _rings(graph):
    """Strongly connected parts of more than one node (Tarjan 1972, without recursion)."""
    index, low, stack, on_stack = {}, {}, [], set()
    for root in sorted(graph):
        if root in index:
            continue
        work = [(root, iter(sorted(graph[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(sorted(graph.get(target, ())))))
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    ring = []
                    while not ring or ring[-1] != node:
                        ring.append(stack.pop())
                        on_stack.discard(ring[-1])
                    if len(ring) > 1:
                        yield ring


# malloc has no argument that says whose memory it is, so the simulator's stand-in for it needs one
# variable. It is in the simulator's programs only; nothing that users run links it.
MUTABLE_GLOBALS = {("sim/heap.c", "heap_current")}


def check_mutable_globals(tree):
    """Nothing compiled lies in a section that the program can write, but for constants that only
    need relocation."""
    if tree.kind is None:
        tree.notes.append("no build given: mutable globals not checked")
        return
    if tree.kind == "asan":
        tree.notes.append("sanitizers add globals of their own: checked in the other builds")
        return
    objects = {output: source for source, output in tree.objects.items() if os.path.exists(output)}
    if not objects:
        return
    run = subprocess.run(["nm", "-A", "-f", "sysv", *objects], capture_output=True, text=True,
                         check=True)
    for row in run.stdout.splitlines():
        cells = [cell.strip() for cell in row.split("|")]
        if len(cells) < 7 or not _is_mutable(cells[-1]):
            continue
        output, _, name = cells[0].rpartition(":")
        if (objects[output], name) in MUTABLE_GLOBALS:
            continue
        if cells[3] in ("OBJECT", "TLS"):
            yield Finding(objects[output], 1, f"{name} is a mutable global (section {cells[-1]}): "
                          "put it into a struct that is handed around, or make it const")


def _is_mutable(section):
    if section.startswith(".data.rel.ro"):
        return False
    return re.match(r"\.(data|bss|tdata|tbss)\b|\*COM\*", section) is not None


def check_sizes(tree):
    """No file that anyone scrolls in search of its end."""
    for path in tree.files:
        if path.endswith((".md", ".json", ".txt")):
            continue
        count = tree.text(path).count("\n")
        if count >= LINES_MAX:
            yield Finding(path, count, f"{count} lines: split the file by what its parts are about "
                          f"(under {LINES_MAX}, better under 650)")


def _format_program():
    for name in (f"clang-format-{FORMAT_VERSION}", "clang-format"):
        program = shutil.which(name)
        if program:
            run = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
            if re.search(rf"version {FORMAT_VERSION}\.", run.stdout):
                return program
    return None


def check_format(tree):
    """clang-format decides the layout; other versions than 14 decide differently."""
    if ".clang-format" not in os.listdir(tree.root) or not tree.c_files:
        return
    program = _format_program()
    if program is None:
        tree.notes.append(f"no clang-format {FORMAT_VERSION} on this machine: layout not checked")
        return

    def look(batch):
        run = subprocess.run([program, "--dry-run", *batch], cwd=tree.root, capture_output=True,
                             text=True, check=False)
        return re.findall(r"^(\S+?):(\d+):\d+: (?:warning|error):", run.stderr, re.M)

    half = (len(tree.c_files) + 1) // 2
    batches = [batch for batch in (tree.c_files[:half], tree.c_files[half:]) if batch]
    with ThreadPoolExecutor(2) as pool:
        complaints = [pair for found in pool.map(look, batches) for pair in found]
    first = {}
    for path, line in complaints:
        first[path] = min(int(line), first.get(path, int(line)))
    for path, line in first.items():
        yield Finding(path, line, "layout differs from clang-format's: run ./dev format")


def check_dead_functions(tree):
    """What a header declares is defined somewhere and used outside its own file."""
    words = {path: Counter(re.findall(r"[A-Za-z_]\w*", text))
             for path, text in [*tree.generated_code.items(), *tree.code.items()]}
    in_files = defaultdict(set)
    for path, count in words.items():
        for word in count:
            in_files[word].add(path)
    defined_in = {}
    for path in tree.product:
        if path.endswith(".c"):
            for name, _, has_body in function_names(without_directives(tree.code[path])):
                if has_body:
                    defined_in[name] = path
    for path in tree.product:
        if not path.endswith(".h"):
            continue
        for name, line, has_body in function_names(without_directives(tree.code[path])):
            yield from _judge_function(path, line, name, has_body, defined_in.get(name),
                                       in_files[name], words, tree.generated)


def _judge_function(path, line, name, has_body, definition, files, words, generated):
    if words[path][name] > 1:
        return
    if not has_body and definition is None and not files & set(generated):
        yield Finding(path, line, f"{name} is declared and never defined: define it, or remove the "
                      "declaration")
        return
    if files <= {path, definition}:
        used_at_home = definition is not None and words[definition][name] > 1
        mend = ("make it static in its file" if used_at_home else "remove it")
        yield Finding(path, line, f"{name} is used by no other file: {mend}")


def check_dead_files(tree):
    """Every source is built and every header included."""
    included = {target for path in tree.c_files for target, _ in tree.includes(path)}
    included |= {target for text in tree.generated.values()
                 for target in re.findall(r'^#include "([^"]+)"', text, re.M)}
    for path in tree.product:
        folder, name = os.path.split(path)
        if path.endswith(".h"):
            module = tree.module_of(path)
            if path not in included and path not in module.public:
                yield Finding(path, 1, "no file includes this header: remove it")
            continue
        lists = []
        while folder:
            candidate = f"{folder}/CMakeLists.txt"
            if candidate in tree.files:
                lists.append(tree.text(candidate))
            folder = os.path.dirname(folder)
        if not any(re.search(rf"\b{re.escape(name)}\b|GLOB", text) for text in lists):
            yield Finding(path, 1, "no CMakeLists.txt builds this file: add it to SOURCES, or "
                          "remove it")


# Split, so that this file may speak about what it forbids.
MARKS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")


def check_marks(tree):
    """No unfinished business in the tree."""
    for path in tree.files:
        for match in MARKS.finditer(tree.text(path)):
            yield Finding(path, line_of(tree.text(path), match.start()),
                          f"{match.group(1)}: do it now, or open an issue and remove the mark")


# Names of functions and what to use instead. The first group stands behind io/io.h.
OUTSIDE = {
    "time clock clock_gettime gettimeofday": "io_now_ns or io_wall_ms; a core gets its time in the "
                                             "event",
    "rand srand random srandom drand48 getrandom getentropy arc4random": "a seeded struct prng, "
                                                                         "io_random_u64 or io_secret",
    "open openat creat close read write pread pwrite preadv pwritev readv writev fsync fdatasync "
    "fallocate posix_fallocate ftruncate truncate unlink unlinkat rename renameat mkdir mkdirat rmdir "
    "opendir readdir stat fstat lstat statx fopen fread fwrite fclose mmap": "the file operations of "
                                                                             "io/io.h",
    "socket bind listen accept accept4 connect send sendto sendmsg recv recvfrom recvmsg setsockopt "
    "getsockopt getaddrinfo poll ppoll select epoll_wait epoll_ctl": "the socket operations of "
                                                                     "io/io.h",
    "getenv setenv": "a setting that main hands in",
    "sleep usleep nanosleep": "a timer: io_timer_start",
    "pthread_create fork vfork system popen signal sigaction": "io/, which owns threads and signals",
    "exit _exit": "a status, returned to main",
    "localtime gmtime ctime asctime strftime setlocale": "text_format_time_ms",
    "printf puts putchar perror": "log_info and its kin, with a logger",
}
EVERYWHERE = {
    "strcpy strcat sprintf vsprintf gets strtok stpcpy": "snprintf, memcpy with a known size, or a "
                                                         "writer",
    "alloca strdupa": "an arena, or an array with a limit",
}
PRODUCT = {
    "atoi atol atoll strtol strtoul strtoll strtoull sscanf": "text_parse_i64 and its kin",
}
OUTSIDE_FOLDERS = {"io", "sim", "cli", "bench", "tools"}
TEST_BANS = {"sleep usleep nanosleep": "a simulated clock, or wait for the event itself",
             "rand srand random": "a seeded struct prng"}


def _calls(code, bans):
    """(name, replacement, position) of each banned call. Calls through a struct's member are none,
    and neither are declarations."""
    table = {name: mend for names, mend in bans.items() for name in names.split()}
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(table) + r")\s*\(")
    for match in pattern.finditer(code):
        yield match.group(1), table[match.group(1)], match.start()


def check_calls(tree):
    """One door to the outside, and no function that is easy to misuse."""
    for path, text in tree.code.items():
        code = without_directives(text)
        top = path.split("/")[0]
        bans = dict(EVERYWHERE)
        if top == "tests":
            bans.update(TEST_BANS)
        elif tree.module_of(path):
            bans.update(PRODUCT)
            if top not in OUTSIDE_FOLDERS and not path.endswith("main.c"):
                bans.update(OUTSIDE)
        for name, mend, position in _calls(code, bans):
            yield Finding(path, line_of(code, position), f"calls {name}: use {mend}")


def check_sleep_in_scripts(tree):
    """Tests do not sleep, in whatever language."""
    for path in tree.files:
        if not path.startswith("tests/") or path.endswith((".c", ".h", ".md", ".json")):
            continue
        text = tree.text(path)
        for match in re.finditer(r"\btime\.sleep\s*\(|^\s*sleep\s+[\d.$]", text, re.M):
            yield Finding(path, line_of(text, match.start()),
                          "sleeps: wait for the event itself (a line of the log, a file, a reply)")


# Places that documents may point to, addresses of this machine, and names that exist nowhere.
KNOWN_HOSTS = re.compile(r"(?:[\w-]+|127\.0\.0\.1|0\.0\.0\.0|\[?::1?\]?|(?:[\w-]+\.)*example"
                         r"(?:\.(?:com|org|net))?|(?:kafka|cwiki|www)\.apache\.org|"
                         r"(?:www\.)?rfc-editor\.org|(?:json-schema|www\.w3)\.org)$")
MACHINE_PATH = re.compile(r"(?<![\w.$}/])/(?:ho" r"me|ro" r"ot|wo" r"rk|Us" r"ers|m" r"nt)/\w"
                          r"|/t" r"mp/(?!kafka-|kraft-)\w")  # but for Kafka's defaults


def check_places(tree):
    """The tree names no host and no path of one machine."""
    for path in tree.files:
        text = tree.text(path)
        for match in re.finditer(r"\b(?:https?|ftp|ssh|git)://(?:[^\s/@\"'<>]*@)?([\w.\-\[\]:]+?)"
                                 r"(?::\d+)?(?=[^\w.\-\[\]:]|$)", text):
            if not KNOWN_HOSTS.match(match.group(1)):
                yield Finding(path, line_of(text, match.start()), f"names the host {match.group(1)}: "
                              "name the package or document instead, without a place")
        for match in MACHINE_PATH.finditer(text):
            yield Finding(path, line_of(text, match.start()), f"names a path of one machine "
                          f"({match.group(0)}...): make it relative, or a parameter")


SYSTEM_HEADERS = re.compile(r"^[ \t]*#[ \t]*include[ \t]+<((?:sys/(?:socket|epoll|eventfd|mman|stat|"
                            r"random|timerfd|uio|file|statfs|statvfs|select|signalfd)|netinet/\w+|arpa/"
                            r"inet|netdb|fcntl|unistd|dirent|poll|pthread|sched|signal|time|liburing|"
                            r"linux/\w+)\.h)>", re.M)


def check_system_headers(tree):
    """Only io/, sim/, cli/ and main files see the system's files, sockets, clocks and threads."""
    for path in tree.product:
        if path.split("/")[0] in OUTSIDE_FOLDERS or path.endswith("main.c"):
            continue
        text = tree.text(path)
        for match in SYSTEM_HEADERS.finditer(text):
            yield Finding(path, line_of(text, match.start()), f"includes <{match.group(1)}>: go "
                          "through io/io.h, so that the simulator can stand in")


def check_map(tree):
    """The map of the house in HACKING.md shows the floors that the build has, and no others."""
    if "HACKING.md" not in tree.files:
        return
    text = tree.text("HACKING.md")
    rows = {match.group(1): line_of(text, match.start())
            for match in re.finditer(r"^\| *\d+ *\| *`([\w-]+)` *\|", text, re.M)}
    floors = {floor for floor in tree.floors if floor not in ("tests", "tools")}
    for floor in sorted(floors - rows.keys()):
        yield Finding("HACKING.md", 1, f"the map lacks the folder {floor}: add its row")
    for folder in sorted(rows.keys() - floors):
        yield Finding("HACKING.md", rows[folder], f"the map shows {folder}, which is no floor of the "
                      "build: remove the row, or add the folder to the top CMakeLists.txt")


FILE_NAME = re.compile(r"(?<![\w*/<\"'.-])((?:[\w-]+/)*)(\w+\.[ch])\b")


def check_named_files(tree):
    """Comments of product code name no file of the house that is not there."""
    names = {os.path.basename(path) for path in tree.c_files}
    for path in tree.product:
        for match, line in tree.in_comments(path, FILE_NAME):
            folder, name = match.groups()
            is_ours = not folder or folder.split("/")[0] in tree.modules
            is_there = folder + name in tree.c_files if folder else name in names
            if is_ours and not is_there and not _is_generated(folder + name, tree):
                yield Finding(path, line, f"a comment names {folder}{name}, which is not in the tree: "
                              "name the file that has it now")


def _is_generated(path, tree):
    """Without a build nobody knows: then what lies in folders of schemas is taken for it."""
    return path in tree.generated or (not tree.build and "/messages/" in path)


CHECKS = (check_floors, check_includes, check_circles, check_mutable_globals, check_sizes,
          check_format, check_dead_functions, check_dead_files, check_marks, check_calls,
          check_sleep_in_scripts, check_places, check_system_headers, check_named_files,
          check_map)
