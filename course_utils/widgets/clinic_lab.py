"""The clinic lab: a case of RLHF that goes wrong, from its dashboard to the diagnosis, the cure and the debrief."""

import ast
import contextlib
import dataclasses
import inspect
import itertools
import json
import textwrap
from collections.abc import Callable, Generator, Mapping, Sequence
from copy import deepcopy
from functools import cache, partial
from typing import Any

import numpy as np
from traitlets import Dict, Enum, List, observe

from course_utils import arguments
from course_utils.rlhf import clinic, clinic_cases
from course_utils.rlhf import config as configs
from course_utils.rlhf import world as worlds
from course_utils.rlhf.clinic import Case, Chart, Debrief, Diagnosis, Measures, Standing, Verdict
from course_utils.rlhf.clinic_cases import GOLD, LEVERS, MEASURES, CaseFile
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.metrics import METRICS
from course_utils.widgets.kernel_lab import LONGEST_MESSAGE, KernelLab
from course_utils.widgets.lab import Flag, Numbers, Text, Texts, lab_source, lab_style
from course_utils.widgets.rlhf_lab import LIMIT, digits

__all__ = ["ClinicLab", "Rows", "shown_updates"]


CURVE_POINTS = 60  # of a curve, at most, and the newest
LONGEST_ANSWER = 4000  # letters
MOST_UPDATES = 10**9
STEPS = ("replies", "diagnosis", "change", "verdict", "blueprint", "debrief")
JOBS = ("", "run", "change", "verdict")
# The spread is known of all replies alone, the gold reward after the debrief alone.
MEASURED = ("score", "spread", *(name for name in MEASURES if name not in ("score", "gold")), "gold")

WORDS = {
    "pairs": "comparisons by raters, on which the reward model is trained",
    "batch_size": "replies of an update",
    "learning_rate": "of the policy",
    "vf_learning_rate": "of the critic",
    "num_ppo_epochs": "passes over the replies of an update",
    "num_mini_batches": "steps of a pass",
    "gamma": "γ, the discount",
    "whiten_advantages": "shift and scale the advantages of an update to mean 0 and sd 1",
    "whiten_rewards": "scale the rewards of an update to sd 1",
    "max_grad_norm": "a longer gradient of the policy is shortened to this; None for any length",
    "updates": "of the whole run",
    "relabel_pairs": "so many each time",
}
"""what settings mean that say nothing of themselves in ``rlhf.config``"""


class Rows(List):  # type: ignore[type-arg]
    """Lists of finite numbers."""

    def __init__(self) -> None:
        numbers = Numbers(-LIMIT, LIMIT)
        super().__init__(numbers)
        self.tag(sync=True, rule={"kind": "list", "of": numbers.metadata["rule"]})


