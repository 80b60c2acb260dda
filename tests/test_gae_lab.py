"""The GAE lab's Python side: its moments against samples, its traits, its first frame."""

import numpy as np
import pytest

from course_utils import policy
from course_utils.widgets import GaeLab
from course_utils.widgets.gae_lab import EPISODES, ERROR_SHAPE, LOGITS, PLACES, WORLD
from course_utils.widgets.lab import uniform
from course_utils.worlds import icy_path

WORSE = {"lambda_": 0.8, "critic_error": -2.0, "discount": 0.9}
Z = 5.5  # two-sided false alarm of a normal: 4e-8


@pytest.mark.parametrize("action", [0, 1])
@pytest.mark.parametrize("discount", [0.5, 0.93, 1.0])
def test_the_two_ends_of_the_dial(action, discount):
    lab = GaeLab(1.0, 2.5, discount, action=action)
    assert lab.exact_bias() == pytest.approx(0, abs=1e-12), "the critic drops out, as it is right at the first place"
    assert lab.values()[0] == lab.critic()[0]
    one_step = lab.mdp().transitions[0, action] @ ERROR_SHAPE
    assert lab.exact_bias(0.0) == pytest.approx(2.5 * discount * one_step), "γ times the error one step on"
    lab.critic_error = 0.0
    for lambda_ in (0.0, 0.3, 0.9):
        assert lab.exact_bias(lambda_) == pytest.approx(0, abs=1e-12)
    assert lab.best_lambda() == 0.0
    assert lab.exact_variance(0.0) < lab.exact_variance(0.5) < lab.exact_variance(1.0)


@pytest.mark.long
def test_the_first_setting_teaches():
    """Bias² falls, the sum has its least well inside, and a worse critic moves it to the right."""
    lab = GaeLab()
    grid = np.arange(101) / 100
    bias, variance = lab.curves(grid)
    assert (bias[30], variance[30]) == (lab.exact_bias(0.3), lab.exact_variance(0.3))
    total = bias**2 + variance
    assert (np.diff(bias**2) < 0).all()
    assert lab.best_lambda() == grid[total.argmin()]
    assert 0.6 < lab.best_lambda() < 0.9
    assert total.min() < 0.5 * min(total[0], total[-1])
    assert lab.exact_bias(0.0) > 0 > lab.exact_advantage(), "one TD error gives walking the wrong sign"
    best = [GaeLab(critic_error=error).best_lambda() for error in (0.0, 0.5, 1.0, 2.0, 3.0)]
    assert best == sorted(set(best))


def test_episodes_are_inversions_of_the_shared_numbers():
    lab = GaeLab(0.7, -1.0, 0.9, action=1, seed=5)
    lab.draw = 3
    record, tables = lab.episodes(), lab.mdp()
    pi, critic, estimates = policy.softmax(LOGITS), lab.critic(), lab.estimates()
    assert estimates.shape == (EPISODES,)
    for i in range(0, EPISODES, 23):
        states, actions, t = [0], [], 0
        while states[-1] != PLACES:
            s = states[-1]
            actions.append(lab.action if t == 0 else int(uniform(5, 3, 2 * t, i) >= pi[s, 0]))
            below = np.cumsum(tables.transitions[s, actions[-1]])[:-1]
            states.append(int(np.searchsorted(below, uniform(5, 3, 2 * t + 1, i), side="right")))
            t += 1
        assert record.states[i, : t + 1].tolist() == states
        assert record.actions[i, :t].tolist() == actions
        assert record.mask[i].sum() == t
        assert record.discounts[i].tolist() == [0.9] * (t - 1) + [0.0] * (record.mask.shape[1] - t + 1)
        deltas = -1 + 0.9 * critic[states[1:]] - critic[states[:-1]]
        by_hand = sum((0.9 * 0.7) ** k * delta for k, delta in enumerate(deltas))
        assert estimates[i] == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.long
@pytest.mark.parametrize("setting", [{"lambda_": 0.9}, WORSE, WORSE | {"action": 1}])
def test_the_labs_own_samples_have_the_exact_moments(setting):
    lab, drawn = GaeLab(**setting), []
    for lab.draw in range(25):
        drawn.append(lab.estimates())
    pooled = np.concatenate(drawn)
    assert abs(pooled.mean() - lab.exact_advantage() - lab.exact_bias()) < Z * np.sqrt(lab.exact_variance() / 10_000)
    squares = (pooled - pooled.mean()) ** 2
    assert abs(squares.mean() - lab.exact_variance()) < Z * squares.std() / 100
    assert len({sample.tobytes() for sample in drawn}) == 25


def test_the_browser_gets_pythons_world():
    wanted = {"transitions": icy_path().transitions, "rewards": icy_path().rewards}
    wanted |= {"policy": policy.softmax(LOGITS), "error_shape": ERROR_SHAPE}
    for name, table in wanted.items():
        assert np.array_equal(WORLD[name], table), name
