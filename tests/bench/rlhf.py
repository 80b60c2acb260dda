"""A hundred updates of PPO at batch 64: the course beside the same model, losses and batches in torch.

Both sample replies with the policy as it is, score them by the same reward model, let each token pay for its distance
to the reference, take GAE, and climb for four epochs by Adam, policy and critic each with its own. What torch's update
does is held to ours first, on one batch, at 1e-9. The course writes its log of forty numbers besides; torch writes six.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import timing

from course_utils.rlhf import language_model, ppo, reward_model, run
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.world import END, MOODS, Replies

torch = timing.peer("torch")
UPDATES = 25 if timing.QUICK else 100
CONFIG = RunConfig(updates=UPDATES)


class InTorch:
    """The run as one writes it in PyTorch."""

    def __init__(self, log: run.RunLog) -> None:
        self.log, self.world, self.traffic = log, log.world, CONFIG.traffic(log.world)
        self.rng = np.random.default_rng(0)
        self.generator = torch.Generator().manual_seed(0)
        self.reference = torch.tensor(log.reference.table)
        self.policy = self.reference.clone().requires_grad_()
        self.critic = torch.zeros(len(self.reference), dtype=torch.float64, requires_grad=True)
        self.optimizers = [
            torch.optim.Adam([self.policy], lr=CONFIG.learning_rate, maximize=True),
            torch.optim.Adam([self.critic], lr=CONFIG.vf_learning_rate),
        ]

    @torch.no_grad() if torch else lambda f: f
    def sample(self, prompts: np.ndarray) -> tuple[Any, ...]:
        """Return contexts (m, T, d), tokens and their log-probabilities (m, T), and which of them are there."""
        world, m, T = self.world, len(prompts), self.world.max_tokens
        words, topics = len(world.words), len(world.topics)
        at, every = 1 + topics + len(MOODS), torch.arange(m)
        x = torch.zeros(m, T, len(self.reference), dtype=torch.float64)
        x[:, :, 0] = 1
        x[every, :, 1 + torch.tensor(world.topic_of[prompts])] = 1
        x[every, :, 1 + topics + torch.tensor(world.mood_of[prompts])] = 1
        tokens, log_probs = torch.zeros(m, T, dtype=torch.long), torch.zeros(m, T, dtype=torch.float64)
        mask, alive = torch.zeros(m, T, dtype=torch.bool), torch.ones(m, dtype=torch.bool)
        last = second = torch.zeros(m, dtype=torch.long)
        for t in range(T):
            x[:, t, at + t] = 1
            x[every, t, at + T + last] = 1
            x[every, t, at + T + words + second] = 1
            if t:
                x[:, t, at + T + 2 * words :] = x[:, t - 1, at + T + 2 * words :]
                x[every, t, at + T + 2 * words + last] = 1
            log_pi = (x[:, t] @ self.policy).log_softmax(1)
            word = torch.multinomial(log_pi.exp(), 1, generator=self.generator)[:, 0]
            mask[:, t] = alive
            tokens[:, t] = torch.where(alive, word, 0)
            log_probs[:, t] = log_pi[every, word] * alive
            alive = alive & (word != END)
            second, last = last, word
            if not alive.any():
                break
        return x, tokens, log_probs, mask

    def update(self) -> dict[str, float]:
        """Do one update and return what one would log."""
        prompts = worlds.sample_prompts(self.world, CONFIG.batch_size, self.rng, self.traffic)
        x, tokens, old, mask = self.sample(prompts)
        lengths = mask.sum(1)
        replies = Replies(prompts, tokens.numpy(), lengths.numpy())
        scores = torch.tensor(reward_model.reward_score(self.log.state.reward_model, self.world, replies))
        with torch.no_grad():
            log_ref = (x @ self.reference).log_softmax(2).gather(2, tokens[..., None])[..., 0] * mask
            rewards = -CONFIG.kl_coef * (old - log_ref)
            rewards[torch.arange(len(rewards)), lengths - 1] += scores
            values = (x @ self.critic) * mask
            advantages = torch.zeros_like(values)
            following = torch.zeros(len(values), dtype=torch.float64)
            after = torch.zeros(len(values), dtype=torch.float64)
            for t in reversed(range(values.shape[1])):
                goes_on = (t < lengths - 1) * CONFIG.gamma
                following = rewards[:, t] + goes_on * after - values[:, t] + goes_on * CONFIG.lam * following
                advantages[:, t], after = following, values[:, t]
            targets, inside = (advantages + values)[mask], advantages[mask]
            whitened = (inside - inside.mean()) / torch.sqrt(inside.var(unbiased=False) + 1e-8)
        measured = self.climb(x[mask], tokens[mask], old[mask], whitened, targets)
        kl = float((old - log_ref).sum(1).mean())
        return measured | {"objective/kl": kl, "objective/scores": float(scores.mean())}

    def climb(self, x: Any, actions: Any, old: Any, advantages: Any, targets: Any) -> dict[str, float]:
        """Four epochs on one batch of tokens."""
        for _ in range(CONFIG.num_ppo_epochs):
            for optimizer in self.optimizers:
                optimizer.zero_grad()
            log_pi = (x @ self.policy).log_softmax(1)
            ratio = (log_pi.gather(1, actions[:, None])[:, 0] - old).exp()
            clipped = ratio.clamp(1 - CONFIG.cliprange, 1 + CONFIG.cliprange) * advantages
            objective = torch.minimum(ratio * advantages, clipped).mean()
            objective.backward()
            torch.nn.utils.clip_grad_norm_([self.policy], CONFIG.max_grad_norm)
            loss = 0.5 * ((targets - x @ self.critic) ** 2).mean()
            loss.backward()
            for optimizer in self.optimizers:
                optimizer.step()
            with torch.no_grad():
                measured = {
                    "loss/policy_avg": -objective,
                    "loss/value_avg": loss,
                    "policy/clipfrac_avg": (ratio - 1).abs().gt(CONFIG.cliprange).double().mean(),
                    "policy/entropy_avg": -(log_pi.exp() * log_pi).sum(1).mean(),
                }
        return {name: float(number) for name, number in measured.items()}


def check(start: run.RunLog) -> None:
    """Require one update's contexts and parameters in torch to be ours."""
    rng = np.random.default_rng(3)
    given = CONFIG, start.world, start.reference, start.state, CONFIG.traffic(start.world), rng
    batch = ppo.collect(*given).batch
    moved, _ = ppo.climb(CONFIG, start.state, start.reference, ppo.collect(*given[:-1], np.random.default_rng(3)), rng)
    theirs = InTorch(start)
    theirs.climb(*map(torch.tensor, (batch.tokens.x, batch.tokens.actions, batch.old, batch.advantages, batch.targets)))
    np.testing.assert_allclose(theirs.policy.detach().numpy().ravel(), moved.parameters, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(theirs.critic.detach().numpy(), moved.critic, rtol=1e-9, atol=1e-9)
    prompts = np.arange(len(start.world.prompts))
    x, tokens, log_probs, mask = InTorch(start).sample(prompts)
    replies = Replies(prompts, tokens.numpy(), mask.sum(1).numpy())
    np.testing.assert_array_equal(x[mask].numpy(), language_model.contexts(start.world, replies).x)
    ours = language_model.log_probs(start.reference, start.world, replies)
    np.testing.assert_allclose(log_probs.numpy(), ours, rtol=1e-9, atol=1e-9)


def rows() -> Iterator[dict[str, Any]]:
    start = run.begin(CONFIG, 0)

    def in_torch() -> float:
        theirs = InTorch(start)
        return [theirs.update() for _ in range(UPDATES)][-1]["objective/scores"]

    if torch:
        check(start)
    contenders = {"ours": lambda: run.resume(start, UPDATES, progress=False), "torch": in_torch if torch else None}
    ends = [run.resume(start, UPDATES, progress=False)["objective/scores"][-1], *([in_torch()] if torch else [])]
    note = f"mean score after {UPDATES} of them " + " and in torch ".join(f"{end:.1f}" for end in ends)
    yield timing.measured("rlhf-100", timing.in_turn(contenders, 30, most=11), [] if torch else ["torch"], note)
