"""Many runs at once: configurations × seeds, on all cores of a computer or, through joblib, of a cluster."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed

from course_utils import arguments, progress_bar
from course_utils.rlhf import run
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.run import RunLog
from course_utils.rlhf.world import World

__all__ = ["Result", "sweep"]


class Result(NamedTuple):
    """One run of a sweep."""

    config: RunConfig
    seed: int
    log: RunLog | None
    """None if nothing was logged; of a run that ran away, what it logged until then"""
    error: str | None
    """what went wrong; None for a run that ended well"""


@arguments.typed
def sweep(
    configs: RunConfig | Sequence[RunConfig],
    seeds: Sequence[int],
    *,
    world: World | None = None,
    jobs: int = -1,
    progress: bool = True,
) -> list[Result]:
    """Run every configuration with every seed.

    All runs of a seed begin with the same demonstrations, so configurations are compared like with like. With
    ``joblib.parallel_config("dask")`` around the call it uses the workers of a Dask cluster.

    Args:
        configs: one configuration or several.
        seeds: whole numbers of at least 0.
        world: None for ``world.load()``.
        jobs: processes; −1 for one per core, 1 for this process alone.
        progress: show a bar while a person watches.

    Returns:
        One Result for each pair, configuration by configuration, in the order given. A run that fails is reported in
        its Result, and the others go on. A KeyboardInterrupt keeps the results there are.

    Raises:
        TypeError, ValueError: bad arguments.
    """
    for name, several in (("configs", configs), ("seeds", seeds)):
        several = list(several) if isinstance(several, np.ndarray) and several.ndim else several
        if not isinstance(several, (RunConfig, Sequence)) or isinstance(several, str):
            raise TypeError(f"{name} is {arguments.said(several)}, expected a list")
    wanted = [configs] if isinstance(configs, RunConfig) else list(configs)
    for config in wanted:
        if not isinstance(config, RunConfig):
            raise TypeError(f"configs has {type(config).__name__}, expected RunConfig")
    numbers = [arguments.whole("seeds", seed, low=0) for seed in seeds]
    if not wanted or not numbers:
        raise ValueError(f"configs has {len(wanted)} and seeds {len(numbers)} entries, expected at least one of each")
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0 or abs(jobs) > 1024:
        raise ValueError(
            f"jobs is {arguments.said(jobs)}, expected a whole number of processes, or -1 for one per core"
        )
    world = worlds.load() if world is None else world
    pairs = [(config, seed) for config in wanted for seed in numbers]
    # Seed by seed, so that a process finds the SFT model of a seed already made.
    order = sorted(range(len(pairs)), key=lambda i: numbers.index(pairs[i][1]))
    results: dict[int, Result] = {}
    done: Iterable[Result] = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_one)(*pairs[i], world) for i in order
    )
    ended = iter(done)
    try:
        for i in progress_bar.bar(order, progress):
            results[i] = next(ended)
            log = results[i].log
            if log is not None and log.interrupted:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        print(f"Interrupted: {len(results)} of {len(pairs)} runs are kept.")
    return [results[i] for i in sorted(results)]


def _one(config: RunConfig, seed: int, world: World) -> Result:
    """Do one run, and turn whatever goes wrong into a sentence."""
    try:
        return Result(config, seed, run.run(config, seed, world=world, progress=False), None)
    except run.NonFiniteError as error:
        return Result(config, seed, error.log, str(error))
    except Exception as error:
        return Result(config, seed, getattr(error, "log", None), f"{type(error).__name__}: {error}")
