# ruff: noqa: E501 (an attack is one row of the table)
"""Hostile and broken code, each piece beside honest answers to other questions, whose marks must not change.

A submission has three cells: the attack on `reward_to_go`, an honest `softmax`, and an honest `sample_action`. An attack
gets the status that stands beside it; whatever the worker is made to say is that student's answer, and no more. There
is no channel from one submission to another: each has a worker, a folder, a user or user namespace and kernel
namespaces of its own, which are gone before its marks are given, so timing has nobody to reach.
"""

import os
import secrets
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.checks import load, stage
from course_utils.checks.played import Seed
from course_utils.checks.probe_environment import ProbeEnvironment
from course_utils.checks.stage import Fault, Part, Stage
from course_utils.grading import marking, protocol, sandbox, system_calls
from course_utils.grading.marking import mark
from course_utils.grading.problem_sets import Item, Number, ProblemSet
from course_utils.grading.sandbox import Limits, Sandbox

pytestmark = pytest.mark.long

if shutil.which("bwrap") is None and not os.environ.get("REQUIRE_SANDBOX"):
    pytest.skip("needs bubblewrap (Debian package bubblewrap)", allow_module_level=True)

QUICK = Limits(wall=1.5, cpu=60, memory=2**30)
LONG = replace(QUICK, wall=30)  # for what takes a while and comes to its end
POISONED = ("every answer forged in the worker", "memory claimed", "two answers to one request", "an audit hook")
SLOW = ("the course's sources read", "a giant text", "threads left running")
FEW = replace(load("sample_action"), calls=300)
ITEMS = (
    Item("q1", "function", "Attacked", 4, "reward_to_go", load("reward_to_go")),
    Item("q2", "function", "Honest", 2, "softmax", load("softmax")),
    Item("q3", "function", "Honest", 1, "sample_action", FEW),
)
TOY = ProblemSet("toy", "A toy", ("01",), ITEMS)
HONEST = {
    "q1": """
def reward_to_go(rewards, gamma):
    total, found = 0.0, np.zeros(np.shape(rewards))
    for t in reversed(range(len(rewards))):
        total = rewards[t] + gamma * total
        found[t] = total
    return found
""",
    "q2": """
def softmax(logits, temperature=1.0):
    scaled = np.asarray(logits, dtype=float) / temperature
    weights = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)
""",
    "q3": """
def sample_action(probabilities, rng):
    return rng.choice(len(probabilities), p=probabilities)
""",
}
CALL = "def reward_to_go(rewards, gamma):\n"


def inside(*lines):
    """A function with these lines."""
    return CALL + "\n".join(f"    {line}" for text in lines for line in text.strip("\n").split("\n"))


