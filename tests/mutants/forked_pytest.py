"""Run pytest again and again in forks of one process that has imported the libraries once.

Reads one JSON object a line: arguments (of pytest), environment (to set), path (to put first), output (a file), seconds
(a limit). Answers with the exit code; a fork that was stopped by a signal, as by the limit, has a negative one.
"""

import gc
import importlib
import json
import os
import signal
import sys

import pytest

LIBRARIES = ("asyncio", "pdb", "xml.etree.ElementTree", "anywidget", "autograd.numpy", "gymnasium")
LIBRARIES += ("hypothesis.extra.numpy", "numpy.testing", "ziamath")


def fork(job):
    """Return the exit code of one run."""
    child = os.fork()
    if child == 0:
        signal.alarm(job["seconds"])
        output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.update(job["environment"])
        sys.path.insert(0, job["path"])
        code = 1
        try:
            code = int(pytest.main(job["arguments"]))
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for library in LIBRARIES:
        importlib.import_module(library)
    assert "course_utils" not in sys.modules  # each fork imports its own copy
    sys.dont_write_bytecode = True  # a file that is spoiled twice within a second may look like the first
    gc.freeze()  # what is here already is no fork's to collect
    for line in sys.stdin:
        print(fork(json.loads(line)), flush=True)
