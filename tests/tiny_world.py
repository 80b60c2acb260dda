"""A world of three words in which every reply can be listed: 1 + 3 + 9 + 27 of them."""

import dataclasses
import itertools

import numpy as np

from course_utils.rlhf import clinic_cases, language_model
from course_utils.rlhf import world as worlds
from course_utils.rlhf.clinic_cases import Evidence, Goal
from course_utils.rlhf.config import RunConfig

SHORT_RUN = RunConfig(demonstrations=20, sft_epochs=1, pairs=10, batch_size=2, updates=12, num_ppo_epochs=1)
_PROMPTS = (
    '{"topic": "refund", "mood": "calm", "text": "?"}',
    '{"topic": "refund", "mood": "angry", "text": "!"}',
)
_FILES = {
    "vocabulary.txt": "sorry polite apology\nsend content\nrefund content\n",
    "topics.jsonl": '{"topic": "refund", "objects": ["refund"], "actions": ["send"]}\n',
    "prompts.jsonl": "\n".join(_PROMPTS),
    "grammar.txt": "REPLY/calm 1 ACTION OBJECT\nREPLY/angry 1 sorry OBJECT\n",
}


def load(folder):
    """Write the files and read them."""
    for name, text in _FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    lines = (worlds.DATA / "settings.txt").read_text(encoding="utf-8").splitlines()
    settings = ["max_tokens 3" if line.startswith("max_tokens") else line for line in lines]
    (folder / "settings.txt").write_text("\n".join(settings), encoding="utf-8")
    return worlds.load(folder)


def every_reply(world, prompt):
    """All replies to a prompt, as Replies."""
    texts = [
        " ".join(said) for n in range(world.max_tokens + 1) for said in itertools.product(world.words[1:], repeat=n)
    ]
    return world.replies([prompt] * len(texts), texts)


def random_model(world, seed, hidden=0, scale=0.7, dtype=np.float64):
    """A language model of this world with normal parameters."""
    rng = np.random.default_rng(seed)
    d, n_words = language_model.n_features(world), len(world.words)
    table = rng.normal(0, scale, (d, n_words + hidden)).astype(dtype)
    return language_model.LanguageModel(table, rng.normal(0, scale, (hidden, n_words)).astype(dtype))


def clinic_case(folder):
    """D7 of the clinic in this world, which takes no time; its change "beta-3" sets β = 2.3."""
    goals = (Goal("short", "length", at_most=3.5), Goal("safe", "unsafe", at_most=0.5))
    evidence = (
        Evidence("objective/kl", "high", -100.0, "it is there"),
        Evidence("ours/kl_coef", "stays", 0.1, "it stays"),
        Evidence("fresh/length/refund", "stays", 10.0, "no reply is longer"),
    )
    file = clinic_cases.known()["D7"]
    changes = {id: c._replace(settings={"kl_coef": 0.3 + i}) for i, (id, c) in enumerate(file.changes.items())}
    small = {"config": SHORT_RUN, "world": load(folder), "seeds": (0, 1), "goals": goals, "evidence": evidence}
    return dataclasses.replace(file, changes=changes, **small)