# What is in the way of its own cell alone: name -> (status, whether the honest cells keep their marks, source)
REACH = "import os, socket\n"
OPEN = """
found = []
for top, folders, files in os.walk('/'):
    folders[:] = [one for one in folders if os.path.join(top, one) != '/proc']
    found += [os.path.join(top, one) for one in [*folders, *files] if {what}]
"""
ATTACKS = {
    "a loop in Python": ("timeout", inside("while True: pass")),
    "a loop that catches everything": ("timeout", inside("while True:\n    try:\n        while True: pass\n    except BaseException: pass")),
    "a loop in C: a power": ("timeout", inside("return 7 ** (10 ** 9)")),
    "a loop in C: a pattern": ("timeout", inside("import re; re.match('(a+)+$', 'a' * 60 + 'b')")),
    "a loop when the cell runs": ("timeout", "while True: pass"),
    "a sleep": ("timeout", inside("import time; time.sleep(100)")),
    "signals ignored": ("timeout", "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except Exception: pass\n" + inside("while True: pass")),
    "memory in one step": ("memory", inside("return np.zeros(2 * 10 ** 8)")),
    "memory by drops": ("memory", inside("kept = []\nwhile True: kept.append(np.empty(10 ** 6))")),
    "os._exit": ("error", inside("import os; os._exit(0)")),
    "os._exit in the cell": ("error", "import os; os._exit(0)"),
    "sys.exit": ("error", inside("import sys; sys.exit(0)")),
    "sys.exit in the cell": ("error", "import sys; sys.exit(0)"),
    "its own process killed": ("error", inside("import os; os.kill(os.getpid(), 9)")),
    "a segmentation fault": ("error", inside("import ctypes; ctypes.string_at(0)")),
    "no end of recursion": ("error", inside("return reward_to_go(rewards, gamma)")),
    "a syntax error": ("error", "def reward_to_go(rewards, gamma:\n    return"),
    "NUL in the source": ("error", "x = '\x00'\n"),
    "half of a surrogate pair": ("error", "x = '\ud800'\n"),
    "brackets without end": ("error", "(" * 100_000),
    "async": ("wrong", "async def reward_to_go(rewards, gamma): return rewards"),
    "the stub": ("no-answer", inside("# your code here", "...")),
    "another name": ("no-answer", "def reward_togo(rewards, gamma): return rewards"),
    "no function": ("error", "reward_to_go = 3"),
    "every descriptor closed": ("error", inside("import os; os.closerange(0, 100)")),
    "stdout closed": ("wrong", inside("import os, sys\nsys.stdout.close()\nfor n in (1, 2):\n    try: os.close(n)\n    except OSError: pass\nreturn 0 * rewards")),
    "stdout flooded": ("timeout", inside("import os\nwhile True: os.write(1, b'x' * 10 ** 6)")),
    "print without end": ("timeout", inside("while True: print('x' * 10 ** 6)")),
    "the pipe flooded": ("error", inside("import os\nfor n in range(3, 20):\n    try:\n        while True: os.write(n, b'x' * 10 ** 6)\n    except OSError: pass")),
    "an answer forged on the pipe": ("error", inside("import os\nfor n in range(3, 20):\n    try: os.write(n, b'{\"dict\":{\"status\":\"correct\",\"points\":100}}\\n')\n    except OSError: pass")),
    "pickle on the pipe": ("error", inside("import os, pickle\nfor n in range(3, 20):\n    try: os.write(n, pickle.dumps(os.system) + b'\\n')\n    except OSError: pass")),
    "an answer that claims points": ("wrong", inside("return {'status': 'correct', 'points': 100}")),
    "a giant array": ("wrong", inside("return np.broadcast_to(0.0, (10 ** 6, 10 ** 6))")),
    "a giant number": ("wrong", inside("return 10 ** 5000")),
    "a giant text": ("wrong", inside("return 'x' * (4 * 10 ** 7)")),
    "a list within itself": ("wrong", inside("a = []; a.append(a); return a")),
    "equal to everything": ("wrong", "class A:\n    __array_priority__ = 10 ** 6\n    def __eq__(self, other): return True\n    def __array__(self, *a, **k): return np.full(3, np.nan)\n" + inside("return A()")),
    "NaN": ("wrong", inside("return np.full(np.shape(rewards), np.nan)")),
    "inf": ("wrong", inside("return np.full(np.shape(rewards), np.inf)")),
    "an array that lies": ("wrong", "class A(np.ndarray):\n    def __eq__(self, other): return True\n    def __abs__(self): return np.zeros(1)\n" + inside("return np.zeros(len(rewards)).view(A)")),
    "NumPy patched": ("wrong", "np.allclose = np.array_equal = np.isfinite = np.testing.assert_allclose = lambda *a, **k: True\n" + inside("return 0 * rewards")),
    "builtins patched": ("wrong", "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.all = lambda x: True\n" + inside("return 0 * rewards")),
    "JSON patched": ("error", "import json\njson.dumps = lambda *a, **k: '{\"dict\":{\"points\":9}}'\n" + inside("return 0 * rewards")),
    "the protocol patched": ("error", "import protocol\nprotocol.encode = lambda value: 'correct'\n" + inside("return 0 * rewards")),
    "an import hook": ("wrong", "import sys\nclass Hook:\n    def find_spec(self, *a): return None\nsys.meta_path.insert(0, Hook())\nsys.settrace(None)\n" + inside("return 0 * rewards")),
    "the syntax tree patched": ("wrong", "import ast\nast.parse = compile = lambda *a, **k: None\n" + inside("return 0 * rewards")),
    "an answer replaced by equality of its type": ("wrong", "class F(float):\n    def __sub__(self, other): return 0.0\n    __rsub__ = __sub__\n" + inside("return [F(0) for _ in rewards]")),
    "frames and gc walked for the answer": ("wrong", inside("import gc, sys\nfor one in gc.get_objects():\n    if type(one).__name__ in ('Question', 'Mistake', 'Law') or getattr(one, '__name__', '') == 'oracle': raise SystemError('found')\nframe = sys._getframe()\nwhile frame:\n    if {'question', 'wanted', 'oracle'} & set(frame.f_locals): raise SystemError('found')\n    frame = frame.f_back\nreturn 0 * rewards")),
    "the course imported": ("error", inside("from course_utils import returns; return returns.reward_to_go(rewards, gamma)")),
    "the course's sources read": ("wrong", "DONE = []\n" + inside("import os\nif DONE: return 0 * rewards\nDONE.append(1)", OPEN.format(what="'course_utils' in one or 'policy_gradient' in one or one.startswith('reward_to_go') or '__editable__' in one"), "assert not found, found", "return 0 * rewards")),
    "packages patched on disk": ("wrong", inside("import os, sys\nfor top in ['/', '/packages/numpy', '/grader', os.path.dirname(os.__file__), '/usr/lib', '/dev']:\n    try: open(os.path.join(top, 'patched'), 'w')\n    except OSError: continue\n    raise SystemError(top)\nreturn 0 * rewards")),
    "files out of the folder": ("wrong", inside("import os\nassert os.getcwd() == '/work' and os.listdir('.') in ([], ['mine'])\nopen('mine', 'w')\nfor path in ['/tmp/x', '/home/x', '../x', '/etc/passwd', '/etc/shadow']:\n    try: open(path, 'a')\n    except OSError: continue\n    raise SystemError(path)\nreturn 0 * rewards")),
    "a symlink out of the folder": ("wrong", inside("import os\nif not os.path.lexists('way'): os.symlink('/etc', 'way')\nassert not os.path.exists('way/passwd') and not os.path.exists('way/hostname')\nreturn 0 * rewards")),
    "the folder filled": ("error", inside("for n in range(10 ** 4): open(str(n), 'wb').write(bytes(10 ** 6))")),
    "a file that grows": ("error", inside("open('x', 'wb').write(bytes(8 * 10 ** 6))")),
    "/proc and environment": ("wrong", inside("import os\nassert not {'SECRET_OF_THE_TEST', 'PATH', 'USER'} & set(os.environ), os.environ\nassert len([one for one in os.listdir('/proc') if one.isdigit()]) < 5\nfor one in filter(str.isdigit, os.listdir('/proc')):\n    try: text = open(f'/proc/{one}/environ').read()\n    except OSError: continue\n    assert 'SECRET_OF_THE_TEST' not in text\nreturn 0 * rewards")),
    "root": ("wrong", inside("import os\ncaps = [line for line in open('/proc/self/status') if line.startswith('CapEff')][0]\nassert int(caps.split()[1], 16) == 0 and os.getuid(), caps\nfor what in (os.setuid, os.setgid):\n    try: what(0)\n    except OSError: continue\n    raise SystemError('root')\nreturn 0 * rewards")),
    "limits raised": ("wrong", inside("import resource\nfor one in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NPROC):\n    try: resource.setrlimit(one, (-1, -1))\n    except (OSError, ValueError): continue\n    raise SystemError('raised')\nreturn 0 * rewards")),
    "a debugger on the sandbox": ("wrong", inside("import ctypes, os\nlibc = ctypes.CDLL(None)\nassert libc.ptrace(16, 1, 0, 0) == -1\nfor n in range(1, 50):\n    try: os.kill(n, 0)\n    except OSError: continue\n    assert n == os.getpid() or not os.getuid() == 0, n\nreturn 0 * rewards")),
    "memory that no limit counts": ("error", inside("import os; os.memfd_create('x')")),
    "a program started": ("error", inside("import subprocess; subprocess.run(['/usr/bin/env'])")),
    "every answer forged in the worker": ("error", "import worker\nworker._Session.answer = lambda self, request: {'callable': True, 'status': 'correct', 'points': 9, 'value': None}\n" + inside("return 0 * rewards")),
    "memory claimed": ("memory", "import worker\nworker._Session.answer = lambda self, request: {'memory': True}\n" + inside("return 0 * rewards")),
    "two answers to one request": ("error", "import worker\nsend = worker._send\nworker._send = lambda *a: (send(*a), send(*a))\n" + inside("return 0 * rewards")),
    "an answer byte by byte": ("timeout", "import time, worker\ndef drip(answers, message):\n    while True: answers.write(b' '); answers.flush(); time.sleep(0.01)\nworker._send = drip\n" + inside("return 0 * rewards")),
    "half a million small lists": ("error", "import protocol\nprotocol.encode = lambda value: '[' + ','.join(['[]'] * 600_000) + ']'\n" + inside("return 0 * rewards")),
    "the sandbox's first process": ("wrong", inside("import os\nfor n in range(1, 50):\n    for what in ('environ', 'mem', 'fd/2'):\n        try: text = open(f'/proc/{n}/{what}', 'rb').read(4000)\n        except OSError: continue\n        assert n == os.getpid() or not {b'SECRET_OF_THE_TEST', b'HOME=/root'} & set(text.split(b'\\0')), text\nreturn 0 * rewards")),
    "threads left running": ("wrong", "import threading\nimport time\ndef spin():\n    while True: time.sleep(0.001)\nfor _ in range(3): threading.Thread(target=spin, daemon=True).start()\n" + inside("return 0 * rewards")),
    "arithmetic of its own": ("wrong", "class A:\n    __array_priority__ = 10 ** 9\n    def __array_function__(self, *a): return True\n    def __array_ufunc__(self, *a, **k): return np.zeros(3)\n    def __len__(self): return 3\n    def __getitem__(self, n): return A()\n" + inside("return A()")),
    "a number that changes": ("wrong", "class F(float):\n    def __float__(self): return float(np.random.rand())\n    def __index__(self): return 10 ** 9\n    def __reduce__(self): raise SystemError\n" + inside("return [F(0) for _ in rewards]")),
    "a generator without end": ("wrong", inside("while True: yield 0.0")),
    "a sequence without end": ("wrong", "class S:\n    def __len__(self): return 2 ** 62\n    def __getitem__(self, n): return 0.0\n" + inside("return S()")),
    "an iterator in an iterator": ("wrong", inside("from itertools import count\nreturn [count(), iter(int, 1)]")),
    "no end of recursion in what it is called": ("wrong", "class R:\n    def __repr__(self): return repr(self)\n    __str__ = __len__ = __float__ = __array__ = __bool__ = __repr__\n" + inside("return R()")),
    "a type of its own type": ("error", "class M(type):\n    def __instancecheck__(self, one): return True\n    def __getattribute__(self, name): raise SystemError('found')\nclass T(metaclass=M):\n    __class__ = float\n" + inside("return T()")),
    "an array of objects with a pickle": ("wrong", inside("import pickle\nclass P:\n    def __reduce__(self): return (eval, ('1/0',))\nreturn np.array([P()] * len(rewards), dtype=object)")),
    "a file that holds a pickle": ("wrong", inside("np.savez('a.npz', np.array([print], dtype=object))\nreturn np.load('a.npz', allow_pickle=True)")),
    "signals to everyone": ("error", inside("import os\nfor n in (os.getppid(), 1, 0, -1):\n    for what in (15, 2, 9):\n        try: os.kill(n, what)\n        except OSError: pass")),
    "a stop": ("timeout", inside("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)")),
    "not to die with its parent": ("error", inside("import ctypes, os, threading, time\nctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\nthreading.Thread(target=time.sleep, args=(60,)).start()\nos.close(1)\nraise SystemExit")),
    "what was open before": ("wrong", inside("import os, stat\nfor n in os.listdir('/proc/self/fd'):\n    try: what = os.fstat(int(n))\n    except OSError: continue\n    to = os.readlink('/proc/self/fd/' + n)\n    assert stat.S_ISFIFO(what.st_mode) or to == '/dev/null' or to.startswith('/proc'), to\nreturn 0 * rewards")),
    "memory that outlives it": ("wrong", inside("import os\nfor path in ['/dev/x', '/dev/shm/x', '/run/x', '/var/tmp/x']:\n    try: open(path, 'w')\n    except OSError: continue\n    raise SystemError(path)\nreturn 0 * rewards")),
    "Python anew in its place": ("error", inside("import os, sys\nos.execv(sys.executable, [sys.executable, '-I', '-c', 'print(1)'])")),
    "a program of its own": ("error", inside("import os\nopen('run', 'wb').write(open('/usr/bin/env', 'rb').read() if os.path.exists('/usr/bin/env') else b'#!/bin/sh')\nos.chmod('run', 0o4777)\nos.execv('./run', ['run'])")),
    "the kernel's knobs": ("wrong", inside("for path in ['/proc/sys/kernel/core_pattern', '/proc/sys/vm/overcommit_memory', '/proc/sysrq-trigger', '/proc/1/oom_score_adj', '/proc/self/uid_map']:\n    try: open(path, 'w').write('0')\n    except OSError: continue\n    raise SystemError(path)\nreturn 0 * rewards")),
    "pipes full of memory": ("error", inside("import fcntl, os\nkept = []\nwhile True:\n    one = os.pipe()\n    fcntl.fcntl(one[1], 1031, 2 ** 20)\n    os.write(one[1], bytes(2 ** 20))\n    kept.append(one)")),
    "an audit hook": ("error", "import sys\ndef hook(event, args): raise SystemError(event)\nsys.addaudithook(hook)\n" + inside("return 0 * rewards")),
    "the worker's own reader closed": ("wrong", inside("import gc, io\nfor one in gc.get_objects():\n    if isinstance(one, io.BufferedReader): one.close()")),
}  # fmt: skip
LEFT = "import os, tempfile\nassert os.listdir('.') == [] and not os.path.exists(os.path.join(os.getcwd(), 'left')), 'found'\nopen('left', 'w')\n"
# Attacks that the namespaces and limits have to stop, also without the filter of system calls: (status, source).
LAYERS = {
    "network": ("error", inside("import socket; socket.create_connection(('127.0.0.1', PORT), 1)")),
    "an abstract socket": ("error", inside("import socket; socket.socket(socket.AF_UNIX).connect('\\0NAME')")),
    "a fork bomb": ("error", inside("import os, time\nfor _ in range(40):\n    if os.fork() == 0: time.sleep(30)\nreturn 0 * rewards")),
}  # fmt: skip


