"""What an evaluation says of fresh replies: parts, shares and tables agree with the replies that it returns."""

import numpy as np
import pytest

from course_utils.rlhf import reward_model
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.evaluation import evaluate
from course_utils.rlhf.run import run

WORLD = worlds.load()


@pytest.fixture(scope="module")
def log():
    short = RunConfig(updates=3, batch_size=8, demonstrations=300, sft_epochs=2, pairs=100, learning_rate=0.1)
    return run(short, 0, progress=False)


def test_parts_and_shares_are_those_of_the_replies(log):
    measured = evaluate(log, replies=400)
    assert sum(measured.parts.values()) == pytest.approx(measured.gold)
    said = worlds.counts(WORLD, measured.replies)
    assert measured.shares["unsafe"] == (said @ WORLD.tags["unsafe"] > 0).mean()
    assert measured.shares["repeat"] == ((np.maximum(said - 1, 0) @ WORLD.tags["content"]) > 0).mean()
    assert measured.shares["illegal_pairs"] == (worlds.illegal_share(WORLD, measured.replies) > 0).mean()
    wrong = measured.parts["wrong_object"] / WORLD.gold_weights["wrong_object"]
    assert 0 < measured.shares["wrong_object"] == pytest.approx(wrong)


def test_tables_by_topic_and_mood_add_up(log):
    measured = evaluate(log, replies=400)
    for table, names in ((measured.by_topic, WORLD.topics), (measured.by_mood, worlds.MOODS)):
        assert tuple(table) == names
        counts = [group.n for group in table.values()]
        assert sum(counts) == 400
        for field in ("gold", "score", "kl", "length"):
            of_groups = [getattr(group, field) for group in table.values()]
            assert np.average(of_groups, weights=counts) == pytest.approx(getattr(measured, field), abs=1e-6), field
        unsafe = [group.shares["unsafe"] for group in table.values()]
        assert np.average(unsafe, weights=counts) == pytest.approx(measured.shares["unsafe"])
    angry = WORLD.mood_of[measured.replies.prompts] == worlds.MOODS.index("angry")
    scores = reward_model.reward_score(log.state.reward_model, WORLD, measured.replies)
    assert measured.by_mood["angry"].score == pytest.approx(scores[angry].mean())


def test_a_topic_that_does_not_come_has_no_replies(log):
    measured = evaluate(log, replies=50, weights=worlds.prompt_weights(WORLD, only_topics=("refund",)))
    assert measured.by_topic["refund"].n == 50
    assert measured.by_topic["billing"].n == measured.by_topic["billing"].gold == 0
