"""A lab on a page of its own, without JupyterLab, beside the same lab in Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from lab_view import _WORDS, LabView
from playwright.sync_api import Page

from course_utils.widgets import offline

# The least that render() asks of a model, with a count of what it would send to a kernel. `answers`: null for a model
# that cannot send wishes at all, else whether somebody hears them, as a kernel would.
_MOUNT = """async ([title, source, style, traits, answers]) => {
  document.title = title;
  document.head.append(Object.assign(document.createElement("style"), {textContent: style}));
  window.makeModel = () => {
    const listeners = {}, values = structuredClone(traits);
    const model = {
      saves: 0,
      listeners,
      get: (name) => values[name],
      set(name, value) {
        if (JSON.stringify(values[name]) === JSON.stringify(value)) return;
        values[name] = value;
        for (const event of [`change:${name}`, "change"]) for (const listener of listeners[event] ?? []) listener();
      },
      save_changes() { this.saves += 1; },
      on: (event, listener) => (listeners[event] ??= new Set()).add(listener),
      off: (event, listener) => listeners[event].delete(listener),
    };
    if (answers === null) return model;
    model.wishes = [];
    model.send = ({wish, changes}) => {
      model.wishes.push(wish);
      model.brought = changes;
      if (answers) for (const listener of listeners["msg:custom"]) setTimeout(() => listener({heard: wish}), 0);
    };
    return model;
  };
  const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  window.show = (model, el) => module.default.render({model, el});
  window.lab = window.makeModel();
  window.unmount = window.show(window.lab, document.querySelector("main"));
}"""

_READ = """(settings) => settings.map((setting) => {
  Object.entries(setting).forEach(([name, value]) => window.lab.set(name, value));
  const root = document.querySelector(".pgc-lab"); %s
  return (%s);
})"""


class MountedLab(LabView):
    """The picture of a lab; its model in the page is `window.lab`, and `twin` is the lab in Python."""

    def __init__(self, page: Page, twin: Any, says: str = "{}", answers: bool | None = None) -> None:
        """says: what `read` returns, an expression in the words of lab_view.reading."""
        self.twin, self._says = twin, says
        traits = {name: getattr(twin, name) for name in offline.traits(type(twin))}
        page.set_content('<!doctype html><html lang="en"><body style="margin: 0"><main></main></body></html>')
        page.evaluate(_MOUNT, [type(twin).__name__, twin._esm, twin._css, traits, answers])
        super().__init__(page, ".pgc-lab")

    def trait(self, name: str) -> Any:
        return self.page.evaluate("(name) => window.lab.get(name)", name)

    def traits(self, *names: str) -> list[Any]:
        return [self.trait(name) for name in names]

    def set(self, **traits: Any) -> None:
        """Set traits as a kernel does, and wait for the picture."""
        self.page.evaluate("(traits) => Object.entries(traits).forEach(([k, v]) => window.lab.set(k, v))", traits)
        self.page.wait_for_timeout(50)

    def wishes(self) -> list[str]:
        """What the page has asked Python for since the last time."""
        return self.page.evaluate("window.lab.wishes.splice(0)")

    def read(self, **setting: Any) -> dict[str, Any]:
        """What the lab says of itself under a setting, in full precision."""
        (seen,) = self.page.evaluate(_READ % (_WORDS, self._says), [setting])
        return dict(seen)

    def beside(self, settings: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Each setting and what the page says under it, while the twin in Python has the setting too."""
        for setting, seen in zip(settings, self.page.evaluate(_READ % (_WORDS, self._says), settings), strict=True):
            with self.twin.hold_trait_notifications():
                for name, value in setting.items():
                    setattr(self.twin, name, value)
            yield setting, seen

    def use(self, role: str, to: str | bool | None = None, index: int | None = None, **traits: Any) -> None:
        """Click a control, or set it to a value; then the traits must have these values."""
        part = self.role(role, index)
        if to is None:
            part.click()
        elif isinstance(to, bool):
            part.set_checked(to)
        else:
            (part.select_option if part.evaluate("part => part.matches('select')") else part.fill)(to)
        assert {name: self.trait(name) for name in traits} == traits, role

    def press(self, role: str, index: int | None, trait: str, *keys: tuple[str, Any]) -> None:
        """Press keys in a control; after each the trait, or the entry of this index, must have its value."""
        self.role(role, index).focus()
        for key, value in keys:
            self.page.keyboard.press(key)
            now = self.trait(trait)
            now = now[index] if isinstance(now, list) and index is not None else now
            assert now == (value if isinstance(value, str) else pytest.approx(value, abs=1e-12)), (role, key)


def assert_close(seen: Mapping[str, Any], wanted: Mapping[str, Any], setting: Any, tolerance: float = 1e-12) -> None:
    """What the page says is what Python says, each number to this much, or to this part of it."""
    for name, value in wanted.items():
        np.testing.assert_allclose(seen[name], value, rtol=tolerance, atol=tolerance, err_msg=f"{name}, {setting}")
