"""The lessons and the reference on paper: ``python -m course_utils.build pdf``, through Chromium's print."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from course_utils.build import site, site_sources
from course_utils.build.notebooks import NOTEBOOKS, REPOSITORY

__all__ = ["PdfError", "browser", "main", "print_page"]


OUT = REPOSITORY / "build" / "pdf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WAIT = 10_000  # ms of the page's own clock: its labs are drawn by then
PATIENCE = 180  # s


class PdfError(Exception):
    """A page that cannot be printed; the message says why."""


def browser() -> str:
    """Return the path of a Chromium: the environment's CHROMIUM, or the first known name; raise PdfError."""
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else BROWSERS)), None)
    if found is None:
        raise PdfError("printing needs Chromium (Debian: apt install chromium), or its path in CHROMIUM")
    return found


def print_page(page: Path, target: Path) -> None:
    """Print a page of the site as PDF, its folds open; raise PdfError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    with TemporaryDirectory() as profile:
        command = [browser(), "--headless", "--disable-gpu", f"--user-data-dir={profile}", "--no-first-run"]
        command += ["--no-pdf-header-footer", f"--virtual-time-budget={WAIT}", f"--print-to-pdf={target}"]
        if sys.platform == "linux" and os.geteuid() == 0:  # as in a container, where its sandbox does not start
            command.append("--no-sandbox")
        command.append(page.resolve().as_uri())
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise PdfError(f"{page.name} was not printed within {PATIENCE} seconds") from None
    if run.returncode != 0 or not target.is_file():
        raise PdfError(f"{page.name} was not printed: {run.stderr.strip()[-200:]}")


def main() -> int:
    """Build the site and print its lessons and its reference."""
    try:
        browser()
        if failed := site.main():
            return failed
        for name in (path.stem for path in site_sources.notebooks() if path.parent == NOTEBOOKS):
            target = OUT / f"{name}.pdf"
            print_page(site.OUT / f"{name}.html", target)
            print(f"  {target.relative_to(REPOSITORY)}  {target.stat().st_size / 1000:.0f} kB", flush=True)
    except PdfError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
