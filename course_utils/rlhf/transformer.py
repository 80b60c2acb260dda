"""A transformer of two layers as the policy of RLHF in miniature: lesson 14's, and the one module that needs PyTorch.

It is given a prompt's topic and mood and the words so far, and none of the features of ``language_model``. Numbers are
of PyTorch's default dtype; every random number is NumPy's, so that a seed means the same on every machine.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import Embedding, LayerNorm, Linear, Module, ModuleDict, Sequential
from torch.nn.functional import scaled_dot_product_attention

from course_utils import arguments
from course_utils.arguments import IntArray
from course_utils.rlhf import world as worlds
from course_utils.rlhf.world import Replies, World

__all__ = ["Layer", "Writer", "fine_tune", "log_policy", "sample", "seeded"]


class Layer(Module):  # type: ignore[misc]
    """One layer: each place mixes what stands in it and before it, then changes the mixture by a small network."""

    def __init__(self, d: int, heads: int = 2) -> None:
        """d: numbers in a place, a multiple of heads."""
        super().__init__()
        self.heads, self.ask, self.mix = heads, Linear(d, 3 * d), Linear(d, d)
        self.wide, self.narrow = Linear(d, 2 * d), Linear(2 * d, d)
        self.before, self.between = LayerNorm(d), LayerNorm(d)

    def forward(self, h: Tensor) -> Tensor:
        """Return softmax(q kᵀ / √d) v over the places before, mixed and changed: (m, T, d)."""
        three = self.ask(self.before(h)).chunk(3, dim=-1)  # what is sought, is there, is given
        q, k, v = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in three)
        seen = scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + self.mix(seen.transpose(1, 2).flatten(-2))
        return h + self.narrow(torch.relu(self.wide(self.between(h))))


class Writer(Module):  # type: ignore[misc]
    """The policy and its critic: prompt and words so far → logits of the next word, and V."""

    def __init__(self, world: World, d: int = 16) -> None:
        """d: numbers in a place."""
        super().__init__()
        self.world, self.norm, self.value = world, LayerNorm(d), Linear(d, 1)
        sizes = {"word": len(world.words), "topic": len(world.topics), "mood": 2, "place": world.max_tokens}
        self.of = ModuleDict({name: Embedding(n, d) for name, n in sizes.items()})
        self.layers = Sequential(Layer(d), Layer(d))

    def forward(self, prompts: IntArray, words: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of the next word, (m, t + 1, n), and V, (m, t + 1), after t words."""
        topic = torch.tensor(self.world.topic_of[prompts])
        mood = torch.tensor(self.world.mood_of[prompts])
        first = self.of["topic"](topic) + self.of["mood"](mood)  # the prompt stands first
        h = torch.cat([first[:, None], self.of["word"](words)], dim=1)
        h = self.norm(self.layers(h + self.of["place"].weight[: h.shape[1]]))
        return h @ self.of["word"].weight.T, self.value(h.detach())[..., 0]  # V moves no policy


def log_policy(model: Writer, replies: Replies) -> tuple[Tensor, Tensor, Tensor]:
    """Return log π(a_t | s_t) and V(s_t), shape (m, T), and log π of every word, (m, T, n).

    What stands in a padded place means nothing.
    """
    worlds.checked("replies", arguments.instance("model", model, Writer).world, replies)
    words = torch.tensor(np.ascontiguousarray(replies.tokens, dtype=np.int64))
    z, values = model(replies.prompts, words[:, :-1])
    log_pi = z.log_softmax(-1)
    return log_pi.gather(-1, words[..., None])[..., 0], values, log_pi


@torch.no_grad()  # type: ignore[untyped-decorator]
def sample(model: Writer, prompts: IntArray, rng: np.random.Generator) -> Replies:
    """Let the model write a reply to each prompt, word by word, by inverting the cumulative distribution.

    prompts: their numbers, shape (m,). Raises TypeError or ValueError for bad arguments.
    """
    longest = arguments.instance("model", model, Writer).world.max_tokens
    prompts = arguments.indices("prompts", prompts, len(model.world.prompts), "a prompt")
    if prompts.ndim != 1:
        raise ValueError(f"prompts has shape {prompts.shape}, expected whole numbers of shape (m,)")
    generator = arguments.generator(rng)
    words = torch.zeros(len(prompts), 0, dtype=torch.long)
    for u in torch.tensor(generator.random((longest, len(prompts), 1))):
        pi = model(prompts, words)[0][:, -1].softmax(-1)
        word = (pi.cumsum(-1) < u).sum(-1, keepdim=True).clamp(max=pi.shape[1] - 1)
        words = torch.cat([words, word], dim=1)
    tokens = words.numpy()
    ended = tokens == worlds.END
    lengths = np.where(ended.any(axis=1), ended.argmax(axis=1) + 1, longest)
    return Replies(prompts, tokens * (np.arange(longest) < lengths[:, None]), lengths)  # END is 0


def seeded(model: Module, rng: np.random.Generator) -> Module:
    """Draw a model's weights, with variance 1 / inputs; biases are 0. The model itself is returned."""
    arguments.instance("model", model, Module)
    generator = arguments.generator(rng)
    for name, weight in model.named_parameters():
        if weight.ndim > 1:
            weight.data = torch.tensor(generator.normal(size=weight.shape) / weight.shape[-1] ** 0.5).to(weight.dtype)
        elif "bias" in name:
            weight.data = torch.zeros_like(weight)
    return model


def fine_tune(world: World, rng: np.random.Generator, n: int = 3_000, epochs: int = 10, batch: int = 60) -> Writer:
    """Return a model that writes as the demonstrators do: Adam on −mean log π, its steps shrinking to 0.

    n: replies of theirs; epochs: how often each is read; batch: replies of a step, n at most. Raises TypeError or
    ValueError for bad arguments.
    """
    model = Writer(arguments.instance("world", world, World))
    n, epochs = arguments.count("n", n), arguments.count("epochs", epochs)
    batch = arguments.count("batch", batch, high=n)
    seeded(model, rng)
    shown = worlds.demonstrations(world, n, rng)
    adam, steps = torch.optim.Adam(model.parameters(), lr=0.01), n // batch
    slower = torch.optim.lr_scheduler.LinearLR(adam, 1, 0.02, steps * epochs)
    for step in range(steps * epochs):
        if step % steps == 0:
            order = rng.permutation(n)
        replies = shown.take(order[step % steps * batch :][:batch])
        loss = -log_policy(model, replies)[0][torch.tensor(replies.mask)].mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        slower.step()
    return model
