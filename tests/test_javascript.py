"""The labs' JavaScript without a browser, in the Node that Playwright brings: its form, the kit, and the mathematics
that no test in tests/browser holds to Python's."""

import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from playwright._impl._driver import compute_driver_executable

from course_utils import policy
from course_utils.objectives import kl_estimates
from course_utils.rlhf import clinic, clinic_cases
from course_utils.widgets import GroupLab, KLLab, ReinforceLab, clinic_lab, lab, offline, quiz
from course_utils.widgets.group_lab import GROUPS, SHOWN
from course_utils.widgets.kl_lab import UPDATES
from course_utils.widgets.reinforce_lab import corridor

NODE = compute_driver_executable()[0]
FILES = sorted(lab.HERE.glob("*.js"))
TESTS = sorted((Path(__file__).parent / "javascript").glob("*_test.js"))
SHARED = ("lab", "picture", "kernel_lab", "offline", "labextension", "live_page")
ON_THE_KIT = [
    path for path in FILES if path.stem in SHARED or re.search(r"make(Kernel)?Lab\(", path.read_text("utf-8"))
]
TOP_LEVEL = re.compile(r"^(?:async )?(?:const|let|function\*?|class) (\w+)", re.MULTILINE)


def node(source, *options):
    """Run the source as an ES module and return what it prints."""
    command = [NODE, *options, "--input-type=module", "-"]
    done = subprocess.run(command, input=source, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def javascript(source, function, *arguments):
    """Call a function that is written with the names of a lab's module; JSON goes in and comes out."""
    given = ", ".join(map(json.dumps, arguments))
    return json.loads(node(f"{source}\nconsole.log(JSON.stringify(({function})({given})));"))


@pytest.mark.parametrize("path", ON_THE_KIT, ids=lambda path: path.name)
def test_the_form_of_a_file(path):
    text = path.read_text(encoding="utf-8")
    well = re.compile(r"(?=.{0,120}$)(?!.*[\t\u00a0])((  )*\S(.*\S)?)?")  # even indent, no blanks at the end
    assert [line for line in text.split("\n") if not well.fullmatch(line)] == []
    assert text.endswith("\n")
    assert "\n\n\n" not in text


def test_every_module_is_javascript():
    """Names that two joined files both declare, and what else is no JavaScript."""
    modules = json.dumps({name: one._esm for name, one in offline.labs().items()})
    check = (
        "for (const [name, source] of Object.entries(MODULES)) new vm.SourceTextModule(source, { identifier: name });"
    )
    node(
        f'import vm from "node:vm";\nconst MODULES = {modules};\n{check}', "--experimental-vm-modules", "--no-warnings"
    )


def test_nothing_at_the_top_of_a_file_is_unused():
    sources = {path: path.read_text(encoding="utf-8") for path in FILES}
    words = {path: Counter(re.findall(r"\w+", text)) for path, text in sources.items()}
    everywhere = sum(words.values(), Counter[str]())
    for path in ON_THE_KIT:
        used = everywhere if path.stem in SHARED else words[path] + Counter(["render"])  # which the kit exports
        assert [name for name in TOP_LEVEL.findall(sources[path]) if used[name] < 2] == [], path.name


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_kit(path):
    said = node(lab.lab_source() + path.read_text(encoding="utf-8"))
    assert re.search(r"^. pass [1-9]", said, re.MULTILINE), said


def test_numbers_as_text():
    given = [0.0, 1e-10, -0.0004, 0.12345, -1.005, 12.345, 123.45, 123456.0]
    shown = javascript(lab.lab_source(), "(list) => list.map(short)", given)
    assert shown == ["0", "0", "−4.0e−4", "0.123", "−1", "12.3", "123", "1.2e+5"]
    typed = javascript(lab.lab_source(), "(list) => list.map(parseDecimal)", ["−1,5", " 2.", ".5e1", "0x1", "", "1 2"])
    assert typed == [-1.5, 2, 5, None, None, None]


def test_a_quiz_takes_fractions_and_has_the_order_that_python_says():
    source = lab.lab_source("quiz.js")
    typed = ["2/3", "1 / 4", "−1,5/3", "4", "1/0", "1/2/3", "/2", "1/", "a/b"]
    read = javascript(source, "(all) => all.map((text) => answerOf({ kind: 'numeric' }, text))", typed)
    assert read == [2 / 3, 0.25, -0.5, 4, None, None, None, None, None]
    given = [[seed, {"id": "ten-and-eight", "options": [{}] * 6}] for seed in (0, 1, 2**32 - 1)]
    given.append([1, given[0][1] | {"ordered": True}])
    orders = javascript(source, "(all) => all.map((one) => shuffled(...one))", given)
    assert orders == [quiz.shuffled(*one) for one in given]


def test_what_a_shift_of_1000_and_a_sure_policy_say():
    said = javascript(lab.lab_source("policy_explorer.js"), "(list) => list.map(logitText)", [1000.5, -100.24, 1.239])
    assert said == ["1000.5", "−100.2", "1.24"]
    two = {"actions": ["a", "b"], "baseline": 0.5, "action_dependence": 0, "component": 0, "samples": 9}
    two |= {"rewards": [1.0, 0.0], "logits": [0.0, 0.0]}
    call = """(set) => { const all = workOut(set);
      return [whatIsSeen(set, all), readout(set, all, [9, 0]), readout(set, all, [8, 1])]; }"""
    words, alone, both = javascript(lab.lab_source("baseline_lab.js"), call, two)
    assert "the variance is 0, every sample is the gradient itself" in words
    assert alone.endswith("; a alone was drawn: no ±.")
    assert "±" in both


def test_systems_are_solved_as_numpy_does():
    rng = np.random.default_rng(7)
    systems = [(rng.normal(size=(n, n)), rng.normal(size=n)) for n in (1, 2, 5, 9)]
    systems.append((np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([1.0, 2.0])))  # rows must change places
    given = [[a.tolist(), b.tolist()] for a, b in systems]
    solved = javascript(lab.lab_source(), "(all) => all.map(([a, b]) => solve(a, b))", given)
    for found, (a, b) in zip(solved, systems, strict=True):
        np.testing.assert_allclose(found, np.linalg.solve(a, b), rtol=1e-12, atol=1e-12)


def test_the_mathematics_of_the_group_lab():
    rng, settings = np.random.default_rng(13), []
    for preset, (_, rewards, offset, _) in GROUPS.items():
        settings += [
            {"preset": preset, "rewards": list(rewards), "offset": offset, "step_size": 0.2},
            {"preset": preset, "rewards": rng.uniform(-1, 2, len(rewards)).tolist(), "offset": 1.0}
            | {"step_size": rng.uniform()},
        ]
    twin = GroupLab()
    found = javascript(twin._esm, "(world, all) => all.map((one) => workOut(one, world))", twin.world, settings)
    for setting, seen in zip(settings, found, strict=True):
        for name, value in setting.items():
            twin.set_trait(name, value)
        np.testing.assert_allclose(seen["before"], twin.probabilities(), rtol=1e-12)
        for method in SHOWN:
            for name, of in (("A", twin.advantages), ("weights", twin.weights), ("after", twin.probabilities_after)):
                where = f"{name}, {method}, {setting}"
                np.testing.assert_allclose(seen["of"][method][name], of(method), rtol=1e-12, atol=1e-12, err_msg=where)


def test_the_mathematics_of_the_kl_lab():
    rng = np.random.default_rng(10)
    settings = [
        {
            "logits": rng.normal(0, 1.5, 4).tolist(),
            "ref_logits": rng.normal(0, 1, 4).tolist(),
            "rewards": (rng.choice([1, 10]) * rng.uniform(-1, 1, 4)).tolist(),
            "beta": float(np.exp(rng.uniform(-2, 2))),
            "target": float(rng.uniform(0.05, 0.5)),
            "adaptive": bool(k % 2),
            "updates": int(rng.integers(UPDATES + 1)) if k > 1 else 0,
            "samples": 50,
            "seed": k,
            "draw": 3,
        }
        for k in range(8)
    ]
    settings.append(settings[1] | {"logits": [-300.0, 0.0, 1.0, 250.0], "updates": 0})  # far out
    twin = KLLab()
    for setting, seen in zip(settings, javascript(twin._esm, "(all) => all.map(workOut)", settings), strict=True):
        twin.set_state(setting)
        pi, ks = twin.probabilities, kl_estimates(twin.now()[0], policy.log_softmax(twin.ref_logits))
        wanted = {
            "π": (seen["now"]["pi"], pi),
            "KL": (seen["now"]["kl"], twin.kl()),
            "β": (seen["now"]["beta"], twin.now()[1]),
            "forward": (seen["forward"], twin.forward_kl()),
            "objective": ([seen["now"]["objective"], seen["best"]], [twin.objective(), twin.best_objective()]),
            "optimum": (seen["optimum"], twin.optimum()),
            "counts": (seen["counts"], np.bincount(twin.drawn_actions(), minlength=4)),
        }
        for adaptive in (False, True):
            wanted[f"path {adaptive}"] = ([step["kl"] for step in seen["paths"][adaptive]], twin.ascend(adaptive).kls)
        for name, k in twin.estimates()._asdict().items():
            one, error = seen["of"][name], k.std(ddof=1) / np.sqrt(k.size)
            wanted[name] = ([one["exact"], one["mean"], one["error"]], [pi @ getattr(ks, name), k.mean(), error])
            assert one["below"] == (k < 0).sum()
        for name, (found, value) in wanted.items():
            np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-12, err_msg=f"{name}, {setting}")


