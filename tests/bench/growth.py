"""How time and peak memory grow with the size of the problem, five sizes each, with the exponent that fits them.

Each size is worked on in a process of its own, `python tests/bench/growth.py WHAT SIZE`, three times: the time is the
least processor time, the memory how far the process's peak rose above what it had when all was loaded. With QUICK
each size is a quarter, and worked on once.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import targets
import timing

from course_utils.rlhf import speed

sys.path.insert(0, str(Path(__file__).parents[1]))


def exponent(sizes: Any, amounts: Any) -> list[float]:
    """Return k of amount ∝ size^k by least squares on the logarithms, and its standard error."""
    x, y = np.log(np.asarray(sizes, dtype=float)), np.log(np.asarray(amounts, dtype=float))
    x = x - x.mean()
    k = float(x @ y / (x @ x))
    rest = y - y.mean() - k * x
    return [k, float(np.sqrt(rest @ rest / (len(x) - 2) / (x @ x)))]


def steps(N: int) -> timing.Contender:
    """Value and gradient of U over N steps."""
    import floor

    return floor.value_and_gradient(N, 16, "float64", alone=True)["ours"]


def time_axis(T: int) -> timing.Contender:
    """GAE of eight rows of T steps."""
    import floor

    return floor.gae(T, 8, alone=True)["ours"]


def trajectories(m: int) -> timing.Contender:
    """One update of REINFORCE with m trajectories of the slippery lake."""
    from course_utils import training, worlds

    lake = worlds.frozen_lake(horizon=20)  # so that the padding is as long for few as for many
    rng, start = np.random.default_rng(0), np.zeros_like(lake.rewards)
    settings: dict[str, Any] = {"updates": 1, "optimizer": training.SGD(1.0), "progress": False}
    return lambda: training.reinforce(lake, start, episodes=m, rng=rng, **settings)


def sweep(runs: int) -> timing.Contender:
    """So many short runs of RLHF in this process."""
    from course_utils.rlhf import run, sweep
    from course_utils.rlhf.config import RunConfig

    config = RunConfig(updates=5)
    run.begin(config, 0)  # SFT and reward model, which all runs of a seed share
    configs = [RunConfig(updates=5, kl_coef=0.3 + i / 1000) for i in range(runs)]
    return lambda: sweep.sweep(configs, [0], jobs=1, progress=False)


def submissions(count: int) -> timing.Contender:
    """Grade so many hand-ins with a marker that runs nothing, and write their gradebook."""
    import class_of_students as students

    from course_utils.grading import gradebook, results, run

    folder = tempfile.TemporaryDirectory(prefix="bench")  # goes with the process
    names = [f"s{n:04d}" for n in range(count)]
    source = students.hand_in(Path(folder.name) / "in", **{n: students.notebook(essay=f"Because {n}.") for n in names})
    turn = iter(range(100))

    def work() -> None:
        out = Path(folder.name) / f"out{next(turn)}"
        run.grade(source, students.SET, out, marker=students.mark, sandbox="none", jobs=1, progress=False)
        gradebook.record(gradebook.address(out), students.SET, results.stored(out, "ps1"))

    return work


WORK = {"steps": steps, "time": time_axis, "trajectories": trajectories, "sweep": sweep, "submissions": submissions}
TINY = {"steps": 64, "time": 64, "trajectories": 10, "sweep": 1, "submissions": 2}


def one(what: str, size: int) -> None:
    """Print the seconds and the MB of one size."""
    WORK[what](TINY[what])()  # all is loaded
    work = WORK[what](size)
    before = speed.peak_megabytes()
    times = []
    for _ in range(1 if timing.QUICK else 3):
        children = timing.children(lambda: times.append(timing.processor(work)))
        times[-1] += children
    print(json.dumps([min(times), max(speed.peak_megabytes() - before, 0.1)]))


def rows() -> Iterator[dict[str, Any]]:
    for what, growth in targets.GROWTH.items():
        sizes = tuple(size // 4 for size in growth.sizes) if timing.QUICK else growth.sizes
        command = [sys.executable, __file__, what]
        found = [
            json.loads(
                subprocess.run([*command, str(size)], check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1]
            )
            for size in sizes
        ]
        seconds, megabytes = map(list, zip(*found, strict=True))
        yield {
            "id": what,
            "sizes": sizes,
            "seconds": seconds,
            "megabytes": megabytes,
            "exponent": exponent(sizes, seconds),
            "memory_exponent": exponent(sizes, megabytes),
        }


if __name__ == "__main__":
    one(sys.argv[1], int(sys.argv[2]))
