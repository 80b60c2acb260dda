"""Fixtures of the browser tests: one JupyterLab server, one Chromium and one loaded page for each worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyterlab_page import NO_CHROMIUM, TALL, VIEWPORT, JupyterLabPage, JupyterLabServer, chromium, find_chromium
from lab_view import faults_of
from playwright.sync_api import Browser, Page, ViewportSize
from playwright.sync_api import Error as PlaywrightError

from course_utils.build import labextension, notebooks


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if find_chromium() is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(f"{NO_CHROMIUM}; REQUIRE_BROWSER=1 forbids skipping", pytrace=False)
        pytest.skip(NO_CHROMIUM)
    with chromium() as running:
        yield running


@pytest.fixture
def context_options() -> dict[str, Any]:
    """What `page` is made with; a file whose lab needs more room has its own."""
    return {"viewport": {"width": 800, "height": 1000}}


@pytest.fixture(scope="package")
def empty_pages(browser: Browser) -> Iterator[dict[str, tuple[Page, list[str]]]]:
    """Those of `page`, by their options, with what their consoles say: to make one takes longer than many a test."""
    made: dict[str, tuple[Page, list[str]]] = {}
    yield made
    for page, _ in made.values():
        page.context.close()


@pytest.fixture
def page(
    browser: Browser, empty_pages: dict[str, tuple[Page, list[str]]], context_options: dict[str, Any]
) -> Iterator[Page]:
    """An empty page without JupyterLab. At the end its console must be clean."""
    if (name := repr(context_options)) not in empty_pages:
        page = browser.new_context(**context_options).new_page()
        empty_pages[name] = page, faults_of(page)
    page, faults = empty_pages[name]
    page.mouse.move(0, 0)
    page.goto("about:blank")
    page.set_viewport_size(context_options.get("viewport", VIEWPORT))
    faults.clear()
    yield page
    page.mouse.up()
    assert not faults, faults


@pytest.fixture(scope="package")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place of its own for the course's extension of JupyterLab, whatever this environment holds."""
    prefix = tmp_path_factory.mktemp("prefix")
    labextension.install(prefix)
    return prefix


@pytest.fixture(scope="package")
def server(browser: Browser, extension: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLabServer]:
    """JupyterLab as `make lab` starts it, with the course's extension; where there is no browser, none need start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(extension / "share" / "jupyter"))
        running = JupyterLabServer(tmp_path_factory.mktemp("jupyterlab")).start()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def as_committed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Mapping[str, str]], nbformat.NotebookNode]:
    """Makes a notebook as the builder commits it, of code cells by their labels: executed, its labs as plain data."""

    def make(cells: Mapping[str, str]) -> nbformat.NotebookNode:
        code = [nbformat.v4.new_code_cell(source, id=name) for name, source in cells.items()]
        notebook = nbformat.v4.new_notebook(cells=code, metadata=notebooks.notebook_metadata())
        with ThreadPoolExecutor(1) as pool:  # this thread has Playwright's event loop already
            return pool.submit(notebooks.execute, notebook, "test", tmp_path_factory.mktemp("build")).result()

    return make


@dataclass
class RunningApp:
    """A JupyterLab page that tests share one after the other: loading the application costs seconds."""

    browser: Browser
    server: JupyterLabServer
    size: ViewportSize
    page: JupyterLabPage | None = None

    def take(self) -> JupyterLabPage:
        self.page = self.page or JupyterLabPage(self.browser, self.server, viewport=self.size)
        return self.page

    def leave(self) -> None:
        """Close the test's notebook; a page that cannot do even that is thrown away."""
        if self.page is None:
            return
        try:
            self.page.page.set_viewport_size(self.size)
            self.page.page.mouse.up()
            self.page.close_notebook()
        except (PlaywrightError, OSError):
            self.drop()

    def drop(self) -> None:
        page, self.page = self.page, None
        if page is not None:
            page.close()


def running(size: ViewportSize) -> Any:
    """A fixture: such a page of this size, for the whole package."""

    @pytest.fixture(scope="package")
    def app(browser: Browser, server: JupyterLabServer) -> Iterator[RunningApp]:
        app = RunningApp(browser, server, size)
        yield app
        app.drop()

    return app


running_app = running(VIEWPORT)
tall_app = running(TALL)  # JupyterLab draws every output: if it is made smaller in between, it stops doing so


def lent(app: RunningApp) -> Iterator[JupyterLabPage]:
    """Lend the page without a notebook. At the end the console must be clean and every request local."""
    page = app.take()
    yield page
    faults = page.faults()
    app.leave()
    if faults:
        app.drop()  # the next test begins on a page that nothing has happened to
    assert not faults, faults


@pytest.fixture
def app(tall_app: RunningApp) -> Iterator[JupyterLabPage]:
    yield from lent(tall_app)


@pytest.fixture
def small_app(running_app: RunningApp) -> Iterator[JupyterLabPage]:
    yield from lent(running_app)


@pytest.fixture
def new_page(browser: Browser, server: JupyterLabServer) -> Iterator[Callable[..., JupyterLabPage]]:
    """Makes pages in contexts of their own. At the end each must have a clean console and local requests."""
    pages: list[JupyterLabPage] = []

    def make(**context_options: Any) -> JupyterLabPage:
        pages.append(JupyterLabPage(browser, server, **context_options))
        return pages[-1]

    yield make
    faults = [fault for page in pages for fault in page.faults()]
    for page in pages:
        page.close()
    assert not faults, faults


@pytest.fixture
def open_cells(
    small_app: JupyterLabPage, server: JupyterLabServer, request: pytest.FixtureRequest
) -> Callable[..., JupyterLabPage]:
    """Writes a notebook of the given code cells, opens it in the running JupyterLab and runs it."""

    def open_(*cells: str, viewport: tuple[int, int] = (VIEWPORT["width"], VIEWPORT["height"])) -> JupyterLabPage:
        small_app.page.set_viewport_size({"width": viewport[0], "height": viewport[1]})
        return small_app.open(server.write_notebook(f"{request.node.name}.ipynb", cells)).run_all()

    return open_
