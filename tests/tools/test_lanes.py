"""The coverage gate must fail below its limits, and when nothing was measured."""
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tools"))
loader = importlib.machinery.SourceFileLoader("run_lanes", os.path.join(ROOT, "tools", "run-lanes"))
lanes = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_lanes", loader))
loader.exec_module(lanes)


def file(lines, branches, name="src/base/a.c"):
    return {"filename": name, "line_total": 1000, "line_covered": lines, "branch_total": 1000, "branch_covered": branches}


class Coverage(unittest.TestCase):
    def judge(self, *files):
        self.figures = {}
        with contextlib.redirect_stdout(io.StringIO()):
            return lanes.judge_coverage(list(files), self.figures, io.StringIO()).failed

    def test_at_the_limits_passes(self):
        self.assertEqual(self.judge(file(900, 800)), 0)
        self.assertEqual(self.figures, {"line_coverage_percent": 90.0, "branch_coverage_percent": 80.0})

    def test_below_a_limit_fails(self):
        self.assertEqual(self.judge(file(899, 800)), 1)
        self.assertEqual(self.judge(file(900, 799)), 1)
        self.assertEqual(self.judge(file(899, 799)), 2)

    def test_files_count_by_their_size(self):
        self.assertEqual(self.judge(file(1000, 1000), file(700, 500, "src/wire/b.c")), 2)

    def test_nothing_measured_fails(self):
        self.assertEqual(self.judge(), 2)


if __name__ == "__main__":
    unittest.main()