@cache
def boxed(limits=QUICK):
    return Sandbox("bubblewrap", limits)


def marked(cells, box=None, problem_set=TOY, seed=7):
    return mark(problem_set, cells, lambda item: seed, box or boxed(), student="ada")


def beside(source, box=None):
    """What marking the attack gives, and the points of the honest cells beside it."""
    outcomes = marked({**HONEST, "q1": source}, box)
    return outcomes[0], [one.points for one in outcomes[1:]]


@pytest.fixture(scope="module")
def outcomes():
    """All attacks, some at once."""
    os.environ["SECRET_OF_THE_TEST"] = "1"
    boxed(), boxed(LONG)
    with ThreadPoolExecutor(3) as pool:
        found = dict(
            zip(
                ATTACKS,
                pool.map(lambda one: beside(ATTACKS[one][1], boxed(LONG if one in SLOW else QUICK)), ATTACKS),
                strict=True,
            )
        )
    del os.environ["SECRET_OF_THE_TEST"]
    return found


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gets_its_status_and_changes_nothing_else(outcomes, name):
    attacked, honest = outcomes[name]
    assert (attacked.status, attacked.points) == (ATTACKS[name][0], 0.0), attacked
    poisoned = name in POISONED
    assert honest == ([0, 0] if poisoned else [2, 1]), attacked
    assert not any(text in str(attacked) for text in ("drawn at random", "SystemError", "AssertionError")), attacked


