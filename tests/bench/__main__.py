"""Measure everything, or the files that are named: `make bench`, `python tests/bench [FILE …]`, `… table`.

Each file of targets.py runs in processes of its own, on one core and with one thread where its rows are of one core.
What it has measured is kept in build/bench.json row by row: after an interrupt the next run goes on from there. A
further run keeps the last one as build/bench_before.json, and says how many ratios lie within its spread.
"""

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import results
import table
import targets
import timing

HERE = Path(__file__).parent


def main(words: list[str] | None = None) -> int:
    """Run what was asked for; return 0, 1 where a file failed, 130 after an interrupt."""
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"{', '.join(targets.FILES)}, or table")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.child:
        return measure(options.child)
    if options.files == ["table"]:
        found = results.load()
        if not found:
            parser.error(f"{results.OUT.name} has not been written yet: run make bench first")
        readme = table.README.read_text(encoding="utf-8")
        table.README.write_text(table.written(readme, table.lines(found)), encoding="utf-8")
        return 0
    if unknown := set(options.files) - set(targets.FILES):
        parser.error(f"{', '.join(sorted(unknown))}: expected of {', '.join(targets.FILES)}")
    return run(options.files)


def run(named: list[str]) -> int:
    """Measure these files, or all that are still to be measured."""
    found = results.load() if named and results.load() else results.begin(timing.QUICK)
    files = named or [file for file in targets.FILES if not targets.ids(file) <= found["rows"].keys()]
    began = time.monotonic()
    print(json.dumps(found["machine"], ensure_ascii=False), "\nours over theirs: lower is better\n", flush=True)
    if not named and len(files) < len(targets.FILES):
        print(f"Going on: {len(found['rows'])} rows are there.")
    try:
        for n, file in enumerate(files, 1):
            print(f"[{n}/{len(files)}, {time.monotonic() - began:.0f} s] {file}: {targets.FILES[file]}", flush=True)
            for row in measured(file, found):
                found["rows"][row["id"]] = row
                results.store(found)
                print("   ", said(file, row), flush=True)
    except KeyboardInterrupt:
        print(
            f"\nInterrupted: {len(found['rows'])} rows are kept in {results.OUT.name}; make bench goes on from there."
        )
        return 130
    if not named:
        found["complete"] = not found["failed"]
        found["seconds"] = round(found.get("seconds", 0) + time.monotonic() - began)
        results.store(found)
    inside, of = table.within(found, results.load(results.BEFORE))
    if of:
        print(f"{inside} of {of} ratios lie within the spread of the run before.")
    for file, error in found["failed"].items():
        print(f"{file} failed: {error}")
    print(f"{time.monotonic() - began:.0f} s. `python tests/bench table` puts it into the README.")
    return 1 if found["failed"] else 0


def measured(file, found):
    """Yield the rows of a file as its process measures them."""
    quiet = os.environ | timing.ONE_THREAD | {"POLICY_GRADIENT_COURSE_PROGRESS": "", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, str(HERE), "--child", file]
    parts: dict[str, list[dict]] = {}
    times = timing.PROCESSES if file in targets.IN_PROCESSES else 1
    for n in range(1, times + 1):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=quiet, text=True) as process:
            try:
                for line in process.stdout:
                    row = json.loads(line)
                    parts.setdefault(row["id"], []).append(row)
                    if n == times:
                        yield timing.pooled(parts[row["id"]]) if "times" in row else row
            except BaseException:
                process.send_signal(signal.SIGINT)  # its own children go with it
                raise
        if process.returncode:
            found["failed"][file] = f"its process ended with {process.returncode}; the lines above say why"
            results.store(found)
            return


def measure(file: str) -> int:
    """Write the rows of a file to standard output, which nothing else may write to."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if file not in targets.ALL_CORES and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    try:
        for row in importlib.import_module(file).rows():
            print(json.dumps(row), file=out, flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


def said(file: str, row: dict) -> str:
    """Return a row as the terminal shows it."""
    if row["id"] in targets.GROWTH:
        return table.growth_line(targets.GROWTH[row["id"]], row).strip("| ")
    wanted = targets.ROWS[file][row["id"]]
    note = f", {row['note']}" if row["note"] else ""
    return f"{wanted.what}: {table.quantity(row['ours'], wanted.unit)}{note}; {table.cell(wanted, row)}"


if __name__ == "__main__":
    sys.exit(main())
