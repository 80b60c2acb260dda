# ruff: noqa: E501 (what is asked inside is one line)
"""Each wall of the sandbox by itself: what is asked inside is what that wall alone forbids."""

import dataclasses
import os
import platform
import shutil
import time
from functools import partial

import pytest

from course_utils.checks import load
from course_utils.grading import marking, system_calls
from course_utils.grading.problem_sets import Item, ProblemSet
from course_utils.grading.sandbox import Died, Limits, Sandbox, Worker

if shutil.which("bwrap") is None and not os.environ.get("REQUIRE_SANDBOX"):
    pytest.skip("needs bubblewrap (Debian package bubblewrap)", allow_module_level=True)

LIMITS = Limits(wall=12, cpu=9, memory=2**30, file=2**20, folder=3 * 2**20, output=2**16)
# Calls that a process without any right may make.
CALLS = ("socket", "memfd_create", "shmget", "msgget", "semget", "io_setup", "io_uring_setup", "keyctl", "add_key")
CALLS += ("request_key", "mq_open", "ptrace", "unshare", "setns", "process_vm_readv", "pidfd_getfd")


@pytest.fixture(scope="module")
def box():
    return Sandbox("bubblewrap", LIMITS)


def value(worker, source):
    """Run a cell and return what `x` is then."""
    until = time.monotonic() + LIMITS.wall
    answer = worker.ask({"do": "cell", "id": "q", "source": source}, until)
    assert answer["stop"] is None, answer
    return worker.ask({"do": "get", "name": "x"}, until)["value"]


@pytest.fixture
def asked(box):
    with box.start() as worker:
        yield partial(value, worker)


def test_nothing_but_the_folder_can_be_written_to(asked):
    mounts = asked("x = [line.split()[4:6] for line in open('/proc/self/mountinfo')]")
    assert [at for at, options in mounts if "ro" not in options.split(",")] == [
        *("/proc", "/dev/null", "/dev/urandom", "/work")
    ]


def test_the_folder_has_room_for_so_much_and_no_more(asked):
    written = asked(
        "x = 0\nfor n in range(12):\n    try: x += open(str(n), 'wb', 0).write(bytes(2 ** 19))\n    except OSError: break"
    )
    assert 2**20 < written <= LIMITS.folder


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the filter knows two machines")
def test_the_kernel_refuses_what_the_filter_names(asked):
    numbers = [system_calls.REFUSED[name][platform.machine() == "aarch64"] for name in CALLS]
    source = f"import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nx = [[libc.syscall(n, 0, 0, 0), ctypes.get_errno()] for n in {numbers}]\n"
    assert dict(zip(CALLS, asked(source), strict=True)) == {name: [-1, 1] for name in CALLS}
    assert asked("try:\n    os.fork()\n    x = 0\nexcept OSError as error: x = error.errno") == 1


def test_the_limits_hold_inside(asked):
    names = ("CPU", "AS", "FSIZE", "NPROC", "NOFILE", "CORE")
    wanted = [LIMITS.cpu, LIMITS.memory, LIMITS.file, LIMITS.processes, LIMITS.files, 0]
    soft = asked(f"import resource\nx = [resource.getrlimit(getattr(resource, 'RLIMIT_' + n))[0] for n in {names}]")
    assert soft == wanted


@pytest.mark.parametrize(
    ("source", "status", "said"),
    [("while True: pass", "timeout", "of the processor"), ("x = np.zeros(10_000)", "error", "longer than 65536 bytes")],
)
def test_time_of_the_processor_and_output_end(box, monkeypatch, source, status, said):
    monkeypatch.setattr(box, "limits", dataclasses.replace(LIMITS, cpu=1))
    with box.start() as worker, pytest.raises(Died, match=said) as died:
        value(worker, source)
    assert died.value.status == status


def test_no_file_of_the_course_is_there_but_the_workers_own(asked):
    found = asked(
        "import os\nx = [os.path.join(at, f) for at, _, files in os.walk('/') if not at.startswith(('/proc', '/usr', '/lib', "
        f"{os.path.dirname(os.__file__)!r})) for f in files if 'course' in at or at.startswith(('/grader', '/work', '/home', '/root'))]"
    )
    own = {path for path in found if path.endswith(".py")}
    assert own == {"/grader/" + name for name in ("worker.py", "protocol.py", "inspection.py", "limit.py", "played.py")}
    assert asked("try:\n    import course_utils\n    x = 1\nexcept ImportError: x = 0") == 0


def test_no_answer_and_no_seed_is_sent(box, monkeypatch):
    """What the worker is asked with: inputs of the questions, and nothing that follows from them."""
    sent, ask = [], Worker.ask
    monkeypatch.setattr(
        Worker, "ask", lambda self, request, until: (sent.append(request), ask(self, request, until))[1]
    )
    few = dataclasses.replace(load("sample_action"), calls=300)
    items = tuple(Item(f"q{n}", "function", "", 1, one.name, one) for n, one in enumerate((load("reward_to_go"), few)))
    cells = {
        "q0": "def reward_to_go(rewards, gamma): return [sum(gamma**k * r for k, r in enumerate(rewards[t:])) for t in range(len(rewards))]",
        "q1": "def sample_action(probabilities, rng): return int(rng.choice(len(probabilities), p=probabilities))",
    }
    seed = 271828
    assert [one.status for one in marking.mark(ProblemSet("p", "", (), items), cells, lambda _: seed, box)] == [
        "correct"
    ] * 2
    known = {"n", "do", "id", "source", "name", "counts", "arguments", "heed", "in_place", "seed", "times", "calls"}
    assert {key for request in sent for key in request} <= known
    assert sum(request["do"] == "call" for request in sent) > 8
    assert all(len(request["arguments"]) == 2 for request in sent if "arguments" in request)
    assert all(seed not in request["seed"] for request in sent if "seed" in request)
