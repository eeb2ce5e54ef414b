"""The gate of readiness must be able to fail: each planted defect has to open the row."""
import copy
import datetime
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def load_tool(name):
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(ROOT, "tools", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


readiness = load_tool("readiness")
evidence = load_tool("evidence")

HASH = "a" * 40
NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
ROW = {"id": "F9", "evidence": ["F9"], "require": {"cases": [">=", 700]}, "paths": ["src"]}
GOOD = {
    "name": "F9",
    "command": "make test",
    "source_hash": HASH,
    "commit": "b" * 40,
    "dirty": False,
    "started_at": "2026-05-31T10:00:00Z",
    "seconds": 10,
    "environment": {"os": "x", "kernel": "x", "cpu": "x", "cores": 2, "memory_mib": 1, "compiler": "x"},
    "figures": {"cases": 700},
    "verdict": "pass",
}


def planted(**changes):
    document = copy.deepcopy(GOOD)
    document.update(changes)
    return document


class Judge(unittest.TestCase):
    def reason(self, document, name="F9", current=HASH):
        return readiness.judge(ROW, {name: document}, current, NOW)[1]

    def test_good_evidence_proves(self):
        self.assertIsNone(self.reason(GOOD))
        self.assertIsNone(self.reason(GOOD, name="F9-long"))

    def test_other_rows_evidence_does_not_count(self):
        self.assertEqual(self.reason(GOOD, name="F99"), "no evidence")

    def test_failed_verdict_opens(self):
        self.assertIn("verdict is fail", self.reason(planted(verdict="fail")))

    def test_limit_not_met_opens(self):
        self.assertIn("must be >= 700", self.reason(planted(figures={"cases": 699})))

    def test_unmeasured_figure_opens(self):
        self.assertIn("was not measured", self.reason(planted(figures={"other": 1})))

    def test_dirty_tree_opens(self):
        self.assertIn("uncommitted", self.reason(planted(dirty=True)))

    def test_unknown_commit_opens(self):
        self.assertIn("not in this history", self.reason(GOOD, current="c" * 40))

    def test_old_evidence_opens(self):
        self.assertIn("older", self.reason(planted(started_at="2026-01-01T00:00:00Z"), current="c" * 40))

    def test_longest_variant_that_proves_counts(self):
        documents = {"F9-short": planted(name="F9-short", seconds=1), "F9-long": planted(name="F9-long", seconds=99)}
        self.assertEqual(readiness.judge(ROW, documents, HASH, NOW)[0]["name"], "F9-long")
        documents["F9-long"]["verdict"] = "fail"
        self.assertEqual(readiness.judge(ROW, documents, HASH, NOW)[0]["name"], "F9-short")


class Freshness(unittest.TestCase):
    """Against a real repository: a change under the row's paths makes evidence stale."""

    def git(self, *arguments):
        result = subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments],
            cwd=self.folder.name, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return result.stdout.strip()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.git("init", "-q")
        for name in ("src/a.c", "docs/b.md"):
            path = os.path.join(self.folder.name, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write("one\n")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "one")
        self.commit = self.git("rev-parse", "HEAD")
        self.old_root, readiness.ROOT = readiness.ROOT, self.folder.name
        self.addCleanup(setattr, readiness, "ROOT", self.old_root)

    def reason_after_change(self, name):
        with open(os.path.join(self.folder.name, name), "a", encoding="utf-8") as file:
            file.write("two\n")
        return readiness.judge(ROW, {"F9": planted(commit=self.commit)}, "c" * 40, NOW)[1]

    def test_change_elsewhere_keeps_it_fresh(self):
        self.assertIsNone(self.reason_after_change("docs/b.md"))

    def test_change_under_the_paths_opens(self):
        self.assertIn("sources have changed", self.reason_after_change("src/a.c"))


