"""Gates for benchmarks on machines whose speed drifts.

A ratio is measured in interleaved rounds (A B A B …) and judged by the median of its rounds. A
limit is broken only if the whole 95 % bootstrap interval of the median lies beyond it; when the
interval straddles the limit the answer is "unclear", which asks for another run. Bootstrap:
percentile method, B. Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979.
"""
import random
import statistics

RESAMPLES = 2000
MIN_ROUNDS = 5


def median_interval(values, seed=1):
    """(median, low, high): the 95 % percentile-bootstrap interval of the median."""
    if len(values) < MIN_ROUNDS:
        raise ValueError(f"{len(values)} rounds are too few to judge, at least {MIN_ROUNDS} are needed")
    generator = random.Random(seed)
    medians = sorted(statistics.median(generator.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return statistics.median(values), medians[int(RESAMPLES * 0.025)], medians[int(RESAMPLES * 0.975) - 1]


def judge(values, limit, at_least):
    """{"median", "low", "high", "verdict"}: pass, fail or unclear. `at_least` tells the direction."""
    median, low, high = median_interval(values)
    if at_least:
        verdict = "fail" if high < limit else "pass" if median >= limit else "unclear"
    else:
        verdict = "fail" if low > limit else "pass" if median <= limit else "unclear"
    return {"median": median, "low": low, "high": high, "verdict": verdict}


def load_is_proven(offered, answered, lag_p99_ms):
    """Why an open-loop run is void, or None: every load run has to prove its load."""
    if offered == 0:
        return "nothing was offered"
    if abs(offered - answered) > offered * 0.001:
        return f"{answered} of {offered} requests were answered, more than 0.1 % apart"
    if lag_p99_ms >= 1.0:
        return f"the generator lagged {lag_p99_ms:.2f} ms at p99, it has to stay below 1 ms"
    return None


def overall(verdicts):
    """One word for a set of verdicts."""
    verdicts = list(verdicts)
    if "fail" in verdicts:
        return "fail"
    return "unclear" if "unclear" in verdicts else "pass"
