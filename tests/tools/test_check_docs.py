"""The documentation check must fail on a page that promises what does not happen."""
import os
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def check(page):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "page.md")
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)
        return subprocess.run(
            [os.path.join(ROOT, "tools", "check-docs"), path], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


class CheckDocs(unittest.TestCase):
    def assert_passes(self, page, ran):
        done = check(page)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(f'"blocks_run": {ran}', done.stdout)

    def assert_fails(self, page, text):
        done = check(page)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(text, done.stdout)

    def test_promised_output_is_found(self):
        self.assert_passes("```sh\nX=5; echo one; echo hello $X\n```\n```text\nhello …\n```\n```sh\ntest $X = 5\n```\n", 2)

    def test_missing_output_fails(self):
        self.assert_fails("```sh\necho one\n```\n```text\ntwo\n```\n", "promised line is missing: two")

    def test_output_in_other_order_fails(self):
        self.assert_fails("```sh\necho b; echo a\n```\n```text\na\nb\n```\n", "promised line is missing: b")

    def test_failing_command_fails(self):
        self.assert_fails("```sh\nfalse\n```\n", "exited with 1 instead of 0")

    def test_expected_failure(self):
        self.assert_passes("<!-- docs: fails 3 -->\n```sh\n(exit 3)\n```\n", 1)
        self.assert_fails("<!-- docs: fails 3 -->\n```sh\ntrue\n```\n", "exited with 0 instead of 3")

    def test_skipped_block_does_not_run(self):
        self.assert_passes("<!-- docs: skip needs a fleet -->\n```sh\nfalse\n```\n", 0)

    def test_background_lives_until_the_page_ends(self):
        page = (
            "<!-- docs: background until ready -->\n```sh\nsh -c 'echo $$ > $TMPDIR/pid; echo ready; exec sleep 60'\n```\n"
            "```sh\nkill -0 $(cat $TMPDIR/pid)\n```\n")
        self.assert_passes(page, 2)

    def test_background_that_dies_fails(self):
        self.assert_fails("<!-- docs: background until ready -->\n```sh\nsh -c 'echo broken'\n```\n", "never printed")

    def test_broken_link_fails(self):
        self.assert_fails("[x](nothing/here.md)\n", "does not exist")


if __name__ == "__main__":
    unittest.main()
