"""Which tests share a worker of pytest-xdist: the Makefile loads this with ``-p share_out``.

The cells of a notebook share a kernel and the tests of a file share its fixtures, so each file goes to one worker.
The deliberate faults under tests/mutants are independent and take long, so each may go to either. pytest-xdist 3.8
offers ``--dist loadgroup`` for this, which does nothing under pytest 9.2; hence a scheduler of our own.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling


class FileScheduling(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith("tests/mutants/") else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileScheduling:
    config.option.loadscopereorder = (
        False  # tests/conftest.py has put the files in order; the largest need not be first
    )
    return FileScheduling(config, log)
