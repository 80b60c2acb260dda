"""How smooth is a drag? The Advantage Lab beside the same picture by ipywidgets.interact and matplotlib.

`make bench BENCH=drag` drags both with the mouse in one real JupyterLab and says how often each picture really changed
on screen. A frame counts as updated when what it shows differs from the frame before: for the Lab the bar of π after
the step, for interact the image that arrived from the kernel.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from jupyterlab_page import LAB, JupyterLabPage, middle
from playwright.sync_api import Locator

LAB_CELL = """from course_utils.widgets import AdvantageLab
lab = AdvantageLab(advantages=[1.5, 0.5, -1.0])
lab"""

INTERACT_CELL = """%matplotlib inline
import ipywidgets
import matplotlib.pyplot as plt
import numpy as np

def softmax(z):
    e = np.exp(z - np.max(z))
    return e / e.sum()

def draw(advantage=1.5):
    A, z = np.array([advantage, 0.5, -1.0]), np.zeros(3)
    before = softmax(z)
    after = softmax(z + before * (A - before @ A))
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8))
    left.bar(["a", "b", "c"], A)
    left.set_ylim(-3, 3)
    right.bar(np.arange(3) - 0.2, before, 0.4)
    right.bar(np.arange(3) + 0.2, after, 0.4)
    right.set_ylim(0, 1)
    plt.show()

ipywidgets.interact(draw, advantage=ipywidgets.FloatSlider(value=1.5, min=-3, max=3, step=0.01));"""

WATCH = """(looks) => {
  const watch = { updates: 0, events: 0, first: null, last: null, on: true };
  const look = { lab: () => document.querySelector('.pgc-lab [data-role="pi-after"][data-index="0"]')
                   .getAttribute("height"),
                 interact: () => document.querySelector(".widget-interact img")?.src,
               }[looks];
  let shown = look();
  window.dragWatch = watch;
  document.addEventListener("pointermove", () => {
    watch.events += 1;
    watch.first ??= performance.now();
    watch.last = performance.now();
  }, {capture: true});
  const frame = () => {
    if (!watch.on) return;
    const now = look();
    if (now !== undefined && now !== shown) { watch.updates += 1; shown = now; }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""


@dataclass
class Drag:
    """One measured drag: frames that showed something new, move events delivered, its length in seconds."""

    updates: int
    events: int
    seconds: float

    @property
    def updates_per_second(self) -> float:
        return self.updates / self.seconds


def drag(notebook: JupyterLabPage, looks: str, handle: Locator, along: tuple[int, int], seconds: float) -> Drag:
    """Drag a handle to and fro for so long, as fast as the browser takes the mouse's moves."""
    notebook.scroll_to(handle)
    (x, y), mouse = middle(handle), notebook.page.mouse
    mouse.move(x, y)
    mouse.down()
    notebook.page.evaluate(WATCH, looks)
    start, end = time.monotonic(), 40
    while time.monotonic() - start < seconds:
        mouse.move(x + along[0] * end, y + along[1] * end, steps=27)
        end = -end
    seen = notebook.page.evaluate("() => { window.dragWatch.on = false; return window.dragWatch; }")
    mouse.move(x, y)  # else the next drag begins nearer to the end of the axis, where nothing moves any more
    mouse.up()
    return Drag(seen["updates"], seen["events"], (seen["last"] - seen["first"]) / 1000)


def measure(notebook: JupyterLabPage, seconds: float = 3.0) -> tuple[Drag, Drag]:
    """Both drags, in an opened notebook of LAB_CELL and INTERACT_CELL that has been run."""
    page = notebook.page
    notebook.scroll_to(page.locator(LAB))
    top = page.locator(f'{LAB} [data-role="advantage"][data-index="0"] circle').last
    lab = drag(notebook, "lab", top, (0, 1), seconds)
    page.locator(".widget-interact img").wait_for()
    notebook.scroll_to(page.locator(".widget-interact"))
    dial = page.locator(".widget-interact .noUi-handle")
    return lab, drag(notebook, "interact", dial, (1, 0), seconds)
