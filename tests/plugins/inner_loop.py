"""Keep the promise of `make check`: a test that takes over a second of the processor fails and is told to be marked.

Time of the processor, not of the clock: it hardly depends on what else the machine does.
"""

from __future__ import annotations

import time
from collections.abc import Generator

import pytest

LONGEST = 1.0  # seconds


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    start = time.process_time()
    yield
    taken = time.process_time() - start
    if taken > LONGEST:
        pytest.fail(f"takes {taken:.1f} s of the processor: mark it with @pytest.mark.long", pytrace=False)
