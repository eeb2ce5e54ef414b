"""The benchmark gate must fail on a planted regression, and only then."""
import os
import random
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
import gate  # noqa: E402


def rounds(center, noise, count=7, seed=3):
    generator = random.Random(seed)
    return [center * (1 + generator.uniform(-noise, noise)) for _ in range(count)]


class Judge(unittest.TestCase):
    def test_clear_regression_fails(self):
        self.assertEqual(gate.judge(rounds(0.45, 0.1), 0.6, at_least=True)["verdict"], "fail")
        self.assertEqual(gate.judge(rounds(1.6, 0.1), 1.3, at_least=False)["verdict"], "fail")

    def test_clear_success_passes(self):
        self.assertEqual(gate.judge(rounds(0.8, 0.1), 0.6, at_least=True)["verdict"], "pass")
        self.assertEqual(gate.judge(rounds(1.1, 0.1), 1.3, at_least=False)["verdict"], "pass")

    def test_noise_around_the_limit_is_unclear_not_a_failure(self):
        values = [0.5, 0.55, 0.59, 0.595, 0.65, 0.7, 0.58]
        self.assertEqual(gate.judge(values, 0.6, at_least=True)["verdict"], "unclear")

    def test_one_outlier_does_not_decide(self):
        self.assertEqual(gate.judge([0.8, 0.8, 0.81, 0.79, 0.1], 0.6, at_least=True)["verdict"], "pass")

    def test_too_few_rounds_are_refused(self):
        with self.assertRaises(ValueError):
            gate.judge([1, 1, 1, 1], 0.6, at_least=True)

    def test_interval_holds_the_median(self):
        median, low, high = gate.median_interval(rounds(1, 0.2, count=9))
        self.assertLessEqual(low, median)
        self.assertLessEqual(median, high)


class Load(unittest.TestCase):
    def test_void_runs_are_named(self):
        self.assertIsNone(gate.load_is_proven(10000, 9990, 0.5))
        self.assertIn("answered", gate.load_is_proven(10000, 9989, 0.5))
        self.assertIn("lagged", gate.load_is_proven(10000, 10000, 1.0))
        self.assertIn("nothing", gate.load_is_proven(0, 0, 0.1))


class Overall(unittest.TestCase):
    def test_worst_counts(self):
        self.assertEqual(gate.overall(["pass", "unclear", "pass"]), "unclear")
        self.assertEqual(gate.overall(["pass", "unclear", "fail"]), "fail")
        self.assertEqual(gate.overall(["pass"]), "pass")


if __name__ == "__main__":
    unittest.main()