def test_honest_answers_are_right_and_nothing_is_left_for_the_next_student():
    for _ in range(2):
        outcomes = marked({key: LEFT + cell if key == "q1" else cell for key, cell in HONEST.items()})
        assert [(one.status, one.points) for one in outcomes] == [("correct", 4), ("correct", 2), ("correct", 1)]


@pytest.fixture
def listener():
    import socket

    name = secrets.token_hex(8)
    tcp, unix = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    unix.bind(f"\0{name}")
    unix.listen()
    yield str(tcp.getsockname()[1]), name
    tcp.close()
    unix.close()


@pytest.mark.parametrize("filtered", [True, False])
def test_each_wall_holds_without_the_other(monkeypatch, listener, filtered):
    if not filtered:
        monkeypatch.setattr(system_calls, "refusals", lambda: None)
    port, name = listener
    for what, (status, source) in LAYERS.items():
        attacked, honest = beside(source.replace("PORT", port).replace("NAME", name))
        assert (attacked.status, honest) == (status, [2, 1]), (what, attacked)
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(boxed().ground) not in left


def test_without_a_sandbox_it_warns_and_the_limits_hold():
    with pytest.warns(UserWarning, match="Without a sandbox"):
        box = Sandbox("none", QUICK)
    for name in ("a loop in C: a power", "memory in one step", "os._exit", "the course imported"):
        status, source = ATTACKS[name]
        attacked, honest = beside(source, box)
        assert (attacked.status, honest) == (status, [2, 1]), attacked


