"""A lesson as the tests of its claims see it: what it says, what its cells compute, what its notebook printed."""

import ast
import contextlib
import io
import itertools
import json
import math
import re
from functools import cached_property
from typing import Any

import jupytext
import nbformat
import numpy as np
import pytest

from course_utils import figures, policy
from course_utils.build.notebooks import NOTEBOOKS
from course_utils.data_files import DATA

After = dict[str, dict[str, Any]]
SEED = re.compile(r"default_rng\((\d+)\)")


def holds(text: str, *words: str) -> None:
    """Require that a text has all these words."""
    __tracebackhide__ = True
    missing = [part for part in words if part not in text]
    assert not missing, f"{missing} not in: {text[:2000]}"


def numbers(text: str) -> list[float]:
    """The numbers in a text, however they are written: 1,500 and −0.3 and 2e-6."""
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text).replace("−", "-")
    return [float(x) for x in re.findall(r"-?\d+(?:\.\d*)?(?:e-?\d+)?", text)]


def stay_within(z: float, deviations: dict[str, np.ndarray]) -> None:
    """Require that each sampled number lies less than z standard errors from its exact value."""
    __tracebackhide__ = True
    far = {name: each for name, each in deviations.items() if not np.all(np.abs(each) < z)}
    assert not far


def binomial(n: int, p: float) -> np.ndarray:
    """P(K = k) for k = 0 … n, exact."""
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    k = np.arange(n + 1)
    log = log_factorial[n] - log_factorial - log_factorial[::-1] + k * np.log(p) + (n - k) * np.log1p(-p)
    return np.asarray(np.exp(log))


def assert_count(count: int, n: int, p: float, alarm: float) -> None:
    """Require that a count of n trials is not so far out that a true p would give it with a chance below the alarm."""
    law = binomial(n, p)
    assert min(law[: count + 1].sum(), law[count:].sum()) > alarm / 2, f"{count} of {n}, expected {n * p:.1f}"


def multinomial(n: int, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All counts that n draws may give, (ways, len(p)), and the chance of each."""
    draws = np.array(list(itertools.combinations_with_replacement(range(len(p)), n)))
    counts = (draws[:, :, None] == np.arange(len(p))).sum(axis=1)
    log_factorial = np.array([math.lgamma(k + 1) for k in range(n + 1)])
    return counts, np.exp(log_factorial[n] - log_factorial[counts].sum(axis=1) + counts @ np.log(p))


class Lesson:
    """A lesson by its number; ``not_run``: how the labels of cells begin that are not to be run."""

    def __init__(self, number: str, *not_run: str) -> None:
        (self.path,) = (NOTEBOOKS / "src").glob(f"{number}_*.py")
        self.not_run = (*not_run, "turn-", "quiz")

    @cached_property
    def cells(self) -> dict[str, Any]:
        """The cells of the source, by label; the builder's checks of it are no part of reading a claim."""
        source = jupytext.reads(self.path.read_text(encoding="utf-8"), fmt="py:percent")
        return {cell.metadata["label"]: cell for cell in source.cells}

    @cached_property
    def text(self) -> dict[str, str]:
        """The words of each text cell, on one line."""
        return {label: " ".join(c.source.split()) for label, c in self.cells.items() if c.cell_type == "markdown"}

    @cached_property
    def prose(self) -> str:
        return " ".join(self.text.values())

    @cached_property
    def stored(self) -> dict[str, str]:
        """What each cell of the committed notebook printed; another test holds the notebook to its source."""
        cells = nbformat.read(NOTEBOOKS / f"{self.path.stem}.ipynb", as_version=4).cells
        return {c.id: "".join(o.get("text", "") for o in c.get("outputs", ())) for c in cells}

    @cached_property
    def predictions(self) -> dict[str, dict[str, Any]]:
        """The questions that the lesson asks before it runs, by id."""
        document = json.loads((DATA / "predictions" / f"{self.path.name[:2]}.json").read_text(encoding="utf-8"))
        return {question["id"]: question for question in document["questions"]}

    @cached_property
    def quiz(self) -> str:
        """The file of the lesson's quiz, on one line."""
        return " ".join((DATA / "quizzes" / f"{self.path.name[:2]}.json").read_text(encoding="utf-8").split())

    @cached_property
    def came(self) -> dict[str, str]:
        """What came of each prediction, in words."""
        return {name: question["came"] for name, question in self.predictions.items()}

    def offered(self, question: str) -> list[float]:
        """The numbers that a prediction knows: the answer, then the wrong ones, in their order."""
        asked = self.predictions[question]
        return [asked["answer"], *(wrong["value"] for wrong in asked["wrong"])]

    def play(self, seed: int | None = None, only: tuple[str, ...] = ("",), **changes: str) -> After:
        """Run the code cells in order, with the reader's seeds or others; keep what each leaves behind, and printed.

        ``changes``: the setting's name and what stands in place of its value, as in episodes="150".
        """
        space: dict[str, Any] = {}
        after: After = {}
        for label, cell in self.cells.items():
            if cell.cell_type != "code" or not label.startswith(only) or label.startswith(self.not_run):
                continue
            source = cell.source if seed is None else SEED.sub(rf"default_rng([\1, {seed}])", cell.source)
            for name, value in changes.items():
                source = re.sub(rf"\b{name}=[\d_]+", f"{name}={value}", source)
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), pytest.MonkeyPatch.context() as patch:
                patch.setattr(figures, "show", lambda *_, **__: None)
                exec(source, space)
            after[label] = space | {"printed": printed.getvalue(), "seed": seed}
        assert seed is None or SEED.search("".join(self.cells[label].source for label in after))
        return after

    def played(self, *seeds: int, only: tuple[str, ...] = ("",), **changes: str) -> Any:
        """Make a fixture of what the cells leave behind: as the reader sees it, or with each of these seeds."""

        @pytest.fixture(scope="module", params=seeds or None)
        def after(request: pytest.FixtureRequest) -> After:
            return self.play(getattr(request, "param", None), only, **changes)

        return after

    def function(self, label: str, name: str) -> Any:
        """A function that a cell of the source defines."""
        body = ast.parse(self.cells[label].source).body
        (definition,) = (node for node in body if isinstance(node, ast.FunctionDef) and node.name == name)
        names = {"np": np, "policy": policy, "math": math}
        exec(compile(ast.Module([definition], []), self.path.name, "exec"), names)
        return names[name]
