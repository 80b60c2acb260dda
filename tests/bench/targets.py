"""The rows of `make bench`, in the order of the table: what is measured, against what, and what is to be reached.

A ratio is ours over theirs, so lower is better; None where there is no target, as for the limits of the hardware.
"""

from typing import NamedTuple

Peers = dict[str, float | None]


class Row(NamedTuple):
    """One row: its words in the table, its unit, and the most that the ratio to each peer is to be."""

    what: str
    peers: Peers
    unit: str = "s"
    reasons: dict[str, str] = {}  # noqa: RUF012  why a target is missed, by peer
    packages: dict[str, str] = {}  # noqa: RUF012  what is to be installed, where it is not the peer's name in small


class Growth(NamedTuple):
    """How time and memory grow: against what, at which sizes, and the most that the exponents are to be."""

    what: str
    sizes: tuple[int, ...]
    most: float = 1.1
    memory: float = 1.1
    bounded: str = ""


_TABLE = (
    "look-up, weighting and sum are compiled to one pass that checks nothing; ours are three calls of NumPy over the "
)
_TABLE += "steps, and the checks at the door, which are half of it at this size"
_PRODUCTS = "exponentials and matrix products, which nobody is spared, are most of it: see the row of the limit"
_MEMORY = (
    "the course gives π and the score besides and writes three arrays of 8 MB where torch writes two; to be given "
)
_MEMORY += (
    "their pages anew by the system takes as long as the arithmetic, and where torch happens to be spared it, it wins"
)
_LINEAR = dict.fromkeys(("torch", "JAX"), _PRODUCTS)
_RLHF = (
    "a sixth of ours is the log of forty numbers and the gold reward, which torch's run leaves out; most of the rest "
)
_RLHF += "is products of small matrices, at which both are alike"
_TRAIN = "lessons 11 to 14 train language models over several seeds in front of the learner, which is most of it"
_POLE = "seeds differ much, and on some of them ours, which learns of whole episodes, needs more steps than tuned PPO"
_SB3 = dict.fromkeys(("SB3 A2C", "SB3 PPO"), "stable-baselines3")
_ALL = {"Categorical": "torch", "gather": "torch", "NumPy": "numpy"}
_GAE = "a compiled loop over entries reads each number once; NumPy has a call for every √T steps"
_U = "it is compiled to one pass without arrays in between; the course returns every intermediate by name"


def _u(N: int, n: int, dtype: str, *most: float) -> Row:
    names = ("Categorical", "gather", "JAX", "autograd", "NumPy")
    return Row(f"value + gradient of U, N = {N:,}, A = {n}, {dtype}", dict(zip(names, most, strict=True)), "µs",
               {"JAX": _U, "gather": _MEMORY}, _ALL)  # fmt: skip


def _gae(T: int, B: int, *most: float) -> Row:
    names = ("row loop", "CleanRL", "JAX", "numba")
    return Row(f"GAE, T = {T:,}, B = {B}", dict(zip(names, most, strict=True)), "µs",
               {"JAX": _GAE, "numba": _GAE}, {"CleanRL": "torch", "row loop": "numpy"})  # fmt: skip


