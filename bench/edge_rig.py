"""What the benchmarks of the HTTP edge share: servers on free ports, load from another core, and how a
result is judged and told. Server and generator have a core each, so that a generator that is slow does
not take what it measures away from the server."""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import gate

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(ROOT, "build", "release")
BEAMLINE = os.path.join(RELEASE, "beamline")
NATS_SERVER = os.environ.get("BL_NATS_SERVER", os.path.join(ROOT, ".deps", "usr", "sbin", "nats-server"))
NGINX = os.path.join(ROOT, ".deps", "usr", "sbin", "nginx")
POLICY = os.path.join(ROOT, "bench", "policy.yaml")
SERVER_CORE, LOAD_CORE = "0", "1"
UNITS_MS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(check, what, seconds=15):
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited in vain for {what}")
        time.sleep(0.01)


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A server of this run: started here on one core, ended here by its pid."""

    def __init__(self, name, arguments, folder, env=None, core=SERVER_CORE):
        self.name, self.log = name, os.path.join(folder, name + ".log")
        with open(self.log, "wb") as log:
            pinned = ["taskset", "-c", core] if core else []
            self.process = subprocess.Popen([*pinned, *arguments], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})

    def pids(self):
        """The process, and its children (nginx serves from one)."""
        pid = str(self.process.pid)
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [pid, *file.read().split()]

    def cpu_seconds(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))

    def said(self, text):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return text in file.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Rig:
    """A folder, a nats-server and what else is started; all of it ends with the block."""

    def __init__(self, jetstream=False):
        self.jetstream = jetstream

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="bl-bench-")
        self.started = []
        self.nats_port = free_port()
        store = ["-js", "-sd", os.path.join(self.folder, "jetstream")] if self.jetstream else []
        self.start("nats", [NATS_SERVER, "-a", "127.0.0.1", "-p", str(self.nats_port), *store], core=None if store else LOAD_CORE)
        wait_for(lambda: answers(self.nats_port), "nats-server")
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, arguments, env=None, core=SERVER_CORE):
        process = Process(name, arguments, self.folder, env, core)
        self.started.append(process)
        return process

    def router(self, env, policies=None, name="router", core=SERVER_CORE):
        if policies is None:
            policies = os.path.join(self.folder, "policies")
            os.makedirs(os.path.join(policies, "demo"), exist_ok=True)
            shutil.copy(POLICY, os.path.join(policies, "demo", "default.yaml"))
        router = self.start(name, [BEAMLINE, "serve", "--profile", "dev"], {
            "BEAMLINE_NATS_URL": f"nats://127.0.0.1:{self.nats_port}", "BEAMLINE_POLICIES_DIRECTORY": policies,
            "BEAMLINE_WORKERS_COUNT": "1", **env}, core)
        wait_for(lambda: router.said('"message":"ready"'), f"the router; see {router.log}")
        return router


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * UNITS_MS[unit]


def loaded(process, command):
    """Runs a load; (what it printed, CPU seconds of the server)."""
    before = process.cpu_seconds()
    done = subprocess.run(["taskset", "-c", LOAD_CORE, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stdout[-500:]}")
    return done.stdout, process.cpu_seconds() - before


def arguments(doc, rounds=7, seconds=3):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seconds", type=int, default=seconds)
    return parser.parse_args()


def tell(name, figures, verdicts, goals):
    """Prints the table and RESULT; exits with 0, 1 or 2."""
    print(f"\n{'figure':34} {'measured':>10} {'goal':>8} {'limit':>8}")
    for figure, value in figures.items():
        goal, limit = goals.get(figure, ("", ""))
        print(f"{figure:34} {value:>10} {goal:>8} {limit:>8}  {verdicts.get(figure, '')}")
    verdict = gate.overall(verdicts.values())
    print("RESULT " + json.dumps({"name": name, "figures": figures, "verdict": "pass" if verdict == "pass" else "fail"}))
    if verdict == "unclear":
        print(f"{name}: unclear, run again", file=sys.stderr)
    sys.exit({"pass": 0, "fail": 1, "unclear": 2}[verdict])


def median(values, digits=2):
    return round(statistics.median(values), digits)
