"""The builder of notebooks: what it derives, and what it refuses."""

import base64
import json
import re
import shutil

import nbformat
import pytest
from refusals import bad

from course_utils import data_files, lessons
from course_utils.build import notebooks, stale
from course_utils.widgets import prediction
from course_utils.widgets.offline import MIME_TYPE

pytestmark = pytest.mark.long


GOOD = """# %% [markdown] label="title" tags=["slide"] minutes=2
# # A lesson

# %% label="your-turn"
def twice(x):
    # BEGIN SOLUTION
    doubled = x + x
    return doubled
    # END SOLUTION


# %% [markdown] label="answer" tags=["solution"]
# It is the sum of x and x.
"""


@pytest.fixture
def refused(tmp_path):
    """Require that a source is refused with this message."""
    return lambda message, text: bad(notebooks.BuildError, message, notebooks.read_source, source(tmp_path, text))


def source(tmp_path, text):
    path = tmp_path / "99_test.py"
    path.write_text(text, encoding="utf-8")
    return path


def both(tmp_path, text):
    """The cells of the learner's and of the solved notebook."""
    read = notebooks.read_source(source(tmp_path, text))
    return (notebooks.derive(read, solved=solved).cells for solved in (False, True))


def test_labels_become_ids_tags_slide_types_and_a_solution_what_the_learner_fills_in(tmp_path):
    learner, solved = both(tmp_path, GOOD)
    assert [cell.id for cell in learner] == ["title", "your-turn"]
    assert learner[0].metadata == {"tags": ["slide"], "slideshow": {"slide_type": "slide"}, "minutes": 2}
    assert learner[1].source == "def twice(x):\n    ...  # your code here"
    assert solved[1].source == "def twice(x):\n    doubled = x + x\n    return doubled"
    assert solved[2].source == "It is the sum of x and x."
    read = notebooks.read_source(source(tmp_path, GOOD))
    nbformat.validate(notebooks.derive(read, solved=False))
    assert notebooks.has_solution(read)


def test_learner_gets_the_bug_that_the_solved_notebook_has_mended(tmp_path):
    bug = GOOD.replace("    doubled = x + x\n", "    #: doubled = x * x\n    doubled = x + x\n")
    bug = bug.replace("    return doubled\n", "").replace('turn"', 'turn" tags=["answer"]')
    learner, solved = (cells[1] for cells in both(tmp_path, bug))
    assert learner.source == "def twice(x):\n    doubled = x * x"
    assert solved.source == "def twice(x):\n    doubled = x + x"
    assert [cell.metadata["tags"] for cell in (learner, solved)] == [["answer", "nbval-ignore-output"], ["answer"]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('# %% label="your-turn"', "# %%", r"99_test.py: cell 2 has no label; .* above 'def twice\(x\):'"),
        ('label="answer"', 'label="your-turn"', r"99_test.py, cell 'your-turn': this label is used twice"),
        ('label="answer"', 'label="The Answer"', r"99_test.py, cell 'The Answer': expected a label of lower-case"),
        ('"solution"', '"solutoin"', r"99_test.py, cell 'answer': unknown tags \['solutoin'\]"),
        ("# END SOLUTION", "# THE END", r"99_test.py, cell 'your-turn': # BEGIN SOLUTION and # END SOLUTION"),
        ("doubled = x + x", f"doubled = x + x  # {'long ' * 20}", r"'your-turn': 'doubled = x \+ x .* would be cut"),
        ("# It is the sum of x and x.", "# It costs\n# 1. Then", r"'answer': '1. Then'… would begin a list"),
    ],
)
def test_a_source_that_breaks_a_rule_is_refused(refused, old, new, message):
    refused(message, GOOD.replace(old, new))


ASKING = """# %% label="asks"
Predict("99-far")

# %% label="answers" answers="far"
print(1)

# %% label="draws" tags=["folded"]
# What is drawn.
draw()

# %% [markdown] label="explains" answers="far"
# So far.
"""


@pytest.fixture
def predictions(tmp_path, monkeypatch):
    """Lesson 99 has one prediction."""
    question = {"id": "far", "kind": "numeric", "title": "Far", "text": "How far?", "came": "One.", "answer": 1}
    question |= {"tolerance": 0.1, "reason": "so", "otherwise": "no", "wrong": [{"value": 2, "reason": "twice"}]}
    (tmp_path / "99.json").write_text(json.dumps({"predictions": "99", "formulas": {}, "questions": [question]}))
    prediction.schema()  # is read once, from the course's own folder
    monkeypatch.setattr(lessons, "PREDICTIONS", tmp_path)