def test_the_mathematics_of_the_reinforce_lab():
    """J against the MDP, and runs draw for draw."""
    grid, tables = [0.0, 0.01, 0.3, 0.5858, 0.97, 1.0], corridor()
    settings = [
        {"step_size": 2.0**-9, "samples": 3, "sign": "plus", "start": 0.05, "seed": 7, "draw": 2, "updates": 6},
        {"step_size": 2.0**-4, "samples": 1, "sign": "minus", "start": 0.4, "seed": 2**32 - 1, "draw": 0, "updates": 9},
    ]
    twin = ReinforceLab()
    work = """(world, grid, all) =>
      [grid.map((p) => performance(world, p)), all.map((one) => makeRuns(world, one)(one.updates))]"""
    exact, found = javascript(twin._esm, work, twin.world, grid, settings)
    flat = [np.tile(np.clip([1 - p, p], 1e-300, None), (4, 1)) for p in grid]
    np.testing.assert_allclose(exact, [tables.performance(np.log(pi)) for pi in flat], rtol=1e-12)
    for setting, seen in zip(settings, found, strict=True):
        twin.set_state(setting)
        wanted, paths = twin.runs(), [[(step["p"], step["J"]) for step in run["path"]] for run in seen]
        np.testing.assert_allclose(np.array(paths)[..., 0], wanted.probabilities, rtol=1e-12)
        np.testing.assert_allclose(np.array(paths)[..., 1], wanted.performances, rtol=1e-12)
        np.testing.assert_allclose([run["means"] for run in seen], wanted.mean_returns, rtol=1e-12)


