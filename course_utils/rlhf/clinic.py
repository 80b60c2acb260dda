"""The clinic: RLHF runs that go wrong by themselves, to be diagnosed and cured.

    sick = clinic.case("D4")
    chart = sick.run()                                          # trains, and shows what a real log would
    sick.diagnose("…", [("objective/kl", "rises"), …])          # a cause, and two curves that tell
    sick.intervene("…")                                         # one change, trained again
    sick.verdict()                                              # fresh replies over several seeds, before and after
    sick.debrief()                                              # from here on the gold reward is seen

Nothing is scripted: every number comes from a run. What people would agree on, the gold reward, decides whether a case
is cured; until the debrief no curve and no measurement shows it.
"""

import dataclasses
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import numpy as np

from course_utils import arguments, progress, progress_bar
from course_utils.arguments import FloatArray
from course_utils.rlhf import clinic_cases, evaluation, language_model, reward_model
from course_utils.rlhf import run as rlhf
from course_utils.rlhf import world as worlds
from course_utils.rlhf.clinic_cases import (
    AGREEMENT,
    DIRECTIONS,
    EDGE,
    GOLD,
    LEVERS,
    MEASURES,
    CaseFile,
    Criterion,
    Goal,
    fresh_measures,
)
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.evaluation import Evaluation
from course_utils.rlhf.metrics import METRICS, Row
from course_utils.rlhf.network import LanguageModel
from course_utils.rlhf.run import RunLog, Sample

__all__ = ["Case", "Chart", "Choice", "Citation", "Debrief", "Diagnosis", "Measures", "PlanFault", "Reached"]
__all__ += ["Reply", "Standing", "Tried", "Verdict", "case", "cases"]

REPLIES = 1500  # fresh ones, for a measurement
PAIRS = 1000
MOST_SEEDS = 1000  # of a verdict
ENOUGH = 0.9  # of the seeds must reach a goal
TOGETHER = {"adap_kl_ctrl", "target", "horizon"}  # settings of one change
COSTS = ("score", "kl", "length", "unsafe")


class Choice(NamedTuple):
    """One of several things to choose from, before it is known which are right."""

    text: str
    cost: str = ""
    """what it takes, in words; of a change"""


@dataclass(frozen=True, eq=False)
class Chart:
    """What a run shows: the log without the gold reward, and some replies."""

    case: str
    seed: int
    settings: Mapping[str, Any]
    """what was turned: the case's own settings where this is empty"""
    rows: tuple[Row, ...]
    """one for each update; ``metrics.METRICS`` says what the names mean"""
    samples: tuple[Sample, ...]
    interrupted: bool
    _log: RunLog = field(repr=False)

    def __getitem__(self, name: str) -> FloatArray:
        """Return a column of the log, one number for each update."""
        if not isinstance(name, str) or not self.rows or name not in self.rows[0]:
            shown = ", ".join(self.rows[0]) if self.rows else "nothing yet"
            hidden = ": the gold reward is hidden until the debrief" if name == GOLD else f", expected one of {shown}"
            raise KeyError(f"{arguments.said(name)} is not in the chart{hidden}")
        return np.array([row[name] for row in self.rows])

    def __len__(self) -> int:
        """Return the number of updates done."""
        return len(self.rows)

    @property
    def planned(self) -> int:
        """How many updates the run has when nothing ends it early."""
        return self._log.config.updates

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return len(self) >= self.planned or self._log.stopped_early


class Measures(NamedTuple):
    """Fresh replies of a chart's policy to all topics, by the names of ``clinic_cases.MEASURES``."""

    overall: dict[str, float]
    """"spread" beside them: the sd of the reward model's scores"""
    by_topic: dict[str, dict[str, float]]
    by_mood: dict[str, dict[str, float]]
    accuracy: dict[str, float]
    """how often the reward model agrees with raters on fresh pairs: with its own or with a second panel's, on pairs of
    the reference or of the policy"""
    ceiling: dict[str, float]
    """how often what these raters mean agrees with what they say, on the same pairs: no model can do better"""


class Reply(NamedTuple):
    """A reply of a policy."""

    prompt: int
    text: str
    score: float
    """of the reward model"""


class Citation(NamedTuple):
    """A curve that was cited, and what it is worth."""

    metric: str
    direction: str
    supports: bool
    said: str


