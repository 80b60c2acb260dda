"""The training lab in Chromium: its picture against Python's numbers, keys, layout, no kernel, and a live kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page

from course_utils.widgets import TrainingLab, offline

pytestmark = pytest.mark.browser
LAB = '.pgc-lab[data-lab="training"]'
NO_KERNEL = "Run this cell first: training needs Python."

# What render() asks of a model; `answers`: whether somebody hears its wishes, as a kernel would.
MOUNT = """async ([source, style, traits, answers]) => {
  document.title = "training";
  document.head.append(Object.assign(document.createElement("style"), {textContent: style}));
  const listeners = {};
  window.lab = {
    wishes: [],
    get: (name) => traits[name],
    set(name, value) { traits[name] = value; for (const listener of listeners.change) listener(); },
    save_changes() {},
    on: (event, listener) => (listeners[event] ??= new Set()).add(listener),
    off: (event, listener) => listeners[event].delete(listener),
    send({wish}) {
      window.lab.wishes.push(wish);
      if (answers) for (const listener of listeners["msg:custom"]) setTimeout(() => listener({heard: wish}), 0);
    },
  };
  const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  window.unmount = module.default.render({model: window.lab, el: document.querySelector("main")});
}"""

STICKS_OUT = """() => {
  const root = document.querySelector(".pgc-lab"), frame = root.getBoundingClientRect(), faults = [];
  if (frame.width > 720) faults.push("wider than 720 px");
  if (document.documentElement.scrollWidth > innerWidth) faults.push("the page scrolls sideways");
  const visible = (n, b) =>
    b.width > 1 && b.height > 0 && getComputedStyle(n).visibility !== "hidden" && !n.matches("[hidden] *, .pgc-hidden");
  for (const node of root.querySelectorAll("*")) {
    const b = node.getBoundingClientRect();
    if (visible(node, b) && (b.left < frame.left - 1 || b.right > frame.right + 1))
      faults.push(`${node.tagName} “${node.textContent.slice(0, 20)}” sticks out`);
  }
  for (const svg of root.querySelectorAll("svg:not([hidden])")) {
    const s = svg.getBoundingClientRect();
    for (const t of svg.querySelectorAll("text, path, rect, circle, line")) {
      const b = t.getBoundingClientRect();
      const over = Math.max(s.left - b.left, b.right - s.right, s.top - b.top, b.bottom - s.bottom);
      if (visible(t, b) && over > 2)
        faults.push(`${t.tagName} “${t.textContent}” leaves its picture`);
    }
  }
  const words = "svg text, [data-role=arrow], .pgc-title, p.pgc-key, .pgc-sentence, .pgc-message, button, label";
  const texts = [...root.querySelectorAll(words)].filter((t) => visible(t, t.getBoundingClientRect()));
  const shared = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);
  texts.forEach((one, i) => texts.slice(i + 1).forEach((two) => {
    if (one.dataset.role === "arrow" && two.dataset.role === "arrow") return;
    const [a, b] = [one.getBoundingClientRect(), two.getBoundingClientRect()];
    const tight = one.closest("svg") && two.closest("svg") ? 4 : 1; // a line of SVG text is taller than its letters
    if (shared(a, b, "left", "right") > 1 && shared(a, b, "top", "bottom") > tight)
      faults.push(`“${one.textContent || "arrow"}” and “${two.textContent || "arrow"}” overlap`);
  }));
  const sentence = root.querySelector('[data-role="line"]');
  if (sentence.getBoundingClientRect().height > parseFloat(getComputedStyle(sentence).minHeight) + 1)
    faults.push("the line of numbers pushes down what follows it");
  return faults;
}"""


class Training:
    """A lab in Python, and its picture on a page of its own."""

    def __init__(self, page: Page, lab: TrainingLab, *, answers: bool = True) -> None:
        self.page, self.lab = page, lab
        page.set_content('<html lang="en"><body><main></main></body></html>')
        page.evaluate(MOUNT, [lab._esm, lab._css, self.traits(), answers])
        self.root = page.locator(LAB)
        self.root.wait_for()

    def traits(self) -> dict[str, Any]:
        return {name: getattr(self.lab, name) for name in offline._traits(TrainingLab)}

    def role(self, role: str) -> Locator:
        return self.root.locator(f'[data-role="{role}"]')

    def numbers(self, role: str) -> list[float]:
        return self.role(role).evaluate_all("nodes => nodes.map((node) => Number(node.dataset.value))")

    def wishes(self) -> list[str]:
        return self.page.evaluate("window.lab.wishes.splice(0)")

    def set(self, **traits: Any) -> None:
        """Set traits as a kernel does, and wait for the picture."""
        self.page.evaluate("(traits) => Object.entries(traits).forEach(([k, v]) => window.lab.set(k, v))", traits)
        self.page.wait_for_timeout(50)


@pytest.fixture(scope="module")
def lake() -> TrainingLab:
    lab = TrainingLab()
    lab.train(15)
    lab.evaluate()
    lab.train(50)
    lab.evaluate()
    return lab


@pytest.fixture(scope="module")
def cart() -> TrainingLab:
    lab = TrainingLab("CartPole")
    lab.train(8)
    lab.evaluate(20)
    return lab


def test_the_picture_shows_pythons_numbers(page: Page, lake: TrainingLab, cart: TrainingLab) -> None:
    seen = Training(page, lake)
    assert seen.numbers("batch") == lake.history().returns[::2].tolist(), "65 updates: every second one"
    assert seen.numbers("exact") == [pytest.approx(lake.performance(), abs=1e-12)]
    arrows = np.reshape(seen.numbers("arrow"), (11, 4))
    here = [s for s, letter in enumerate(lake.world["map"]) if letter in "SF"]
    np.testing.assert_allclose(arrows, lake.probabilities()[here], atol=1e-12)
    values = seen.root.locator('[data-role="cell"] text:last-child').all_text_contents()
    assert values[here[-1]] == f"{lake.value_parameters[here[-1]]:.2f}".replace("0.", ".")
    assert seen.numbers("evaluation") == lake.evaluated_mean
    assert seen.role("line").inner_text() == lake.line()
    seen.set(critic=False)
    assert not "".join(seen.root.locator('[data-role="cell"] text:last-child').all_text_contents())

    seen = Training(page, cart)
    assert seen.role("line").inner_text() == cart.line()
    for frame in (0, 3, len(cart.pole) - 1):
        step = min(frame * -(-cart.replay_length // 99), cart.replay_length)
        seen.role("time").fill(str(step))
        assert seen.numbers("pole") == [pytest.approx(cart.pole[frame], abs=1e-9)]
    page.evaluate("window.unmount()")


def test_wishes_by_mouse_and_keys(page: Page, lake: TrainingLab, cart: TrainingLab) -> None:
    seen = Training(page, lake)
    assert seen.wishes() == ["hear"]
    order = []
    page.keyboard.press("Tab")
    while page.evaluate("!!document.activeElement.closest('.pgc-lab')"):
        order.append(page.evaluate("document.activeElement.dataset.role"))
        page.keyboard.press("Tab")
    buttons = ["train", "one-update", "evaluate", "reset", "new-seed"]
    assert order == ["environment", "critic", "entropy-cost", "lambda", "step-size", *buttons]
    for role, wish in zip(buttons, ("train", "update", "evaluate", "reset", "new seed"), strict=True):
        seen.role(role).press("Enter")
        assert seen.wishes() == [wish]
    seen.set(running=True)
    assert seen.role("train").inner_text() == "Pause"
    assert seen.role("one-update").is_disabled()
    seen.role("train").click()
    assert seen.wishes() == ["pause"]
    seen.set(running=False)
    seen.role("environment").select_option("CartPole")
    assert seen.wishes() == ["CartPole"]
    assert seen.role("environment").input_value() == "FrozenLake", "until Python has changed it"
    for role, trait, wanted in (("entropy-cost", "entropy_cost", 0.005), ("lambda", "lambda_", 0.94)):
        seen.role(role).press("ArrowLeft")
        assert page.evaluate(f"window.lab.get('{trait}')") == pytest.approx(wanted)
    before = page.evaluate("window.lab.get('step_size')")
    seen.role("step-size").press("ArrowRight")
    assert 1.05 * before < page.evaluate("window.lab.get('step_size')") < 1.25 * before
    seen.role("critic").press(" ")
    assert page.evaluate("window.lab.get('critic')") is False
    seen.set(updates=66)
    page.wait_for_timeout(500)
    assert (seen.role("live").text_content() or "").startswith("At rest: update 66")

    seen = Training(page, cart)
    assert seen.role("play").inner_text() == "Play", "nothing plays by itself"
    seen.role("play").press("Enter")
    page.wait_for_timeout(300)
    seen.role("play").press("Enter")
    stopped = int(seen.role("time").input_value())
    assert 3 < stopped < cart.replay_length
    page.wait_for_timeout(100)
    assert int(seen.role("time").input_value()) == stopped


@pytest.mark.parametrize("context_options", [{"reduced_motion": "reduce"}])
def test_reduced_motion_gets_stills(page: Page, cart: TrainingLab) -> None:
    seen = Training(page, cart)
    seen.role("play").click()
    page.wait_for_timeout(250)
    assert seen.role("time").input_value() == "0"
    page.wait_for_timeout(400)
    assert seen.role("time").input_value() == "25"


def test_without_a_kernel_the_button_says_so(page: Page, lake: TrainingLab) -> None:
    seen = Training(page, lake, answers=False)
    seen.set(running=True)
    assert seen.role("train").inner_text() == "Train", "stored while it ran: but nothing runs here"
    seen.role("train").click()
    page.wait_for_timeout(1150)
    assert seen.role("message").inner_text() == NO_KERNEL
    page.evaluate("window.unmount(); delete window.lab.send")  # as in the static page
    page.evaluate(
        """async (source) => {
          const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
          window.unmount = module.default.render({model: window.lab, el: document.querySelector("main")});
        }""",
        seen.lab._esm,
    )
    page.locator(LAB).locator('[data-role="train"]').last.click()
    assert page.locator(LAB).locator('[data-role="message"]').last.inner_text() == NO_KERNEL


@pytest.mark.parametrize("width", [736, 390])
def test_layout_and_axe(page: Page, shots: Path, width: int, lake: TrainingLab, cart: TrainingLab) -> None:
    page.set_viewport_size({"width": width, "height": 1400})
    shots.mkdir(parents=True, exist_ok=True)
    sure = np.eye(4)[np.arange(16) % 4].ravel().tolist()
    for lab, name, traits in (
        (TrainingLab(), "lake-start", {}),
        (lake, "lake-trained", {}),
        (
            lake,
            "lake-sure",
            {"policy": sure, "values": [-0.25] * 16, "message": "Training stopped: " + "x" * 60 + " y."},
        ),
        (TrainingLab("CartPole"), "cart-start", {}),
        (cart, "cart-trained", {}),
        (cart, "cart-long", {"updates": 12345, "steps": 12345678, "step_size": 0.0011, "entropy_cost": 0.125}),
    ):
        seen = Training(page, lab)
        if traits:
            seen.set(**traits)
        if name == "cart-trained":
            seen.role("time").fill("20")
        seen.root.screenshot(path=shots / f"training_{width}_{name}.png")
        assert page.evaluate(STICKS_OUT) == [], name
        if name.endswith("trained"):
            violations = Axe().run(page, context=LAB).response["violations"]
            assert [v["id"] for v in violations if v["impact"] in ("serious", "critical")] == []


def test_in_a_live_kernel_it_learns_while_one_watches(open_cells: Callable[..., Any]) -> None:
    notebook = open_cells("from course_utils.widgets import TrainingLab\nlab = TrainingLab()\nlab")
    page = notebook.page
    root = page.locator(LAB)
    root.wait_for()
    notebook.scroll_to(root)
    line = f"document.querySelector('{LAB} [data-role=line]').textContent"
    count = f"Number({line}.split(' ')[1].replaceAll(',', ''))"
    train = root.locator('[data-role="train"]')
    train.focus()
    page.keyboard.press("Enter")
    notebook.wait_for_page(count, lambda n: n > 0)
    assert train.inner_text() == "Pause"
    seen = {notebook.wait_for_page(count, lambda n: n > 0) for _ in range(12) if page.wait_for_timeout(60) is None}
    assert len(seen) > 3, "the picture moves while it trains"
    page.keyboard.press("Enter")
    notebook.wait_for_kernel("lab.running", lambda running: running is False)
    notebook.wait_for_page(f"document.querySelector('{LAB} [data-role=train]').textContent", lambda t: t == "Train")
    paused = notebook.kernel_value("lab.updates")
    page.wait_for_timeout(300)
    assert notebook.kernel_value("lab.updates") == paused == page.evaluate(count)
    root.locator('[data-role="evaluate"]').press("Enter")
    mean = notebook.wait_for_kernel("lab.evaluated_mean", lambda means: len(means) == 1)[0]
    notebook.wait_for_page(
        f"""document.querySelector('{LAB} [data-role="line"]').textContent""", lambda t: f"{mean:.2f}" in t
    )
    root.locator('[data-role="one-update"]').press("Enter")
    notebook.wait_for_page(count, lambda n: n == paused + 1)

    # An interrupt, as JupyterLab's button sends it, ends it in words.
    train.press("Enter")
    notebook.wait_for_page(count, lambda n: n > paused + 5)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    told = f"""document.querySelector('{LAB} [data-role="message"]').textContent"""
    notebook.wait_for_page(told, lambda words: words.startswith("Interrupted after update"))
    assert notebook.kernel_value("lab.running") is False
    assert notebook.kernel_value("lab.updates") == page.evaluate(count)

    # Another environment, and back to the beginning.
    root.locator('[data-role="environment"]').select_option("CartPole")
    notebook.wait_for_kernel("[lab.environment, lab.updates]", lambda now: now == ["CartPole", 0])
    root.locator('[data-role="one-update"]').press("Enter")
    notebook.wait_for_page(count, lambda n: n == 1)
    assert root.locator('[data-role="cart"]').is_visible()
    root.locator('[data-role="new-seed"]').press("Enter")
    notebook.wait_for_kernel("[lab.seed, lab.updates]", lambda now: now == [1, 0])