@pytest.mark.usefixtures("predictions")
def test_what_answers_a_prediction_is_folded_and_so_is_code_that_draws(tmp_path):
    learner, _ = both(tmp_path, ASKING)
    assert [cell.metadata for cell in learner] == [
        {},
        {"answers": ["far"], "jupyter": {"outputs_hidden": True}},
        {"tags": ["folded"], "jupyter": {"source_hidden": True}},
        {"answers": ["far"]},
    ]


@pytest.mark.usefixtures("predictions")
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# What is drawn.\n", "", r"'draws': folded code begins with a comment that says what it draws"),
        ('"99-far"', '"99-near"', r"'asks': 99.json has no prediction 'near', expected some of \['far'\]"),
        ('"99-far"', '"98-far"', r"'asks': 99.json has no prediction '98-far'"),
        ("print(1)", 'Predict("99-far")', r"'answers': the prediction 'far' is asked twice"),
        ('Predict("99-far")', "pass", r"'answers': it answers \['far'\], which no Predict above it asks"),
        ('"far"\nprint', '"far, near"\nprint', r"'answers': it answers \['near'\], which no Predict above"),
        ("# So far.", "# ### So far", r"'explains': it answers, so it is not shown at first, and a heading"),
        ('answers="far"\n# So', 'answers="near"\n# So', r"'explains': it answers \['near'\]"),
        (ASKING, '# %% label="only"\npass\n', r"99_test.py: no Predict asks \['far'\] of 99.json"),
    ],
)
def test_predictions_that_break_a_rule_are_refused(refused, old, new, message):
    refused(message, ASKING.replace(old, new))


def test_a_solution_left_in_the_learners_notebook_is_refused(tmp_path):
    read = notebooks.read_source(source(tmp_path, GOOD + '\n# %% label="later"\ndoubled = x + x\n'))
    arguments = notebooks.derive(read, solved=False), read, "99_test.py"
    said = r"cell 'your-turn': the solution's line 'doubled = x \+ x'"
    bad(notebooks.BuildError, said, notebooks.check_no_solution_left, *arguments)


STAGES = """# %% label="first"
from build import ppo  # STAGE build_ppo

# %% label="second"
from build import rlhf  # STAGE build_rlhf
"""


def test_stages_are_taken_in_each_function_once(tmp_path, refused):
    (tmp_path / "files").mkdir()
    shutil.copy(notebooks.NOTEBOOKS / "src" / notebooks.BUILD, tmp_path / "files")
    learner, solved = both(tmp_path, STAGES)
    assert notebooks.made_of(tmp_path / "99_test.py") == [tmp_path / notebooks.BUILD]
    assert [re.findall(r"^def (\w+)", cell.source, re.MULTILINE) for cell in (*learner, *solved)] == [
        ["ppo"],
        ["rlhf"],
        ["log_probabilities", "rollout", "gae", "ppo_gradient", "ppo"],
        ["penalised_rewards", "rlhf"],
    ]
    for old, new in [("import ppo", "import gae"), ("second", "third"), ("STAGE build_rlhf", "STAGE build_of_rome")]:
        text = STAGES.replace(old, new) + (STAGES.replace("first", "fourth") if new == "third" else "")
        refused("^99_test.py: (the stage build_|there is no question)", text)


def run(tmp_path, code):
    path = source(tmp_path, f'# %% label="only"\n{code}\n')
    return notebooks.execute(notebooks.derive(notebooks.read_source(path), solved=True), path.name, tmp_path)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import warnings\nwarnings.warn('careful')", r"99_test.py, cell 'only' warns: .*careful"),
        ("1 / 0", r"99_test.py, cell 'only' raises ZeroDivisionError: division by zero"),
        ("print(f'{0.5575:.3f}')", r"99_test.py, cell 'only' raises RoundingError: 0\.5575 lies"),
        ("import ipywidgets\n\nipywidgets.IntSlider()", r"99_test.py, cell 'only' shows a widget"),
    ],
    ids=["warns", "fails", "digits that rounding decides", "nothing without Python"],
)
def test_a_cell_that_would_be_amiss_is_refused(tmp_path, code, message):
    bad(notebooks.BuildError, message, run, tmp_path, code)


def test_a_notebook_over_the_limit_is_refused_and_its_heaviest_cell_named(tmp_path, monkeypatch):
    (tmp_path / "src").mkdir()
    path = tmp_path / "src" / "99_test.py"
    path.write_text('# %% label="small"\n1\n\n# %% label="large"\nprint("x" * 9000)\n', encoding="utf-8")
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(notebooks, "LARGEST", 5000)
    bad(notebooks.BuildError, r"99_test.py, heaviest cell 'large': the notebook has \d+ bytes", notebooks.build, path)


