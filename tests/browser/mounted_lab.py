"""A lab on a page of its own, without JupyterLab, beside the same lab in Python."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page

from course_utils.widgets import offline
from course_utils.widgets.lab import Lab

# The least that render() asks of a model, with a count of what it would send to a kernel. `answers`: null for a model
# that cannot send wishes at all, else whether somebody hears them, as a kernel would.
MOUNT = """async ([title, source, style, traits, answers]) => {
  document.title = title;
  document.head.append(Object.assign(document.createElement("style"), {textContent: style}));
  const listeners = {};
  window.lab = {
    saves: 0,
    get: (name) => traits[name],
    set(name, value) {
      traits[name] = value;
      for (const event of [`change:${name}`, "change"]) for (const listener of listeners[event] ?? []) listener();
    },
    save_changes() { this.saves += 1; },
    on: (event, listener) => (listeners[event] ??= new Set()).add(listener),
    off: (event, listener) => listeners[event].delete(listener),
  };
  if (answers !== null) {
    window.lab.wishes = [];
    window.lab.send = ({wish}) => {
      window.lab.wishes.push(wish);
      if (answers) for (const listener of listeners["msg:custom"]) setTimeout(() => listener({heard: wish}), 0);
    };
  }
  const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  window.unmount = module.default.render({model: window.lab, el: document.querySelector("main")});
}"""

# What is wrong with the lab's layout: parts that stick out, texts that overlap, a line of numbers that grows.
FAULTS = """() => {
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
  const words = "svg text, [data-role=arrow], .pgc-title, p.pgc-key, .pgc-sentence, .pgc-message, button, label, " +
    ".pgc-talk p, .pgc-said > *";
  const texts = [...root.querySelectorAll(words)].filter((t) => visible(t, t.getBoundingClientRect()));
  const shared = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);
  texts.forEach((one, i) => texts.slice(i + 1).forEach((two) => {
    if (one.dataset.role === "arrow" && two.dataset.role === "arrow") return;
    const [a, b] = [one.getBoundingClientRect(), two.getBoundingClientRect()];
    const tight = one.closest("svg") && two.closest("svg") ? 4 : 1; // a line of SVG text is taller than its letters
    if (shared(a, b, "left", "right") > 1 && shared(a, b, "top", "bottom") > tight)
      faults.push(`“${one.textContent || "arrow"}” and “${two.textContent || "arrow"}” overlap`);
  }));
  for (const t of texts)
    if (t.clientHeight > 0 && t.scrollHeight > t.clientHeight + 2) faults.push(`“${t.textContent}” leaves its box`);
  const sentence = root.querySelector('[data-role="line"]');
  const least = parseFloat(getComputedStyle(sentence).minHeight);
  if (least > 0 && sentence.getBoundingClientRect().height > least + 1)
    faults.push("the line of numbers pushes down what follows it");
  return faults;
}"""


class MountedLab:
    """The picture of a lab; its model in the page is `window.lab`, and `twin` is the lab in Python."""

    def __init__(self, page: Page, twin: Lab, selector: str, answers: bool | None = None) -> None:
        self.page, self.twin = page, twin
        traits = {name: getattr(twin, name) for name in offline.traits(type(twin))}
        page.set_content('<html lang="en"><body><main></main></body></html>')
        page.evaluate(MOUNT, [type(twin).__name__, twin._esm, twin._css, traits, answers])
        self.root = page.locator(selector)
        self.root.wait_for()

    def role(self, role: str, index: int | None = None) -> Locator:
        where = "" if index is None else f'[data-index="{index}"]'
        return self.root.locator(f'[data-role="{role}"]{where}')

    def numbers(self, role: str) -> list[float]:
        """The full numbers behind the parts of one kind."""
        return self.role(role).evaluate_all("nodes => nodes.map((node) => Number(node.dataset.value))")

    def wishes(self) -> list[str]:
        """What the page has asked Python for since the last time."""
        return self.page.evaluate("window.lab.wishes.splice(0)")

    def set(self, **traits: Any) -> None:
        """Set traits as a kernel does, and wait for the picture."""
        self.page.evaluate("(traits) => Object.entries(traits).forEach(([k, v]) => window.lab.set(k, v))", traits)
        self.page.wait_for_timeout(50)