class ClinicLab(KernelLab):
    """A lab in which one case of the clinic is run, diagnosed, cured and looked back on.

    case: its name, from "D1" to "D10", and "D3b"; seed: of the run that is shown, None for the case's first.

    Call `run()`, `intervene(change, **settings)`, `verdict()`, `diagnose(cause, evidence)` and `debrief()`, which do
    what the Case's methods of these names do, here and now, and show it; `lab.case` is that Case. In the page each of
    them has a button, and trains in the background. What was done goes into the learner's own record.

    Raises TypeError, ValueError or TraitError, naming the argument, for a case that does not exist and a wrong seed.
    """

    _esm = lab_source("kernel_lab.js", "clinic_lab.js")
    _css = lab_style("kernel_lab.css", "clinic_lab.css")
    offline_note = "Run the cell to treat this case: the lab learns in Python."

    case_name = Enum(clinic_cases.names(), "D4", read_only=True).tag(sync=True)
    library = Dict(read_only=True).tag(sync=True)

    # What is shown of the runs, as they are before a change and after it. Nothing of it is to be set.
    job = Enum(JOBS, "", help="what trains, or waits to go on").tag(sync=True)
    updates = Numbers(0, LIMIT, (0, 1, 2), help="done: as it is, with the change").tag(sync=True)
    planned = Numbers(0, LIMIT, (0, 1, 2)).tag(sync=True)
    first = Rows()
    second = Rows()
    changed = Text("", help="the change in words").tag(sync=True)
    standing = Numbers(0, LIMIT, (0, 5), help="a verdict's nth seed of how many, side, updates, planned").tag(sync=True)
    replies = Texts(help="of the reference, as it is, with the change").tag(sync=True)
    scores = Numbers(-LIMIT, LIMIT).tag(sync=True)
    fresh = Rows()
    accuracy = Rows()
    opened = Flag(False, help="the debrief was read: the gold reward is shown").tag(sync=True)

    # What the learner chooses and writes.
    step = Enum(STEPS, "replies").tag(sync=True)
    cause = Text("").tag(sync=True)
    evidence = Texts(help="metric, direction, metric, direction").tag(sync=True)
    change = Text("").tag(sync=True)
    turned = Texts(help="settings that are turned, as name=value").tag(sync=True)
    plan = Texts(help="parts of the blueprint, as field.part").tag(sync=True)
    answer = Text("").tag(sync=True, rule={"kind": "text", "longest": LONGEST_ANSWER})
    criteria = Texts(help="what the learner finds in the answer").tag(sync=True)
    told = Dict(help="what Python answered when it was asked").tag(sync=True)

    def __init__(self, case: str = "D4", *, seed: int | None = None) -> None:
        arguments.choice("case", case, clinic_cases.names())
        self._case = clinic.case(case)
        self._charts: list[Chart | None] = [None, None]
        self._measured: dict[int, tuple[Any, Measures]] = {}
        self._steps: Generator[Chart | Standing, None, Any] | None = None
        self._standing: list[float] = []
        self._last: tuple[str | None, Mapping[str, Any]] = None, {}
        super().__init__(seed=self._case.file.seeds[0] if seed is None else seed)
        self.set_trait("case_name", case)
        self.set_trait("library", deepcopy(_library()))
        self._ready = True

    @property
    def case(self) -> Case:
        """The case as Python has it: its charts, verdicts, and the file with the answers."""
        return self._case

    # --- from Python, here and now -------------------------------------------------------------------

    def run(self) -> Chart:
        """Train the case as it is. An interrupt keeps what was run."""
        self._take("run", self._training(0))
        return self._trained(0)

    def intervene(self, change: str | None = None, **settings: Any) -> Chart:
        """Train the case again with a change, as `Case.intervene` does. An interrupt keeps what was run."""
        if self._charts[0] is None:
            self.run()
        self._take("change", self._training(1, change, settings))
        return self._trained(1)

    def verdict(self, change: str | None = None, *, seeds: Sequence[int] | None = None, **settings: Any) -> Verdict:
        """Measure fresh replies over several seeds, before and after a change, as `Case.verdict` does.

        An interrupt keeps the seeds that are done, and is raised where there are none.
        """
        self._take("verdict", self._case.judging(change, seeds=seeds, **settings))
        known = len(self._case.tries)
        self.running = False
        self.train(MOST_UPDATES)
        self._stop()
        if len(self._case.tries) == known:
            raise KeyboardInterrupt
        self.step = "verdict"
        return self._case.tries[-1]

    def diagnose(self, cause: str, evidence: Sequence[tuple[str, str]] = ()) -> Diagnosis:
        """Name the cause, and two curves that tell it from its neighbours, as `Case.diagnose` does."""
        self.told = {name: answer for name, answer in self.told.items() if name != "diagnosis"}
        found = self._case.diagnose(cause, evidence)
        with self.hold_sync():
            self.cause, self.evidence = cause, [word for pair in evidence for word in pair]
            self._tell(
                diagnosis={
                    "cause": cause,
                    "right": found.right,
                    "supported": found.supported,
                    "reason": found.reason,
                    "citations": [one._asdict() for one in found.citations],
                }
            )
            self.step = "diagnosis"
        return found

    def debrief(self) -> Debrief:
        """Return what was behind it, and show it; from here on the gold reward is seen."""
        found = self._case.debrief()
        self._charts = [chart and self._case.shown(chart) for chart in self._charts]
        with self.hold_sync():
            self._tell(
                debrief={
                    "cause": found.cause,
                    "chain": list(found.chain),
                    "evidence": [one._asdict() for one in found.evidence],
                    "changes": [[self._case.changes[name].text, *told] for name, told in found.changes.items()],
                    "cost": found.cost,
                }
            )
            self.opened, self.step = True, "debrief"
            self._show(at_rest=not self.running)
        return found

    def reset(self, seed: int | None = None) -> None:
        """Forget the runs that are shown; what was measured, answered and written stays."""
        if seed is not None and seed != self.seed:
            self.seed = seed  # which begins anew
            return
        self.running = False
        self._end()
        self._charts, self._measured = [None, None], {}
        self._show(message="")

    @observe("seed")
    def _on_seed(self, _change: Any) -> None:
        if self._ready:
            self.reset()

    def _trained(self, side: int) -> Chart:
        self.running = False
        self.train(MOST_UPDATES)
        chart = self._charts[side]
        if chart is None:
            raise KeyboardInterrupt
        return chart

    # --- an update at a time -------------------------------------------------------------------------

    def _take(self, job: str, steps: Generator[Chart | Standing, None, Any]) -> None:
        """Make these the steps that are taken next; what waited to go on ends as it is."""
        self._end()
        self._steps, self.job = steps, job

    def _training(
        self, side: int, change: str | None = None, settings: Mapping[str, Any] | None = None
    ) -> Generator[Chart, None, None]:
        if side == 1 and self._charts[0] is None:
            raise ValueError("there is no run yet, expected one as it is before a change")
        self._charts[side:] = [None] * (2 - side)  # also where the settings are refused: what was there is not theirs
        chart = self._case.begin(change, seed=self.seed, **(settings or {}))
        self._charts[side:] = [chart, None][: 2 - side]
        if side == 1:
            self.changed = _short(_in_words(self._case, self._case.last))
            self._last = change, settings or {}
        yield chart
        while not chart.finished:
            chart = self._charts[side] = self._case.resume(chart)
            yield chart

    def _update(self) -> None:
        if self._steps is None:
            self._take("run", self._training(0))
        assert self._steps is not None
        try:
            done = next(self._steps)
        except BaseException as error:
            self._end()
            self.running = False
            if not isinstance(error, StopIteration):
                raise
            return
        if isinstance(done, Standing):
            self._standing = [float(x) for x in (*done[:2], done.side == "after", *done[3:])]
        elif done.finished:
            self._end()
            self.running = False
        elif done.interrupted:
            raise KeyboardInterrupt

    def _over(self) -> bool:
        return self._steps is None

    def _done(self) -> int:
        charts = [chart for chart in self._charts if chart is not None]
        return len(charts[-1]) if charts else 0

    def _end(self) -> None:
        """Leave what was done as it is; a verdict keeps the seeds that are done, and is told."""
        if self._steps is not None and self.job == "verdict":
            with contextlib.suppress(StopIteration, KeyboardInterrupt):
                self._steps.throw(KeyboardInterrupt)
        self._steps, self._standing, self.job = None, [], ""
        if len(self.told.get("tries", ())) < len(self._case.tries):
            self._tell(tries=_tries(self._case))

    def _stop(self) -> None:
        """End what waits to go on."""
        self._end()
        self._show()

    def _interruption(self) -> str:
        return "Interrupted. Nothing is lost: go on, or stop here and keep what is done."

    # --- what is shown -------------------------------------------------------------------------------

    def _show(self, *, at_rest: bool = False, message: str | None = None) -> None:
        charts = [chart for chart in self._charts if chart is not None]
        curves = [_curves(self._case.file, chart) for chart in charts]
        said = [self._case.said(chart) for chart in charts]
        said = [self._case.said(charts[0], reference=True), *said] if charts else []
        with self.hold_sync():
            self.updates, self.planned = [len(chart) for chart in charts], [chart.planned for chart in charts]
            self.first, self.second = [*curves, [], []][:2]
            self.standing = self._standing
            self.replies = [reply.text for replies in said for reply in replies]
            self.scores = np.clip([reply.score for replies in said for reply in replies], -LIMIT, LIMIT)
            self.changed = self.changed if len(charts) > 1 else ""
            self._show_measures()
            if message is not None:
                self.message = message
        if at_rest and self._measure():
            self._show_measures()

    def _sides(self) -> list[tuple[Chart, bool, Any]]:
        """Return whose fresh replies are measured, each with what it must be measured anew for."""
        first, second = self._charts
        if first is None or not len(first):
            return []
        sides: list[tuple[Chart, bool, Any]] = [(first, True, self.seed), (first, False, len(first))]
        return [*sides, (second, False, (self.changed, len(second)))] if second is not None and len(second) else sides

    def _measure(self) -> bool:
        """Measure what was not measured yet."""
        before = dict(self._measured)
        for n, (chart, reference, of) in enumerate(self._sides()):
            if self._measured.get(n, (None, None))[0] != (of, self.opened):
                self._measured[n] = (of, self.opened), self._case.measure(chart, reference=reference)
        return before != self._measured

    def _show_measures(self) -> None:
        fresh: list[list[float]] = []
        accuracy: list[list[float]] = []
        for n, (_, reference, of) in enumerate(self._sides()):
            key, found = self._measured.get(n, (None, None))
            if key != (of, self.opened) or found is None:
                break
            groups = [found.overall, *found.by_topic.values(), *found.by_mood.values()]
            names = [name for name in MEASURED if name in found.overall]
            fresh += [[group.get(name, 0.0) for name in names] for group in groups]
            accuracy += [] if reference else [[*found.accuracy.values(), *found.ceiling.values()]]
        with self.hold_sync():
            self.fresh, self.accuracy = np.clip(fresh, -LIMIT, LIMIT).tolist(), accuracy

    def _tell(self, **answers: Any) -> None:
        self.told = {**self.told, **answers}

    # --- what the page asks for ----------------------------------------------------------------------

    def _wishes(self) -> Mapping[str, Callable[[], object]]:
        seeds = self._case.file.seeds
        following = seeds[(seeds.index(self.seed) + 1) % len(seeds)] if self.seed in seeds else seeds[0]
        at_rest: dict[str, Callable[[], object]] = {
            "run": lambda: self._go("run", self._training(0)),
            "change": lambda: self._go("change", self._training(1, self.change or None, self._settings())),
            "verdict": lambda: self._go("verdict", self._case.judging(self._last[0], **self._last[1])),
            "stop": self._stop,
            "new seed": lambda: self.reset(following),
            "diagnose": lambda: self.diagnose(self.cause, [*zip(self.evidence[::2], self.evidence[1::2], strict=True)]),
            "blueprint": self._check_blueprint,
            "keep": self._keep,
            "rubric": self._show_rubric,
            "debrief": self.debrief,
        }
        return {wish: partial(self._unless_running, act) for wish, act in at_rest.items()}

    def _unless_running(self, act: Callable[[], object]) -> None:
        if self.running:
            raise ValueError("something trains here, expected a lab at rest: wait, or pause it")
        act()

    def _go(self, job: str, steps: Generator[Chart | Standing, None, Any]) -> None:
        self._take(job, steps)
        self.running = True

    def _try(self, act: Callable[[], object]) -> None:
        try:
            self.message = ""
            act()
        except Exception as error:
            self.message = _short(f"{error}.")

    def _settings(self) -> dict[str, Any]:
        """Return the settings that are turned, each of the kind that it has."""
        return {name: _value(text) for name, _, text in (one.partition("=") for one in self.turned)}

    def _check_blueprint(self) -> None:
        plan: dict[str, list[str]] = {}
        for field, _, part in (one.partition(".") for one in self.plan):
            plan.setdefault(field, []).append(part)
        faults = self._case.check_blueprint(plan)
        self._tell(blueprint={"plan": self.plan, "faults": [fault._asdict() for fault in faults]})

    def _keep(self) -> None:
        self._case.answer(self.answer, self.criteria)
        self._tell(kept=self.answer)

    def _show_rubric(self) -> None:
        self._keep()
        self._tell(rubric=[one._asdict() for one in self._case.file.rubric])

    # --- viewers without widgets ---------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        file = self._case.file
        words = f"Clinic lab, case {file.name}: {file.title}. {file.brief}"
        if not self.updates:
            return f"{words} It was not run yet."
        for which, done, planned, curves in zip(
            ("As it is", f"With the change “{self.changed}”"),
            self.updates,
            self.planned,
            (self.first, self.second),
            strict=False,
        ):
            drawn = zip([*file.dashboard, GOLD], curves, strict=False)
            ends = [f"{name} {digits(curve[0])} → {digits(curve[-1])}" for name, curve in drawn if curve]
            words += f" {which}, update {done:g} of {planned:g}: {', '.join(ends)}."
        return words

    def first_frame(self) -> bytes:
        """Return brief and dashboard as PNG bytes."""
        from course_utils import figures

        names = [*self._case.file.dashboard, *([GOLD] if self.opened else [])]
        rows = -(-len(names) // 3)
        words = textwrap.fill(self._case.file.brief, 108)
        head = 0.55 + 0.15 * (2 + words.count("\n"))  # inches: the words, and the names of the first panels
        height = head + 0.15 + 0.95 * rows
        fig, _ = figures.new_figure(7.2, height, columns=0)
        fig.set_layout_engine("none")  # so many panels take it a second
        words = f"{self._case.file.name}: {self._case.file.title}\n{words}"
        fig.text(0.03, 1 - 0.12 / height, words, fontsize=8.5, ha="left", va="top", parse_math=False)
        place = {"left": 0.075, "right": 0.98, "bottom": 0.3 / height, "top": 1 - head / height}
        axes = fig.subplots(rows, 3, squeeze=False, gridspec_kw=place | {"wspace": 0.25, "hspace": 0.6}).flat
        for n, (name, ax) in enumerate(zip(names, axes, strict=False)):
            ax.set_title(name, fontsize=8.5, loc="left", family="monospace")
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(labelsize=8)
            ax.locator_params(nbins=3)
            ax.set_xlim(0, max([1.0, *self.planned]))
            if n + 3 < len(names):
                ax.set_xticklabels([])
            for side, (curves, done) in enumerate(zip((self.first, self.second), self.updates, strict=False)):
                was = side == 0 and len(self.updates) > 1
                look = {"color": figures.REFERENCE, "ls": "--"} if was else {"color": figures.POLICY, "ls": "-"}
                if curves and curves[n]:
                    if len({*curves[n]}) == 1:
                        ax.set_ylim(*sorted((0, 2 * curves[n][0] or 1)))
                    ax.plot(shown_updates(int(done)), curves[n], lw=1.6, clip_on=False, **look)
        for ax in list(axes):
            ax.set_axis_off()
        return figures.png(fig, colours=64)


def shown_updates(done: int) -> list[int]:
    """Return which updates, from 1 on, a curve shows: every n-th, and the newest; clinic_lab.js does the same."""
    found = list(range(1, done + 1, max(1, -(-done // CURVE_POINTS))))
    return found if not found or found[-1] == done else [*found, done]


def _curves(file: CaseFile, chart: Chart) -> list[list[float]]:
    """Return what the dashboard draws of a chart, one list for each panel."""
    rows = [chart.rows[update - 1] for update in shown_updates(len(chart))]
    names = [*file.dashboard, *([GOLD] if rows and GOLD in rows[0] else [])]
    return [np.clip([row[name] for row in rows], -LIMIT, LIMIT).tolist() for name in names]


def _tries(case: Case) -> list[dict[str, Any]]:
    """Return the verdicts as the page shows them."""
    return [
        {
            "what": _in_words(case, verdict.what),
            "turned": bool(verdict.settings),
            "seeds": list(verdict.seeds),
            "goals": [[list(reached.before), list(reached.after), reached.met] for reached in verdict.goals],
            "cured": verdict.cured,
            "best": tried.best,
            "costs": verdict.costs,
            "ran_away": list(verdict.ran_away),
        }
        for verdict, tried in zip(case.tries, case.pareto(), strict=True)
    ]


def _in_words(case: Case, what: str) -> str:
    """Return what was changed, with a change's text for its name."""
    first, *settings = what.split(", ")
    known = case.changes
    return f"{known[first].text} {', '.join(settings)}".rstrip() if first in known else what


def _value(text: str) -> Any:
    """Return a setting's value; what is no JSON stays a text, for the settings to refuse."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _short(text: str) -> str:
    text = text.replace("..", ".")
    return text if len(text) <= LONGEST_MESSAGE else f"{text[: LONGEST_MESSAGE - 1]}…"


@cache
def _library() -> dict[str, Any]:
    """Return what the page draws of each case and no run changes: nothing that gives it away."""
    return {
        "metrics": {name: metric.meaning for name, metric in METRICS.items()},
        "settings": _settings(),
        "cases": {name: _public(file) for name, file in clinic_cases.known().items()},
    }


def _public(file: CaseFile) -> dict[str, Any]:
    world, plan = file.world, file.blueprint
    return {
        "kind": file.kind,
        "title": file.title,
        "brief": file.brief,
        "seeds": list(file.seeds),
        "dashboard": list(file.dashboard),
        "causes": [[cause.id, cause.text] for cause in file.causes.values()],
        "changes": [[change.id, change.text, change.cost] for change in file.choices],
        "goals": [
            {"text": goal.text, "measure": goal.measure, "least": goal.at_least, "most": goal.at_most}
            for goal in file.goals
        ],
        "topics": list(world.topics),
        "moods": list(worlds.MOODS),
        "prompts": [[world.prompts[i].text, worlds.MOODS[world.prompts[i].mood]] for i in file.prompts],
        "settings": {
            name: value for name, value in clinic.Case(file).settings.items() if value != getattr(RunConfig, name)
        },
        "blueprint": [[field, plan.titles[field], list(plan.parts[field].items())] for field in plan.parts]
        if plan
        else [],
        "rubric": len(file.rubric),
    }


def _settings() -> dict[str, list[Any]]:
    """Return of each setting that can be turned what it usually is, what it means, and its choices."""
    words = dict(WORDS)
    for kind in ast.parse(inspect.getsource(configs)).body:
        said = kind.body if isinstance(kind, ast.ClassDef) else []
        for field, doc in itertools.pairwise(said):
            if isinstance(field, ast.AnnAssign) and isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant):
                words[ast.unparse(field.target)] = " ".join(str(doc.value.value).split())
    return {
        field.name: [field.default, words[field.name], list(field.metadata["check"].keywords.get("choices", ()))]
        for field in dataclasses.fields(RunConfig)
        if field.name in LEVERS
    }
