"""Fixtures of the browser tests: one JupyterLab server, one Chromium and one loaded page for each worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyterlab_page import NO_CHROMIUM, VIEWPORT, JupyterLabPage, JupyterLabServer, chromium, find_chromium
from playwright.sync_api import Browser, Page
from playwright.sync_api import Error as PlaywrightError

from course_utils.build import labextension, notebooks


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(f"{NO_CHROMIUM}; REQUIRE_BROWSER=1 forbids skipping", pytrace=False)
        pytest.skip(NO_CHROMIUM)
    with chromium(executable) as running:
        yield running


@pytest.fixture
def context_options() -> dict[str, Any]:
    """What `page` is made with; a file whose lab needs more room has its own."""
    return {"viewport": {"width": 800, "height": 1000}}


@pytest.fixture(scope="package")
def empty_pages(browser: Browser) -> Iterator[Callable[[dict[str, Any]], tuple[Page, list[str]]]]:
    """Those of `page`, by their options, with what their consoles say: to make one takes longer than many a test."""
    made: dict[str, tuple[Page, list[str]]] = {}

    def page_with(options: dict[str, Any]) -> tuple[Page, list[str]]:
        if repr(options) not in made:
            page, faults = browser.new_context(**options).new_page(), list[str]()
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
            made[repr(options)] = page, faults
        return made[repr(options)]

    yield page_with
    for page, _ in made.values():
        page.context.close()


@pytest.fixture
def page(
    empty_pages: Callable[[dict[str, Any]], tuple[Page, list[str]]], context_options: dict[str, Any]
) -> Iterator[Page]:
    """An empty page without JupyterLab. At the end its console must be clean."""
    page, faults = empty_pages(context_options)
    page.mouse.move(0, 0)
    page.goto("about:blank")
    page.set_viewport_size(context_options.get("viewport", VIEWPORT))
    faults.clear()
    yield page
    page.mouse.up()
    assert not faults, faults


@pytest.fixture(scope="package")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLabServer]:
    """Asks for the browser first: where there is none, no server need start."""
    with JupyterLabServer(tmp_path_factory.mktemp("jupyterlab")) as running:
        yield running


@pytest.fixture(scope="package")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place of its own for the course's extension of JupyterLab, whatever this environment holds."""
    prefix = tmp_path_factory.mktemp("prefix")
    labextension.install(prefix)
    return prefix


@pytest.fixture(scope="package")
def equipped_server(
    browser: Browser, extension: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JupyterLabServer]:
    """JupyterLab as `make lab` starts it, with the course's extension."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(extension / "share" / "jupyter"))
        with JupyterLabServer(tmp_path_factory.mktemp("jupyterlab")) as running:
            yield running


@pytest.fixture(scope="package")
def equipped_page(browser: Browser, equipped_server: JupyterLabServer, shots: Path) -> Iterator[JupyterLabPage]:
    """JupyterLab with the extension, so tall that no output is outside the window that it draws."""
    page = JupyterLabPage(browser, equipped_server, shots, viewport={"width": 1280, "height": 4200})
    yield page
    page.close()


@pytest.fixture
def app(equipped_page: JupyterLabPage) -> Iterator[JupyterLabPage]:
    """The same, without a notebook. At the end the console must be clean and every request local."""
    yield equipped_page
    faults = equipped_page.faults()
    equipped_page.close_notebook()
    assert not faults, faults


@pytest.fixture(scope="package")
def as_committed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Mapping[str, str]], nbformat.NotebookNode]:
    """Makes a notebook as the builder commits it, of code cells by their labels: executed, its labs as plain data."""

    def make(cells: Mapping[str, str]) -> nbformat.NotebookNode:
        code = [nbformat.v4.new_code_cell(source, id=name) for name, source in cells.items()]
        notebook = nbformat.v4.new_notebook(cells=code, metadata=notebooks.notebook_metadata())
        with ThreadPoolExecutor(1) as pool:  # this thread has Playwright's event loop already
            return pool.submit(notebooks.execute, notebook, "test", tmp_path_factory.mktemp("build")).result()

    return make


@pytest.fixture(scope="package")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the screenshots: the environment's BROWSER_SHOTS, else pytest's own."""
    named = os.environ.get("BROWSER_SHOTS")
    return Path(named) if named else tmp_path_factory.mktemp("shots")


class RunningApp:
    """The JupyterLab page that tests share one after the other: loading the application costs seconds."""

    def __init__(self, make: Callable[[], JupyterLabPage]) -> None:
        self._make = make
        self.page: JupyterLabPage | None = None

    def take(self) -> JupyterLabPage:
        if self.page is None:
            self.page = self._make()
        return self.page

    def leave(self) -> None:
        """Close the test's notebook; a page that cannot do even that is thrown away."""
        if self.page is None:
            return
        try:
            self.page.page.set_viewport_size(VIEWPORT)
            self.page.page.mouse.up()
            self.page.close_notebook()
        except (PlaywrightError, OSError):
            self.drop()

    def drop(self) -> None:
        page, self.page = self.page, None
        if page is not None:
            page.close()


@pytest.fixture(scope="package")
def running_app(browser: Browser, server: JupyterLabServer, shots: Path) -> Iterator[RunningApp]:
    app = RunningApp(lambda: JupyterLabPage(browser, server, shots))
    yield app
    app.drop()


@pytest.fixture
def new_page(browser: Browser, server: JupyterLabServer, shots: Path) -> Iterator[Callable[..., JupyterLabPage]]:
    """Makes pages in contexts of their own. At the end each must have a clean console and local requests."""
    pages: list[JupyterLabPage] = []

    def make(**context_options: Any) -> JupyterLabPage:
        pages.append(JupyterLabPage(browser, server, shots, **context_options))
        return pages[-1]

    yield make
    faults = [fault for page in pages for fault in page.faults()]
    for page in pages:
        page.close()
    assert not faults, faults


@pytest.fixture
def open_cells(
    running_app: RunningApp, server: JupyterLabServer, request: pytest.FixtureRequest
) -> Iterator[Callable[..., JupyterLabPage]]:
    """Writes a notebook of the given code cells, opens it in the running JupyterLab and runs it.

    At the end the console must be clean and every request local.
    """
    page = running_app.take()

    def open_(*cells: str, viewport: tuple[int, int] = (VIEWPORT["width"], VIEWPORT["height"])) -> JupyterLabPage:
        page.page.set_viewport_size({"width": viewport[0], "height": viewport[1]})
        page.open(server.write_notebook(f"{request.node.name}.ipynb", cells))
        page.run_all()
        return page

    yield open_
    faults = page.faults()
    running_app.leave()
    assert not faults, faults
