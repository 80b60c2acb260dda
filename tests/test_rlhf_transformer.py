"""The transformer: replies have the probabilities it says, no place sees a later one, the critic moves no policy."""

import numpy as np
import pytest

from course_utils.rlhf import world as worlds

torch = pytest.importorskip("torch")
transformer = pytest.importorskip("course_utils.rlhf.transformer")
TINY = worlds.load(worlds.TINY)


@pytest.fixture(autouse=True)
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def writer(seed=0):
    return transformer.seeded(transformer.Writer(TINY, d=8), np.random.default_rng(seed))


def probabilities(model, prompt=0):
    listed = worlds.every_reply(TINY, prompt)
    with torch.no_grad():
        log_probs = transformer.log_policy(model, listed)[0].numpy()
    return listed, np.exp((log_probs * listed.mask).sum(axis=1))


def test_the_probabilities_of_all_replies_sum_to_1():
    for prompt in (0, 3):
        assert probabilities(writer(), prompt)[1].sum() == pytest.approx(1, abs=1e-12)


def test_samples_have_these_probabilities():
    n, model = 20_000, writer()
    listed, p = probabilities(model)
    replies = transformer.sample(model, np.zeros(n, dtype=int), np.random.default_rng(1))
    place = {row.tobytes(): i for i, row in enumerate(listed.tokens)}
    counts = np.bincount([place[row.tobytes()] for row in replies.tokens], minlength=len(p))
    common = np.flatnonzero(p > 1e-3)
    z = (counts[common] - n * p[common]) / np.sqrt(n * p[common] * (1 - p[common]))
    assert (
        np.abs(z).max() < 6
    )  # false alarm: below 1e-6 for some hundred replies; a share that is off by a fifth: z > 6
    assert (replies.lengths == listed.lengths[[place[row.tobytes()] for row in replies.tokens]]).all()


def test_a_place_sees_its_past_and_nothing_else():
    model, words = writer(), torch.tensor([[1, 2, 3]])
    prompts = np.array([2])
    with torch.no_grad():
        z = model(prompts, words)[0]
        for t in range(3):
            other = words.clone()
            other[0, t] = 4
            moved = (model(prompts, other)[0] - z).abs().amax(dim=-1)[0] > 1e-9
            assert moved.tolist() == [False] * (t + 1) + [True] * (3 - t)
        assert not torch.allclose(model(np.array([0]), words)[0], z)


def test_the_critic_moves_no_policy():
    model = writer()
    listed = worlds.every_reply(TINY, 0).take(slice(0, 20))
    transformer.log_policy(model, listed)[1].sum().backward()
    moved = {name for name, weight in model.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert moved == {"value.weight", "value.bias"}


def test_fine_tuning_writes_as_the_demonstrators_do():
    model = transformer.fine_tune(TINY, np.random.default_rng(2), n=600, epochs=4, batch=60)
    shown = worlds.demonstrations(TINY, 300, np.random.default_rng(3))

    def loss(model):
        with torch.no_grad():
            return -transformer.log_policy(model, shown)[0][torch.tensor(shown.mask)].mean().item()

    assert loss(model) < loss(writer()) - 0.5
    again = transformer.fine_tune(TINY, np.random.default_rng(2), n=600, epochs=4, batch=60)
    assert loss(again) == loss(model)