class Forger:
    """A worker that claims anything, each answer with its right number."""

    def __init__(self, rng):
        self.rng = rng

    def ask(self, request, deadline):
        if request["do"] in ("cell", "begin"):
            return {}
        odd = [
            None,
            1,
            "x",
            [],
            [None],
            np.zeros(()),
            np.zeros(2),
            np.full((2, 2), np.nan),
            Seed(2**900),
            {"a": 1},
            True,
        ]
        one = {key: odd[self.rng.integers(len(odd))] for key in ("value", "numbers", "stop", "kind", "elsewhere")}
        one = {key: value for key, value in one.items() if self.rng.random() < 0.4}
        times = [1, 2, 300][self.rng.integers(3)]
        likely = {"callable": True, "own_name": "f", "refusals": [], "drew": True, "touched": False, "outside": None}
        answer = {**likely, **one, "answers": [{**one, "times": times}]}
        return {key: value for key, value in answer.items() if self.rng.random() < 0.95}

    def close(self):
        pass


def passes_on(functions, rng):
    functions.call("again", functions.call("again", 1))


def test_whatever_is_claimed_is_neither_a_mark_nor_an_excuse(monkeypatch):
    stage = Stage("s", "02", "", "", "again", (Part("on", "On", 2, passes_on),), load("softmax").read)
    number = Number("", lambda rng: {"x": 2.0}, lambda x: 3 * x, (), "Good.", load("softmax").read)
    items = (*ITEMS[:2], replace(ITEMS[2], question=FEW), Item("n", "number", "", 2, "n", number))
    monkeypatch.setattr(marking, "given", lambda id, student: {"x": 2.0})
    monkeypatch.setattr(marking, "preamble", lambda problem_set, student: "")
    box, rng = boxed(), np.random.default_rng(5)
    monkeypatch.setattr(Sandbox, "start", lambda self: Forger(rng))
    found = set()
    for _ in range(60):
        for one in marked({**HONEST, "n": ""}, box, ProblemSet("p", "", (), items)):
            assert one.points == 0.0, one
            found.add(one.status)
    assert found == {"error", "wrong", "no-answer"}
    monkeypatch.undo()
    deep = "def again(value):\n    for _ in range(37): value = [value]\n    return value"
    (one,) = marked({"s": deep}, box, ProblemSet("p", "", (), (Item("s", "stage", "", 2, "again", stage),)))
    assert (one.status, one.points) == ("error", 0.0), one