class Diagnosis(NamedTuple):
    """What a diagnosis is worth."""

    right: bool
    """whether the cause is the right one"""
    supported: bool
    """whether both curves tell it from its neighbours"""
    reason: str
    citations: tuple[Citation, ...]


class Reached(NamedTuple):
    """A goal over the seeds."""

    goal: Goal
    before: tuple[float, ...]
    after: tuple[float, ...]
    met: bool
    """in at least nine of ten seeds"""


class Verdict(NamedTuple):
    """Fresh replies over several seeds, before and after a change."""

    what: str
    settings: dict[str, Any]
    seeds: tuple[int, ...]
    before: dict[str, tuple[float, ...]]
    """measure → one number for each seed; gold after the debrief alone"""
    after: dict[str, tuple[float, ...]]
    goals: tuple[Reached, ...]
    cured: bool
    """all goals met, no run ran away, and the case's own seeds are among the seeds"""
    costs: dict[str, float]
    """mean after less mean before of score, KL, length and share of unsafe replies"""
    ran_away: tuple[str, ...]
    """what a run said that ended with numbers that are not finite"""


class Standing(NamedTuple):
    """How far a verdict is: an update of one of its runs."""

    nth: int
    """which of the seeds, from 1"""
    seeds: int
    """how many there are"""
    side: str
    """"before" or "after" """
    updates: int
    planned: int


class Tried(NamedTuple):
    """A verdict as a point among the others."""

    what: str
    values: dict[str, float]
    """text of each goal → mean over the seeds"""
    cured: bool
    best: bool
    """no other try is as good in every goal and better in one"""


class PlanFault(NamedTuple):
    """What a blueprint lacks, or has twice over."""

    kind: str
    """"missing" or "together" """
    parts: tuple[tuple[str, str], ...]
    """(field, part) each"""
    reason: str


class Debrief(NamedTuple):
    """What was behind it."""

    cause: str
    chain: tuple[str, str, str]
    """the reward model as a ranking → the advantage-weighted update → the KL term"""
    evidence: tuple[Citation, ...]
    changes: dict[str, tuple[bool, str]]
    """change → whether it is right, and why it works or does not"""
    cost: str
    rubric: tuple[Criterion, ...]
    """what a written answer is read for"""


def cases() -> dict[str, str]:
    """Return the names and titles of the cases, in their order."""
    return {name: found.title for name, found in clinic_cases.known().items()}


@arguments.typed
def case(name: str) -> "Case":
    """Open a case.

    Raises:
        ValueError: a case that does not exist.
    """
    return Case(clinic_cases.known()[arguments.choice("name", name, list(clinic_cases.known()))])


