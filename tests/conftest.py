"""Hypothesis profiles, and proof that a mutated copy of the package is the one under test."""

import os
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

import course_utils

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