LAB = "from course_utils.widgets import AdvantageLab\n\nAdvantageLab(preset='zero_advantage')"


def test_two_builds_are_byte_identical_and_hold_no_code(tmp_path):
    first, second = (notebooks.written(run(tmp_path, LAB)) for _ in range(2))
    assert first == second
    built = json.loads(first)
    assert built["metadata"] == notebooks.notebook_metadata()
    (output,) = built["cells"][0]["outputs"]
    assert sorted(output["data"]) == sorted([MIME_TYPE, "image/png", "text/plain"])
    assert b"_esm" not in first


def test_an_unknown_lesson_is_named():
    with pytest.raises(notebooks.BuildError, match=r"no lesson '77' in notebooks/src, expected some of \['00'"):
        list(notebooks.sources(["77"]))


def test_a_picture_is_the_figure_of_its_cell(tmp_path):
    def pictures(file, figures):
        read = notebooks.read_source(source(tmp_path, f'# %% label="figure" picture="{file}"\nshow()\n'))
        executed = notebooks.derive(read, solved=False)
        image = {"image/png": base64.b64encode(b"a picture").decode()}
        executed.cells[0].outputs = [nbformat.v4.new_output("display_data", data=image)] * figures
        return notebooks.pictures(read, executed, "99_test.py")

    assert pictures("frame.png", 1) == {notebooks.NOTEBOOKS / "pictures" / "frame.png": b"a picture"}
    for file, figures in (("../frame.png", 1), ("frame.svg", 1), ("frame.png", 0), ("frame.png", 2)):
        bad(notebooks.BuildError, "cell 'figure': expected one figure and a file name", pictures, file, figures)


def test_what_is_stale_is_built_and_only_that(tmp_path, monkeypatch, capsys):
    data, src = tmp_path / "data", tmp_path / "notebooks" / "src"
    for folder in (data, src):
        folder.mkdir(parents=True)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", src.parent)
    monkeypatch.setattr(stale, "RECORD", tmp_path / "build" / "notebooks.json")
    monkeypatch.setattr(stale, "WATCHED", [data, src, stale.REPOSITORY / "course_utils"])
    monkeypatch.setattr(data_files, "DATA", data)
    monkeypatch.setattr(notebooks.lessons, "PREDICTIONS", data / "predictions")
    monkeypatch.setattr(notebooks, "README", tmp_path / "README.md")
    notebooks.README.write_text("Read this.\n")
    for number in ("01", "02"):
        (data / f"{number}.txt").write_text("old")
        code = f'from course_utils import policy\n\nprint(open("../data/{number}.txt").read())'
        (src / f"{number}_it.py").write_text(f'# %% label="only"\n{code}\n')

    def stale_now():
        return {path.name[:2]: reason for path, reason in notebooks.to_build([])}

    assert stale_now() == dict.fromkeys(("01", "02"), "not built here yet")
    assert notebooks.main([]) == 0
    assert stale_now() == {}
    assert capsys.readouterr().out.startswith("1 of 2, 01_it: not built here yet\n  notebooks/01_it.ipynb  ")
    built = stale.records()["01_it"]
    assert {"course_utils/policy.py", "course_utils/kernels.py", "course_utils/build/constraints.txt"} < built.keys()
    assert not {"course_utils/mdp.py", "course_utils/widgets/lab.py"} & built.keys()

    def changed(path, content):
        before = path.read_text() if path.exists() else None
        path.write_text(content)
        found = stale_now()
        path.unlink() if before is None else path.write_text(before)
        return found

    assert changed(src / "01_it.py", "")["01"].endswith("src/01_it.py has changed")
    assert changed(src.parent / "02_it.ipynb", "")["02"].endswith("notebooks/02_it.ipynb has changed")
    assert changed(data / "03.txt", "new").keys() == {"01", "02"}, "who reads of a folder may read what is added"
    assert changed(src.parent / "notes.txt", "new") == stale_now() == {}
    (data / "02.txt").write_text("new")
    assert list(stale_now()) == ["02"]
    assert notebooks.main([]) == 0
    assert stale_now() == {}
    assert '"new\\n"' in (src.parent / "02_it.ipynb").read_text()
    assert notebooks.main([]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "Nothing that a notebook was built from has changed. NOTEBOOKS=all builds them all the same."
    ]
    assert [reason for _, reason in notebooks.to_build(["all"])] == ["asked for", "asked for"]
