"""How a row is timed: all contenders in turn, round after round, so that a slow moment falls on each of them.

A figure is the median over the rounds of processor time; a ratio is the median of the rounds' own ratios, ours over
theirs; its spread is the range of the rounds, least to most. Before the first round all must give the same numbers.
Where a process's memory happens to lie moves a ratio by more than its rounds do: the rounds are of several processes.
"""

import importlib
import importlib.util
import os
import resource
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

Contender = Callable[[], Any]
ROUND = 0.02  # seconds that a quick contender runs in a round, about
QUICK = bool(os.environ.get("QUICK"))
PROCESSES = 1 if QUICK else 3  # of each file whose rows are `row`s
ONE_THREAD = {
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_ENABLE_X64": "1",
}


def peer(name: str) -> ModuleType | None:
    """Return a library that the course is compared with, on one thread; None where it is not installed."""
    if importlib.util.find_spec(name) is None:
        return None
    module = importlib.import_module(name)
    if name == "torch":
        module.set_num_threads(1)
    return module


def agree(contenders: Mapping[str, Contender | None], tolerance: float) -> None:
    """Raise AssertionError where a contender gives other numbers than ours, the first."""
    (ours, *others) = ((name, run) for name, run in contenders.items() if run)
    wanted = _flat(ours[1]())
    for name, run in others:
        for one, two in zip(wanted, _flat(run()), strict=True):
            np.testing.assert_allclose(np.asarray(two), one, rtol=tolerance, atol=tolerance, err_msg=name)


def _flat(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,)


def processor(run: Contender, repeats: int = 1) -> float:
    """Return the processor time of one call in this process."""
    start = time.process_time()
    for _ in range(repeats):
        run()
    return (time.process_time() - start) / repeats


def children(run: Contender) -> float:
    """Return the processor time of the processes that a call starts and waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rounds_within(seconds: float, of_one: float, most: int, least: int) -> int:
    """Return how many rounds fit into so many seconds, with bounds."""
    return int(min(most, max(least, seconds / max(of_one, 1e-9))))


def in_turn(contenders: Mapping[str, Contender | None], seconds: float, most: int = 25) -> dict[str, list[float]]:
    """Return the processor time of each round of each contender that is there; another begins each round.

    All have run once before, so that they are compiled. Where other programs have the core too, the rounds take longer:
    after twice the seconds no further one begins, but three there are over the processes, or two with QUICK.
    """
    began = time.monotonic()
    there = {name: run for name, run in contenders.items() if run}
    repeats, together = {}, 0.0
    for name, run in there.items():
        once = processor(run)
        if once < ROUND:  # a quick one may have been disturbed
            once = min(once, *(processor(run) for _ in range(3)))
        repeats[name] = max(1, round(ROUND / max(once, 1e-7)))
        together += repeats[name] * once
    times: dict[str, list[float]] = {name: [] for name in there}
    order = list(there)
    seconds, most, least = (seconds / 8, 5, 2) if QUICK else (seconds / PROCESSES, most, 3 // PROCESSES)
    for n in range(rounds_within(seconds, together, most, least)):
        if n >= least and time.monotonic() - began > 2 * seconds:
            break
        for name in order[n % len(order) :] + order[: n % len(order)]:
            times[name].append(processor(there[name], repeats[name]))
    return times


def figures(times: Mapping[str, list[float]]) -> dict[str, dict[str, float]]:
    """Return each contender's median, and of the others the ratio, ours (the first) over theirs, with its spread."""
    ours = np.array(next(iter(times.values())))
    found = {}
    for name, theirs in times.items():
        ratios = ours / np.array(theirs)
        found[name] = {
            "median": float(np.median(theirs)),
            "ratio": float(np.median(ratios)),
            "low": float(ratios.min()),
            "high": float(ratios.max()),
        }
    return found


def row(
    id: str, contenders: Mapping[str, Contender | None], *, tolerance: float, seconds: float = 5.0, note: str = ""
) -> dict[str, Any]:
    """Check that all contenders agree, take turns, and return the row as results.py stores it."""
    agree(contenders, tolerance)
    return measured(id, in_turn(contenders, seconds), [name for name, run in contenders.items() if not run], note=note)


def measured(id: str, times: Mapping[str, list[float]], missing: list[str] = (), note: str = "") -> dict[str, Any]:
    """Return a row of times that were measured in turn."""
    found = figures(times)
    rounds = len(next(iter(times.values())))
    ours, *others = found
    return {
        "id": id,
        "ours": found[ours]["median"],
        "peers": {name: found[name] for name in others} | {name: {"missing": True} for name in missing},
        "rounds": rounds,
        "note": note,
        "times": {name: list(rounds_of) for name, rounds_of in times.items()},
    }


def pooled(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one row of the rounds of several, which are the same row from process upon process."""
    *_, last = rows
    times = {name: [t for one in rows for t in one["times"][name]] for name in last["times"]}
    missing = [name for name, peer in last["peers"].items() if peer.get("missing")]
    return last | measured(last["id"], times, missing, last["note"])
