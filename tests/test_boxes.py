"""A learner's own box of labs stores the data of its labs, so that it is more than an error without a kernel."""

import subprocess
import sys

CODE = """
import json
import ipywidgets
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
from course_utils.widgets import AdvantageLab, ClipLab, offline
lab, clip = AdvantageLab(step_size=2.0), ClipLab()
boxes = {
    "none": ipywidgets.VBox([ipywidgets.IntSlider()]),
    "one": ipywidgets.HBox([ipywidgets.Label("mine"), lab]),
    "nested": ipywidgets.Tab([ipywidgets.Accordion([ipywidgets.VBox([clip])]), lab]),
}
for name, box in boxes.items():
    data, _ = shell.display_formatter.format(box)
    stored = data.get(offline.MIME_TYPE)
    print(name, "application/vnd.jupyter.widget-view+json" in data, lab.alt_text() in data["text/plain"])
    print(stored and stored["labs"] == [offline.stored(one) for one in ((clip, lab) if name == "nested" else (lab,))])
"""


def test_a_box_stores_what_its_labs_do() -> None:
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    wanted = ["none True False", "None", "one True True", "True", "nested True True", "True"]
    assert run.stdout.split("\n")[:-1] == wanted, run.stderr
