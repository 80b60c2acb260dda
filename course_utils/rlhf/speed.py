"""Measure how fast the RLHF lab is here: ``python -m course_utils.rlhf.speed``. Processor time, one BLAS thread."""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.rlhf import language_model, reward_model, run
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.network import LanguageModel

__all__ = ["main", "measure", "peak_megabytes"]


def measure() -> list[tuple[str, float, str]]:
    """Return (what, number, unit) for every stage."""
    world, config = worlds.load(), RunConfig()
    rng = np.random.default_rng(0)
    shown = worlds.demonstrations(world, config.demonstrations, rng)
    tuned, sft_time = _timed(partial(language_model.sft, world, shown, rng, epochs=config.sft_epochs))
    pairs = reward_model.label(world, *reward_model.sample_pairs(tuned.model, world, config.pairs, rng), rng)
    fit_times = [_timed(partial(reward_model.fit, world, pairs, kind))[1] for kind in reward_model.KINDS]
    lines = [
        (f"SFT, {config.demonstrations} demonstrations, {config.sft_epochs} epochs", sft_time, "s"),
        (f"reward model, {config.pairs} pairs, slowest kind of features", max(fit_times), "s"),
    ]
    for updates, batch in ((100, 64), (200, 128)):
        start = run.begin(RunConfig(batch_size=batch), 0)
        _, spent = _timed(partial(run.resume, start, updates, progress=False))
        lines.append((f"PPO, {updates} updates at batch {batch}, 4 epochs", spent, "s"))
    for batch in (64, 128, 1024):
        tokens, spent = _timed(partial(_sampled_tokens, tuned.model, world, batch))
        lines.append((f"sampling at batch {batch}", tokens / spent, "tokens/s"))
    lines.append(("peak memory of this process", peak_megabytes(), "MB"))
    return lines


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result and the processor time of a piece of work."""
    start = time.process_time()
    result = language_model.one_blas_thread(work)()
    return result, time.process_time() - start


def _sampled_tokens(model: LanguageModel, world: worlds.World, batch: int) -> int:
    """Sample some 100,000 tokens in batches and count them."""
    rng = np.random.default_rng(0)
    tokens = 0
    for _ in range(max(1, 12_000 // batch)):
        prompts = worlds.sample_prompts(world, batch, rng)
        tokens += int(language_model.sample(model, world, prompts, rng).replies.lengths.sum())
    return tokens


def peak_megabytes() -> float:
    """Return the largest memory that this process has had; NaN where the system does not say."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where getrusage would count what the parent process had before this one began
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024


def main() -> None:
    """Print the table."""
    for what, number, unit in measure():
        digits = f"{number:.2f}" if number < 10 else f"{number:,.0f}"
        print(f"{what:<58}{digits:>12} {unit}")


if __name__ == "__main__":
    main()