def test_a_submission_has_a_time_for_all_of_it():
    slow = "import time; time.sleep(0.4)\n"
    cells = {key: slow + cell + "    import os; os._exit(0)\n" for key, cell in HONEST.items()}
    found = marked({**cells, "q1": slow + inside("import os; os._exit(0)")}, boxed(replace(QUICK, submission=1.0)))
    assert [(one.status, one.points) for one in found] == [("timeout", 0)] * 3, found


def test_right_but_for_a_stop_at_the_extremes_is_partial():
    stops = "    if np.max(np.abs(logits)) > 100: raise ValueError('too large')\n"
    first, rest = HONEST["q2"].strip().split("\n", 1)
    found = marked({"q2": f"{first}\n{stops}{rest}"})[1]
    assert (found.status, found.points) == ("partial", 1.5), found


def test_a_machine_that_fails_is_no_mark(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Sandbox, "command", lambda self, fd=None: ["bwrap", "--no-such-option"])
        assert {(one.status, one.points) for one in marked(HONEST)} == {("infrastructure", None)}
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    with pytest.raises(sandbox.InfrastructureError, match="bubblewrap is missing"):
        Sandbox()


def test_every_kind_of_item(monkeypatch):
    def counts(functions, rng):
        environment = ProbeEnvironment(np.ones((1, 1, 1)), np.ones((1, 1)), limit=3, terminal=[False])
        got = functions.call("rollout", environment, Seed(3))
        return None if got == [1.0, 1.0, 1.0] else Fault("short", f"It returned {got}.", "why")

    def stops(functions, rng):
        functions.call("rollout", 1, Seed(3))

    parts = (Part("all", "All steps", 2, counts), Part("odd", "No world", 2, stops), Part("too", "Again", 2, counts))
    helps = (("AttributeError", "A world comes first."),)
    toy = Stage("build_rollout", "02", "", "", "rollout", parts, load("softmax").read, helps=helps)
    number = Number("", lambda rng: {"x": 2.0}, lambda x: 3 * x, (), "Good.", load("softmax").read)
    items = (
        Item("s", "stage", "", 3, "rollout", toy),
        Item("n", "number", "", 2, "n", number),
        Item("w", "written", "", 2),
        Item("v", "written", "", 2),
    )
    rollout = "def rollout(env, rng):\n    env.reset()\n    return tuple(env.step(0)[1] for _ in range(3))\n"
    cells = {"s": f"%matplotlib inline\n{rollout}", "n": "n = 6.0"}
    problem_set = ProblemSet("ps", "", (), items)
    monkeypatch.setattr(marking, "given", lambda id, student: {"x": 2.0})
    monkeypatch.setattr(marking, "preamble", lambda problem_set, student: "")
    found = mark(problem_set, cells, lambda item: 1, boxed(), written={"w": "An essay."})
    stage_found, number_found, *essays = found
    assert (stage_found.status, stage_found.points) == ("partial", 2.0), stage_found
    assert [part[3] for part in stage_found.parts] == ["correct", "error", "correct"]
    assert any("left out" in paragraph for paragraph in stage_found.paragraphs)
    told = [paragraph for paragraph in stage_found.paragraphs if paragraph.startswith(("What may help", "Where"))]
    assert told == ["What may help: A world comes first.", f"Where to read: {toy.read}."]
    assert (number_found.status, number_found.points) == ("correct", 2.0)
    assert [(one.status, one.points) for one in essays] == [("needs-marking", None), ("no-answer", 0.0)]


