"""The counts of `make test` must be honest: what failed, crashed or never ran is not a pass."""
import contextlib
import io
import os
import stat
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import stages  # noqa: E402

CMOCKA_GOOD = "[==========] 3 test(s) run.\n[  PASSED  ] 3 test(s).\n"
CMOCKA_BAD = "[==========] 3 test(s) run.\n[  PASSED  ] 1 test(s).\n[  FAILED  ] 2 test(s), listed below:\n[  FAILED  ] a\n"


class SuiteCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        logs = stages.LOGS
        stages.LOGS = self.folder.name
        self.addCleanup(setattr, stages, "LOGS", logs)
        self.suite = stages.Suite("trial")
        self.suite.log = io.StringIO()

    def quietly(self, function, *arguments):
        self.output = io.StringIO()
        with contextlib.redirect_stdout(self.output):
            return function(*arguments)

    def program(self, text):
        path = os.path.join(self.folder.name, "program")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/bash\n" + text)
        os.chmod(path, stat.S_IRWXU)
        return path


class Cmocka(SuiteCase):
    def counts(self, status, output):
        case = xml.etree.ElementTree.Element("testcase", status=status)
        xml.etree.ElementTree.SubElement(case, "system-out").text = output
        counts = self.suite.cases_of(case)
        return counts.passed, counts.failed

    def test_cases_are_counted(self):
        self.assertEqual(self.counts("run", CMOCKA_GOOD), (3, 0))

    def test_groups_of_one_program_add_up(self):
        self.assertEqual(self.counts("run", CMOCKA_GOOD + CMOCKA_GOOD), (6, 0))

    def test_a_program_without_cmocka_counts_once(self):
        self.assertEqual(self.counts("run", "2 inputs replayed\n"), (1, 0))

    def test_failed_cases_are_counted(self):
        self.assertEqual(self.counts("fail", CMOCKA_BAD), (1, 2))

    def test_a_crash_is_a_failure(self):
        self.assertEqual(self.counts("fail", "AddressSanitizer: heap-buffer-overflow\n"), (0, 1))

    def test_a_leak_after_passed_cases_is_a_failure(self):
        self.assertEqual(self.counts("fail", CMOCKA_GOOD + "LeakSanitizer\n"), (3, 1))

    def test_a_program_that_did_not_start_is_a_failure(self):
        self.assertEqual(self.counts("notrun", ""), (0, 1))


class Programs(SuiteCase):
    def test_exit_code_decides(self):
        counts = self.quietly(self.suite.programs, [self.program("exit 0\n")])
        self.assertEqual((counts.passed, counts.failed), (1, 0))
        counts = self.quietly(self.suite.programs, [self.program("echo the reason\nexit 3\n")])
        self.assertEqual((counts.passed, counts.failed), (0, 1))
        self.assertIn("the reason", self.output.getvalue())

    def test_no_program_is_a_failure(self):
        self.assertEqual(self.quietly(self.suite.programs, []).failed, 1)

    def test_a_hanging_program_is_killed_with_its_children(self):
        path = self.program("sleep 60 & echo $!\nwait\n")
        counts = self.quietly(self.suite.programs, [path], 1)
        self.assertEqual((counts.passed, counts.failed), (0, 1))
        child = int(self.suite.log.getvalue())
        self.assertTrue(ends_within(child, seconds=5))


class Node(SuiteCase):
    def run_node(self, text):
        path = os.path.join(self.folder.name, "a.test.mjs")
        with open(path, "w", encoding="utf-8") as file:
            file.write("import test from 'node:test';\n" + text)
        counts = self.quietly(self.suite.node, [path])
        return counts.passed, counts.failed, counts.skipped

    def test_passed_failed_and_skipped(self):
        text = "test('a', () => {}); test('b', () => { throw new Error('no'); }); test('c', {skip: 'x'}, () => {});"
        self.assertEqual(self.run_node(text), (1, 1, 1))

    def test_a_file_that_cannot_be_read_is_a_failure(self):
        self.assertEqual(self.run_node("this is not a program")[:2], (0, 1))

    def test_figures_reach_the_log(self):
        self.run_node("test('a', () => { console.log('FIGURE F9 things 3'); });")
        self.assertIn("\nFIGURE F9 things 3\n", self.suite.log.getvalue())


class Stages(SuiteCase):
    def run_stages(self, *results):
        for number, (counts, needs) in enumerate(results):
            self.suite.stage(f"s{number}", 10, lambda suite, counts=counts: counts, needs)
        return self.quietly(self.suite.run)

    def test_counts_add_up(self):
        counts = self.run_stages((stages.Counts(2), []), (stages.Counts(3, 1), []))
        self.assertEqual((counts.passed, counts.failed), (5, 1))

    def test_what_needs_a_failed_stage_is_not_run_and_not_passed(self):
        counts = self.run_stages((stages.Counts(failed=1), []), (stages.Counts(3), ["s0"]), (stages.Counts(4), ["s1"]))
        self.assertEqual((counts.passed, counts.failed), (0, 3))

    def test_last_two_lines(self):
        self.run_stages((stages.Counts(2), []))
        self.assertEqual(self.quietly(self.suite.finish, {}), 0)
        lines = self.output.getvalue().splitlines()
        self.assertEqual(lines[-2], "2 passed, 0 failed")
        self.assertTrue(lines[-1].startswith('RESULT {"name": "trial"'))

    def test_a_failure_is_the_exit_code(self):
        self.run_stages((stages.Counts(2, 1), []))
        self.assertEqual(self.quietly(self.suite.finish, {}), 1)
        self.assertIn('"verdict": "fail"', self.output.getvalue())


def ends_within(number, seconds):
    """Waits for the kernel to take the process away; a signal is delivered, not done, on return."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{number}/stat", encoding="utf-8") as file:
                if file.read().rsplit(")", 1)[1].split()[0] in "ZX":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


if __name__ == "__main__":
    unittest.main()
