"""How time and peak memory grow with the size of the problem, five sizes each, with the exponent that fits them.

What grows is worked on in a process of its own, `python tests/bench/growth.py WHAT SIZE …`, from the smallest size to
the largest, twice each: the time is the least processor time, the memory how far the process's peak has risen
above what it had when all was loaded. With QUICK each size is an eighth, and worked on once.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
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
    from course_utils import objectives

    rng = np.random.default_rng(N)
    given = rng.normal(size=(N, 16)), rng.integers(16, size=N), rng.normal(size=N)
    return lambda: objectives.advantage_objective(*given)


def time_axis(T: int) -> timing.Contender:
    """GAE of eight rows of T steps."""
    from course_utils import returns

    rng = np.random.default_rng(T)
    rewards, values = rng.normal(size=(8, T)), rng.normal(size=(8, T + 1))
    return lambda: returns.gae(rewards, 0.99, values, 0.95)


def trajectories(m: int) -> timing.Contender:
    """One update of REINFORCE with m trajectories of the slippery lake."""
    from course_utils import training, worlds

    lake = worlds.frozen_lake(horizon=20)  # so that the padding is as long for few as for many
    rng, start = np.random.default_rng(0), np.zeros_like(lake.rewards)
    settings: dict[str, Any] = {"updates": 1, "optimizer": training.SGD(1.0), "progress": False}
    return lambda: training.reinforce(lake, start, episodes=m, rng=rng, **settings)


def enumeration(trajectories: int) -> timing.Contender:
    """List all trajectories of a coin tossed so often that there are so many."""
    from course_utils import mdp

    transitions, rewards = np.ones((1, 2, 1)), np.array([[0.0, 1.0]])
    coin = mdp.TabularMDP(transitions, rewards, [1.0], horizon=trajectories.bit_length() - 1)
    return lambda: coin.enumerate_trajectories(np.zeros((1, 2)))


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


WORK: dict[str, Callable[[int], timing.Contender]] = {
    "steps": steps,
    "time": time_axis,
    "trajectories": trajectories,
    "enumeration": enumeration,
    "sweep": sweep,
    "submissions": submissions,
}
TINY = {"steps": 64, "time": 64, "trajectories": 10, "enumeration": 4, "sweep": 1, "submissions": 2}


def grown(what: str, sizes: list[int]) -> list[tuple[float, float]]:
    """Return the seconds and the MB of each size, the smallest first, since a peak does not fall."""
    WORK[what](TINY[what])()  # all is loaded
    before, found = speed.peak_megabytes(), []
    for size in sizes:
        work, times = WORK[what](size), []
        for _ in range(1 if timing.QUICK else 2):
            children = timing.children(lambda work=work, times=times: times.append(timing.processor(work)))
            times[-1] += children
        found.append((min(times), max(speed.peak_megabytes() - before, 0.1)))
    return found


def rows() -> Iterator[dict[str, Any]]:
    for what, growth in targets.GROWTH.items():
        sizes = tuple(size // 8 for size in growth.sizes) if timing.QUICK else growth.sizes
        command = [sys.executable, __file__, what, *map(str, sizes)]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        seconds, megabytes = map(list, zip(*json.loads(printed.splitlines()[-1]), strict=True))
        yield {
            "id": what,
            "sizes": sizes,
            "seconds": seconds,
            "megabytes": megabytes,
            "exponent": exponent(sizes, seconds),
            "memory_exponent": exponent(sizes, megabytes),
        }


if __name__ == "__main__":
    print(json.dumps(grown(sys.argv[1], list(map(int, sys.argv[2:])))))
