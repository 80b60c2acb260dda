"""The clinic's cases as their files hold them: ``data/clinic/*.json``, checked, and ready to run.

A case is a run that goes wrong by itself: a world, settings and seeds. Around it stand what people say of it, the
causes to choose from, the curves that tell, the changes to try, what must be reached, and the debrief.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from course_utils import arguments, data_files, json_schema
from course_utils.arguments import FloatArray
from course_utils.data_files import DataFileError, JSONPath, shown
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import PPOConfig, RunConfig
from course_utils.rlhf.evaluation import Evaluation, Group
from course_utils.rlhf.metrics import METRICS
from course_utils.rlhf.world import World

__all__ = ["Blueprint", "CaseFile", "Cause", "Change", "Criterion", "Evidence", "Goal", "Rule"]
__all__ += ["fresh_measures", "known", "names", "read"]

DATA = data_files.DATA / "clinic"
GOLD = "ours/gold"
FRESH = "fresh"
AGREEMENT = ("agreement/second panel", "agreement/policy")
"""of the reward model with raters: from its own raters to a second panel, on pairs of the reference; then from there to
pairs of the policy, which the same panel judges"""
EDGE = 5  # updates at either end of a run whose mean a direction compares
DIRECTIONS = ("rises", "falls", "stays", "high", "low")
LEVERS = {field.name for field in dataclasses.fields(PPOConfig)} - {"reward"}
LEVERS |= {"pairs", "feature_kind", "length_control", "reward_penalty"}
LEVERS |= {"updates", "stop_at_kl", "relabel_every", "relabel_pairs"}
"""settings that one who runs the training sees and can turn; what raters like, or who asks, is none of them"""

MEASURES: Mapping[str, Callable[[Evaluation | Group], float]] = MappingProxyType(
    {
        "gold": lambda of: of.gold,
        "score": lambda of: of.score,
        "kl": lambda of: of.kl,
        "length": lambda of: of.length,
        "helpful": lambda of: (of.shares["right_object"] + of.shares["right_action"]) / 2,
        "unsafe": lambda of: of.shares["unsafe"],
        "wrong_object": lambda of: of.shares["wrong_object"],
        "repeat": lambda of: of.shares["repeat"],
        "odd": lambda of: of.shares["illegal_pairs"],
    }
)
"""What a goal may ask of fresh replies: all of them, or those to one topic. "helpful" is the mean share with the right
thing and with the right action, "odd" the share with two words side by side that no demonstrator writes so."""


class Cause(NamedTuple):
    """What may be behind it, with what is said of it afterwards."""

    id: str
    text: str
    right: bool
    reason: str


class Evidence(NamedTuple):
    """A curve that tells, and what it must do."""

    metric: str
    direction: str
    by: float
    reason: str

    def holds(self, values: FloatArray) -> bool:
        """Say whether a column of a log does this.

        rises, falls, stays: the mean of the last updates less that of the first ones, against ``by``;
        high, low: the largest or smallest value of the run, against ``by``
        """
        change = float(values[-EDGE:].mean() - values[:EDGE].mean())
        return {
            "rises": change >= self.by,
            "falls": change <= -self.by,
            "stays": abs(change) <= self.by,
            "high": float(values.max()) >= self.by,
            "low": float(values.min()) <= self.by,
        }[self.direction]


class Change(NamedTuple):
    """One thing to try."""

    id: str
    text: str
    cost: str
    """what it takes, in words"""
    settings: Mapping[str, Any]
    right: bool
    reason: str
    """why it works, or does not"""


class Goal(NamedTuple):
    """What fresh replies must reach."""

    text: str
    measure: str
    topic: str | None = None
    at_least: float | None = None
    at_most: float | None = None

    def value(self, of: Evaluation) -> float:
        """Return the number that the goal is about."""
        return MEASURES[self.measure](of if self.topic is None else of.by_topic[self.topic])

    def met(self, value: float) -> bool:
        """Say whether the number is within the goal."""
        return value >= self.at_least if self.at_least is not None else value <= (self.at_most or 0.0)


class Criterion(NamedTuple):
    """What a written answer is read for, with examples."""

    id: str
    text: str
    full: tuple[str, ...]
    partial: tuple[str, ...]


class Rule(NamedTuple):
    """What a blueprint lacks without one of these parts ("missing"), or cannot have side by side ("together")."""

    kind: str
    parts: tuple[tuple[str, str], ...]
    """(field, part) each"""
    reason: str


class Blueprint(NamedTuple):
    """A plan with fields to fill in."""

    titles: Mapping[str, str]
    parts: Mapping[str, Mapping[str, str]]
    """field → part → its text"""
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class CaseFile:
    """A case as its file holds it."""

    name: str
    kind: str
    title: str
    brief: str
    config: RunConfig
    seeds: tuple[int, ...]
    """of the verdicts; the first is the run that is shown"""
    dashboard: tuple[str, ...]
    causes: Mapping[str, Cause]
    evidence: tuple[Evidence, ...]
    changes: Mapping[str, Change]
    """in the file's order: of the right ones, the first to try stands first"""
    goals: tuple[Goal, ...]
    debrief: Mapping[str, str]
    """score, advantage, penalty (the chain, link by link) and cost"""
    rubric: tuple[Criterion, ...]
    blueprint: Blueprint | None
    world: World

    @property
    def cause(self) -> Cause:
        """The right one."""
        return next(cause for cause in self.causes.values() if cause.right)

    @property
    def choices(self) -> list[Change]:
        """The changes in the order of their texts, which says nothing of which is right."""
        return sorted(self.changes.values(), key=lambda change: change.text)

    @property
    def prompts(self) -> tuple[int, ...]:
        """Some whose replies are shown: of the first topic, the last and two between, calm and angry by turns."""
        topics = np.linspace(0, len(self.world.topics) - 1, 4).round().astype(int)
        kinds = [(prompt.topic, prompt.mood) for prompt in self.world.prompts]
        return tuple(kinds.index((topic, n % 2)) for n, topic in enumerate(topics))


