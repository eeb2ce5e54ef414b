"""Runs the stages of a validation, each with a time budget, and counts what they tested.

Used by tools/run-tests, tools/run-lanes, tools/lint and tools/run-fuzz. A stage is a function that
returns Counts. A stage that ran no test has failed: it proved nothing. The whole output of each
stage is kept in build/logs/<suite>-<stage>.log; the terminal shows its progress, and of a failure
everything.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(ROOT, "build", "logs")
# The budgets are made for two cores.
JOBS = os.environ.get("BL_JOBS", str(len(os.sched_getaffinity(0))))
# cmocka's summary, once per group of tests in an executable.
CMOCKA_PASSED = re.compile(r"^\[  PASSED  \] (\d+) test\(s\)\.", re.MULTILINE)
CMOCKA_FAILED = re.compile(r"^\[  FAILED  \] (\d+) test\(s\)", re.MULTILINE)
CMOCKA_SKIPPED = re.compile(r"^\[  SKIPPED \] (\d+) test\(s\)", re.MULTILINE)
TAP_COUNTER = re.compile(r"^# (pass|fail|cancelled|skipped) (\d+)$", re.MULTILINE)
CTEST_NOISE = re.compile(r"^(    Start |Internal ctest|Test project|Label Time|Total Test time|[\w-]+ +=.*sec\*proc|100% tests)")
TAP_LINE = re.compile(r"^(not )?ok \d+")


class Counts:
    """Tests that passed, failed and were skipped. A broken build is one failure."""

    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def environment():
    """What tests learn about their surroundings: the same names that ctest sets."""
    values = dict(os.environ)
    values.update(
        BL_SOURCE_DIR=ROOT,
        BL_BUILD_DIR=build_folder("release"),
        BL_BEAMLINE=os.path.join(build_folder("release"), "beamline"),
        BL_NATS_SERVER=os.path.join(ROOT, ".deps", "usr", "sbin", "nats-server"),
    )
    return values


def build_folder(preset):
    return os.path.join(ROOT, "build", preset)


class Suite:
    """Stages in order. `needs` names stages that must have passed, or the stage is not run."""

    def __init__(self, name, selected=()):
        self.name, self.selected = name, set(selected)
        self.stages, self.results = [], {}
        self.counts, self.logs = Counts(), []
        self.log = None

    def stage(self, name, budget_s, function, needs=()):
        self.stages.append((name, budget_s, function, needs))

    def run(self):
        os.makedirs(LOGS, exist_ok=True)
        unknown = self.selected - {stage[0] for stage in self.stages}
        if unknown:
            names = " ".join(stage[0] for stage in self.stages)
            sys.exit(f"{self.name}: no stage '{unknown.pop()}'; there are: {names}")
        stages = [stage for stage in self.stages if self.is_selected(stage)]
        self.began = time.monotonic()
        for number, (name, budget_s, function, needs) in enumerate(stages, 1):
            title = f"[{number}/{len(stages)}] {name}"
            broken = [need for need in needs if self.results.get(need, {}).get("failed")]
            if broken:
                say(f"{title}: not run, because {broken[0]} failed")
                self.counts.add(Counts(failed=1))
                self.results[name] = {"seconds": 0, "passed": 0, "failed": 1, "budget_s": budget_s}
                continue
            say(f"{title} (budget {budget_s} s)")
            self.run_stage(name, budget_s, function)
        self.seconds = time.monotonic() - self.began
        return self.counts

    def is_selected(self, stage):
        """A stage that was asked for, or one that such a stage needs."""
        if not self.selected or stage[0] in self.selected:
            return True
        return any(stage[0] in other[3] for other in self.stages if other[0] in self.selected)

    def run_stage(self, name, budget_s, function):
        path = os.path.join(LOGS, f"{self.name}-{name}.log")
        began = time.monotonic()
        with open(path, "w", encoding="utf-8", errors="replace") as self.log:
            counts = function(self)
        seconds = time.monotonic() - began
        self.logs.append(path)
        self.counts.add(counts)
        self.results[name] = {
            "seconds": round(seconds, 1),
            "budget_s": budget_s,
            "passed": counts.passed,
            "failed": counts.failed,
        }
        over = f", OVER its budget of {budget_s} s" if seconds > budget_s else ""
        tests = f", {counts.passed} passed, {counts.failed} failed" if counts.passed else ""
        tests += f", {counts.skipped} skipped" if counts.skipped else ""
        verdict = "FAILED" if counts.failed else "ok"
        say(f"      {name}: {verdict} in {seconds:.1f} s{over}{tests}")
        if counts.failed:
            say(f"      its whole output: {os.path.relpath(path, ROOT)}")

    def command(self, arguments, show=lambda line: True, env=None, timeout_s=1800):
        """Runs a command in the root folder; returns (exit code, output). Its lines go to the log,
        and those that `show` picks to the terminal. Past its time, and when we are interrupted, the
        command is killed with all that it started."""
        process = subprocess.Popen(arguments, cwd=ROOT, env=env or environment(), text=True, errors="replace",
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   start_new_session=True)
        timer = threading.Timer(timeout_s, kill_group, [process])
        timer.start()
        lines = []
        try:
            for line in process.stdout:
                lines.append(line)
                self.log.write(line)
                if show(line):
                    say("      " + line.rstrip("\n"))
            code = process.wait()
        except BaseException:
            kill_group(process)
            raise
        finally:
            timer.cancel()
            process.stdout.close()
        self.log.flush()
        return code, "".join(lines)

    def build(self, preset, *targets):
        """Configures and builds a preset, showing every tenth step and all of a failure."""
        cmake = ["cmake", "--preset", preset]
        code, output = self.command(cmake, show=lambda line: False)
        if code == 0:
            chosen = ["--target", *targets] if targets else []
            code, output = self.command(["cmake", "--build", "--preset", preset, "-j", JOBS, *chosen], show=is_tenth_step)
        if code != 0:
            say(output[-20000:])
        return Counts(failed=1 if code != 0 else 0)

    def ctest(self, preset, labels, prefix=()):
        """Runs the C tests with these labels and counts the cmocka cases in them."""
        folder = tempfile.mkdtemp(prefix="bl-ctest-")
        report = os.path.join(folder, "report.xml")
        arguments = [*prefix, "ctest", "--test-dir", build_folder(preset), "-L", f"^({labels})$", "-j", JOBS, "--no-tests=error",
                     "--output-on-failure", "--output-junit", report, "--test-output-size-passed", str(1 << 22)]
        code, output = self.command(arguments, show=is_worth_showing)
        counts = Counts()
        try:
            for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
                counts.add(self.cases_of(case))
        except (OSError, xml.etree.ElementTree.ParseError) as error:
            say(f"      no report from ctest: {error}")
        shutil.rmtree(folder)
        if code != 0 and counts.failed == 0:
            counts.failed = 1
        return at_least_one(counts)

    def cases_of(self, case):
        """Counts of one executable. ctest's verdict rules; cmocka's summary gives the numbers."""
        output = case.findtext("system-out") or ""
        self.log.write(output)
        status = case.get("status")
        passed, failed, skipped = (sum(map(int, summary.findall(output)))
                                   for summary in (CMOCKA_PASSED, CMOCKA_FAILED, CMOCKA_SKIPPED))
        if status == "run":
            return Counts(passed if passed or skipped else 1, 0, skipped)
        if status in ("notrun", "disabled"):
            return Counts(failed=1)
        return Counts(passed, max(failed, 1), skipped)

    def node(self, files):
        """Runs files with `node --test` and counts their tests from its TAP output."""
        code, output = self.command(["node", "--test", "--test-reporter=tap", *files], show=TAP_LINE.match)
        counters = dict.fromkeys(("pass", "fail", "cancelled", "skipped"), 0)
        for name, value in TAP_COUNTER.findall(output):
            counters[name] += int(value)
        # What tests report for evidence arrives as TAP comments.
        for figure in re.findall(r"^\s*# (FIGURE .*)$", output, re.MULTILINE):
            self.log.write(figure + "\n")
        counts = Counts(counters["pass"], counters["fail"] + counters["cancelled"], counters["skipped"])
        if code != 0 and counts.failed == 0:
            counts.failed = 1
        if counts.failed:
            say(output[-40000:])
        return at_least_one(counts)

    def unittest(self, folder):
        """Runs Python's own tests in a folder below the root."""
        code, output = self.command([sys.executable, "-B", "-m", "unittest", "discover", "-v", "-s", folder],
                                    show=lambda line: re.search(r" \.\.\. \w+", line))
        ran = sum(map(int, re.findall(r"^Ran (\d+) tests?", output, re.MULTILINE)))
        summary = re.search(r"^(?:OK|FAILED) \((.*)\)$", output, re.MULTILINE)
        numbers = dict(re.findall(r"(failures|errors|skipped)=(\d+)", summary.group(1) if summary else ""))
        failed = int(numbers.get("failures", 0)) + int(numbers.get("errors", 0))
        skipped = int(numbers.get("skipped", 0))
        if code != 0:
            failed = max(failed, 1)
            say(output[max(output.find("=" * 70), 0):][-20000:])
        return at_least_one(Counts(max(ran - failed - skipped, 0), failed, skipped))

    def programs(self, paths, timeout_s=60):
        """Runs programs that pass by exiting with 0."""
        counts = Counts()
        for path in paths:
            code, output = self.command([path], show=lambda line: False, timeout_s=timeout_s)
            name = os.path.relpath(path, ROOT)
            say(f"      {'ok' if code == 0 else 'FAILED'}  {name}")
            if code != 0:
                say(output)
            counts.add(Counts(passed=1) if code == 0 else Counts(failed=1))
        return at_least_one(counts)

    def finish(self, figures):
        """Prints the sums and the RESULT line; returns the exit code."""
        figures = {"passed": self.counts.passed, "failed": self.counts.failed, "skipped": self.counts.skipped,
                   "seconds": round(self.seconds, 1), **figures}
        verdict = "pass" if self.counts.failed == 0 else "fail"
        if self.counts.skipped:
            say(f"{self.counts.skipped} skipped")
        say(f"{self.counts.passed} passed, {self.counts.failed} failed")
        say("RESULT " + json.dumps({"name": self.name, "figures": figures, "stages": self.results, "verdict": verdict}))
        return 0 if self.counts.failed == 0 else 1


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stop(number, frame):
    raise SystemExit(128 + number)


# So that what a stage has started is killed with it.
signal.signal(signal.SIGTERM, stop)


def at_least_one(counts):
    if counts.passed + counts.failed == 0:
        say("      no test was run, which proves nothing")
        counts.failed = 1
    return counts


def is_worth_showing(line):
    """Of ctest's output: one line for each test, and all that failing tests print."""
    return line.strip() and not CTEST_NOISE.match(line)


def is_tenth_step(line):
    step = re.match(r"^\[(\d+)/(\d+)\]", line)
    return bool(step) and (int(step.group(1)) % 10 == 0 or step.group(1) == step.group(2))


def say(text):
    print(text, flush=True)


def record_figures(suite, command, logs):
    """Evidence from the FIGURE lines in the logs, where this is a git checkout."""
    tool = os.path.join(ROOT, "tools", "evidence")
    if os.path.exists(os.path.join(ROOT, ".git")) and os.path.exists(tool):
        subprocess.run([tool, "figures", "--command", command, "--seconds", f"{suite.seconds:.1f}",
                        "--failed", str(suite.counts.failed), *logs], cwd=ROOT, check=False)
