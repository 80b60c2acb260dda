"""The settings of a run: a dataclass for each stage, and ``RunConfig``, which has the settings of all of them.

Beside each setting stands what checks it. A function of one stage asks for that stage's class, and takes a RunConfig.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

from course_utils import arguments, group_advantages
from course_utils.arguments import FloatArray
from course_utils.rlhf import checkers, reward_model
from course_utils.rlhf import world as worlds
from course_utils.rlhf.advantages import ADVANTAGES
from course_utils.rlhf.reward_model import Pairs
from course_utils.rlhf.world import Replies, World

__all__ = ["PPOConfig", "RewardConfig", "RunConfig", "SFTConfig", "StartConfig", "TrafficConfig", "stage"]

Stage = TypeVar("Stage", bound="_Checked")

_GROUPS_OF_4: dict[str, Any] = {"num_generations": 4, "whiten_advantages": False}
_GRPO = _GROUPS_OF_4 | {"baseline": "group mean", "scale_rewards": "group", "loss_type": "grpo", "kl_in_loss": True}

ALGORITHMS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "PPO": {},
        "A2C": {"num_ppo_epochs": 1, "cliprange": None},
        "REINFORCE": {"num_ppo_epochs": 1, "cliprange": None, "baseline": "none"},
        "RLOO": {"num_ppo_epochs": 1, "cliprange": None, "baseline": "leave one out"},
        "RLOO in groups": _GROUPS_OF_4 | {"num_ppo_epochs": 1, "cliprange": None, "baseline": "leave one out"},
        "GRPO": _GRPO,
        "Dr. GRPO": _GRPO | {"scale_rewards": "none", "loss_type": "dr_grpo"},
        "DAPO": _GRPO | {"loss_type": "dapo", "epsilon_high": 0.28},
    }
)
"""What to pass to RunConfig for each: ``RunConfig(**ALGORITHMS["A2C"], updates=50)``

The last four have groups of 4, and no whitening, which would scale for a second time. DAPO is without its sampling of
more prompts, as in TRL, and with your β, where its paper has none."""


def _setting(default: Any, check: Callable[..., Any], **limits: Any) -> Any:
    """Return a field with its default, checked by ``check(name, value, **limits)``."""
    return dataclasses.field(default=default, metadata={"check": partial(check, **limits)})


def _or_none(name: str, value: Any) -> float | None:
    """Return a positive number, or None."""
    return None if value is None else arguments.positive(name, value)


def _topics(name: str, value: Any) -> tuple[str, ...]:
    """Return topics as a tuple, from any sequence of texts but a text."""
    several = isinstance(value, Sequence) and not isinstance(value, str)
    if not several or not all(isinstance(topic, str) for topic in value):
        raise TypeError(f"{name} is {arguments.said(value)}, expected a tuple of topics")
    return tuple(value)


_whole = partial(_setting, check=arguments.count)
_number = partial(_setting, check=arguments.number)
_share = partial(_setting, check=arguments.number, low=0.0, high=1.0)
_at_least_0 = partial(_setting, check=arguments.number, low=0.0)
_positive = partial(_setting, check=arguments.positive)
_positive_or_none = partial(_setting, check=_or_none)
_flag = partial(_setting, check=arguments.flag)
_choice = partial(_setting, check=arguments.choice)


@dataclass(frozen=True)
class _Checked:
    """A dataclass that checks its fields."""

    def __post_init__(self) -> None:
        """Check every field; a NumPy number, or an array without axes, becomes a plain one."""
        for field in dataclasses.fields(self):
            given = getattr(self, field.name)
            value = field.metadata["check"](field.name, given)
            if type(given) not in (int, float):
                object.__setattr__(self, field.name, value)


@dataclass(frozen=True)
class SFTConfig(_Checked):
    """Supervised fine-tuning."""

    demonstrations: int = _whole(3000, low=20, high=100_000)
    sft_epochs: int = _whole(6)
    hidden: int = _whole(0, low=0, high=10_000)
    """units of a tanh layer beside the log-linear policy"""


@dataclass(frozen=True)
class RewardConfig(_Checked):
    """The raters and the reward model."""

    pairs: int = _whole(1500, low=10, high=100_000)
    label_temperature: float = _positive(0.6)
    polite_bias: float = _number(0.0)
    """points that raters give for each polite word"""
    length_bias: float = _number(0.0)
    """points that raters give for each token"""
    unsafe_bias: float = _number(0.0)
    """points that raters give for each unsafe word, such as a promise"""
    biased_share: float = _share(1.0)
    """share of the labels with these biases"""
    feature_kind: str = _choice("log", choices=reward_model.KINDS)
    """"count", "log", "presence" or "rich" """
    length_control: bool = _flag(False)
    """train the reward model with the length as a feature, and leave it out of the score"""
    reward_penalty: float = _positive(1.0)
    """pull of the reward model's weights to 0"""
    reward_offset: float = _number(0.0)
    """added to every score: a reward model that was not normalised"""
    reward_scale: float = _number(1.0, low=1e-6, high=1e6)
    """sd of the score on replies of the SFT model: 1 after normalising, something else where nobody did"""

    def label(self, world: World, both: tuple[Replies, Replies], rng: np.random.Generator) -> Pairs:
        """Let these raters choose between the replies."""
        return reward_model.label(
            world,
            *both,
            rng,
            temperature=self.label_temperature,
            polite_bias=self.polite_bias,
            length_bias=self.length_bias,
            unsafe_bias=self.unsafe_bias,
            biased_share=self.biased_share,
        )