@arguments.typed
def names(folder: Path | None = None) -> list[str]:
    """Return the names of the cases that there are, in their order."""
    found = [path.stem for path in (folder or DATA).glob("D[0-9]*.json")]
    return sorted(found, key=lambda name: (int("".join(filter(str.isdigit, name))), name))


@arguments.typed
def read(path: Path | str) -> CaseFile:
    """Read a case.

    Raises:
        DataFileError: a file that cannot be used; it names file and line of every fault. A missing one is a
            FileNotFoundError too.
    """
    path = Path(path)
    document = json_schema.load(path, _schema(), lambda found: _faults(found, path))
    blueprint = document.get("blueprint")
    return CaseFile(
        name=document["case"],
        kind=document["kind"],
        title=document["title"],
        brief=document["brief"],
        config=RunConfig(**document["settings"]),
        seeds=tuple(document["seeds"]),
        dashboard=tuple(document["dashboard"]),
        causes=MappingProxyType({cause["id"]: Cause(**cause) for cause in document["causes"]}),
        evidence=tuple(Evidence(**entry) for entry in document.get("evidence", ())),
        changes=MappingProxyType(
            {one["id"]: Change(**one | {"settings": MappingProxyType(one["settings"])}) for one in document["changes"]}
        ),
        goals=tuple(Goal(**goal) for goal in document["goals"]),
        debrief=MappingProxyType(document["debrief"]),
        rubric=tuple(
            Criterion(one["id"], one["text"], tuple(one["full"]), tuple(one["partial"]))
            for one in document.get("rubric", ())
        ),
        blueprint=_blueprint(blueprint) if blueprint else None,
        world=_world(path.parent, document.get("world")),
    )


@arguments.typed
def fresh_measures(world: World) -> list[str]:
    """Return the names of the measures of fresh replies and pairs that evidence may cite: gold is none of them."""
    found = [f"{FRESH}/{name}" for name in MEASURES if name != "gold"]
    return [*found, *(f"{name}/{topic}" for name in found for topic in world.topics), *AGREEMENT]


@cache
def known() -> Mapping[str, CaseFile]:
    """Return the course's own cases, by name."""
    return MappingProxyType({name: read(DATA / f"{name}.json") for name in names()})


@cache
def _schema() -> dict[str, Any]:
    found: dict[str, Any] = data_files.document(DATA / "schema.json")[0]
    return found


def _world(folder: Path, name: str | None) -> World:
    return worlds.load() if name is None else worlds.load(folder / "worlds" / name, inherit=worlds.DATA)


