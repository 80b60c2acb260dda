"""Labs, quiz, map and check cards in a light and a dark page and under forced colours: legible in each."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import every_lab
import matplotlib.image
import numpy as np
import pytest
from appearance import axe, axe_of_colours
from jupyterlab_page import JupyterLabPage
from mounted_lab import MountedLab
from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

# Whether the page is light, and what the system asks for.
THEMES: dict[str, tuple[bool, dict[str, Any]]] = {
    "light": (True, {}),
    "dark": (False, {}),
    "forced colours, dark": (True, {"forced_colors": "active", "color_scheme": "dark"}),
    "forced colours, light": (False, {"forced_colors": "active", "color_scheme": "light"}),
}

# What is hard to see in a lab's pictures and controls. axe sees no text of an SVG, no focus and no box.
COLOURS = """
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const once = (found, kept = new Map()) => (key) => kept.get(key) ?? kept.set(key, found(key)).get(key);
  const rgba = once((colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255);
  });
  const over = ([r, g, b, a], ground) => [r, g, b].map((v, i) => v * a + ground[i] * (1 - a));
  const light = (colour) => {
    const [r, g, b] = colour.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, two) => {
    const [low, high] = [light(one), light(two)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const groundOf = once((node) =>
    node === null ? [1, 1, 1] : over(rgba(getComputedStyle(node).backgroundColor), groundOf(node.parentElement)));
"""
FAINT = """() => { COLOURS
  const faults = [], root = document.querySelector(".pgc-lab");
  const seen = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const opacity = (node) =>
    node.matches("svg") ? 1 : Number(getComputedStyle(node).opacity) * opacity(node.parentElement);
  const paint = (node, kind) => {
    const style = getComputedStyle(node);
    const [r, g, b, a] = rgba(style[kind]);
    return [r, g, b, a * Number(style[`${kind}Opacity`]) * opacity(node)];
  };
  const shapes = [...root.querySelectorAll("svg :is(rect, path, circle, ellipse, polygon)")].filter(
    (n) => seen(n) && n.closest("defs, marker") === null && !/none|url/.test(getComputedStyle(n).fill));
  const box = once((node) => node.getBoundingClientRect());
  const near = ({ left, right, top, bottom }, x, y) => left - 1 < x && x < right + 1 && top - 1 < y && y < bottom + 1;
  const covers = (shape, x, y) => near(box(shape), x, y) &&
    shape.isPointInFill(new DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse()));
  const texts = [...root.querySelectorAll("svg text")].filter((n) => seen(n) && n.textContent.trim() !== "");
  for (const text of texts) {
    const { left, top, width, height } = box(text), style = getComputedStyle(text);
    const halo = style.paintOrder.startsWith("stroke") && style.stroke !== "none" && parseFloat(style.strokeWidth) > 0;
    for (const part of [0.25, 0.5, 0.75]) {
      const [x, y] = [left + part * width, top + height / 2];
      let ground = groundOf(text.closest("svg"));
      for (const shape of shapes)
        if (text.compareDocumentPosition(shape) & Node.DOCUMENT_POSITION_PRECEDING && covers(shape, x, y))
          ground = over(paint(shape, "fill"), ground);
      if (halo) ground = over(paint(text, "stroke"), ground);
      const found = ratio(over(paint(text, "fill"), ground), ground);
      if (found < 4.5) faults.push(`“${text.textContent}” has contrast ${found.toFixed(2)}`);
    }
  }
  for (const part of root.querySelectorAll(".pgc-formula svg *")) {
    const ground = groundOf(part.closest("span"));
    if (seen(part) && ratio(over(paint(part, "fill"), ground), ground) < 4.5) faults.push("a formula is faint");
  }
  for (const ring of root.querySelectorAll(".pgc-ring, .pgc-focus")) {
    const ground = groundOf(ring.closest("svg"));
    if (ratio(rgba(getComputedStyle(ring).stroke), ground) < 3) faults.push("a ring is faint");
  }
  const forced = matchMedia("(forced-colors: active)").matches;
  for (const box of root.querySelectorAll("input[type=radio], input[type=checkbox]")) {
    const style = getComputedStyle(box), ground = groundOf(box.parentElement), inside = groundOf(box);
    if (!forced && ratio(rgba(style.borderTopColor), ground) < 3) faults.push("the frame of a box is faint");
    if (!forced && !box.checked && ratio(inside, ground) > 1.2) faults.push("an unchosen box looks filled");
    const sign = getComputedStyle(box, "::before").content;
    if (!forced && box.checked === (sign === "none")) faults.push("a choice is unmarked");
    if (forced !== (style.appearance !== "none")) faults.push("a box is drawn by the wrong hand");
  }
  return faults;
}""".replace("COLOURS", COLOURS)
# Remember the control that Tab came to; whether there are more, as there are until all have been there, or 40.
STOP = """() => {
  const stop = document.activeElement, stops = (window.stops ??= []);
  return stop !== document.body && stops.push(stop) < 40;
}"""
# The controls that Tab came to where what marks the focused one hardly stands out from what is around it.
UNSEEN = """() => { COLOURS
  const contrast = (node) => { // 1 where there is no mark
    const option = node.closest(".pgc-option") ?? node, style = getComputedStyle(option);
    const rings = [...document.querySelectorAll(".pgc-ring, .pgc-focus")]
      .filter((n) => getComputedStyle(n).opacity === "1");
    if (rings.length === 1 && node.closest("svg"))
      return ratio(rgba(getComputedStyle(rings[0]).stroke), groundOf(node));
    if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return 1;
    return ratio(rgba(style.outlineColor), groundOf(option.parentElement));
  };
  const unseen = [];
  for (const stop of window.stops) {
    stop.focus({ focusVisible: true });
    if (document.activeElement !== stop || contrast(stop) < 3) unseen.push(stop.outerHTML.slice(0, 200));
  }
  return unseen;
}""".replace("COLOURS", COLOURS)


def put_on(page: Page, theme: str) -> None:
    light, media = THEMES[theme]
    page.emulate_media(**({"forced_colors": "none", "color_scheme": "light"} | media))
    page.evaluate("(light) => { document.body.dataset.jpThemeLight = String(light); }", light)


def use(lab: MountedLab) -> None:
    """Bring out what is hidden at first: a refused number, a sample, an answer that is right and one that is not."""
    field = lab.root.locator('input.pgc-number[data-role$="-input"]')
    if field.count():
        field.first.fill("x")
        field.first.press("Enter")
        lab.role("message").wait_for()
    lab.root.evaluate(
        """(root) => {
          for (const question of root.querySelectorAll('[data-kind="single"]')) {
            question.querySelector('[data-role="option"]').click();
            question.querySelector('[data-role="send"]').click();
          }
          for (const box of root.querySelectorAll('[type="checkbox"]:not(:checked)')) box.click();
          for (const button of root.querySelectorAll('[data-role^="draw-"], [data-role="step"]')) button.click();
        }"""
    )


@pytest.mark.parametrize("name", every_lab.NAMES)
def test_everything_is_legible_in_each_theme(page: Page, name: str) -> None:
    lab = MountedLab(page, every_lab.made(name), answers=False)
    faults = []
    for used in (False, True):
        if used:
            use(lab)
        for theme in THEMES:
            put_on(page, theme)
            faults += [f"{theme}: {fault}" for fault in page.evaluate(FAINT)]
            if used and theme != "forced colours, light":  # it takes a second
                faults += [f"{theme}: {found}" for found in axe_of_colours(page, ".pgc-lab")]
    assert faults == []


@pytest.mark.parametrize("name", every_lab.NAMES)
def test_the_focus_is_seen_in_each_theme(page: Page, name: str) -> None:
    MountedLab(page, every_lab.made(name), answers=False)
    page.evaluate("document.querySelector('.pgc-lab').focus()")
    page.keyboard.press("Tab")
    while page.evaluate(STOP):
        page.keyboard.press("Tab")
    assert page.evaluate("window.stops.length") > 0
    for theme in ("light", "dark", "forced colours, dark"):
        put_on(page, theme)
        assert page.evaluate(UNSEEN) == [], theme


@pytest.mark.parametrize(
    ("page_says", "jupyter_says", "system", "dark"),
    [
        ("", None, "dark", False),  # a page that says nothing of itself is light, whatever the system prefers
        ("light dark", None, "dark", True),
        ("light dark", None, "light", False),
        ("dark", None, "light", True),
        ("light dark", "true", "dark", False),  # JupyterLab, and pages that nbconvert makes, have the last word
        ("", "false", "light", True),
    ],
)
def test_without_jupyterlab_a_lab_is_as_light_as_its_page(
    page: Page, page_says: str, jupyter_says: str | None, system: Any, dark: bool
) -> None:
    MountedLab(page, every_lab.made("advantage_lab"))
    page.emulate_media(forced_colors="none", color_scheme=system)
    found = page.evaluate(
        f"""([says, jupyter]) => {{ {COLOURS}
          document.documentElement.style.colorScheme = says;
          if (jupyter !== null) document.body.dataset.jpThemeLight = jupyter;
          const style = (selector) => getComputedStyle(document.querySelector(selector));
          return [style(".pgc-lab").backgroundColor, style(".pgc-lab select").backgroundColor,
            style(".pgc-lab svg text").fill, style(".pgc-lab").color]
            .map((colour) => light(rgba(colour).slice(0, 3)) < 0.2); }}""",
        [page_says, jupyter_says],
    )
    assert found == [dark, dark, not dark, not dark]


# --- in JupyterLab -----------------------------------------------------------------------------------------

CELLS = (
    "import os\nos.environ['POLICY_GRADIENT_COURSE_PROGRESS'] = ''\nimport numpy as np\n"
    "from course_utils.checks import check\ncheck('softmax', lambda logits, temperature: logits)",
    "def softmax(logits, temperature=1.0):\n    e = np.exp(np.asarray(logits) / temperature)\n"
    "    return e / e.sum(-1, keepdims=True)\ncheck('softmax', softmax)",
    "from course_utils.widgets import AdvantageLab, Quiz\nAdvantageLab(predict_first=True)",
    "Quiz('06')",
)


def painted(part: Locator) -> np.ndarray:
    """The colours of a part of the page, as they are painted."""
    return np.asarray(matplotlib.image.imread(io.BytesIO(part.screenshot())))[..., :3]


def test_in_jupyterlab_outputs_follow_its_theme(open_cells: Callable[..., JupyterLabPage]) -> None:
    notebook = open_cells(*CELLS, viewport=(1000, 3400))
    page = notebook.page
    boxes = page.locator(".pgc-quiz [data-kind=single] input")
    boxes.nth(1).check()
    papers = []
    try:
        for theme in ("JupyterLab Dark", "JupyterLab Dark High Contrast", "JupyterLab Light"):
            notebook.set_theme(theme)
            page.evaluate("document.activeElement.blur()")
            page.mouse.move(1, 1)
            if theme == "JupyterLab Dark":
                assert axe(page, ".jp-Cell-outputArea") == []
            paper = np.median(painted(page.locator(".pgc-quiz .pgc-title")), axis=(0, 1))  # of words the lesser part
            papers.append(paper.mean())
            two = map(painted, boxes.all()[:2])
            unchosen, chosen = (np.abs(box[len(box) // 2, len(box[0]) // 2] - paper).max() for box in two)
            assert unchosen < 0.1, "an unchosen box looks filled"
            assert chosen > 0.2, "the chosen one does not"
        page.emulate_media(forced_colors="active", color_scheme="dark")
        assert axe(page, ".jp-Cell-outputArea") == []
    finally:
        notebook.set_theme("JupyterLab Light")
        page.emulate_media(forced_colors="none", color_scheme="light")
    assert max(papers[:2]) < 0.2
    assert papers[2] == 1