def test_what_the_clinic_lab_has_twice_is_the_same():
    """Its lists are Python's, a curve has the same updates, and an axis holds its numbers between round ends."""
    rng = np.random.default_rng(0)
    curves = [(10.0 ** rng.uniform(-4, 3) * rng.normal(rng.choice([0, 3, -30]), 1, 5)).tolist() for _ in range(200)]
    curves += [[0.0], [0.15, 0.15], [-12.0, -12.0], [1.0, 1.0, 0.0], [-1e300, 1e300]]
    work = """(curves, done) => [[...[MEASURES, STEPS, COSTS, AGREEMENT].map(Object.keys), DIRECTIONS],
      done.map(shownUpdates), curves.map(endsOf)]"""
    done = [0, 1, 59, 60, 61, 120, 121, 300]
    lists, updates, ends = javascript(clinic_lab.ClinicLab._esm, work, curves, done)
    of_python = clinic_lab.MEASURED, clinic_lab.STEPS, clinic.COSTS, clinic_cases.AGREEMENT, clinic_cases.DIRECTIONS
    assert lists == list(map(list, of_python))
    assert updates == [clinic_lab.shown_updates(n) for n in done]
    for numbers, (low, high) in zip(curves, ends, strict=True):
        slack = 1e-9 * max(map(abs, (low, high)))
        assert low - slack <= min(numbers) <= max(numbers) <= high + slack
        assert low < high
        digits = [f"{abs(end):.6e}".split("e")[0].rstrip("0").rstrip(".") for end in (low, high)]
        assert max(map(len, digits)) <= 4, f"{low}, {high} are not round"