PLANNER = """
import gc
def train_reinforce(env, theta, updates, episodes, step_size, discount, rng):
    for one in gc.get_objects():
        try:
            found = getattr(one, "rewards", None)
            found = one.get("rewards") if isinstance(one, dict) else found
            if found is not None:
                return 9.0 * np.array(found)
        except Exception:
            pass
    return theta
"""
LEARNER = """
def train_reinforce(env, theta, updates, episodes, step_size, discount, rng):
    for _ in range(updates * episodes):
        state, _ = env.reset(seed=int(rng.integers(9)))
        p = np.exp(state @ theta) / np.exp(state @ theta).sum()
        action = int(rng.random() > p[0])
        theta = theta + step_size * env.step(action)[1] * np.outer(state, np.eye(2)[action] - p)
    return theta
"""


@pytest.mark.parametrize(("code", "status"), [(PLANNER, "wrong"), (LEARNER, "correct")], ids=["planner", "learner"])
def test_in_the_sandbox_there_is_no_world_to_plan_in(code, status):
    asked = stage.load("build_reinforce")
    part = next(part for part in asked.parts if part.id == "bandit")
    item = Item("s", "stage", "", 1, "train_reinforce", replace(asked, parts=(part,)))
    for seed in range(3):
        (found,) = mark(ProblemSet("ps", "", (), (item,)), {"s": code}, lambda _, seed=seed: seed, boxed())
        assert found.status == status, found


