"""Build the course as pages for a browser: ``python -m course_utils.build site``.

Sphinx makes them from the notebooks and what is stored in them; nothing is run. They open from a folder (file://) and
from any static host, and ask nothing of any network. site_sources.py says what becomes a page, live_pages.py how a
lab lives there, formula_markup.py how formulas are set.
"""

import io
import json
import os
import re
import shutil
import sys
import warnings
from functools import cache
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat

from course_utils import __version__
from course_utils.build import formula_markup, glossary, live_pages, site_sources
from course_utils.build.notebooks import NOTEBOOKS, PROBLEM_SETS, REPOSITORY

__all__ = ["SiteError", "anchor", "build", "main", "setup"]


OUT = REPOSITORY / "build" / "site"
TITLE = "Policy gradients"
LABS = "labs"
_CODE = re.compile(r'(?<=<span class="pre">)[^<]{17,}(?=</span>)')  # long enough to need a break, and where it may be
_JOINTS = re.compile(r"(?<=[A-Za-z)])[.(](?=[A-Za-z])|(?<=[A-Za-z]{3})_(?=[A-Za-z]{3})")
_OPENING, _CLOSING = re.compile(r"[(\[“‘]*$"), re.compile(r"(?:’s\b|[.,;:!?)\]”’])*")
SETTINGS: dict[str, Any] = {
    "project": TITLE,
    "html_title": TITLE,
    "version": __version__,
    "extensions": ["myst_nb", "course_utils.build.site"],
    "nb_execution_mode": "off",
    "nb_render_markdown_format": "gfm",
    "nb_remove_code_outputs": False,
    "myst_enable_extensions": ["dollarmath", "colon_fence", "deflist"],
    "myst_heading_anchors": 4,
    "myst_heading_slug_func": "course_utils.build.site.anchor",
    "suppress_warnings": ["myst.header", "mystnb.unknown_mime_type"],
    "html_theme": "furo",
    "html_math_renderer": "mathml",
    "html_static_path": ["_static"],
    "html_css_files": ["site.css"],
    "html_copy_source": False,
    "html_show_sourcelink": False,
    "html_show_sphinx": False,
    "html_show_copyright": False,
    "html_use_index": False,
    "html_domain_indices": False,
    "html_permalinks_icon": "#",
    "html_scaled_image_link": False,
    "pygments_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "language": "en",
}


class SiteError(Exception):
    """A site that cannot be built; the message says why."""


