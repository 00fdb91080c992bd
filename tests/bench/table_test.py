"""The driver of the performance table: its rows are what the tool understands, what has been measured
is kept, and what is kept is what the document shows."""
import argparse
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("TAILRACE_BUILD", ROOT / "build/debug"))
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE.parent / "support")]

from patience import PATIENCE_SECONDS  # noqa: E402

TABLE_SECONDS_MAX = 5 * PATIENCE_SECONDS  # brokers start and stop, and floors are measured, one after the other


def script(name):
    loader = importlib.machinery.SourceFileLoader(name, str(ROOT / "bench" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module
    loader.exec_module(module)
    return module


table = script("table")
table_coverage, table_floor, table_goals = table.table_coverage, table.table_floor, table.table_goals
table_disk = table.table_disk
table_retention = table.table_retention
rows = table.all_rows()


def kept(contender, number, figures):
    return {"row": "x", "contender": contender, "round": number, "figures": figures,
            "load_average": [1.5, 1, 1], "date": f"2026-11-2{number}", "results": [{}],
            "seconds": 1.5 if number == 0 else 2,
            "floors": [{"sync_4k_p50_us": factor * (number + 1)} for factor in (100, 300)],
            "stolen_percent": 3 + number}


class Rows(unittest.TestCase):
    def test_names(self):
        """A row is asked for, and kept, by its name."""
        names = [row.name for row in rows]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(all(name == pathlib.Path(name).name for name in names))
        self.assertLessEqual(set(table.PICTURE_ROWS), set(names))

    def test_words(self):
        """The tool takes the words of every step: without a broker that is all it can say."""
        for row in rows:
            for step in row.steps:
                with self.subTest(row=row.name, mode=step.mode):
                    done = subprocess.run([BUILD / "tailrace", "bench", step.mode, "-b", "127.0.0.1:1",
                                           *map(str, step.words)], capture_output=True, text=True, check=False)
                    self.assertEqual(done.returncode, 1, done.stderr)

    def test_retention(self):
        """What is filled before retention is to delete is more than it keeps, in each partition, also of a table that is
        only a look; who begins with the row looks as often as those that stay."""
        found = [row for row in rows if any(step.is_beside_retention for step in row.steps)]
        self.assertEqual([row.name for row in found], ["bulk-1-retention", "bulk-16-retention"])
        for row in found:
            for shorten in (list, table.quick_words):
                fill, load = (shorten(step.words) for step in row.steps)
                kept = sum(int(word.partition("=")[2]) for word in fill if str(word).startswith(("segment", "retention")))
                filled = fill[fill.index("--requests") + 1] * 65536 // fill[fill.index("--partitions") + 1]
                self.assertGreater(filled, kept)
                self.assertEqual([word for word in fill if "bytes=" in str(word)],
                                 [word for word in load if "bytes=" in str(word)])
            self.assertIn(table.driver.CHECK_OFTEN, row.settings)
            self.assertIn(table.driver.CHECK_OFTEN, table.kafka_command("run", "plain"))

    def test_kinds(self):
        """A row either puts loads on a broker or begins and ends some."""
        for row in rows:
            self.assertEqual(bool(row.steps), not row.life, row.name)
            self.assertTrue(not row.life or row.life in table.table_life.LIVES, row.name)


class Document(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.results = table.Results(self.folder)
        self.row = next(row for row in rows if row.name == "bulk-16")

    def keep(self, contender, values):
        for number, mb in enumerate(values):
            self.results.keep(self.results.path(self.row, contender, number),
                              kept(contender, number, {"MB/s": mb, "broker CPU (s per GB)": 100 / mb}))

    def test_cells(self):
        """Median and range of the rounds; how much better, by pairs of rounds; a tilde where these do not
        agree."""
        self.results.keep(self.folder / "conditions.json", {"cpu": "fast"})
        self.keep("Tailrace", [400, 800, 600])
        self.keep("Kafka", [200, 400, 300])
        self.keep("Other", [100, 900, 600])
        text = table.markdown(rows, self.results)
        self.assertIn("| MB/s | **600** (400-800) | **300** (200-400) | **600** (100-900) | 2.00x | 300 µs, 4.00 % |", text)
        # Less is better: the ratio is turned round.
        self.assertIn("| broker CPU (s per GB) | **0.17** (0.12-0.25) |", text)
        cpu = next(line for line in text.split("\n") if "broker CPU" in line)
        # The machine is said once for a row; of costs the least is compared as well.
        self.assertTrue(cpu.endswith("| 2.00x (least: 2.00x) |  |"), cpu)
        self.assertIn("- cpu: fast\n- seconds for each load: 1.5 to 2\n- rounds: 3\n", text)
        self.assertEqual(table.ratio_cell({0: 1, 1: 3}, {0: 2, 1: 2}), "~1.00x")

    def test_groups(self):
        """Each group has a section with what the machine did when it was measured."""
        self.results.keep(self.folder / "conditions.json", {"cpu": "fast"})
        self.keep("Tailrace", [400, 800, 600])
        text = table.markdown(rows, self.results)
        for group in {row.group for row in rows}:
            self.assertEqual(text.count(f"\n### {group}\n"), 1)
        self.assertIn("### Produce\n\nMeasured 2026-11-20 to 2026-11-22. Load average when a load began: **1.50** "
                      "(1.50-1.50). The machine's own sync of 4 KiB (µs): **300** (100-900); stolen (%): **4.00** "
                      "(3.00-5.00).\n\n| Produce | figure |", text)

    def test_dashes(self):
        """What has not been measured yet is there, and has no figures; nor has what was kept by an older table
        a floor."""
        self.results.keep(self.folder / "conditions.json", {"cpu": "fast"})
        self.assertRaises(SystemExit, table.markdown, rows, self.results)
        old = kept("Kafka", 0, {"MB/s": 5})
        for member in ("floors", "stolen_percent", "date"):
            del old[member]
        self.results.keep(self.results.path(self.row, "Kafka", 0), old)
        text = table.markdown(rows, self.results)
        self.assertIn(f"| {self.row.title} | MB/s | 5.00 | - | - |", text)
        idle = next(row for row in rows if row.name == "idle")
        self.assertIn(f"\n| {idle.title} | - | - | - | - |\n", text)
        widths = {line.count("|") for line in text.split("\n") if line.startswith("|")}
        self.assertEqual(widths, {6})

    def test_coverage(self):
        """How many rows there are not, which lack a broker, and which are not from the machine that most are from."""
        def keep(name, contender, number, **more):
            row = next(each for each in rows if each.name == name)
            self.results.keep(self.results.path(row, contender, number), {**kept(contender, number, {"MB/s": 1}), **more})

        def said():
            return list(table_coverage.lines(rows, self.results))

        self.assertEqual(len(said()), 1)
        self.assertIn(f"not measured: {len(rows)} (bulk-1, ", said()[0])
        for row in rows:
            keep(row.name, "Tailrace", 0, machine="new, 2 cores")
        self.assertEqual(said(), [f"rows of the table: {len(rows)}; not measured: 0"])
        keep("bulk-1", "Tailrace", 1, machine="old, 2 cores")
        keep("bulk-16", "Kafka", 0, results=[{}, {"conditions": {"cpu": "old", "cpu_count": 2}}])
        lacking = len(rows) - 1
        self.assertTrue(said()[1].startswith(f"measured without some of the brokers: {lacking} (bulk-1, "), said()[1])
        self.assertEqual(said()[2:], ["measured on old, 2 cores, most others on new, 2 cores: 2 (bulk-1, bulk-16)"])
        self.results.keep(self.folder / "conditions.json", {"cpu": "fast"})
        self.assertIn(f"- {said()[2]}\n", table.markdown(rows, self.results))

    def test_unjudged(self):
        """A figure of which neither more nor less is better is not said to be better."""
        row = next(each for each in rows if each.name == "bulk-1-retention")
        for contender in ("Tailrace", "Kafka"):
            self.results.keep(self.results.path(row, contender, 0),
                              kept(contender, 0, {figure.title: 3 for figure in row.figures}))
        found = self.results.read(row)
        lines = list(table.row_lines(row, found, ["Tailrace", "Kafka"], "Kafka"))
        self.assertIn("| deleted meanwhile (MB/s) | 3.00 | 3.00 | - |", lines[-1])
        self.assertIn("| 1.00x |", lines[0])
        figures = {figure["title"]: figure for figure in table.comparison(row, found)["figures"]}
        self.assertEqual(figures["deleted meanwhile (MB/s)"]["ratios"], {})

    def test_place(self):
        """Only what stands between the marks is written anew."""
        self.addCleanup(setattr, table, "DOCUMENT", table.DOCUMENT)
        table.DOCUMENT = self.folder / "page.md"
        table.DOCUMENT.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n", encoding="utf-8")
        table.write_document("new")
        self.assertEqual(table.DOCUMENT.read_text(encoding="utf-8"),
                         f"before\n{table.BEGIN}\nnew\n{table.END}\nafter\n")
        table.DOCUMENT.write_text("no place", encoding="utf-8")
        self.assertRaises(SystemExit, table.write_document, "new")

    def test_page_has_its_place(self):
        """The document of this repository has the marks."""
        text = table.DOCUMENT.read_text(encoding="utf-8")
        self.assertLess(text.index(table.BEGIN), text.index(table.END))

    def test_comparison(self):
        """A row goes to the report as a comparison."""
        self.keep("Kafka", [200, 400])
        self.keep("Tailrace", [400, 800])
        found = self.results.read(self.row)
        document = table.comparison(self.row, found)
        self.assertEqual(document["contenders"], ["Tailrace", "Kafka"])
        figure, stolen = document["figures"][0], document["figures"][-1]
        self.assertEqual(stolen["values"]["Kafka"], {"median": 3.5, "min": 3, "max": 4})
        self.assertEqual(document["figures"][-2]["values"]["Tailrace"], {"median": 250, "min": 100, "max": 600})
        self.assertEqual(figure["name"], "mb_per_s")
        self.assertEqual(figure["values"]["Kafka"], {"median": 300, "min": 200, "max": 400})
        self.assertEqual(figure["ratios"]["Kafka"],
                         {"median": 2, "min": 2, "max": 2, "is_decided": True})


def rounds_of(name, values):
    """What is kept of a row: broker -> values of one figure, by rounds."""
    return {contender: {number: kept(contender, number, {name: value}) for number, value in enumerate(each)}
            for contender, each in values.items()}


class Goals(unittest.TestCase):
    def judge(self, goal, found):
        values = table_goals.judged_values(goal, found)
        return values, table_goals.verdict(goal, values)

    def test_figures(self):
        """Every goal is about a figure of a row that there is."""
        figures = {(row.name, figure.title) for row in rows for figure in row.figures}
        for goal in table_goals.all_goals():
            for value in (goal.value, goal.to or goal.value):
                self.assertIn((value.row, value.figure), figures)

    def test_numbers(self):
        """The median decides, to both sides, and the bound itself is good enough; a tilde where rounds say
        otherwise."""
        for make, values, want in ((table_goals.at_least, [5, 6, 7], "yes"), (table_goals.at_least, [4, 5, 7], "~yes"),
                                   (table_goals.at_least, [3, 4, 7], "~**no**"), (table_goals.at_least, [1, 2], "**no**"),
                                   (table_goals.at_most, [5, 4, 1], "yes"), (table_goals.at_most, [6, 4, 1], "~yes"),
                                   (table_goals.at_most, [6, 7, 1], "~**no**"), (table_goals.at_most, [6], "**no**")):
            with self.subTest(values=values):
                goal = make("g", "t", "row", "x", 5)
                self.assertEqual(self.judge(goal, {"row": rounds_of("x", {"Tailrace": values, "Kafka": [9]})}),
                                 (values, want))

    def test_relations(self):
        """A relation is taken by rounds, of which both must be there."""
        goal = table_goals.beside_peer("g", "t", "row", "x", 1 / 4)
        found = {"row": rounds_of("x", {"Tailrace": [1, 3, 2], "Kafka": [8, 8]})}
        self.assertEqual(self.judge(goal, found), ([1 / 8, 3 / 8], "~yes"))
        self.assertEqual(goal.bound_text, "≤ 0.25x")
        rows_goal = table_goals.Goal("g", "t", table_goals.Value("many", "x"), 1.2, to=table_goals.Value("few", "x"))
        found = {"many": rounds_of("x", {"Tailrace": [9]}), "few": rounds_of("x", {"Tailrace": [6]})}
        self.assertEqual(self.judge(rows_goal, found), ([1.5], "**no**"))

    def test_floor(self):
        """Beside a number that is not reached stands what the machine did in the same minutes; a dash if an
        older tool did not ask it; nothing if the goal holds, or if there is no such figure of a machine."""
        floor = table_goals.Floor("a call", ("round_trip_p50_us", "sync_4k_p50_us"))
        found = {"row": rounds_of("x", {"Tailrace": [6, 8], "Kafka": [1]})}
        for number, result in found["row"]["Tailrace"].items():
            result["floors"] = [{"round_trip_p50_us": number + 1, "sync_4k_p50_us": sync} for sync in (1, 3)]
        found["row"]["Kafka"][0]["floors"] = [{"round_trip_p50_us": 50, "sync_4k_p50_us": 50}]

        def cell(bound, floor, found=found):
            goal = table_goals.at_most("g", "t", "row", "x", bound, floor)
            return table_goals.floor_cell(goal, table_goals.judged_values(goal, found), found)

        self.assertEqual(cell(5, floor), "a call: **3.50** (2.00-5.00)")
        self.assertEqual(cell(7, floor), "")
        self.assertEqual(cell(5, None), "")
        self.assertEqual(cell(5, floor, {}), "")
        self.assertEqual(cell(5, table_goals.Floor("a call", ("not_asked_us", "sync_4k_p50_us"))), "-")

    def test_floors_are_measured(self):
        """The tool measures what the goals take for floors."""
        promised = subprocess.run([BUILD / "tailrace", "bench", "floor", "--format", "help"],
                                  capture_output=True, text=True, check=True).stdout
        wanted = {name for goal in table_goals.all_goals() if goal.floor for name in goal.floor.figures}
        self.assertEqual({name for name in wanted if f'"{name}": number' not in promised}, set())
        self.assertIn("echo_pipelined_cpu_us", wanted)

    def test_unmeasured(self):
        """Without measurements nothing holds, and nothing fails."""
        text = "\n".join(table_goals.lines({}))
        self.assertEqual(text.count("| - |"), len(table_goals.all_goals()))
        self.assertEqual(text.count("| not measured |"), len(table_goals.all_goals()))


class Quiet(unittest.TestCase):
    """The machine is a list of floors, one for each look; a pause takes the time that it takes."""

    def run_machine(self, wanted, floors):
        clock, pauses = [0.0], []

        def look():
            clock[0] += 1
            sync_us, stolen = floors.pop(0)
            return {"sync_4k_p50_us": sync_us, "stolen_percent": stolen}

        def pause(seconds):
            pauses.append(seconds)
            clock[0] += seconds

        table_floor.await_quiet(look, wanted, lambda: clock[0], pause)
        return pauses

    def test_quiet(self):
        """Nobody waits for what is as it should be, or looks at what does not matter."""
        self.assertEqual(self.run_machine(table_floor.Wanted(), []), [])
        self.assertEqual(self.run_machine(table_floor.Wanted(10, 500), [(500, 10)]), [])

    def test_wait(self):
        """It waits until neither is worse than wanted."""
        self.assertEqual(self.run_machine(table_floor.Wanted(10, 500), [(100, 11), (501, 0), (100, 5)]), [5, 5])
        self.assertEqual(self.run_machine(table_floor.Wanted(None, 500), [(600, 90), (100, 90)]), [5])

    def test_patience(self):
        """No longer than patience allows, whatever the machine does."""
        self.assertEqual(self.run_machine(table_floor.Wanted(10, None, 9), [(1, 50)] * 9), [5, 2])


class Disk(unittest.TestCase):
    """How long the disk has been at work is a list, one for each look, of which the last stays."""

    def settle(self, looks):
        self.clock = 0.0

        def pause(seconds):
            self.clock += seconds

        table_disk.settle(lambda: looks.pop(0) if len(looks) > 1 else looks[0], lambda: self.clock, pause)
        return self.clock / table_disk.LOOK_SECONDS

    def test_settles(self):
        """It is at rest when it has hardly been at work for a while."""
        little = table_disk.BUSY_SHARE * table_disk.LOOK_SECONDS
        self.assertEqual(self.settle([7]), 1)
        self.assertEqual(self.settle([7, 7 + little * 0.9]), 1)
        self.assertEqual(self.settle([7, 7 + little * 1.1, 8, 8]), 3)

    def test_unknown(self):
        """Where nobody tells, nobody waits."""
        self.assertEqual(self.settle([None]), 0)
        self.assertEqual(self.settle([7, None]), 1)

    def test_patience(self):
        """A disk that others keep busy is not waited for for ever."""
        most = table_disk.PATIENCE_SECONDS / table_disk.LOOK_SECONDS
        self.assertIn(self.settle(list(range(1000))), (most, most + 1))

    def test_busy(self):
        """A disk's work is counted, where there is one that tells."""
        with tempfile.TemporaryDirectory(dir=pathlib.Path(__file__).parent) as folder:
            before = table_disk.busy_seconds(folder)
            if before is None:
                self.skipTest("no disk below this folder says what it does")
            self.assertGreaterEqual(table_disk.busy_seconds(folder), before)

    def test_deletion(self):
        """A topic has gone when no folder has its name any more."""
        pauses = []
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for part in ("data/rows-0.1f-delete", "data/others-0"):
                (folder / part).mkdir(parents=True)

            def pause(seconds):
                pauses.append(seconds)
                if len(pauses) == 2:
                    (folder / "data/rows-0.1f-delete").rmdir()

            table_disk.await_deletion(folder, "rows", lambda: 0, pause)
        self.assertEqual(len(pauses), 2)


class Retention(unittest.TestCase):
    """The partitions' beginnings are a list, one for each look; a pause takes the time that it takes."""

    def watch(self, looks):
        self.clock = 0.0

        def pause(seconds):
            self.clock += seconds

        return table_retention.Watch(lambda: looks.pop(0) if len(looks) > 1 else looks[0], lambda: self.clock, pause)

    def test_begins(self):
        """Not before every partition has lost something; what goes from then on counts, at the size of what came."""
        watch = self.watch([[0, 0], [5, 0], [5, 7], [105, 7]])
        watch.begin()
        self.assertAlmostEqual(self.clock, 2 * table_retention.PAUSE_SECONDS)
        self.clock += 2
        self.assertEqual(watch.end({"bytes": 4_000_000, "records": 100}), {"records": 100, "mb_per_s": 2})

    def test_never(self):
        """Where it does not begin there is no such measurement."""
        with self.assertRaisesRegex(table.DriverError, r"has not begun to delete within 60 s.*\[9, 0\]"):
            self.watch([[9, 0]]).begin()


class Partitions(unittest.TestCase):
    """A broker that answers CreateTopics as it is told, and keeps what it was asked."""

    def ask_for(self, partitions_max, error):
        asked = []

        def ask(frame):
            size, = struct.unpack_from(">h", frame, 4 + 10 + 4)
            name = frame[20:20 + size]
            count, = struct.unpack_from(">i", frame, 20 + size)
            asked.append(count)
            code = error if count > partitions_max else 0
            return struct.pack(">iiih", 1, 0, 1, size) + name + struct.pack(">h", code)

        broker = unittest.mock.Mock(ask=ask)
        broker.name = "it"
        return asked, broker

    def test_at_once(self):
        """So many in one topic, unless the broker finds that too many; another refusal is one."""
        create = table.table_life.create_partitions
        asked, broker = self.ask_for(10000, 44)
        create(broker, 10000)
        self.assertEqual(asked, [10000])
        asked, broker = self.ask_for(9999, 44)
        create(broker, 10000)
        self.assertEqual(asked, [10000, 5000, 5000])
        for asked, broker in (self.ask_for(10, 44), self.ask_for(10, 37)):
            with self.assertRaisesRegex(table.DriverError, "it does not make 10000 partitions: errors .(44|37)"):
                create(broker, 10000)


class Text(unittest.TestCase):
    def test_number(self):
        """Three digits, or all in front of the point, and the same where rounding makes one digit more."""
        for value, text in ((0, "0.00"), (9.994, "9.99"), (9.996, "10.0"), (99.94, "99.9"), (99.96, "100"),
                            (999.4, "999"), (999.6, "1,000"), (1234.5, "1,234"), (999999.6, "1,000,000")):
            self.assertEqual(table.driver.number(value), text)


class Awake(unittest.TestCase):
    """The device is a file here."""

    def test_device(self):
        """What is written while measuring, and what a condition says of it."""
        driver = table.driver
        with tempfile.NamedTemporaryFile() as device, \
                unittest.mock.patch.object(driver, "LATENCY_WANTED", pathlib.Path(device.name)):
            self.assertEqual(driver.idle_processors(), "unknown")
            device.write((2_000_000_000).to_bytes(4, sys.byteorder))
            device.flush()
            self.assertEqual(driver.idle_processors(), "may sleep")
            with driver.awake_processors():
                self.assertEqual(driver.idle_processors(), "stay awake")

    def test_without(self):
        """Where there is none, or it is not ours, the measurement goes on, and says so."""
        driver = table.driver
        with unittest.mock.patch.object(driver, "LATENCY_WANTED", pathlib.Path("/nowhere/at/all")), \
                unittest.mock.patch.object(driver, "say") as said:
            with driver.awake_processors():
                self.assertEqual(driver.idle_processors(), "unknown")
        self.assertIn("No such file or directory", said.call_args.args[0])


class Micro(unittest.TestCase):
    def micro(self, *words):
        return subprocess.run([BUILD / "bench-micro", *words], capture_output=True, text=True, check=False)

    def test_rows(self):
        """Rows have names, of which one may ask for some."""
        names = self.micro("--list").stdout.splitlines()
        self.assertEqual(len(names), len(set(names)))
        some = [name for name in names if "crc32c" in name]
        self.assertTrue(some)
        self.assertEqual(self.micro("--list", "crc32c").stdout.splitlines(), some)
        done = self.micro("--json", "--samples", "1", some[0])
        self.assertEqual([each["name"] for each in json.loads(done.stdout)["benchmarks"]], some[:1])

    def test_refused(self):
        """What it does not know is a mistake, said in a sentence; JSON stays whole."""
        done = self.micro("--json", "no such row")
        self.assertEqual((done.returncode, json.loads(done.stdout)), (1, {"benchmarks": []}))
        self.assertIn("no row has 'no such row' in its name", done.stderr)
        for words in (("--nonsense",), ("crc", "lz4"), ("--samples", "0"), ("--samples",)):
            self.assertEqual(self.micro(*words).returncode, 2, words)
        self.assertIn("Usage: ", self.micro("--help").stdout)


class Regression(unittest.TestCase):
    def test_verdict(self):
        """What every round says is said; what rounds contradict, or what is tiny, is not."""
        regression = script("regression")
        self.assertEqual(regression.verdict([1.2, 1.06, 1.3]), "slower")
        self.assertEqual(regression.verdict([0.8, 0.94]), "faster")
        self.assertEqual(regression.verdict([1.2, 0.99, 1.3]), "")
        self.assertEqual(regression.verdict([1.02, 1.03]), "")
        text = regression.report({"crc": {"before": [10, 20, 10], "now": [20, 40, 20]}})
        self.assertIn("| crc | **10.0** (10.0-20.0) | **20.0** (20.0-40.0) | 2.00 (2.00-2.00) | slower |", text)


    def test_no_row(self):
        """Of rows that nobody has one round is enough."""
        regression = script("regression")
        options = argparse.Namespace(rounds=6)
        with unittest.mock.patch.object(regression, "measure", return_value={}) as measured, \
                unittest.mock.patch.object(regression.driver, "say"):
            self.assertEqual(regression.measure_rounds("before", "now", options), {})
        self.assertEqual(measured.call_count, 2)


class Dev(unittest.TestCase):
    def test_tells_at_once(self):
        """Help and names of rows come without a build, and where nothing can be built."""
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(ROOT / "dev", folder)
            for part in "bench", "tools":
                shutil.copytree(ROOT / part, pathlib.Path(folder, part))
            for word, said in (("--help", "usage: table"), ("--list", "\nbulk-16 ")):
                done = subprocess.run([f"{folder}/dev", "bench", word], capture_output=True, text=True,
                                      timeout=PATIENCE_SECONDS, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(said, done.stdout)


# `tailrace bench`, but that loads end after so many requests, however long these take, and that what the
# machine can do itself is as written here.
COUNTED = f"""#!/bin/sh
if [ "$2" = floor ]; then
    echo '{{"sync_4k_p50_us": 120, "stolen_percent": 3}}'
elif [ "$1" != bench ] || [ "$2" = start ]; then
    exec {BUILD / "tailrace"} "$@"
else
    exec {BUILD / "tailrace"} "$@" --warm-up 0 --seconds 3600 --requests 500
fi
"""


class Command(unittest.TestCase):
    def count_requests(self, folder):
        """Answers the name of the program."""
        program = pathlib.Path(folder) / "counted"
        program.write_text(COUNTED, encoding="utf-8")
        program.chmod(0o755)
        return program

    def words(self, *words):
        return [sys.executable, "-B", ROOT / "bench/table", "--quick", "--seconds", "1", "--no-peers", "--only",
                "Tailrace", "--folder", self.folder, "--broker", BUILD / "tailraced", "--bench", BUILD / "tailrace",
                "--results", self.folder / "kept", *words]

    def run_table(self, *words):
        return subprocess.run(self.words(*words), capture_output=True, text=True, timeout=TABLE_SECONDS_MAX, check=False)

    def test_resume(self):
        """A row is measured in every round, once: the next run goes on where this one was. Then there is a
        page of it. Nothing is left behind."""
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as programs:
            self.folder = pathlib.Path(folder)
            counted = ("--bench", self.count_requests(programs))
            first = self.run_table("one-record", "fetch-warm", "start", "--rounds", "1", *counted)
            self.assertEqual(first.returncode, 0, first.stderr)
            self.assertIn("| requests/s |", first.stdout)
            again = self.run_table("one-record", "start", "--rounds", "2", *counted)
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertNotIn("round 1,", again.stderr)
            self.assertEqual(again.stderr.count("round 2, Tailrace"), 2)
            result = json.loads((self.folder / "kept/one-record/tailrace.1.json").read_text())
            self.assertGreater(result["figures"]["memory, most (MiB)"], 1)
            self.assertEqual([floor["sync_4k_p50_us"] for floor in result["floors"]], [120, 120])
            self.assertTrue(0 <= result["stolen_percent"] <= 100)
            goals = self.run_table("--goals")
            self.assertEqual(goals.returncode, 0, goals.stderr)
            self.assertRegex(goals.stdout, r"one in flight: requests/s \| \*\*[0-9]")
            page = self.folder / "page.html"
            self.assertEqual(self.run_table("--html", page).returncode, 0)
            self.assertIn("one-record requests", page.read_text(encoding="utf-8"))
            self.assertEqual(sorted(os.listdir(folder)), ["kept", "page.html"])

    def test_retention(self):
        """A row that is measured while retention deletes has what went meanwhile."""
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as programs:
            self.folder = pathlib.Path(folder)
            done = self.run_table("bulk-1-retention", "--bench", self.count_requests(programs))
            self.assertEqual(done.returncode, 0, done.stderr)
            result = json.loads((self.folder / "kept/bulk-1-retention/tailrace.0.json").read_text())
            self.assertEqual(result["results"][0]["load"]["topic-config"],
                             {"segment.bytes": str(2**20), "retention.bytes": str(4 * 2**20)})
            self.assertGreaterEqual(result["figures"]["deleted meanwhile (MB/s)"], 0)

    def test_interrupted(self):
        """What was measured before somebody ended it is there, no broker and no folder is, and it says how the table
        stands; the next run goes on."""
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as programs:
            self.folder = pathlib.Path(folder)
            counted, pipe = self.count_requests(programs), pathlib.Path(programs) / "pipe"
            os.mkfifo(pipe)
            stuck = counted.with_name("stuck")
            # The second load never ends; opened for writing, the pipe says that it has begun.
            stuck.write_text(f'#!/bin/sh\ncase "$*" in *fetch*) read -r line <{pipe} ;; esac\nexec {counted} "$@"\n',
                             encoding="utf-8")
            stuck.chmod(0o755)
            table_words = self.words("one-record", "fetch-warm", "--bench", stuck)
            with subprocess.Popen(table_words, stderr=subprocess.PIPE, text=True) as run, open(pipe, "wb"):
                run.terminate()
                said = run.communicate(timeout=TABLE_SECONDS_MAX)[1]
            self.assertEqual(run.returncode, 128 + signal.SIGTERM, said)
            self.assertIn("interrupted; what was measured is in", said)
            self.assertIn(f"not measured: {len(rows) - 1} (bulk-1, ", said)
            self.assertNotIn("Traceback", said)
            self.assertEqual(os.listdir(folder), ["kept"])
            self.assertEqual(sorted(os.listdir(self.folder / "kept")), ["conditions.json", "one-record"])
            again = self.run_table("one-record", "fetch-warm", "--bench", counted)
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertNotIn("one-record, round", again.stderr)
            self.assertIn("fetch-warm, round 1", again.stderr)

    def test_trouble(self):
        """A broker that does not start is said and counted; the others' measurements go on."""
        with tempfile.TemporaryDirectory() as folder:
            self.folder = pathlib.Path(folder)
            done = self.run_table("idle", "--rounds", "1", "--peer", "none=false {port}", "--only", "none")
            self.assertEqual(done.returncode, 1)
            self.assertIn("idle, none: failed", done.stderr)
            self.assertIn("idle, round 1, Tailrace: ", done.stderr)

    def test_names(self):
        """Rows and brokers that are not there are a mistake."""
        with tempfile.TemporaryDirectory() as folder:
            self.folder = pathlib.Path(folder)
            self.assertNotEqual(self.run_table("no-such-row").returncode, 0)
            self.assertNotEqual(self.run_table("idle", "--only", "nobody").returncode, 0)

    def test_programs(self):
        """So are programs that are not there, before anything is measured."""
        with tempfile.TemporaryDirectory() as folder:
            self.folder = pathlib.Path(folder)
            for flag in ("--broker", "--bench"):
                done = self.run_table("idle", flag, self.folder / "nothing")
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"there is no program '{self.folder}/nothing'; ./dev build makes ours", done.stderr)
                self.assertNotIn("Traceback", done.stderr)
            self.assertEqual(os.listdir(folder), [])

    def test_folder(self):
        """So is a folder that is not there, before anything is measured."""
        with tempfile.TemporaryDirectory() as folder:
            self.folder = pathlib.Path(folder) / "nowhere"
            done = self.run_table("idle")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"there is no folder '{self.folder}'", done.stderr)
            self.assertNotIn("Traceback", done.stderr)
            self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    unittest.main()
