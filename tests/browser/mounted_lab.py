"""A lab on a page of its own, without JupyterLab, beside the same lab in Python."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from course_utils.widgets import offline
from course_utils.widgets.lab import Lab

# The least that render() asks of a model, with a count of what it would send to a kernel.
MOUNT = """async ([title, source, style, traits]) => {
  document.title = title;
  document.head.append(Object.assign(document.createElement("style"), {textContent: style}));
  const listeners = new Set();
  window.lab = {
    saves: 0,
    get: (name) => traits[name],
    set(name, value) { traits[name] = value; for (const listener of listeners) listener(); },
    save_changes() { this.saves += 1; },
    on: (_, listener) => listeners.add(listener),
    off: (_, listener) => listeners.delete(listener),
  };
  const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  window.unmount = module.default.render({model: window.lab, el: document.querySelector("main")});
}"""


class MountedLab:
    """The picture of a lab; its model in the page is `window.lab`, and `twin` is the lab in Python."""

    def __init__(self, page: Page, twin: Lab, selector: str) -> None:
        self.page, self.twin = page, twin
        traits = {name: getattr(twin, name) for name in offline._traits(type(twin))}
        page.set_content('<html lang="en"><body><main></main></body></html>')
        page.evaluate(MOUNT, [type(twin).__name__, twin._esm, twin._css, traits])
        self.root = page.locator(selector)
        self.root.wait_for()

    def role(self, role: str, index: int | None = None) -> Locator:
        where = "" if index is None else f'[data-index="{index}"]'
        return self.root.locator(f'[data-role="{role}"]{where}')
