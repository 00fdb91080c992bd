"""The driver of the performance table: its rows are what the tool understands, what has been measured
is kept, and what is kept is what the document shows."""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("TAILRACE_BUILD", ROOT / "build/debug"))
sys.dont_write_bytecode = True


def script(name):
    loader = importlib.machinery.SourceFileLoader(name, str(ROOT / "bench" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module
    loader.exec_module(module)
    return module


table = script("table")
rows = table.all_rows()


def kept(contender, number, figures):
    return {"row": "x", "contender": contender, "round": number, "figures": figures,
            "load_average": [1.5, 1, 1], "results": [{}]}


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

    def test_kinds(self):
        """A row either puts loads on a broker or begins and ends some."""
        for row in rows:
            self.assertEqual(bool(row.steps), not row.life, row.name)
            self.assertTrue(not row.life or row.life in table.LIVES, row.name)


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
        self.assertIn("| MB/s | **600** (400-800) | **300** (200-400) | **600** (100-900) | 2.00x |", text)
        # Less is better: the ratio is turned round.
        self.assertIn("| broker CPU (s per GB) | **0.17** (0.12-0.25) |", text)
        cpu = next(line for line in text.split("\n") if "broker CPU" in line)
        self.assertTrue(cpu.endswith("| 2.00x |"), cpu)
        self.assertIn("- cpu: fast\n- rounds: 3\n- load average of the machine when a load began: **1.50**", text)
        self.assertEqual(table.ratio_cell({0: 1, 1: 3}, {0: 2, 1: 2}), "~1.00x")

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
        figure = document["figures"][0]
        self.assertEqual(figure["name"], "mb_per_s")
        self.assertEqual(figure["values"]["Kafka"], {"median": 300, "min": 200, "max": 400})
        self.assertEqual(figure["ratios"]["Kafka"],
                         {"median": 2, "min": 2, "max": 2, "is_decided": True})


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


class Command(unittest.TestCase):
    def run_table(self, *words):
        return subprocess.run([sys.executable, "-B", ROOT / "bench/table", "--quick", "--seconds", "0.2",
                               "--no-peers", "--only", "Tailrace", "--folder", self.folder, "--broker",
                               BUILD / "tailraced", "--bench", BUILD / "tailrace", "--results",
                               self.folder / "kept", *words],
                              capture_output=True, text=True, timeout=120, check=False)

    def test_resume(self):
        """A row is measured in every round, once: the next run goes on where this one was. Then there is a
        page of it. Nothing is left behind."""
        with tempfile.TemporaryDirectory() as folder:
            self.folder = pathlib.Path(folder)
            first = self.run_table("one-record", "fetch-warm", "start", "--rounds", "1")
            self.assertEqual(first.returncode, 0, first.stderr)
            self.assertIn("| requests/s |", first.stdout)
            again = self.run_table("one-record", "start", "--rounds", "2")
            self.assertNotIn("round 1,", again.stderr)
            self.assertEqual(again.stderr.count("round 2, Tailrace"), 2)
            result = json.loads((self.folder / "kept/one-record/tailrace.1.json").read_text())
            self.assertGreater(result["figures"]["memory, most (MiB)"], 1)
            page = self.folder / "page.html"
            self.assertEqual(self.run_table("--html", page).returncode, 0)
            self.assertIn("one-record requests", page.read_text(encoding="utf-8"))
            self.assertEqual(sorted(os.listdir(folder)), ["kept", "page.html"])

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


if __name__ == "__main__":
    unittest.main()