@dataclass(frozen=True)
class TrafficConfig(_Checked):
    """The prompts that raters and PPO see."""

    unseen_topics: tuple[str, ...] = _setting((), _topics)
    angry_share: float = _share(0.5)

    def traffic(self, world: World) -> FloatArray:
        """Return how often each prompt comes."""
        return worlds.prompt_weights(world, unseen_topics=self.unseen_topics, angry_share=self.angry_share)


@dataclass(frozen=True)
class StartConfig(TrafficConfig, RewardConfig, SFTConfig):
    """All that happens before PPO."""


@dataclass(frozen=True)
class PPOConfig(_Checked):
    """One update of PPO."""

    batch_size: int = _whole(64, low=2, high=100_000)
    learning_rate: float = _at_least_0(0.02)
    vf_learning_rate: float = _at_least_0(0.05)
    num_ppo_epochs: int = _whole(4)
    num_mini_batches: int = _whole(1)
    cliprange: float | None = _positive_or_none(0.2)
    """ε; None for no clip"""
    epsilon_high: float | None = _positive_or_none(None)
    """another ε for the upper bound of the clip: DAPO's clip-higher"""
    optimizer: str = _choice("adam", choices=("adam", "sgd"))
    """of the policy: "adam", or "sgd" for plain steps"""
    gamma: float = _share(1.0)
    lam: float = _share(0.95)
    """λ of the GAE, for the baseline "value" """
    kl_coef: float = _at_least_0(0.3)
    """β"""
    kl_estimator: str = _choice("k1", choices=("k1", "k3"))
    """"k1" or "k3", of the penalty in the reward"""
    kl_in_loss: bool = _flag(False)
    """the exact penalty in the loss, instead of an estimate in the reward"""
    adap_kl_ctrl: bool = _flag(False)
    """let β follow objective/kl, from kl_coef on"""
    target: float = _positive(1.5)
    """the KL to which the adaptive β steers"""
    horizon: int = _whole(320, high=10**9)
    """replies in which the adaptive β moves by at most 20 %"""
    target_kl: float | None = _positive_or_none(None)
    """end the epochs of an update when ½ mean (Δ log π)² is over 1.5 times this"""
    entropy_coef: float = _at_least_0(0.0)
    """weight of the entropy bonus"""
    baseline: str = _choice("value", choices=tuple(ADVANTAGES))
    """"value" (GAE), "none", or of the replies' returns: "batch mean", "group mean", "leave one out" (of the group)"""
    num_generations: int = _whole(1, high=100_000)
    """replies to each prompt of a batch: a group; with 1 the whole batch counts as one group"""
    scale_rewards: str = _choice("none", choices=("none", "group", "batch"))
    """what divides the advantages: nothing, or the sd (+ 10⁻⁴) of the returns of the group or of the batch"""
    loss_type: str = _choice("token_mean", choices=("token_mean", *group_advantages.TOKEN_WEIGHTS))
    """a token's weight: "token_mean" 1/N of its mini-batch (TRL's "bnpo"), "grpo", "dr_grpo", "dapo" (of the batch)"""
    critic: bool = _flag(True)
    """False: V = 0 in the GAE"""
    reward: str = _choice("model", choices=("model", "gold", *checkers.CHECKERS))
    """what scores: the reward model, the gold reward itself, which no real run has, or a checker"""
    whiten_advantages: bool = _flag(True)
    whiten_rewards: bool = _flag(False)
    max_grad_norm: float | None = _positive_or_none(1.0)
    missing_eos_penalty: float | None = _positive_or_none(None)
    """taken off the score of a reply without an end token"""
    temperature: float = _positive(1.0)
    """of sampling and of the policy that is trained"""

    def __post_init__(self) -> None:
        """Check every field, that no mini-batch is empty and all groups are whole, and what goes with what."""
        super().__post_init__()
        if self.num_mini_batches > self.batch_size:
            raise ValueError(
                f"num_mini_batches is {self.num_mini_batches}, expected at most batch_size, {self.batch_size}"
            )
        if self.batch_size % self.num_generations:
            wanted = f"a divisor of batch_size, {self.batch_size}"
            raise ValueError(f"num_generations is {self.num_generations}, expected {wanted}")
        if self.scale_rewards != "none" and self.baseline == "value":
            raise ValueError(f"scale_rewards is {self.scale_rewards!r}, expected 'none' with the baseline 'value'")
        if self.epsilon_high is not None and self.cliprange is None:
            raise ValueError(f"epsilon_high is {self.epsilon_high}, expected None where cliprange is None")

    @property
    def group_size(self) -> int:
        """The replies of a group: those to one prompt, or the batch."""
        return self.num_generations if self.num_generations > 1 else self.batch_size

    @property
    def learns_values(self) -> bool:
        """Whether there is a critic that learns."""
        return self.critic and self.baseline == "value"


@dataclass(frozen=True)
class RunConfig(PPOConfig, StartConfig):
    """All settings of a run. The defaults make a healthy one.

    Raises:
        TypeError, ValueError: a setting of the wrong kind or out of range; the message names the field.
    """

    updates: int = _whole(100)
    stop_at_kl: float | None = _positive_or_none(None)
    """early stopping: end the run after an update whose objective/kl is over this"""
    relabel_every: int = _whole(0, low=0, high=10**9)
    """after so many updates let raters label replies of the policy, and train the reward model anew; 0 for never"""
    relabel_pairs: int = _whole(500, high=100_000)


def stage(config: StartConfig, kind: type[Stage]) -> Stage:
    """Return the settings of one stage alone: what is made of them serves all runs that differ elsewhere."""
    return kind(**{field.name: getattr(config, field.name) for field in dataclasses.fields(kind)})
