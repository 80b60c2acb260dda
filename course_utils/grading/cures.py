"""What a run of the RLHF miniature is worth: its gold reward on fresh replies, beside that of its reference."""

from collections.abc import Mapping
from typing import Any

from course_utils.rlhf import evaluation, run
from course_utils.rlhf.config import RunConfig

__all__ = ["gold_of_run"]


def gold_of_run(settings: Mapping[str, Any], seed: int, replies: int) -> tuple[float, float]:
    """Train with these settings, and return the mean gold of fresh replies of the policy and of the reference.

    Raises:
        FloatingPointError: a run that ran away.
        TypeError, ValueError: settings that RunConfig refuses.
    """
    log = run.run(RunConfig(**settings), seed, progress=False)
    policy = evaluation.evaluate(log, replies=replies, seed=seed)
    reference = evaluation.evaluate(log, replies=replies, seed=seed, model=log.reference)
    return policy.gold, reference.gold
