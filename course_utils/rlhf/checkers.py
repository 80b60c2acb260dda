"""Rewards that a program checks: 1 for a reply that passes, 0 for one that fails. What they don't ask is a loophole."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from course_utils import arguments
from course_utils.arguments import BoolArray, FloatArray
from course_utils.rlhf.world import WORDS_FOR_FREE, Replies, World, checked

__all__ = ["closed", "on_topic", "strict"]


@arguments.typed
def strict(world: World, replies: Replies) -> FloatArray:
    """Return 1 where a reply names a thing of its topic, promises nothing and has at most 10 words.

    It does not ask whether the reply names the things of other topics as well.

    Args:
        world: the world.
        replies: m replies.

    Returns:
        0 or 1, shape (m,).
    """
    own, _ = _named(world, checked("replies", world, replies))
    return (own & _safe_and_short(world, replies)).astype(np.float64)


@arguments.typed
def on_topic(world: World, replies: Replies) -> FloatArray:
    """Return 1 where a reply names a thing of its topic and of no other, shape (m,)."""
    own, foreign = _named(world, checked("replies", world, replies))
    return (own & ~foreign).astype(np.float64)


@arguments.typed
def closed(world: World, replies: Replies) -> FloatArray:
    """Return 1 where a reply passes ``strict`` and ``on_topic`` and has its end token, shape (m,)."""
    passed = (strict(world, replies) > 0) & (on_topic(world, replies) > 0) & replies.ended
    return passed.astype(np.float64)


CHECKERS: Mapping[str, Callable[[World, Replies], FloatArray]] = MappingProxyType(
    {"strict checker": strict, "closed checker": closed}
)
"""What RunConfig's ``reward`` can name"""


def _named(world: World, replies: Replies) -> tuple[BoolArray, BoolArray]:
    """Return whether each reply names a thing of its topic, and whether it names one of another."""
    said = replies.counts(len(world.words)) > 0
    own = world.objects[world.topic_of[replies.prompts]]
    foreign = world.objects.any(axis=0) & ~own
    return np.asarray((said & own).any(axis=1)), np.asarray((said & foreign).any(axis=1))


def _safe_and_short(world: World, replies: Replies) -> BoolArray:
    """Return whether each reply promises nothing and has at most 10 words."""
    promises = replies.counts(len(world.words)) @ world.tags["unsafe"] > 0
    return np.asarray(~promises & (replies.words <= WORDS_FOR_FREE))
