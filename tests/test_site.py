"""The pages as files: links lead somewhere, pictures have words, nothing is asked of a network, formulas are MathML."""

import hashlib
import json
import re
import zipfile
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup

from course_utils import lessons
from course_utils.build import archive, formula_markup, glossary, site, site_sources

pytestmark = pytest.mark.long


@cache
def soup(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module")
def pages(built_site):
    return {path.relative_to(built_site).as_posix(): soup(path) for path in built_site.rglob("*.html")}


def test_each_notebook_has_a_page_and_lies_beside_it(built_site, pages):
    for path in site_sources.notebooks():
        inside = path.relative_to(site_sources.NOTEBOOKS)
        assert inside.with_suffix(".html").as_posix() in pages
        assert (built_site / "notebooks" / inside).read_bytes() == path.read_bytes()
    around = ("index", "problem_sets", "reference", "functions", "teaching", "lecturing", "search")
    assert {f"{name}.html" for name in around} <= set(pages)
    assert not [path for path in built_site.rglob("*") if "solution" in path.name]


def test_each_link_leads_to_a_file_and_a_place_in_it(built_site, pages):
    lost = []
    for name, page in pages.items():
        for link in page.select("a[href]"):
            parts = urlsplit(link["href"])
            if parts.scheme in ("http", "https"):
                continue
            target = (built_site / name).parent / unquote(parts.path) if parts.path else built_site / name
            inside = target.resolve().relative_to(built_site.resolve()).as_posix()
            found = target.is_file() and (
                not parts.fragment or inside not in pages or pages[inside].find(id=parts.fragment)
            )
            lost += [] if found else [f"{name}: {link['href']}"]
    assert lost == []


def test_a_card_keeps_its_table_and_a_formula_its_full_stop(pages):
    assert [
        name for name, page in pages.items() for box in page.select("blockquote") if not box.get_text(strip=True)
    ] == []
    loose = [
        f"{name}: {formula.next_sibling}"
        for name, page in pages.items()
        for formula in page.select("p > math, li > math")
        if re.match(r"[.,;:!?)\]]", str(formula.next_sibling))
    ]
    assert loose == []


def test_nothing_is_asked_of_a_network(built_site, pages):
    asked = [
        f"{name}: {value}"
        for name, page in pages.items()
        for tag in page.find_all(["script", "img", "link", "iframe", "source", "form"])
        for key in ("src", "href", "action", "srcset")
        if re.match(r"(https?:)?//", value := tag.get(key, ""))
    ]
    styles = "".join(path.read_text(encoding="utf-8") for path in built_site.rglob("*.css"))
    assert asked == []
    assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", styles) == []


def test_each_picture_has_words_and_each_page_a_title(pages):
    assert [
        name
        for name, page in pages.items()
        if not page.title or (name != "search.html" and len(page.select("h1")) != 1)
    ] == []
    assert [
        f"{name}: {str(img)[:60]}" for name, page in pages.items() for img in page.select("img") if not img.get("alt")
    ] == []


def test_formulas_are_set_ahead_and_no_dollar_is_left(pages):
    assert sum(len(page.select("math")) for page in pages.values()) > 1000
    for name, page in pages.items():
        prose = [
            text for text in page.select("article p, article li, article td") if not text.find_parent(class_="pgc-live")
        ]
        assert not [text for text in prose if "$" in re.sub(r"`.*?`|</?code.*?>", "", text.get_text())], name
        after = [str(math.next_sibling) for math in page.select("article :not(.pgc-held) > math")]
        assert not [text for text in after if text.startswith((".", ",", ";", ":", "?", ")"))], name


def test_a_long_name_in_code_may_be_broken_between_its_words(pages):
    long = [code for code in pages["reference.html"].select("td code .pre") if len(code.get_text()) > 25]
    assert len(long) > 5
    assert [code.get_text() for code in long if not code.select("wbr")] == []


def test_the_first_page_has_the_map_with_links_to_pages(pages):
    stored = json.loads(pages["index.html"].select_one(".pgc-live script").string)
    assert [row["number"] for row in stored["state"]["lessons"]] == [lesson.number for lesson in lessons.LESSONS]
    still = pages["index.html"].select(".pgc-live table a")
    assert [link["href"] for link in still[:2]] == ["00_start_here.html", "01_policies.html"]


def test_a_lesson_says_its_minutes_and_hands_out_its_notebook(pages):
    about = pages["08_advantage_objective.html"].select_one(".pgc-about")
    assert about.select_one(".pgc-minutes").get_text() == "60 minutes"
    assert about.select_one("a[download]")["href"] == "notebooks/08_advantage_objective.ipynb"


def test_answers_are_folded_and_name_what_they_answer(pages):
    page = pages["08_advantage_objective.html"]
    folded = page.select(".tag_answers-zero details")
    assert folded
    assert not any(fold.has_attr("open") for fold in folded)
    assert page.select_one('details.pgc-answer[data-answers="zero"] > summary').get_text() == site_sources.WAITING
    code = page.get_text()
    assert 'Predict("08-zero")' not in code
    assert "objectives.advantage_objective(" in code


def test_the_first_use_of_a_word_leads_to_the_glossary(pages):
    page = pages["06_baselines.html"]
    links = [link for link in page.select("a") if link.select_one(".pgc-term")]
    assert len({link["href"] for link in links}) == len(links) > 3
    bias = next(link for link in links if link["href"].endswith("#term-Bias"))
    assert bias["title"] == "the mean of an estimate minus what it estimates."
    assert all(link["href"].startswith("reference.html#term-") for link in links)


def test_a_glossary_cell_is_read():
    cell = "## Glossary\n\n**Actor, critic**: the policy; its judge ([09](09_x.ipynb)).\n**Bias**: a mean."
    assert (
        glossary.entries(cell)["critic"]
        == glossary.entries(cell)["actor"]
        == "the policy; its judge ([09](09_x.ipynb))."
    )
    assert glossary.as_directive(cell).count("\n  ") == 2
    assert glossary.as_directive("## Other") == "## Other"


def test_headings_and_words_are_searched_for(built_site):
    index = (built_site / "searchindex.js").read_text(encoding="utf-8")
    found = json.loads(index.removeprefix("Search.setIndex(").rstrip().removesuffix(")"))
    assert {"Glossary", "The objective U"} <= set(found["alltitles"])
    assert "whiten" in found["terms"]


@pytest.mark.parametrize(
    ("latex", "part"),
    [
        (r"\mathbb E[x]", "<mi>𝔼</mi>"),
        (r"\log\pi", '<mo form="prefix" lspace="0.1em" rspace="0.167em">log</mo><mi>π</mi>'),
        (r"\mathrm{KL}", '<mi mathvariant="normal">KL</mi>'),
        (r"\sum_t x", "<munder><mo>∑</mo><mi>t</mi></munder>"),
        (r"a/b", '<mo lspace="0" rspace="0">/</mo>'),
        (r"\bigl|g\bigr|^2", 'form="postfix"'),
        (r"\Pr(s)", "Pr</mi>"),
        (r"v=-1", '<mo form="prefix" lspace="0" rspace="0">−</mo><mn>1</mn>'),
        (r"v-1", "<mo>−</mo>"),
        (r"1\pm2", "<mo>±</mo>"),
        (r"\partial J", '<mo lspace="0" rspace="0">∂</mo>'),
        (r"\operatorname{diag}(x)", '<mi mathvariant="normal">diag</mi>'),
    ],
)
def test_a_formula_becomes_mathml(latex, part):
    assert part in formula_markup.mathml(latex)


@pytest.mark.parametrize("latex", [r"\nosuchthing x", r"\left( x"])
def test_a_formula_that_cannot_be_set_is_refused_and_quoted(latex):
    with pytest.raises(formula_markup.FormulaError, match="cannot be typeset: ") as refused:
        formula_markup.mathml(latex)
    assert latex in str(refused.value)


def test_the_font_has_the_signs_of_the_formulas(built_site):
    style = (built_site / "_static" / "site.css").read_text(encoding="utf-8")
    assert style.startswith(f'@font-face {{ font-family: "{formula_markup.FONT}"; src: url(data:font/woff;base64,')
    assert len(formula_markup.font_face("x")) < len(style) / 2


LESSON = "08_advantage_objective"
WORDS = nbformat.v4.new_markdown_cell
CODE = nbformat.v4.new_code_cell
SAYS = nbformat.v4.new_output


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (WORDS("[b](b.ipynb)"), r"08_.*'b\.ipynb'"),
        (WORDS("[b](#Nowhere)"), r"08_.*'Nowhere'"),
        (WORDS("![b](nowhere.png)"), r"08_.*image file not readable: nowhere\.png"),
        (WORDS("![](nowhere.png)"), "08_.*has no alt text"),
        (WORDS(r"$\nosuchthing$"), r"08_.*cannot be typeset: \$.nosuchthing\$ \(nobody knows"),
        (WORDS(r"$$\left( x$$"), r"08_.*cannot be typeset: \$.left\( x"),
        (CODE('Quiz("08")'), "08_.*has no output, so run it"),
        (WORDS("## T\n\n[t](#T)\n\n## T"), None),
        (CODE("x", outputs=[SAYS("stream", text="</pre><script>1</script>\n" + "y\n" * 20_000)]), None),
    ],
    ids=range(9),
)  # fmt: skip
def test_what_a_page_cannot_show_stops_the_build_and_names_the_lesson(cell, told, monkeypatch, tmp_path):
    path = tmp_path / f"{LESSON}.ipynb"
    kernel = {"language_info": {"name": "python", "pygments_lexer": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[WORDS("# A"), cell], metadata=kernel), path)

    def write(folder):
        monkeypatch.setattr(site_sources, "NOTEBOOKS", tmp_path)
        page, labs = site_sources.page(path)
        nbformat.write(page, folder / path.name)
        (folder / "index.md").write_text(f"# A\n\n```{{toctree}}\n{LESSON}\n```\n", encoding="utf-8")
        return {"index": set(), LESSON: labs}

    monkeypatch.setattr(site_sources, "write", write)
    monkeypatch.setattr(site_sources, "notebooks", lambda: [])
    monkeypatch.setattr(site, "_words", dict)
    monkeypatch.setattr(formula_markup, "font_face", lambda signs: "")
    if told:
        with pytest.raises(site.SiteError, match=told):
            site.build(tmp_path / "site")
        assert not (tmp_path / "site").exists()
    else:
        site.build(tmp_path / "site")
        assert not soup(tmp_path / "site" / f"{LESSON}.html").find_all("script", string="1")


def test_the_archive_holds_pages_and_course_and_nothing_of_the_learner(built_site, monkeypatch, tmp_path):
    monkeypatch.setattr(site, "OUT", built_site)
    target, checksum = archive.pack(tmp_path)
    digest, name = checksum.read_text().split()
    assert (digest, name) == (hashlib.sha256(target.read_bytes()).hexdigest(), target.name)
    held = {Path(one).relative_to(archive.NAME).as_posix() for one in zipfile.ZipFile(target).namelist()}
    assert {"site/index.html", "notebooks/08_advantage_objective.ipynb", "course_utils/policy.py", "Makefile"} <= held
    assert not [one for one in held if "/." in one or "__pycache__" in one]
    readme = (site.REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert [link for link in re.findall(r"\]\(([\w./]+)\)", readme) if link not in held and link[:2] != ".."] == []
    assert archive.pack(tmp_path)[1].read_text().split()[0] == digest
