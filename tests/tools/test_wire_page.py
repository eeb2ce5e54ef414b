"""docs/wire.md tells every word that the code can put on the wire."""
import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


class WirePage(unittest.TestCase):
    def test_every_intake_code_is_listed(self):
        header = read("src", "flow", "request.h")
        codes = re.findall(r"X\(([A-Z_]+)\)", header[header.index("#define BL_INTAKE_MAP"):header.index("enum bl_intake_code")])
        self.assertGreater(len(codes), 5)
        rows = set(re.findall(r"^\| `([A-Z_]+)` \|", read("docs", "wire.md"), re.MULTILINE))
        self.assertEqual(rows, set(codes))


if __name__ == "__main__":
    unittest.main()
