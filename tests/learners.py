"""Answers as learners write them, right and wrong: a text file in ``answers`` for each question.

An answer is ``what: code``: an expression, or statements that end in a ``return`` and go on in indented lines. It may
call itself by ``my_`` and the name of the question. ``what = f`` takes a function as it is. What it is: "right", the
id of the mistake that it must be told, or "unnamed". A line in brackets has the arguments of the answers below it.
Functions that answers share stand before the first.
"""

import ast
import math
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from course_utils import policy, returns
from course_utils.checks import names


class Torch:
    """PyTorch, loaded when an answer asks for it: who only collects tests does not wait for it."""

    def __getattr__(self, name):
        return getattr(import_module("torch"), name)


torch = Torch()
FOLDER = Path(__file__).parent / "answers"


@dataclass(frozen=True)
class Answer:
    question: str
    what: str
    line: int
    code: str
    function: Callable

    def __str__(self):
        return f"{self.question}-{self.what}-{self.line}"


def read(question):
    """Return the answers to a question, in the order of its file."""
    path = FOLDER / f"{question}.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [n for n, line in enumerate(lines) if re.match(r"[a-z0-9-]+(:| =)|\(", line)]
    vocabulary = dict(globals())
    exec(compile("\n".join(lines[: starts[0]]), path, "exec"), vocabulary)
    arguments, answers = "", []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        if lines[start].startswith("("):
            arguments = lines[start]
            continue
        what, sign, first = re.match(r"([a-z0-9-]+)(:| =) ?(.*)", lines[start]).groups()
        code = "\n".join([first, textwrap.dedent("\n".join(lines[start + 1 : end]))]).strip()
        if sign == " =":
            function = eval(code, vocabulary)
        else:
            code = code if is_body(code) else f"return ({code})"
            function = written(f"my_{question}{arguments}", code, dict(vocabulary), path, start)
        answers.append(Answer(question, what, start + 1, code, function))
    return answers


def written(signature, code, vocabulary, path="cell", line=1):
    """Return the function that a learner writes with this signature and this body; it knows its own name."""
    source = f"def {signature}:\n{textwrap.indent(code, '  ')}"
    exec(compile("\n" * max(line - 1, 0) + source, path, "exec"), vocabulary)
    return vocabulary[signature.partition("(")[0]]


def is_body(code):
    """Say whether code is statements that end in a ``return``."""
    try:
        return any(isinstance(node, ast.Return) for node in ast.walk(ast.parse(code)))
    except SyntaxError:  # an expression over several lines
        return False


# --- words that several questions share --------------------------------------------------------------


def softmax(z):
    weights = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def softmax_by_rows(logits, temperature=1.0):
    if np.ndim(logits) > 1:
        return [softmax_by_rows(row, temperature) for row in logits]
    top = max(logits)
    weights = [2.718281828459045 ** ((z - top) / temperature) for z in logits]
    return [weight / sum(weights) for weight in weights]


def table_softmax(z):
    return np.exp(z - z.max()) / np.exp(z - z.max()).sum()


def column_softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=0)


def naive(z, shift=0.0):
    return np.exp(z - shift) / np.exp(z - shift).sum(axis=-1, keepdims=True)


def one_maximum(z):
    return naive(z, z.max())


def mean_shifted(z):
    return naive(z, z.mean(axis=-1, keepdims=True))


def one_hot(z, a):
    return np.eye(np.shape(z)[-1])[a]


def rows(f):
    """Compute an answer row by row, and put the rows together."""
    return lambda *arguments: np.array([f(*row) for row in zip(*arguments, strict=True)])


def filled(z, entry):
    """Fill an array of the shape of z entry by entry."""
    return np.reshape([entry(*place) for place in np.ndindex(np.shape(z))], np.shape(z))


def stops_early(result, rounds=1):
    """What a `return` inside the outer loop leaves: the first rows, and zeros."""
    return np.array([*result[:rounds], *np.zeros(np.shape(result[rounds:]))])


def without_first(result):
    """What range(1, T) leaves."""
    return np.array([np.zeros(np.shape(result[0])), *result[1:]])


def entropy_of_row(z):
    return -sum(p * np.log(p) for p in softmax(z) if p > 0)


def sample_by_loop(probabilities, rng):
    left = rng.random()
    for action, p in enumerate(probabilities):
        left -= p
        if left < 0:
            return action
    return len(probabilities) - 1


def right_weight(t, r, g):
    return sum(g**k * r[k] for k in range(t, len(r)))


def to_go_looped(rewards, discount):
    return [sum(discount ** (k - t) * rewards[k] for k in range(t, len(rewards))) for t in range(len(rewards))]


def reinforce(weight=right_weight, pi=softmax, step=None, begin=0, rounds=None, divide=True, keep=False):
    """REINFORCE in two loops, with one of its parts exchanged."""

    def answer(logits, states, actions, rewards, discount):
        g, table = np.zeros_like(logits), pi(logits)
        for i in range(rounds or len(states)):
            for t in range(begin, states.shape[1]):
                s, w = states[i, t], weight(t, rewards[i], discount)
                hot, p = np.eye(logits.shape[1])[actions[i, t]], table[states[i, t]]
                row = step(w, hot, p) if step else w * (hot - p)
                g[s] = row if keep else g[s] + row
        return g / len(states) if divide else g

    return answer


__all__ = ["math", "policy", "returns"]  # what the texts use and this module does not
ANSWERS = [answer for name in names() for answer in read(name)]