class Case:
    """A case that someone works on: what was tried is kept here, and in the learner's own record.

    Attributes: file (a CaseFile, which holds the answers), tries (the verdicts, in their order), opened (whether the
    debrief was read).
    """

    @arguments.typed
    def __init__(self, file: CaseFile) -> None:
        self.file = file
        self.tries: list[Verdict] = []
        self.opened = False
        self._last: tuple[str, dict[str, Any]] = ("as it is", {})
        self._chart: Chart | None = None
        self._logs: dict[tuple[RunConfig, int], RunLog] = {}
        self._measured: dict[tuple[RunConfig, int], tuple[Evaluation, str]] = {}

    @property
    def settings(self) -> dict[str, Any]:
        """What one who runs the training sees and can turn, with this case's values."""
        return {name: value for name, value in vars(self.file.config).items() if name in LEVERS}

    @property
    def causes(self) -> dict[str, Choice]:
        """The causes to choose from."""
        return {name: Choice(cause.text) for name, cause in self.file.causes.items()}

    @property
    def changes(self) -> dict[str, Choice]:
        """The changes to try, each with its cost in words."""
        return {change.id: Choice(change.text, change.cost) for change in self.file.choices}

    @property
    def last(self) -> str:
        """What was done last, by the name of the change and its settings."""
        return self._last[0]

    # --- running ---------------------------------------------------------------------------------------

    @arguments.typed
    def run(
        self, seed: int | None = None, *, progress: bool = True, on_update: Callable[[Chart], None] | None = None
    ) -> Chart:
        """Train the case as it is.

        Args:
            seed: None for the case's first.
            progress: show a bar while a person watches.
            on_update: called with the chart so far after every update.

        Returns:
            Chart. A KeyboardInterrupt ends the run and keeps what was run, with ``interrupted=True``.

        Raises:
            TypeError, ValueError: bad arguments.
            NonFiniteError: a run that ran away.
        """
        return self._trained("as it is", {}, seed, progress, on_update)

    @arguments.typed
    def intervene(
        self,
        change: str | None = None,
        *,
        seed: int | None = None,
        progress: bool = True,
        on_update: Callable[[Chart], None] | None = None,
        **settings: Any,
    ) -> Chart:
        """Train the case again with one change: one of ``changes`` by its name, or a setting of ``settings``.

        A design, a case with several goals, takes any number of settings at once, also beside one of ``changes``.

        Args:
            change: a name of ``changes``; None where settings are given.
            seed: None for the case's first, so that only the change differs.
            progress: as for ``run``.
            on_update: as for ``run``.
            settings: keywords of RunConfig that are among ``settings``.

        Returns:
            Chart; raises as ``run``.
        """
        return self._trained(*self._change(change, settings), seed, progress, on_update)

    @arguments.typed
    def begin(self, change: str | None = None, *, seed: int | None = None, **settings: Any) -> Chart:
        """Return the chart of a run before its first update, of the case as it is or with a change; ``resume`` trains.

        change, seed and settings are those of ``intervene``, which also says what is raised.
        """
        as_it_is = change is None and not settings
        what, turned = ("as it is", dict[str, Any]()) if as_it_is else self._change(change, settings)
        config, seed = self._started(what, turned, seed)
        return self._took(rlhf.begin(config, seed, world=self.file.world), turned)

    @arguments.typed
    def resume(self, chart: Chart, updates: int = 1) -> Chart:
        """Go on with a run for so many updates, or to its end; ``run`` and ``intervene`` are ``begin`` and all of them.

        Returns:
            Chart; raises as ``run``, and a ValueError for a run that is at its end.
        """
        updates = arguments.count("updates", updates)
        if self._of_this_case(chart).finished:
            raise ValueError(f"chart has all its updates, {len(chart)}, expected one that is not at its end")
        updates = min(updates, chart.planned - len(chart))
        return self._took(rlhf.resume(chart._log, updates, progress=False), dict(chart.settings))

    @arguments.typed
    def shown(self, chart: Chart) -> Chart:
        """Return the chart as it is seen now: after the debrief with the gold reward."""
        return self._as_chart(self._of_this_case(chart)._log, dict(chart.settings))

    @arguments.typed
    def said(self, chart: Chart, *, reference: bool = False) -> tuple[Reply, ...]:
        """Return replies of a chart's policy to the prompts of the file, by the same random numbers each time.

        reference: replies of the reference, the policy before the run, instead.
        """
        log, prompts = self._of_this_case(chart)._log, self.file.prompts
        rng = np.random.default_rng([log.seed, 6])  # not the run's
        writer = log.reference if reference else log.model
        replies = language_model.sample(writer, log.world, np.array(prompts), rng).replies
        scores = reward_model.reward_score(log.state.reward_model, log.world, replies)
        return tuple(map(Reply, prompts, log.world.text(replies), scores.tolist()))

    @arguments.typed
    def measure(self, chart: Chart, *, reference: bool = False) -> Measures:
        """Measure fresh replies of a chart's policy, and its reward model; no gold before the debrief.

        reference: measure the replies of the reference, the policy before the run, instead.
        """
        log = self._of_this_case(chart)._log
        found = self._fresh(log, log.reference if reference else None)
        shown = self._measures

        def table(groups: Mapping[str, evaluation.Group]) -> dict[str, dict[str, float]]:
            return {name: {key: of(group) for key, of in shown.items()} for name, group in groups.items()}

        scores = reward_model.reward_score(log.state.reward_model, log.world, found.replies)
        agreed = _agreements(log)
        return Measures(
            {key: of(found) for key, of in shown.items()} | {"spread": float(scores.std())},
            table(found.by_topic),
            table(found.by_mood),
            {name: model for name, (model, _) in agreed.items()},
            {name: ceiling for name, (_, ceiling) in agreed.items()},
        )

    # --- grading ---------------------------------------------------------------------------------------

    @arguments.typed
    def verdict(
        self,
        change: str | None = None,
        *,
        seeds: Sequence[int] | None = None,
        progress: bool = True,
        **settings: Any,
    ) -> Verdict:
        """Measure fresh replies over several seeds, before and after a change.

        Args:
            change: as for ``intervene``; without a change and settings, what ``run`` or ``intervene`` did last.
            seeds: None for the case's own.
            progress: as for ``run``.
            settings: as for ``intervene``.

        Returns:
            Verdict, which ``tries`` keeps. A KeyboardInterrupt keeps the seeds that are done, if there are any.

        Raises:
            TypeError, ValueError: bad arguments.
        """
        what, turned, wanted = self._to_judge(change, seeds, settings)
        steps = self._judging(what, turned, wanted, progress)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                verdict = cast(Verdict, end.value)
                if verdict.seeds != wanted:
                    print(f"Interrupted: {len(verdict.seeds)} of {len(wanted)} seeds are kept.")
                return verdict

    @arguments.typed
    def judging(
        self, change: str | None = None, *, seeds: Sequence[int] | None = None, **settings: Any
    ) -> Generator[Standing, None, Verdict]:
        """Return the steps of a verdict, an update of one of its runs each; what the last one returns is the Verdict.

        change, seeds and settings are those of ``verdict``, which also says what is raised. A KeyboardInterrupt that is
        thrown into it keeps the seeds that are done.
        """
        return self._judging(*self._to_judge(change, seeds, settings), progress=False)

    @arguments.typed
    def diagnose(self, cause: str, evidence: Sequence[tuple[str, str]] = ()) -> Diagnosis:
        """Name the cause, and two curves that tell it from its neighbours.

        Args:
            cause: a name of ``causes``.
            evidence: two pairs of a metric and a direction, one of DIRECTIONS, such as ("objective/kl", "rises").
                Beside the log's metrics there are the measures of fresh replies, as "fresh/length", or to one topic,
                as "fresh/length/refund": from the reference's to the policy's. "agreement/second panel" goes from the
                agreement of the reward model's own raters to that of the panel, "agreement/policy" from the panel's on
                pairs of the reference to the panel's on those of the policy. A quick case takes no evidence, too.

        Returns:
            Diagnosis.

        Raises:
            TypeError, ValueError: bad arguments, or no run to cite yet.
        """
        chosen = self.file.causes[arguments.choice("cause", cause, list(self.file.causes))]
        cited = _checked_evidence(evidence, [*METRICS, *fresh_measures(self.file.world)])
        if len(cited) != 2 and (self.file.kind != "quick" or cited):
            raise ValueError(f"evidence has {len(cited)} curves, expected two")
        if len({metric for metric, _ in cited}) < len(cited):
            raise ValueError(f"evidence has {cited[0][0]!r} twice, expected two different curves")
        citations = tuple(self._cited(*one) for one in cited)
        diagnosis = Diagnosis(chosen.right, all(one.supports for one in citations), chosen.reason, citations)
        self._keep("diagnosis", {"cause": cause, "evidence": cited, "right": chosen.right, "supported": diagnosis[1]})
        return diagnosis

    def pareto(self) -> tuple[Tried, ...]:
        """Return every verdict as a point, one number for each goal, and say which no other one outdoes."""
        points = [[float(np.mean(reached.after)) for reached in verdict.goals] for verdict in self.tries]
        signs = [1.0 if goal.at_least is not None else -1.0 for goal in self.file.goals]
        better = np.array(points).reshape(len(points), len(signs)) * signs
        texts = [goal.text for goal in self.file.goals]

        def outdone(i: int) -> bool:
            return bool(((better >= better[i]).all(axis=1) & (better > better[i]).any(axis=1)).any())

        return tuple(
            Tried(verdict.what, dict(zip(texts, values, strict=True)), verdict.cured, not outdone(i))
            for i, (verdict, values) in enumerate(zip(self.tries, points, strict=True))
        )

    @arguments.typed
    def check_blueprint(self, plan: Mapping[str, Sequence[str]]) -> tuple[PlanFault, ...]:
        """Return what is missing from a plan, or contradicts itself in it.

        Args:
            plan: field → the parts that were put into it, by the names in ``file.blueprint``.

        Raises:
            TypeError, ValueError: a case without a blueprint, or fields and parts that it does not have.
        """
        blueprint = self.file.blueprint
        if blueprint is None:
            raise ValueError(f"case {self.file.name} has no blueprint, expected one that has")
        if not isinstance(plan, Mapping):
            raise TypeError(f"plan is {arguments.said(plan)}, expected a dictionary of fields")
        chosen = set()
        for place, parts in plan.items():
            of_field = blueprint.parts[arguments.choice("plan", place, list(blueprint.parts))]
            if isinstance(parts, str) or not isinstance(parts, Sequence):
                raise TypeError(f"plan[{place!r}] is {arguments.said(parts)}, expected a list of parts")
            chosen |= {(place, arguments.choice(f"plan[{place!r}]", part, list(of_field))) for part in parts}
        faults = tuple(
            PlanFault(rule.kind, rule.parts, rule.reason)
            for rule in blueprint.rules
            if (rule.kind == "missing" and not chosen & set(rule.parts))
            or (rule.kind == "together" and chosen >= set(rule.parts))
        )
        self._keep("blueprint", {"plan": {key: list(parts) for key, parts in plan.items()}, "faults": len(faults)})
        return faults

    @arguments.typed
    def answer(self, text: str, criteria: Sequence[str] = ()) -> tuple[Criterion, ...]:
        """Keep a written answer, and return what it is read for.

        Args:
            text: the answer.
            criteria: the ids of those that its writer finds in it.

        Raises:
            TypeError, ValueError: a criterion that the case does not have.
        """
        known = [criterion.id for criterion in self.file.rubric]
        if isinstance(criteria, str) or not isinstance(criteria, Sequence):
            raise TypeError(f"criteria is {arguments.said(criteria)}, expected a list of ids")
        found = [arguments.choice("criteria", one, known) for one in criteria]
        self._keep("answer", {"text": text, "criteria": found})
        return self.file.rubric

    def debrief(self) -> Debrief:
        """Return what was behind it; from here on the gold reward is seen in what ``run`` and ``measure`` show."""
        self.opened = True
        self._keep("debrief", {})
        told = self.file.debrief
        return Debrief(
            cause=self.file.cause.text,
            chain=(told["score"], told["advantage"], told["penalty"]),
            evidence=tuple(Citation(e.metric, e.direction, True, e.reason) for e in self.file.evidence),
            changes={name: (change.right, change.reason) for name, change in self.file.changes.items()},
            cost=told["cost"],
            rubric=self.file.rubric,
        )

    # --- inside ----------------------------------------------------------------------------------------

    @property
    def _measures(self) -> dict[str, Callable[[Evaluation | evaluation.Group], float]]:
        """What is shown of fresh replies now."""
        return {name: of for name, of in MEASURES.items() if self.opened or name != "gold"}

    def _change(self, change: str | None, settings: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return a name for the change, and its settings."""
        if change is None and not settings:
            raise ValueError("change and settings are both missing, expected one of the two")
        if change is not None and settings and self.file.kind != "design":
            raise ValueError("change and settings are both given, expected one change at a time")
        named = None if change is None else arguments.choice("change", change, list(self.file.changes))
        unknown = [name for name in settings if name not in LEVERS]
        if unknown:
            raise ValueError(f"{unknown[0]} cannot be turned here, expected settings among {', '.join(sorted(LEVERS))}")
        if self.file.kind != "design" and len(settings) > 1 and not settings.keys() <= TOGETHER:
            raise ValueError(f"settings has {', '.join(settings)}, expected one change at a time")
        what = [*filter(None, [named]), *(f"{name}={arguments.said(value)}" for name, value in settings.items())]
        return ", ".join(what), {**(self.file.changes[named].settings if named else {}), **settings}

    def _trained(
        self,
        what: str,
        turned: dict[str, Any],
        seed: int | None,
        progress: bool,
        on_update: Callable[[Chart], None] | None,
    ) -> Chart:
        """Train, and keep what was trained for a verdict."""
        if on_update is not None:
            arguments.function("on_update", on_update, "a function of the chart so far")
        config, seed = self._started(what, turned, seed)
        watch = None if on_update is None else lambda log: on_update(self._as_chart(log, turned))
        return self._took(rlhf.run(config, seed, world=self.file.world, progress=progress, on_update=watch), turned)

    def _started(self, what: str, turned: dict[str, Any], seed: int | None) -> tuple[RunConfig, int]:
        """Return configuration and seed of a run, which is the last one from here on."""
        seed = self.file.seeds[0] if seed is None else arguments.whole("seed", seed, low=0)
        config = dataclasses.replace(self.file.config, **turned)
        self._last = (what, turned)
        if what != "as it is":
            self._keep("change", {"what": what, "settings": turned, "seed": seed})
        return config, seed

    def _took(self, log: RunLog, turned: dict[str, Any]) -> Chart:
        """Return the chart of a log, and keep what a diagnosis and a verdict need of it."""
        chart = self._as_chart(log, turned)
        if chart.finished:
            self._logs[log.config, log.seed] = log
        if not turned:
            self._chart = chart
        return chart

    def _as_chart(self, log: RunLog, turned: dict[str, Any]) -> Chart:
        rows = tuple({name: x for name, x in row.items() if self.opened or name != GOLD} for row in log.rows)
        return Chart(self.file.name, log.seed, dict(turned), rows, log.samples, log.interrupted, log)

    def _to_judge(
        self, change: str | None, seeds: Sequence[int] | None, settings: dict[str, Any]
    ) -> tuple[str, dict[str, Any], tuple[int, ...]]:
        what, turned = self._last if change is None and not settings else self._change(change, settings)
        return what, turned, self.file.seeds if seeds is None else _seeds(seeds)

    def _judging(
        self, what: str, turned: dict[str, Any], wanted: tuple[int, ...], progress: bool
    ) -> Generator[Standing, None, Verdict]:
        config = dataclasses.replace(self.file.config, **turned)
        done: list[tuple[Evaluation, Evaluation]] = []
        ran_away: list[str] = []
        try:
            for seed in progress_bar.bar(wanted, progress):
                which = (len(done) + 1, len(wanted))
                before, _ = yield from self._measuring(self.file.config, seed, *which, "before")
                after, error = yield from self._measuring(config, seed, *which, "after")
                done.append((before, after))
                ran_away += [f"seed {seed}: {error}"] if error else []
        except KeyboardInterrupt:
            if not done:
                raise
        goals = tuple(_reached(goal, done) for goal in self.file.goals)
        sides = [{name: tuple(of(pair[i]) for pair in done) for name, of in self._measures.items()} for i in (0, 1)]
        seeds = wanted[: len(done)]
        verdict = Verdict(
            what=what,
            settings=turned,
            seeds=seeds,
            before=sides[0],
            after=sides[1],
            goals=goals,
            cured=all(reached.met for reached in goals) and not ran_away and {*self.file.seeds} <= {*seeds},
            costs={name: float(np.mean(sides[1][name]) - np.mean(sides[0][name])) for name in COSTS},
            ran_away=tuple(ran_away),
        )
        self.tries.append(verdict)
        self._keep("verdict", verdict._asdict() | {"goals": [_told(reached) for reached in goals]})
        return verdict

    def _measuring(
        self, config: RunConfig, seed: int, nth: int, seeds: int, side: str
    ) -> Generator[Standing, None, tuple[Evaluation, str]]:
        """Train update by update, and return the evaluation of the run, and what it said if it ran away."""
        if (config, seed) not in self._measured:
            error = ""
            log = self._logs.get((config, seed)) or rlhf.begin(config, seed, world=self.file.world)
            try:
                while len(log) < config.updates and not log.stopped_early:
                    log = rlhf.resume(log, 1, progress=False)
                    if log.interrupted:
                        raise KeyboardInterrupt
                    yield Standing(nth, seeds, side, len(log), config.updates)
            except rlhf.NonFiniteError as ran_away:
                log, error = ran_away.log, str(ran_away)
            self._measured[config, seed] = self._fresh(log), error
        return self._measured[config, seed]

    @staticmethod
    def _fresh(log: RunLog, model: LanguageModel | None = None) -> Evaluation:
        live = worlds.prompt_weights(log.world)
        return evaluation.evaluate(log, replies=REPLIES, weights=live, model=model)

    def _of_this_case(self, chart: Chart) -> Chart:
        if chart.case != self.file.name:
            raise ValueError(f"chart is of case {chart.case}, expected one of {self.file.name}")
        return chart

    def _cited(self, metric: str, direction: str) -> Citation:
        """Return what a curve is worth in the run as it is."""
        if self._chart is None or len(self._chart) < 2:
            raise ValueError("evidence cites a run that was not run yet, expected case.run() first")
        values = self._chart[metric] if metric in METRICS else self._before_and_after(self._chart, metric)
        for known in self.file.evidence:
            if (known.metric, known.direction) == (metric, direction) and known.holds(values):
                return Citation(metric, direction, True, known.reason)
        does = _trend(values)
        if direction in ("rises", "falls", "stays") and direction != does:
            return Citation(metric, direction, False, f"In this run {metric} {does}.")
        return Citation(metric, direction, False, "Other causes draw this curve as well: it does not tell them apart.")

    def _before_and_after(self, chart: Chart, name: str) -> FloatArray:
        """Return a measure of fresh replies, or an agreement, as a column of two values that a direction compares."""
        if name in AGREEMENT:
            first = AGREEMENT.index(name)
            return np.repeat([model for model, _ in _agreements(chart._log).values()][first : first + 2], EDGE)
        _, measure, *topic = name.split("/")
        goal, log = Goal(name, measure, topic[0] if topic else None), chart._log
        return np.repeat([goal.value(self._fresh(log, log.reference)), goal.value(self._fresh(log))], EDGE)

    def _keep(self, what: str, record: Mapping[str, Any]) -> None:
        progress.record_clinic(self.file.name, what, dict(record))


def _agreements(log: RunLog) -> dict[str, evaluation.PairAccuracy]:
    live = worlds.prompt_weights(log.world)

    def agreement(writer: LanguageModel, own: bool) -> evaluation.PairAccuracy:
        return evaluation.pair_accuracy(log, pairs=PAIRS, weights=live, model=writer, own_raters=own)

    return {
        "its own raters, pairs of the reference": agreement(log.reference, own=True),
        "a second panel, pairs of the reference": agreement(log.reference, own=False),
        "a second panel, pairs of the policy": agreement(log.model, own=False),
    }


def _trend(values: FloatArray) -> str:
    """Return whether a column rises, falls or stays: its ends differ by more than two deviations of theirs."""
    first, last = values[:EDGE], values[-EDGE:]
    change = last.mean() - first.mean()
    if abs(change) <= 2 * np.sqrt((first.var() + last.var()) / 2):
        return "stays"
    return "rises" if change > 0 else "falls"


def _seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """Return different seeds, at least one."""
    if isinstance(seeds, (str, bytes)) or not isinstance(seeds, (Sequence, np.ndarray)):
        raise TypeError(f"seeds is {arguments.said(seeds)}, expected a list of whole numbers")
    if len(seeds) > MOST_SEEDS:
        raise ValueError(f"seeds has {len(seeds):,} entries, expected at most {MOST_SEEDS:,}")
    found = tuple(arguments.whole("seeds", seed, low=0) for seed in seeds)
    if not found or len(set(found)) < len(found):
        raise ValueError(f"seeds is {arguments.said(seeds)}, expected different ones, at least one")
    return found


def _checked_evidence(evidence: object, metrics: list[str]) -> list[tuple[str, str]]:
    """Return pairs of one of these metrics, but not the gold reward, and a direction."""
    if isinstance(evidence, str) or not isinstance(evidence, Sequence):
        raise TypeError(f"evidence is {arguments.said(evidence)}, expected a list of (metric, direction)")
    cited = []
    for one in evidence:
        if isinstance(one, str) or not isinstance(one, Sequence) or len(one) != 2:
            raise ValueError(f"evidence has {arguments.said(one)}, expected (metric, direction)")
        metric = arguments.choice("evidence", one[0], [name for name in metrics if name != GOLD])
        cited.append((metric, arguments.choice("evidence", one[1], DIRECTIONS)))
    return cited


def _reached(goal: Goal, done: Sequence[tuple[Evaluation, Evaluation]]) -> Reached:
    before, after = (tuple(goal.value(pair[i]) for pair in done) for i in (0, 1))
    return Reached(goal, before, after, float(np.mean([goal.met(value) for value in after])) >= ENOUGH)


def _told(reached: Reached) -> dict[str, Any]:
    """Return a goal as the record keeps it."""
    return {"goal": reached.goal.text, "after": reached.after, "met": reached.met}
