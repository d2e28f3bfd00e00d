"""One program run as a child: how long it took, what it cost, and what it said."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass


@dataclass
class Measured:
    seconds: float
    cpu_seconds: float
    peak_mib: float
    said: dict


def child(command: list[str], env: dict[str, str] | None = None) -> Measured:
    """Runs a command whose last line of stdout is JSON.

    Wall and processor time are those of the whole child, start-up included, unless the JSON brings `own_seconds` and
    `own_cpu_seconds`: peers in Python report their work alone, so that importing packages does not count against them.
    """
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env={**os.environ, **(env or {})})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        stderr.seek(0)
        text = stdout.read()
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)} ended with {process.returncode}\n{text}\n{stderr.read()}")
    lines = text.strip().splitlines()
    said = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    cpu = said.get("own_cpu_seconds", usage.ru_utime + usage.ru_stime)
    return Measured(said.get("own_seconds", seconds), cpu, usage.ru_maxrss / 1024, said)


class Stopwatch:
    """What a worker's own work takes, from here to `stop`."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), processor()

    def stop(self) -> None:
        self.wall, self.cpu = time.perf_counter() - self.wall, processor() - self.cpu

    def report(self, **more) -> None:
        print(json.dumps({"own_seconds": self.wall, "own_cpu_seconds": self.cpu, **more}))


def processor() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def table(title: str, rows: int, ours: str, found: dict[str, Measured]) -> None:
    """Prints the runners as a Markdown table; the ratio is the peer's time by ours."""
    print(f"\n### {title}\n")
    print("| | seconds | rows/s | CPU µs/row | peak MiB | time by ours | CPU by ours |")
    print("|---|---|---|---|---|---|---|")
    base = found[ours]
    for name, one in found.items():
        ratios = f"{one.seconds / base.seconds:.2f} | {one.cpu_seconds / base.cpu_seconds:.2f}"
        print(
            f"| {name} | {one.seconds:.2f} | {rows / one.seconds:,.0f} | {one.cpu_seconds / rows * 1e6:.2f} "
            f"| {one.peak_mib:.0f} | {ratios} |",
            flush=True,
        )