def test_what_is_written_of_a_stage_counts_though_its_last_function_is_empty():
    code = "def log_probabilities(theta, states):\n    z = states @ theta\n"
    code += "    z = z - z.max(axis=1, keepdims=True)\n    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))\n"
    stub = "def rollout(env, theta, episodes, rng):\n    ...\n"
    item = Item("s", "stage", "", 8, "rollout", stage.load("build_rollout"))
    for source, wanted in [(code + stub, ("partial", 3)), (stub, ("no-answer", 0))]:
        (found,) = mark(ProblemSet("ps", "", (), (item,)), {"s": source}, lambda _: 1, boxed())
        assert (found.status, found.points) == wanted, found


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**200), 2**200) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=20,
)


@settings(deadline=None, max_examples=150)
@given(VALUES)
def test_values_come_back_as_they_were(value):
    try:
        text = protocol.encode(value)
    except protocol.ProtocolError:
        return  # half of a surrogate pair
    assert repr(protocol.decode(text.encode())) == repr(value)


ODD = [b"", b"{", b"[" * 10**5, b"\xff", b'{"a":1,"a":1}', b'"\\ud800"', b"1" * 5000, b"1" * 320, b'{"x":1}', b"[1,2"]
ODD += [b'{"array":"|O","shape":[1],"data":"AAAAAAAAAAA="}', b'{"array":"<f8","shape":[-1],"data":"AAAAAAAAAAA="}']
ODD += [
    b'{"array":"<f8","shape":[0,9223372036854775807,9],"data":""}',
    b'{"array":"<f8","shape":[0,1099511627776],"data":""}',
]
ODD += [b'{"array":["<f8"],"shape":[],"data":""}']
ODD += [
    b'{"seed":true}',
    b'{"seed":-1}',
    b'{"tuple":1}',
    b'{"environment":{"dict":{}}}',
    b'{"environment":-1}',
    b'{"dict":[]}',
]
ODD += [
    b'{"array":"|b1","shape":[1],"data":"Bw=="}',
    b'{"array":"<f8","shape":[1],"data":"%%"}',
    b",".join([b"[]"] * 9),
]


@settings(deadline=None, max_examples=150)
@given(
    st.binary() | st.text().map(lambda text: f'{{"array":"<f8","shape":{text},"data":""}}'.encode("utf-8", "replace"))
)
def test_any_bytes_are_a_value_or_an_error_with_a_sentence(content):
    for one in (content, *ODD):
        try:
            protocol.decode(one)
        except protocol.ProtocolError as error:
            said = str(error)
            assert said
        else:
            assert one == content
    for one in (b"NaN", b"[1e999]", protocol.encode(np.array([np.nan])).encode()):
        protocol.decode(one)
        with pytest.raises(protocol.ProtocolError):
            protocol.decode(one, finite=True)