class Table(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(ROOT, "readiness", "requirements.json"), encoding="utf-8") as file:
            self.requirements = json.load(file)

    def test_is_consistent(self):
        self.assertEqual(list(readiness.consistency(self.requirements)), [])

    def test_commands_that_do_not_exist_are_marked(self):
        row = {"command": "make test, make no-such-target DURATION=10m, beamline decide --json, beamline no-such-command"}
        self.assertEqual(
            readiness.command_text(row),
            "`make test`, `make no-such-target DURATION=10m` (not built yet), `beamline decide --json`, "
            "`beamline no-such-command` (not built yet)")

    def test_every_command_without_a_mark_is_in_make_help(self):
        page, _ = readiness.render(self.requirements, {}, HASH, NOW)
        text = subprocess.run(["make", "-s", "help"], cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout
        targets = set(re.findall(r"make ([a-z-]+)", text))
        for target in re.findall(r"`make ([a-z0-9-]+)[^`]*`(?! \(not built yet\))", page):
            self.assertIn(target, targets)

    def test_unknown_row_in_a_list_is_found(self):
        self.requirements["lists"][0]["entries"][0]["rows"].append("Z9")
        self.assertTrue(any("Z9" in problem for problem in readiness.consistency(self.requirements)))

    def test_doubled_row_is_found(self):
        self.requirements["rows"].append(self.requirements["rows"][0])
        self.assertTrue(any("twice" in problem for problem in readiness.consistency(self.requirements)))


class Schema(unittest.TestCase):
    def test_good_document_passes(self):
        self.assertEqual(evidence.check(GOOD), [])

    def test_each_defect_is_refused(self):
        for changes in (
            {"verdict": "perhaps"}, {"figures": {}}, {"figures": {"a": []}}, {"source_hash": "short"}, {"seconds": -1},
            {"dirty": "no"}, {"typed_by_hand": 1}, {"name": "../x"},
        ):
            self.assertNotEqual(evidence.check(planted(**changes)), [], changes)
        for key in GOOD:
            self.assertNotEqual(evidence.check({k: v for k, v in GOOD.items() if k != key}), [], key)


class Recording(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def tool(self, *arguments):
        return subprocess.run(
            [os.path.join(ROOT, "tools", "evidence"), *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "BL_EVIDENCE_DIR": self.folder}, check=False)

    def recorded(self, name):
        with open(os.path.join(self.folder, name + ".json"), encoding="utf-8") as file:
            return json.load(file)

    def test_result_line_becomes_evidence(self):
        done = self.tool("run", "demo", "--", "sh", "-c", 'echo hello; echo \'RESULT {"figures":{"n":3},"verdict":"pass"}\'')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("hello", done.stdout)
        self.assertEqual(self.recorded("demo")["figures"], {"n": 3})

    def test_failing_command_is_never_a_pass(self):
        done = self.tool("run", "demo", "--", "sh", "-c", 'echo \'RESULT {"figures":{"n":3},"verdict":"pass"}\'; exit 3')
        self.assertEqual(done.returncode, 3)
        self.assertEqual(self.recorded("demo")["verdict"], "fail")

    def test_no_result_line_is_an_error(self):
        self.assertNotEqual(self.tool("run", "demo", "--", "true").returncode, 0)
        self.assertEqual(os.listdir(self.folder), [])

    def test_figures_of_logs_add_up(self):
        log = os.path.join(self.folder, "log")
        with open(log, "w", encoding="utf-8") as file:
            file.write("noise\nFIGURE F9 cases 3\n12: FIGURE F9 cases 4\nFIGURE X9 ratio 0.5\n")
        self.tool("figures", "--command", "make test", "--seconds", "1", "--failed", "0", log)
        self.assertEqual(self.recorded("F9")["figures"], {"cases": 7, "failed": 0})
        self.assertEqual(self.recorded("X9")["figures"], {"ratio": 0.5, "failed": 0})
        self.tool("figures", "--command", "make test", "--seconds", "1", "--failed", "1", log)
        self.assertEqual(self.recorded("F9")["verdict"], "fail")


if __name__ == "__main__":
    unittest.main()
