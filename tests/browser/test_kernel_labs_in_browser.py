"""Labs that train in the kernel: without one the button says so; with one they learn while one watches."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from every_lab import healthy, lake
from jupyterlab_page import JupyterLabPage
from lab_view import LabView
from mounted_lab import MountedLab
from playwright.sync_api import Page

pytestmark = pytest.mark.browser
NO_KERNEL = "Run this cell first: training needs Python."
# Of each: how a cell makes it, the role whose text begins "update 3", its button at rest, one that was trained.
LABS = {
    "training": ("TrainingLab()", "line", "Train", lake),
    "rlhf": ("RlhfLab(kl_coef=0)", "count", "Run", healthy),
}


@pytest.mark.parametrize("name", LABS)
def test_without_a_kernel_the_button_says_so(page: Page, name: str) -> None:
    *_, resting, trained = LABS[name]
    seen = MountedLab(page, trained())  # as in a static page
    seen.set(running=True)
    assert seen.text("train") == resting, "stored while it ran: but nothing runs here"
    seen.click("train")
    assert seen.text("message") == NO_KERNEL
    seen = MountedLab(page, trained(), answers=False)
    seen.click("one-update")
    page.wait_for_timeout(1100)
    assert seen.text("message") == NO_KERNEL


@pytest.mark.parametrize("name", LABS)
def test_in_a_live_kernel_it_learns_while_one_watches(open_cells: Callable[..., JupyterLabPage], name: str) -> None:
    made, counting, resting, _ = LABS[name]
    notebook = open_cells(f"from course_utils.widgets import *\nlab = {made}\nlab")
    page = notebook.page
    lab = LabView.in_notebook(notebook, f'.pgc-lab[data-lab="{name}"]')
    of_page = f"document.querySelector('[data-lab={name}] [data-role=%s]').textContent"
    count = f"Number({of_page % counting}.split(' ')[1].replaceAll(',', ''))"
    train, one_update = lab.role("train"), lab.role("one-update")
    train.press("Enter")
    notebook.wait_for_page(count, lambda n: n > 0)
    assert train.inner_text() == "Pause"
    seen = {page.evaluate(count) for _ in range(12) if page.wait_for_timeout(60) is None}
    assert len(seen) > 3, "the picture moves while it trains"
    if name == "rlhf":  # a change counts from the next update on
        lab.role("kl-coef").press("End")
        notebook.wait_for_kernel("[lab.log.rows[i]['ours/kl_coef'] for i in (0, -1)]", lambda beta: beta == [0, 10])
    train.press("Enter")
    notebook.wait_for_kernel("lab.running", lambda running: running is False)
    notebook.wait_for_page(of_page % "train", lambda text: text == resting)
    paused = notebook.kernel_value("lab.updates")
    notebook.wait_for_page(count, lambda n: n == paused)
    page.wait_for_timeout(300)
    assert notebook.kernel_value("lab.updates") == paused
    one_update.press("Enter")
    notebook.wait_for_page(count, lambda n: n == paused + 1)

    # An interrupt, as JupyterLab's button sends it, ends it in words.
    train.press("Enter")
    notebook.wait_for_page(count, lambda n: n > paused + 3)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    notebook.wait_for_page(of_page % "message", lambda words: words.startswith("Interrupted after update"))
    assert notebook.kernel_value("lab.running") is False
    assert notebook.kernel_value("lab.updates") == page.evaluate(count)

    # Other settings, and back to the beginning.
    if name == "rlhf":
        lab.role("features").select_option("rich")
        notebook.wait_for_kernel("[lab.feature_kind, lab.updates]", lambda now: now == ["rich", 0])
        notebook.wait_for_page(count, lambda n: n == 0)
        return
    lab.role("evaluate").press("Enter")
    (mean,) = notebook.wait_for_kernel("lab.evaluated_mean", lambda means: len(means) == 1)
    notebook.wait_for_page(of_page % "line", lambda words: f"{mean:.2f}" in words)
    lab.role("environment").select_option("CartPole")
    notebook.wait_for_kernel("[lab.environment, lab.updates]", lambda now: now == ["CartPole", 0])
    one_update.press("Enter")
    notebook.wait_for_page(count, lambda n: n == 1)
    assert lab.role("cart").is_visible()
    lab.role("new-seed").press("Enter")
    notebook.wait_for_kernel("[lab.seed, lab.updates]", lambda now: now == [1, 0])
