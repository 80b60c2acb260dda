"""What is wrong with how a lab looks: its layout, and what axe-core finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# Parts that stick out of the lab or of their picture, texts that are cut or overlap, sentences that push.
_FAULTS = """async ([selector, pushes, leaves]) => {
  const drawn = () => new Promise(requestAnimationFrame);
  await drawn();
  await drawn();
  const root = document.querySelector(selector), faults = new Set();
  const box = (n) => n.getBoundingClientRect();
  const named = (n) => `${n.tagName} ${n.dataset.role ?? ""} “${String(n.value || n.textContent).slice(0, 30)}”`;
  const seen = (n) => box(n).width > 1 && box(n).height > 0 && n.closest("[hidden], .pgc-hidden, defs") === null &&
    n.checkVisibility({ visibilityProperty: true });
  const beyond = (a, b) => Math.max(b.left - a.left, a.right - b.right, b.top - a.top, a.bottom - b.bottom);
  const shared = (a, b) => Math.min(
    Math.min(a.right, b.right) - Math.max(a.left, b.left) - 1, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  const frame = box(root), shown = [...root.querySelectorAll("*")].filter(seen);
  const page = document.documentElement;
  if (frame.width > 1080) faults.add("wider than 1,080 px");
  if (page.scrollWidth > innerWidth) faults.add("the page scrolls sideways");

  const pen = document.createElement("canvas").getContext("2d");
  const chosenWidth = ({ selectedOptions: [chosen] }, { font }) =>
    Object.assign(pen, { font }).measureText(chosen?.text ?? "").width + 24; // with the arrow
  const words = new Set(root.querySelectorAll('svg [data-role="arrow"]'));
  for (const n of shown) {
    const style = getComputedStyle(n), b = box(n), svg = n.ownerSVGElement;
    const clipped = n.closest(".pgc-plot, .pgc-formula, pattern, clipPath, mask") !== null;
    if (!clipped && (b.left < frame.left - 1 || b.right > frame.right + 1 || b.bottom > frame.bottom + 1))
      faults.add(`${named(n)} sticks out`);
    const written = [...n.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    const boxed = !svg && n.tagName !== "svg" && style.display !== "inline" && n.clientWidth > 1 &&
      (written || n.matches("input, select") || style.overflow !== "visible");
    if (boxed && !n.matches("select") && n.scrollWidth > n.clientWidth + 1)
      faults.add(`${named(n)} is cut: ${n.scrollWidth} px in ${n.clientWidth}`);
    if (boxed && n.matches("p, span, button, label, td, th, dd") && n.scrollHeight > n.clientHeight + 2)
      faults.add(`${named(n)} leaves its box`);
    const choice = n.matches("select") ? chosenWidth(n, style) : 0;
    if (choice > n.clientWidth && choice < frame.width - 26) faults.add(`${named(n)}: its choice is cut`);
    if (svg && written && /\\S…$/.test(n.textContent)) faults.add(`${named(n)} is cut`);
    if (n.matches(".pgc-formula > svg") && b.right > frame.right - 8) faults.add(`${named(n.parentElement)} is cut`);
    if (svg && !clipped && n.matches(":is(text, path, rect, circle, line, polygon):not(.pgc-ring, .pgc-focus)")) {
      const picture = n.closest("svg:not(svg svg)");
      const over = beyond(b, box(picture));
      if (over > leaves) faults.add(`${named(n)} leaves its picture by ${over} px`);
    }
    if (!written || n.matches("option, style, title, desc")) continue;
    let block = n;
    while (block.tagName === "tspan" || (!svg && getComputedStyle(block).display === "inline"))
      block = block.parentElement;
    words.add(block);
  }
  const arrow = (n) => n.dataset.role === "arrow";
  const texts = [...words].filter((n) => seen(n) && n !== root).map((n) => ({ n, at: box(n), is: arrow(n) }));
  texts.forEach((one, i) => texts.slice(i + 1).forEach((two) => {
    if (shared(one.at, two.at) <= 0 || one.n.contains(two.n) || two.n.contains(one.n) || (one.is && two.is)) return;
    // a line of SVG text is taller than its letters, and an arrow may come near
    const tight = one.is || two.is ? 5 : one.n.ownerSVGElement && two.n.ownerSVGElement ? 1.5 : 1;
    if (Math.min(one.at.bottom, two.at.bottom) - Math.max(one.at.top, two.at.top) > tight)
      faults.add(`${named(one.n)} and ${named(two.n)} overlap`);
  }));

  const sentences = '.pgc-sentence, .pgc-readout, [data-role="line"], [data-role="ghost-sum"]';
  for (const sentence of root.querySelectorAll(sentences)) {
    if (pushes || !seen(sentence)) continue;
    const floor = sentence.cloneNode(false); // as high as the style makes it with no words in it
    sentence.after(floor);
    const least = box(floor).height;
    floor.remove();
    if (box(sentence).height > least + 1) faults.add(`${named(sentence)} pushes down what follows it`);
  }
  return [...faults];
}"""


def layout_faults(page: Page, selector: str = ".pgc-lab", pushes: bool = False, leaves: float = 2) -> list[str]:
    """What is wrong with the layout of the lab, a line each, once it has been drawn.

    pushes: a sentence may push down what follows it; leaves: px that a part may leave its picture by.
    """
    return list(page.evaluate(_FAULTS, [selector, pushes, leaves]))


# One text of each colour, ground, size and weight that the page has now, and one link of each in a text.
_OF_EACH_COLOUR = """(within) => {
  const look = (node) => {
    const { color, fontSize, fontWeight, opacity, textDecorationLine } = getComputedStyle(node);
    return [color, fontSize, fontWeight, opacity, textDecorationLine].join();
  };
  const grounds = new Map([[null, ""]]);
  const groundOf = (node) => {
    if (!grounds.has(node)) {
      const { backgroundColor: ground, backgroundImage: image, opacity } = getComputedStyle(node);
      const clear = /, 0\\)$/.test(ground) && image === "none" && opacity === "1";
      grounds.set(node, groundOf(node.parentElement) + (clear ? "" : `/${ground} ${image} ${opacity}`));
    }
    return grounds.get(node);
  };
  const has = new Map();
  for (const node of document.querySelectorAll(`${within} *:not(svg *, math *, script, style, option)`)) {
    const words = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    if (!(words || node.matches("input, select")) || !node.checkVisibility({ visibilityProperty: true })) continue;
    const beside = node.matches("a") ? look(node.parentElement) : "";
    const key = [look(node), beside, node.matches(":disabled, label *"), groundOf(node)].join();
    if (!has.has(key)) has.set(key, node);
  }
  for (const node of has.values()) node.dataset.chosen = "";
}"""
# axe takes its time for each part of a page: the same colours of code elsewhere need no parts of their own.
_PLAIN_CODE = """() => document.querySelectorAll(".highlight pre span:not([data-chosen], :has([data-chosen]))")
  .forEach((span) => span.replaceWith(span.textContent))"""
# Behind a gradient axe compares nothing: the pages' shades say where there is more to scroll to.
_NO_SHADES = ".table-wrapper, .pgc-formula-line { background-image: none !important }"
_EMPTY_THE_REST = """() => {
  const kept = new Set(document.querySelectorAll("[data-chosen]"));
  for (let node of [...kept]) while ((node = node.parentElement) !== null) kept.add(node);
  const empty = (node) => [...node.children].filter((child) => !child.matches("style, script"))
    .forEach((child) => (kept.has(child) ? empty(child) : child.replaceChildren()));
  empty(document.body);
}"""
SCHEMES = {"dark": ("dark", "none"), "forced colours": ("dark", "active"), "light": ("light", "none")}
OF_COLOURS = ("color-contrast", "link-in-text-block")  # the other rules of axe do not depend on them

# JupyterLab's body is 0 px high and hides what leaves it. Browsers let that be, but axe takes all texts for unseen.
_BODY_IS_THERE = "if (document.body.clientHeight === 0) document.body.style.minHeight = '100vh'"
# The rules whose violations are never serious: they take a third of the time.
_SLIGHT = "axe._audit.rules.filter(({ impact }) => /minor|moderate/.test(impact)).map(({ id }) => id)"


def axe(page: Page, selector: str = ".pgc-lab", *rules: str, but: Sequence[str] = ()) -> list[str]:
    """axe-core's serious and critical violations within a selector, one line each; of these rules or all but some."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    page.evaluate(_BODY_IS_THERE)
    # Without preload: its style sheets are read where they are, and from a folder cannot be asked for.
    options: Any = {"resultTypes": ["violations"], "preload": False} | ({"runOnly": list(rules)} if rules else {})
    left_out = but if rules else [*but, *page.evaluate(_SLIGHT)]
    options["rules"] = {rule: {"enabled": False} for rule in left_out}
    run = """async ([selector, options]) => (await axe.run(selector, options)).violations.map(
      ({ id, impact, help, nodes }) => [impact, `${id} (${impact}): ${help}; ` +
        nodes.map((node) => node.html.slice(0, 160)).join(" | ")])"""
    violations = page.evaluate(run, [selector, options])
    return [found for impact, found in violations if rules or impact in ("serious", "critical")]


def axe_of_colours(page: Page, within: str) -> list[str]:
    """What axe-core finds of the colours in there, where one text stands for all with the same colour and ground."""
    page.evaluate(_OF_EACH_COLOUR, within)
    return axe(page, "[data-chosen]", *OF_COLOURS)


def axe_of_all(page: Page, within: str = ".pgc-lab") -> list[str]:
    """What axe-core finds in there: as `axe`, but of the colours by one text for all of the same colour and ground."""
    return axe(page, within, but=OF_COLOURS) + axe_of_colours(page, within)


def axe_of_page(page: Page) -> dict[str, list[str]]:
    """What axe-core finds on a page in light, dark and forced colours; little of the page is left afterwards.

    Whatever does not depend on colours is looked for once. Of the texts with the same colour, ground, size and weight
    one stands for all.
    """

    def each() -> Iterator[str]:
        for name, (scheme, forced) in SCHEMES.items():
            page.emulate_media(color_scheme=scheme, forced_colors=forced)
            yield name

    page.add_style_tag(content=_NO_SHADES)
    for _ in each():
        page.evaluate(_OF_EACH_COLOUR, "body")
    page.evaluate(_PLAIN_CODE)
    found = {"all colours": axe(page, "body", but=OF_COLOURS)}
    page.evaluate(_EMPTY_THE_REST)
    found |= {name: axe(page, "body", *OF_COLOURS) for name in each()}
    return {where: faults for where, faults in found.items() if faults}


# Parts that a style lets move, and what moves at the moment.
_MOVING = """(selector) => {
  const named = (n) => `${n.tagName.toLowerCase()}.${n.className.baseVal ?? n.className}`;
  const lasts = (times) => times.split(",").some((time) => parseFloat(time) > 0);
  const styled = [...document.querySelectorAll(selector)].flatMap((node) => ["", "::before", "::after"].map((part) => {
    const { transitionDuration, transitionProperty, animationDuration, animationName, scrollBehavior } =
      getComputedStyle(node, part || null);
    const moves = (lasts(transitionDuration) && transitionProperty !== "none") ||
      (lasts(animationDuration) && animationName !== "none") || scrollBehavior === "smooth";
    return moves ? `${named(node)}${part}` : null;
  })).filter((one) => one !== null);
  const now = document.getAnimations().map(({ effect }) => `${named(effect.target)} now`);
  return [...new Set([...styled, ...now])];
}"""


def moving(page: Page, selector: str = "*") -> list[str]:
    """What moves on the page, or would by its style, a line each."""
    return list(page.evaluate(_MOVING, selector))