def build(out: Path = OUT) -> list[Path]:
    """Write the site into a folder, in place of what is there, and return its pages.

    Raises SiteError where Sphinx warns of anything: a link that leads nowhere, a formula that cannot be set.
    """
    try:
        from sphinx.application import Sphinx
        from sphinx.errors import SphinxError
        from sphinx.util.console import nocolor
        from sphinx.util.docutils import docutils_namespace, patch_docutils
    except ImportError:
        raise SiteError('the site needs the extra "site": pip install -e .[site], or make site') from None

    with TemporaryDirectory() as place:
        source, made = Path(place, "source"), Path(place, "made")
        source.mkdir()
        try:
            alive = site_sources.write(source)
        except ValueError as error:
            raise SiteError(str(error)) from None
        _write_static(source, set().union(*alive.values()))
        settings = {**SETTINGS, "pgc_alive": alive, "pgc_words": _words()}
        (source / "conf.py").write_text(f"globals().update({settings!r})\n", encoding="utf-8")
        nocolor()
        warned = io.StringIO()
        try:
            with warnings.catch_warnings(), patch_docutils(source), docutils_namespace():
                # What these libraries say to each other is not the course's to mend.
                for kind in (DeprecationWarning, PendingDeprecationWarning):
                    warnings.simplefilter("ignore", kind)
                Sphinx(source, source, made, Path(place, "trees"), "html", status=None, warning=warned).build()
        except SphinxError as error:
            raise SiteError(str(error)) from None
        if told := warned.getvalue().replace(f"{source}{os.sep}", "").strip():
            raise SiteError(told)
        _mend_markup(made)
        _bring_formulas(made)
        _bring_notebooks(made)
        for left in ("objects.inv", ".buildinfo", "genindex.html"):
            (made / left).unlink(missing_ok=True)
        shutil.rmtree(made / "_sources", ignore_errors=True)
        if out.exists():
            shutil.rmtree(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(made, out)
    return sorted(out.rglob("*.html"))


def anchor(heading: str) -> str:
    """Return what a link in a notebook calls a heading, as JupyterLab does."""
    return heading.replace(" ", "-")


def setup(app: Any) -> dict[str, Any]:
    """Tell Sphinx of what the pages need: formulas, labs, links to the glossary."""
    app.add_config_value("pgc_alive", {}, "env")
    app.add_config_value("pgc_words", {}, "env")
    app.add_html_math_renderer("mathml", (_inline, None), (_displayed, None))
    app.connect("html-page-context", _add_scripts)
    app.connect("doctree-read", _link_words)
    app.connect("doctree-resolved", lambda app, tree, name: glossary.tell(tree, app.config.pgc_words))
    app.connect("doctree-resolved", lambda app, tree, name: _keep_whole(tree))
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": __version__}


def _keep_whole(tree: Any) -> None:
    """Let no line end between a formula and a bracket or a point at it."""
    from docutils import nodes

    for formula in list(tree.findall(nodes.math)):
        around, at = formula.parent, formula.parent.index(formula)
        left, right = at - 1, at + 1
        before = str(around[left]) if left >= 0 and isinstance(around[left], nodes.Text) else ""
        after = str(around[right]) if right < len(around) and isinstance(around[right], nodes.Text) else ""
        opening, closing = _OPENING.findall(before)[0], after[: _CLOSING.match(after).end()]  # type: ignore[union-attr]
        if opening:
            around[left] = nodes.Text(before.removesuffix(opening))
        if closing:
            around[right] = nodes.Text(after.removeprefix(closing))
        if opening or closing:
            signs = nodes.Text(opening), formula.deepcopy(), nodes.Text(closing)
            around[at] = nodes.inline("", "", *signs, classes=["pgc-held"])


def _inline(writer: Any, node: Any) -> None:
    from docutils import nodes

    writer.body.append(_formula(writer, node))
    raise nodes.SkipNode


def _displayed(writer: Any, node: Any) -> None:
    from docutils import nodes

    formula = _formula(writer, node, display=True)
    writer.body.append(f'<div class="pgc-formula-line" tabindex="0" role="group" aria-label="formula">{formula}</div>')
    raise nodes.SkipNode


def _formula(writer: Any, node: Any, *, display: bool = False) -> str:
    try:
        return formula_markup.mathml(node.astext(), display=display)
    except formula_markup.FormulaError as error:
        raise SiteError(f"{writer.builder.current_docname}: {error}") from None


def _add_scripts(app: Any, name: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Load on a page the scripts of its labs alone."""
    if labs := app.config.pgc_alive.get(name):
        for file in live_pages.scripts(labs):  # page.js, which mounts them, comes after site.js, which is told of it
            app.add_js_file(f"{LABS}/{file}", loading_method="defer", priority=700 if file == "page.js" else 600)
    app.add_js_file("site.js", loading_method="defer", priority=650)


def _link_words(app: Any, tree: Any) -> None:
    name = app.env.docname
    if name[:2].isdigit():
        glossary.link_first_uses(tree, app.config.pgc_words)


@cache
def _words() -> dict[str, str]:
    """Return the glossary, by word."""
    reference = nbformat.read(NOTEBOOKS / "reference.ipynb", as_version=4)
    return {word: told for cell in reference.cells for word, told in glossary.entries(cell.source).items()}


def _write_static(source: Path, labs: set[str]) -> None:
    folder = source / "_static"
    (folder / LABS).mkdir(parents=True)
    for name, more in {"site.css": "", "site.js": f"const ASKED = {json.dumps(site_sources.asked())};\n"}.items():
        (folder / name).write_text(more + Path(__file__).with_name(name).read_text(encoding="utf-8"), encoding="utf-8")
    for name, text in live_pages.scripts(labs).items():
        (folder / LABS / name).write_text(text, encoding="utf-8")


def _mend_markup(made: Path) -> None:
    """Say which level the side bar's headings have, which the theme does not, and where code may be broken."""
    for page in made.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        text = text.replace('class="caption" role="heading"', 'class="caption" role="heading" aria-level="2"')
        text = text.replace('<span class="pre">-', '<span class="pre pgc-held">-')  # an option of a command is one word
        page.write_text(_CODE.sub(lambda code: _JOINTS.sub(r"\g<0><wbr>", code[0]), text), "utf-8")


def _bring_formulas(made: Path) -> None:
    """Give the style sheet the font, with the signs of all pages' formulas."""
    signs = set[str]()
    for page in made.rglob("*.html"):
        for formula in page.read_text(encoding="utf-8").split("<math")[1:]:
            signs |= set(unescape(formula.partition("</math>")[0]))
    style = made / "_static" / "site.css"
    style.write_text(formula_markup.font_face("".join(sorted(signs))) + style.read_text(encoding="utf-8"), "utf-8")


def _bring_notebooks(made: Path) -> None:
    for path in [*site_sources.notebooks(), NOTEBOOKS / PROBLEM_SETS / "build.py"]:
        target = made / site_sources.RAW / path.relative_to(NOTEBOOKS)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def main() -> int:
    """Build the site and say where it is; 1 where that fails."""
    try:
        pages = build()
    except SiteError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(pages)} pages: open {OUT / 'index.html'}")
    return 0
