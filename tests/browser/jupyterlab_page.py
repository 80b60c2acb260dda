"""A real JupyterLab and a page object for it: what the browser tests drive the course's widgets with.

`JupyterLabServer` starts JupyterLab on a free port of 127.0.0.1 with folders of its own, `chromium` starts
the browser, `JupyterLabPage` is one notebook opened in one fresh browser context.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
from nbclient import NotebookClient
from nbformat.sign import NotebookNotary
from playwright.sync_api import Browser, Locator, Page, ViewportSize, sync_playwright

NO_CHROMIUM = "needs Chromium (Debian: apt install chromium)"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = (
    *("--no-sandbox", "--no-first-run"),
    *(f"--disable-{what}" for what in ("gpu", "quic", "background-networking", "component-update", "sync")),
    # The lists below the address bar, which no headless window shows, are two pages of their own beside each page: two
    # thirds of its time. The last of such flags counts, so what Playwright 1.65 switches off stands here too.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,"
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,"
    "OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch",
)
VIEWPORT: ViewportSize = {"width": 1280, "height": 900}
TALL: ViewportSize = {"width": 1280, "height": 4200}
LAB = '.pgc-lab[data-lab="advantage"]'
LOCAL_SCHEMES = ("data", "blob", "about")

# What JupyterLab says of each question that was on its way when the kernel ended: no notebook can avoid it.
UNAVOIDABLE_ERRORS = ("Kernel is dead", "Canceled future for ")

# The page's kernel connection, once it stands. (A command sent earlier raises the dialog "Select Kernel".)
_KERNEL_READY = """async () => {
  const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
  await context?.ready;
  return context?.session?.kernel?.connectionStatus === "connected";
}"""

_RUN_IN_KERNEL = """async (code) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({code, store_history: false, stop_on_error: false, allow_stdin: false});
  let text = "";
  future.onIOPub = (message) => {
    if (message.header.msg_type === "stream" && message.content.name === "stdout") text += message.content.text;
  };
  const reply = await future.done;
  if (reply.content.status !== "ok") {
    throw new Error((reply.content.traceback || [reply.content.ename]).join("\\n"));
  }
  return text;
}"""

PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def with_widget_state(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A notebook of these cells, executed and stored with its widget state, as JupyterLab can do it."""
    notebook = nbformat.v4.new_notebook(cells=list(cells), metadata=PYTHON)
    NotebookClient(notebook, kernel_name="python3", store_widget_state=True, timeout=60).execute()
    return notebook


def picture(name: str, of: Page | Locator, **options: Any) -> None:
    """Take a screenshot for people, where the environment's BROWSER_SHOTS names a folder for them."""
    if folder := os.environ.get("BROWSER_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        of.screenshot(path=Path(folder) / f"{name}.png", **options)


def find_chromium() -> str | None:
    """Path of a Chromium: the environment's CHROMIUM, else the first known name on PATH, else None."""
    if named := os.environ.get("CHROMIUM"):
        return shutil.which(named)
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


@contextlib.contextmanager
def chromium(executable: str | None = None) -> Iterator[Browser]:
    """A headless Chromium with an empty profile, closed at the end; a program that finds none ends and says so."""
    if (executable := executable or find_chromium()) is None:
        raise SystemExit(NO_CHROMIUM)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS)) as browser,
    ):
        yield browser


def middle(part: Locator) -> tuple[float, float]:
    """The middle of a part that is seen, as a point of the page."""
    box = part.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def environment(base: Path) -> dict[str, str]:
    """This one, with folders under `base` for all that Jupyter reads and keeps."""
    folders = {f"JUPYTER_{name.upper()}_DIR": name for name in ("config", "data", "runtime")}
    folders |= {f"JUPYTERLAB_{name.upper()}_DIR": name for name in ("settings", "workspaces")}
    folders["IPYTHONDIR"] = "ipython"
    return {**os.environ, **{variable: str(base / name) for variable, name in folders.items()}}


def write_settings(base: Path, settings: dict[str, dict[str, Any]]) -> None:
    """Settings of JupyterLab's plugins, by name; no news prompt, no update check, no saving behind the tests' backs."""
    wanted = {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "docmanager-extension/plugin": {"autosave": False},
    }
    for plugin, values in (wanted | settings).items():
        path = base / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


