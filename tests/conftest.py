"""Hypothesis profiles, and proof that a mutated copy of the package is the one under test."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
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


@pytest.fixture
def own_event_loop() -> Iterator[None]:
    """Let a test run an event loop although a browser of earlier tests is open: Playwright's counts as running."""
    playwrights = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(playwrights)