# By the file in tests/bench that measures them.
ROWS: dict[str, dict[str, Row]] = {
    "floor": {
        "u-8-4-float64": _u(8, 4, "float64", 0.45, 0.9, 3.5, 0.33, 3.5),
        "u-64-16-float64": _u(64, 16, "float64", 0.45, 0.9, 3.5, 0.33, 3.5),
        "u-4096-16-float64": _u(4096, 16, "float64", 0.65, 0.7, 2.5, 0.55, 1.2),
        "u-4096-256-float64": _u(4096, 256, "float64", 0.5, 0.6, 1.7, 0.4, 1.2),
        "u-65536-16-float32": _u(65536, 16, "float32", 0.65, 2.5, 2.0, 0.35, 0.75),
        "gae-2048-64": _gae(2048, 64, 0.4, 0.07, 9.0, 13.0),
        "gae-128-8": _gae(128, 8, 0.35, 0.06, 15.0, 50.0),
    },
    "tabular_policy": {
        f"tabular-{N}-{n}": Row(
            f"tabular policy, S = 64, N = {N:,}, A = {n}", {"torch": most, "JAX": most}, "µs", {"JAX": _TABLE}
        )
        for N, n, most in ((4096, 3, 0.5), (4096, 16, 0.5), (4096, 256, 1.0), (65536, 16, 0.5))
    },
    "linear_policy": {
        f"linear-{dtype}": Row(
            f"linear policy, F = 32, N = 262,144, A = 256, {dtype}", {"torch": 0.4, "JAX": 0.4}, reasons=_LINEAR
        )
        for dtype in ("float64", "float32")
    },
    "ppo_clip": {
        f"ppo-{N}-{n}-{dtype}": Row(f"PPO clip + gradient, N = {N:,}, A = {n}, {dtype}", {"torch": 0.9}, "µs")
        for N, n, dtype in ((4096, 16, "float64"), (4096, 256, "float64"), (65536, 16, "float32"))
    },
    "frozen_lake": {
        "frozen-lake": Row(
            "FrozenLake 4 × 4 without slipping, to 90 % of the optimum: ours draws from its table, SB3 steps it",
            {"SB3 A2C": 1 / 20},
            packages=_SB3,
        )
    },
    "cart_pole": {
        "cart-pole": Row(
            "CartPole-v1, to a mean of 195", {"SB3 A2C": 1 / 5, "SB3 PPO": 1 / 10}, "s", {"SB3 PPO": _POLE}, _SB3
        )
    },
    "rlhf": {"rlhf-100": Row("RLHF, 100 PPO updates at batch 64", {"torch": 1 / 3}, reasons={"torch": _RLHF})},
    "slider": {
        "slider": Row(
            "slider to new picture, kernel side",
            {"interact, PNG": 1 / 12, "interact, SVG": 1 / 50},
            "ms",
            {},
            dict.fromkeys(("interact, PNG", "interact, SVG"), "ipykernel"),
        )
    },
    "drag": {
        "drag": Row(
            "Advantage Lab under a real drag, from update to update (clock)",
            {"interact": 1 / 6, "event": 1.02},
            "ms",
            {},
            dict.fromkeys(("interact", "event"), "Chromium"),
        )
    },
    "grading": {
        "grading": Row(
            "grading a submission of ps1 on two cores",
            {"nbgrader, one process": 1 / 10},
            "s",
            {"nbgrader, one process": "the start of the two marking processes falls on a class of few"},
            {"nbgrader, one process": "nbgrader"},
        )
    },
    "notebooks": {
        "notebooks": Row(
            "testing the lessons and their solutions",
            {"nbval on imports": 3.0},
            reasons={"nbval on imports": _TRAIN},
            packages={"nbval on imports": "nbval"},
        )
    },
    "physical_limit": {
        "limit-u": Row(
            "of U, N = 65,536, A = 16, float32: its bytes copied once, its exponentials alone",
            {"copy": None, "exp": None},
            "µs",
        ),
        "limit-gae": Row("of GAE, T = 2,048, B = 64: its bytes copied once", {"copy": None}, "µs"),
        "limit-linear": Row(
            "of the linear policy, float64: its exponentials and its matrix products alone",
            {"exp": None, "products": None},
        ),
    },
    "imports": {
        "import": Row("import the floor of course_utils", {"import numpy": 1.3}, "ms", {}, {"import numpy": "numpy"})
    },
}

BASELINES = {"import numpy", "nbval on imports", "event"}  # do less: of these nobody says that they are faster

GROWTH: dict[str, Growth] = {
    "steps": Growth("steps N of U, A = 16", (16_384, 32_768, 65_536, 131_072, 262_144)),
    "time": Growth("steps T of GAE, 8 rows", (16_384, 32_768, 65_536, 131_072, 262_144)),
    "trajectories": Growth(
        "trajectories of an update of REINFORCE, of at most 20 steps", (2_000, 4_000, 8_000, 16_000, 32_000)
    ),
    "enumeration": Growth(
        "trajectories that are all listed, of so many steps as the number has binary digits",
        (4_096, 8_192, 16_384, 32_768, 65_536),
        memory=1.2,
        bounded="a limit, of a million where none is given; before any is made they are counted",
    ),
    "sweep": Growth("runs of a sweep, 5 updates each", (4, 8, 16, 32, 64), bounded="of each run the log is kept"),
    "submissions": Growth("submissions of a class, marking left out", (100, 200, 400, 800, 1_600)),
}

# In the order in which they run, with what a terminal says of them.
FILES = {
    "floor": "value and gradient of U, and GAE",
    "tabular_policy": "the same of a policy that is a table",
    "linear_policy": "the same of a policy that is linear in features",
    "ppo_clip": "PPO's clipped surrogate",
    "rlhf": "the update that trains the language model",
    "imports": "what the import takes",
    "physical_limit": "what the hardware allows",
    "frozen_lake": "until the lake is crossed",
    "cart_pole": "until the pole stands",
    "slider": "from a slider to what the page is sent",
    "growth": "time and memory at five sizes each",
    "drag": "a real drag in JupyterLab",
    "grading": "a class, beside nbgrader's autograde",
    "notebooks": "all notebooks, the longest of all",
}
ALL_CORES = {"drag", "grading", "notebooks"}  # whose rows are not of one core
# whose rows are of the rounds of several processes, one after the other
IN_PROCESSES = {"floor", "tabular_policy", "linear_policy", "ppo_clip", "physical_limit", "rlhf", "slider"}


def ids(file: str) -> set[str]:
    """Return the rows that a file measures."""
    return set(ROWS.get(file, {})) | {id for id in GROWTH if file == "growth"}