class JupyterLabServer:
    """JupyterLab as a learner starts it, on a free port of 127.0.0.1, with its own empty folders under `base`.

    `root` is the folder whose notebooks it serves; its kernel is this Python; `settings` are of its plugins, by name.
    Every notebook copied there is untrusted, since no signature of it is known in the fresh data folder.
    """

    def __init__(self, base: Path, settings: dict[str, dict[str, Any]] | None = None) -> None:
        self.base = base
        self.settings = settings or {}
        self.root = base / "root"
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._background = ThreadPoolExecutor(1)
        self._endings: list[Future[Any]] = []

    def __enter__(self) -> JupyterLabServer:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self, timeout: float = 60.0) -> JupyterLabServer:
        self.root.mkdir(parents=True, exist_ok=True)
        write_settings(self.base, self.settings)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = ["ip=127.0.0.1", f"port={port}", "port_retries=0", f"root_dir={self.root}", "disable_check_xsrf=True"]
        of_lab = ("expose_app_in_browser=True", "extension_manager=readonly", "news_url=None")
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--IdentityProvider.token="]
        command += [f"--ServerApp.{option}" for option in (*options, "terminals_enabled=False")]
        command += [f"--LabApp.{option}" for option in of_lab]
        with (self.base / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment(self.base), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.url = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.rest("GET", "api/status")
                return self
            except (urllib.error.URLError, ConnectionError):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    tail = (self.base / "server.log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"JupyterLab did not start:\n{tail}") from None
                time.sleep(0.1)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self._background.shutdown()
        if process.poll() is None:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                self.rest("POST", "api/shutdown")  # ends the kernels too
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def rest(self, method: str, path: str) -> Any:
        """One call of the server's REST interface; the JSON answer, or None when it is empty."""
        request = urllib.request.Request(self.url + path, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def shut_kernels_down(self) -> None:
        """End all kernels, in the background: each takes a moment that no test need wait for."""
        for ending in self._endings:
            ending.result()
        sessions = [session["id"] for session in self.rest("GET", "api/sessions")]
        self._endings = [self._background.submit(self.rest, "DELETE", f"api/sessions/{name}") for name in sessions]

    def write_notebook(self, name: str, cells: Iterable[str]) -> str:
        """Write a notebook of code cells into the root folder; returns its path there."""
        code = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(cells)]
        return self.add_notebook(name, nbformat.v4.new_notebook(cells=code, metadata=PYTHON))

    def add_notebook(self, name: str, notebook: nbformat.NotebookNode) -> str:
        nbformat.write(notebook, self.root / name)
        return name

    def trust(self, name: str) -> None:
        """Sign a notebook of the root folder, as `jupyter trust` does, in this server's data folder."""
        notary = NotebookNotary(data_dir=str(self.base / "data"))
        with contextlib.closing(notary.store):
            notary.sign(nbformat.read(self.root / name, as_version=4))

    @contextlib.contextmanager
    def setting(self, plugin: str, values: dict[str, Any]) -> Iterator[None]:
        """Have pages that load JupyterLab in here find this setting of a plugin of it."""
        write_settings(self.base, self.settings | {plugin: values})
        yield
        write_settings(self.base, {plugin: {}} | self.settings)


class JupyterLabPage:
    """One notebook in one fresh browser context; records console errors and requests from the first byte on."""

    def __init__(self, browser: Browser, server: JupyterLabServer, **context_options: Any) -> None:
        self.server = server
        self.console_errors: list[str] = []
        self.requests: list[str] = []
        context_options.setdefault("viewport", VIEWPORT)
        self.context = browser.new_context(**context_options)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("console", lambda said: self._on_error(said.text, said.location) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self._on_error(f"uncaught: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda websocket: self.requests.append(websocket.url))

    def _on_error(self, text: str, where: Any = "") -> None:
        if not any(known in text for known in UNAVOIDABLE_ERRORS):
            self.console_errors.append(f"{text} {where}")

    def open(self, path: str, timeout: float = 30) -> JupyterLabPage:
        """Open a notebook in JupyterLab and wait for its kernel, at most for so many seconds.

        The first one loads JupyterLab on that notebook's address (single-document mode); later ones are
        opened in the running application, which is several times faster.
        """
        if self.page.url.startswith(self.server.url):
            opened = "async (path) => { await window.jupyterapp.commands.execute('docmanager:open', {path}); }"
            self.page.evaluate(opened, path)
        else:
            self.page.goto(f"{self.server.url}doc/tree/{path}", wait_until="commit")
            self.page.locator(".jp-Notebook").wait_for()
        self.page.wait_for_function(_KERNEL_READY, timeout=timeout * 1000)
        self.wait_idle()
        return self

    def close_notebook(self) -> None:
        """Close the open notebook unsaved, end its kernel, and forget what was recorded."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget?.dispose()")
        self.server.shut_kernels_down()
        self.console_errors.clear()
        self.requests.clear()

    def wait_idle(self) -> None:
        """Wait until nothing runs. (A locator looks twice a second at last, a function in every frame.)"""
        idle = """() => {
          const all = [...document.querySelectorAll(".jp-Notebook-ExecutionIndicator")]; // of each open notebook
          return all.length > 0 && all.every(({ dataset }) => dataset.status === "idle");
        }"""
        self.page.wait_for_function(idle, timeout=60_000)

    def command(self, name: str) -> None:
        """Run one of JupyterLab's commands (what its menus run) and wait until it is done."""
        self._evaluate("async (name) => { await window.jupyterapp.commands.execute(name); }", name, 60)

    def run_all(self) -> JupyterLabPage:
        self.command("notebook:run-all-cells")
        self.wait_idle()
        return self

    def run_cell(self, index: int) -> None:
        chosen = "(index) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = index; }"
        self.page.evaluate(chosen, index)
        self.command("notebook:run-cell")
        self.wait_idle()

    def cell(self, index: int) -> Locator:
        return self.page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{index}"]')

    def scroll_to(self, target: Locator, margin: float = 8.0) -> None:
        """Bring a target into view as a reader does, with the wheel: notebooks are windowed.

        A target taller than the room there is ends with its top in view.
        """
        notebook = self.page.locator(".jp-Notebook").first.bounding_box()
        assert notebook is not None
        self.page.mouse.move(notebook["x"] + 3, notebook["y"] + notebook["height"] / 2)
        top, room = notebook["y"] + margin, notebook["height"] - 2 * margin
        before: float | None = None
        for _ in range(60):
            box = target.bounding_box() if target.count() else None
            if box is not None:
                above, below = box["y"] - top, box["y"] + box["height"] - top - room
                if above >= -1 and (below <= 1 or above <= margin + 1):
                    return
                distance = above if above < 0 else min(above, below)
                if box["y"] == before:
                    return  # the notebook's end: nearer it does not come
                before = box["y"]
            else:
                distance = room
            self.page.mouse.wheel(0, distance)
            self.page.wait_for_timeout(60)
        raise AssertionError(f"{target} did not scroll into view")

    def execute(self, code: str, timeout: float = 30) -> str:
        """Run Python in the notebook's kernel, over the page's own connection; returns the printed text."""
        return str(self._evaluate(_RUN_IN_KERNEL, code, timeout))

    def kernel_value(self, expression: str) -> Any:
        """A JSON-able value out of the kernel, at full precision."""
        return json.loads(self.execute(f"import json as _json; print(_json.dumps({expression}))"))

    def wait_for_kernel(self, expression: str, wanted: Callable[[Any], bool], timeout: float = 5.0) -> Any:
        """Wait until the kernel's value is as wanted (JupyterLab sends comm messages over a subshell, so they
        may arrive after a later request)."""
        return self._poll(lambda: self.kernel_value(expression), wanted, timeout, f"kernel's {expression}")

    def wait_for_page(self, script: str, wanted: Callable[[Any], bool], timeout: float = 5.0) -> Any:
        """Wait until the value of a script in the page is as wanted."""
        return self._poll(lambda: self.page.evaluate(script), wanted, timeout, script)

    def _evaluate(self, script: str, argument: Any, timeout: float) -> Any:
        """Page.evaluate with the time limit that it lacks."""
        limited = f"""(argument) => Promise.race([
          ({script})(argument),
          new Promise((_, reject) => setTimeout(() => reject(new Error("no end after {timeout} s")), {timeout}e3)),
        ])"""
        return self.page.evaluate(limited, argument)

    def _poll(self, read: Callable[[], Any], wanted: Callable[[Any], bool], timeout: float, what: str) -> Any:
        deadline = time.monotonic() + timeout
        while True:
            value = read()
            if wanted(value):
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: still {value!r} after {timeout:g} s")
            self.page.wait_for_timeout(40)

    def faults(self) -> list[str]:
        """Errors on the console and requests that leave the machine, since the notebook was opened."""
        asked = [(url, urlsplit(url)) for url in self.requests]
        return self.console_errors + [
            f"request to {url}"
            for url, parts in asked
            if parts.scheme not in LOCAL_SCHEMES and parts.hostname != "127.0.0.1"
        ]

    def set_theme(self, name: str) -> None:
        """Change JupyterLab's theme, and wait until the page has it and no splash lies over it."""
        self.page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name)
        self.page.wait_for_function(
            """(light) => document.body.dataset.jpThemeLight === String(light) &&
              document.getElementById("jupyterlab-splash") === null""",
            arg="Light" in name,
        )

    def close(self) -> None:
        self.context.close()
        self.server.shut_kernels_down()
