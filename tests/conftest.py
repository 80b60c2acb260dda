"""Hypothesis profiles, and proof that a mutated copy of the package is the one under test."""

import asyncio
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, Phase, settings

import course_utils

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background jobs: no interrupt would ever end
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("POLICY_GRADIENT_COURSE_PROGRESS", "")  # a test run is nobody's progress

settings.register_profile(
    "course",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("mutants", settings.get_profile("course"), max_examples=8, phases=[Phase.generate])
settings.load_profile(os.environ.get("COURSE_HYPOTHESIS_PROFILE", "course"))

if copy := os.environ.get("COURSE_UTILS_COPY"):
    assert Path(course_utils.__file__).parent == Path(copy), course_utils.__file__

# A mistake is told first by the tests of the function that has it: each module after those it stands on, then what is
# built on them, then what is said of them, then what is slow.
FLOOR = ("kernels", "policy", "returns", "objectives", "mdp", "worlds", "rollout", "estimators", "training")
ORDER = [re.compile(start) for start in (
    *(rf"tests/test_{module}\.py" for module in FLOOR), "tests/test_rlhf", "tests/test_(?!check|quiz)",
    "tests/test_", "(tests/)?notebooks/", "tests/browser/test_contract", "tests/browser/", "tests/mutants/", "",
)]  # fmt: skip


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next(i for i, start in enumerate(ORDER) if start.match(item.nodeid)))
    if os.environ.get("RERUN_BROWSER") == "1":  # what a busy machine does to a page once; the summary lists it as RERUN
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture
def own_event_loop() -> Iterator[None]:
    """Let a test run an event loop although a browser of earlier tests is open: Playwright's counts as running."""
    playwrights = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(playwrights)


def built(name: str, build: Callable[[Path], object], tmp_path_factory: pytest.TempPathFactory, worker: str) -> Path:
    """A folder that is built once for all workers."""
    root = tmp_path_factory.getbasetemp()
    root = root if worker == "master" else root.parent
    with FileLock(root / f"{name}.lock"):
        if not (root / name).is_dir():
            build(root / name)
    return root / name


@pytest.fixture(scope="session")
def built_site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The course's pages."""
    from course_utils.build import site

    return built("site", site.build, tmp_path_factory, worker_id)


@pytest.fixture(scope="session")
def built_decks(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The course's slides."""
    from course_utils.build import slides

    return built("decks", lambda folder: slides.build([], target=folder), tmp_path_factory, worker_id)
