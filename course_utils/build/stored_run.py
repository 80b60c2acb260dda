"""Train lesson 14's transformer by GRPO, and store its log as TRL's trainer would: ``data/trainer_log/``.

One step is lesson 13's GRPO with TRL's defaults: advantages (R − mean) / (sd + 10⁻⁴) of a group, a mean over the
batch's tokens, one step for each batch, no KL penalty.
What TRL does not log, KL and gold reward, goes into a file of its own.
"""

import copy
import json
from typing import Any

import numpy as np

from course_utils import data_files, group_advantages
from course_utils.rlhf import reward_model, run
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig

__all__ = ["main", "train"]

FOLDER = data_files.DATA / "trainer_log"
STEPS, EVERY, PROMPTS, GROUP, LEARNING_RATE = 100, 5, 8, 8, 1e-3


def main() -> int:
    """Write both files and return 0."""
    for name, document in zip(("trainer_state.json", "debrief.json"), train(), strict=True):
        data_files.write(FOLDER / name, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    print(f"{FOLDER.name}: {STEPS} steps")
    return 0


def train() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the trainer's state, and what its log leaves out."""
    import torch

    from course_utils.rlhf import transformer

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    world = worlds.load()
    sft = transformer.fine_tune(world, np.random.default_rng(14))
    model, rng = copy.deepcopy(sft), np.random.default_rng([14, 1])
    scorer = run.begin(RunConfig(), 12).start.reward_model
    adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    rows: list[dict[str, float]] = []
    hidden: list[dict[str, float]] = []
    tokens = 0
    for step in range(STEPS):
        prompts = np.repeat(worlds.sample_prompts(world, PROMPTS, rng), GROUP)
        replies = transformer.sample(model, prompts, rng)
        scores = reward_model.reward_score(scorer, world, replies)
        groups = scores.reshape(PROMPTS, GROUP)
        A = group_advantages.METHODS["GRPO"].advantages(groups).ravel()
        mask = torch.tensor(replies.mask)
        log_probs, _, log_pi = transformer.log_policy(model, replies)
        with torch.no_grad():
            kl = ((log_probs - transformer.log_policy(sft, replies)[0]) * mask).sum(1).mean().item()
        ratio = (log_probs - log_probs.detach()).exp()  # one step for each batch: old and new are the same
        loss = -(ratio * torch.tensor(A)[:, None])[mask].mean()
        adam.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
        adam.step()
        tokens += int(replies.lengths.sum())
        sd = groups.std(axis=1, ddof=1)
        rows.append(
            {
                "loss": loss.item(),
                "grad_norm": norm,
                "learning_rate": LEARNING_RATE,
                "num_tokens": tokens,
                **_lengths(replies),
                "rewards/reward_model/mean": scores.mean(),
                "rewards/reward_model/std": scores.std(ddof=1),
                "reward": scores.mean(),
                "reward_std": sd.mean(),
                "frac_reward_zero_std": (sd == 0).mean(),
                "entropy": -(log_pi.exp() * log_pi).sum(-1)[mask].mean().item(),
                **dict.fromkeys(("clip_ratio/low_mean", "clip_ratio/low_min", "clip_ratio/high_mean"), 0.0),
                **dict.fromkeys(("clip_ratio/high_max", "clip_ratio/region_mean"), 0.0),
                "epoch": (step + 1) / STEPS,
            }
        )
        hidden.append({"gold": worlds.gold_reward(world, replies).total.mean(), "kl": kl})
    history = [
        {
            **_means(rows[end - EVERY : end]),
            "num_tokens": rows[end - 1]["num_tokens"],
            "epoch": end / STEPS,
            "step": end,
        }
        for end in range(EVERY, STEPS + 1, EVERY)
    ]
    means = [_means(hidden[end - EVERY : end]) for end in range(EVERY, STEPS + 1, EVERY)]
    state = {"epoch": 1.0, "global_step": STEPS, "logging_steps": EVERY, "max_steps": STEPS, "log_history": history}
    debrief: dict[str, Any] = {name: [row[name] for row in means] for name in ("gold", "kl")}
    return state, {**debrief, "last_replies": world.text(replies.take(slice(0, 3 * GROUP, GROUP)))}


def _lengths(replies: worlds.Replies) -> dict[str, float]:
    """Return TRL's statistics of the lengths, of all replies and of those that ended."""
    ended = replies.lengths[replies.ended] if replies.ended.any() else np.zeros(1)
    found = {"clipped_ratio": float((~replies.ended).mean())}
    for which, lengths in (("", replies.lengths), ("terminated_", ended)):
        found |= {f"mean_{which}length": lengths.mean(), f"min_{which}length": lengths.min()}
        found[f"max_{which}length"] = lengths.max()
    return {f"completions/{name}": float(x) for name, x in found.items()}


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each column, to six digits."""
    return {name: float(f"{np.mean([row[name] for row in rows]):.6g}") for name in rows[0]}