def _blueprint(found: Mapping[str, Any]) -> Blueprint:
    fields = found["fields"]
    rules = []
    for rule in found["rules"]:
        kind = "missing" if "missing" in rule else "together"
        rules.append(Rule(kind, tuple(_place(place) for place in rule[kind]), rule["reason"]))
    return Blueprint(
        MappingProxyType({field["id"]: field["title"] for field in fields}),
        MappingProxyType(
            {f["id"]: MappingProxyType({part["id"]: part["text"] for part in f["parts"]}) for f in fields}
        ),
        tuple(rules),
    )


def _place(text: str) -> tuple[str, str]:
    field, part = text.split(".")
    return field, part


def _faults(found: dict[str, Any], path: Path) -> Iterator[tuple[JSONPath, str]]:
    """Yield what no schema can say."""
    if found["case"] != path.stem:
        yield ("case",), f"got {found['case']!r}, expected {path.stem!r} to match the file's name"
    if found["kind"] != "quick":
        for key in ("evidence", "rubric"):
            if key not in found:
                yield (), f'the key "{key}" is missing, which only a quick case may leave out'
    for key in ("causes", "changes", "rubric"):
        yield from _repeated(found.get(key, []), (key,))
    right = sum(cause["right"] for cause in found["causes"])
    if right != 1:
        yield ("causes",), f"{right} causes are right, expected exactly one"
    if not any(change["right"] for change in found["changes"]):
        yield ("changes",), "no change is right, expected at least one"
    if "world" in found and not (path.parent / "worlds" / found["world"]).is_dir():
        yield ("world",), f"there is no folder {shown(found['world'])} in worlds"
        return
    try:
        world = _world(path.parent, found.get("world"))
    except DataFileError as error:
        yield ("world",), str(error)
        return
    yield from _settings_faults(found, world)
    yield from _metric_faults(found, world)
    topics = world.topics
    for n, goal in enumerate(found["goals"]):
        if goal["measure"] not in MEASURES:
            yield ("goals", n, "measure"), f"got {shown(goal['measure'])}, expected one of {', '.join(MEASURES)}"
        if goal.get("topic", topics[0]) not in topics:
            yield ("goals", n, "topic"), f"got {shown(goal['topic'])}, expected one of {', '.join(topics)}"
    if "blueprint" in found:
        yield from _blueprint_faults(found["blueprint"])


def _repeated(entries: list[dict[str, Any]], where: JSONPath) -> Iterator[tuple[JSONPath, str]]:
    ids = [entry["id"] for entry in entries]
    for n, one in enumerate(ids):
        if one in ids[:n]:
            yield (*where, n, "id"), f"the id {one!r} is used twice"


def _metric_faults(found: dict[str, Any], world: World) -> Iterator[tuple[JSONPath, str]]:
    cited: list[tuple[JSONPath, str]] = [(("dashboard", n), metric) for n, metric in enumerate(found["dashboard"])]
    cited += [(("evidence", n, "metric"), entry["metric"]) for n, entry in enumerate(found.get("evidence", []))]
    for where, metric in cited:
        if metric == GOLD:
            yield where, "the gold reward is hidden until the debrief"
        elif metric not in METRICS and (where[0] == "dashboard" or metric not in fresh_measures(world)):
            yield where, f"{shown(metric)} is no metric of the log"


def _settings_faults(found: dict[str, Any], world: World) -> Iterator[tuple[JSONPath, str]]:
    several: list[tuple[JSONPath, dict[str, Any]]] = [(("settings",), {})]
    several += [(("changes", n, "settings"), change["settings"]) for n, change in enumerate(found["changes"])]
    for where, turned in several:
        try:
            RunConfig(**{**found["settings"], **turned}).traffic(world)
        except (TypeError, ValueError) as error:
            yield where, str(error).replace("RunConfig.__init__() ", "")
            if not turned:
                return  # every change would say it again


def _blueprint_faults(found: dict[str, Any]) -> Iterator[tuple[JSONPath, str]]:
    yield from _repeated(found["fields"], ("blueprint", "fields"))
    for n, field in enumerate(found["fields"]):
        yield from _repeated(field["parts"], ("blueprint", "fields", n, "parts"))
    places = {(field["id"], part["id"]) for field in found["fields"] for part in field["parts"]}
    for n, rule in enumerate(found["rules"]):
        for kind in ("missing", "together"):
            for m, place in enumerate(rule.get(kind, ())):
                if _place(place) not in places:
                    yield ("blueprint", "rules", n, kind, m), f"{place!r} is no part of a field"
