"""Formulas of pages as MathML, typeset ahead of reading: no script, no network, words for a screen reader.

A browser draws MathML with a font that has a MATH table. The page brings its own, cut down to the signs in use.
"""

import base64
import io
import itertools
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

__all__ = ["FormulaError", "font_face", "mathml"]


FONT = "Course Math"
# What the converter does not know, or spaces otherwise than TeX does: plain forms of the same.
PLAIN = {r"\tfrac": r"\frac", r"\varepsilon": "ε", r"\Pr": r"\mathrm{Pr}", r"\operatorname": r"\mathrm", r"\!": ""}
FUNCTIONS = ("arcsin", "exp", "log", "max", "min")
OVER_AND_UNDER = ("∑", "∏")  # their limits stand over and under them where there is room
LIMITS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
# Letters of their own in Unicode: browsers leave `mathvariant` aside.
ALPHABETS = {"double-struck": "DOUBLE-STRUCK", "script": "SCRIPT", "sans-serif": "SANS-SERIF"}
TIGHT = {"lspace": "0", "rspace": "0"}
SIGNS, BEFORE_A_SIGN = ("−", "+", "±"), tuple("=≈≤≥<>∝∼←→([,")
ALWAYS = "√\N{COMBINING OVERLINE}\N{COMBINING CIRCUMFLEX ACCENT}⏟⏞"  # what a browser draws though no text says it


class FormulaError(ValueError):
    """A formula that cannot be converted; the message quotes it."""


@cache
def mathml(latex: str, *, display: bool = False) -> str:
    """Return a LaTeX formula as a MathML element.

    latex: the formula, without dollar signs; display: on a line of its own.

    Raises FormulaError for one that the converter does not understand.
    """
    import latex2mathml.converter  # here, since only a build needs it

    plain = latex.strip()
    for given, known in PLAIN.items():
        plain = re.sub(re.escape(given) + r"(?![A-Za-z])", known.replace("\\", r"\\"), plain)
    plain = re.sub(r"\\[bB]ig{1,2}([lr])\|", lambda side: rf"\{'left' if side[1] == 'l' else 'right'}|", plain)
    try:
        tree = ElementTree.fromstring(latex2mathml.converter.convert(plain, display="block" if display else "inline"))
    except Exception as error:  # the converter raises what it stumbles over
        raise FormulaError(f"cannot be typeset: ${latex}$ ({error or type(error).__name__})") from None
    for node in tree.iter():
        node.tag = node.tag.rpartition("}")[2]
    for node in [*tree.iter()]:
        _set_words(node)
        _set(node)
        _set_signs(node)
        if node.text and node.text.startswith("\\"):
            raise FormulaError(f"cannot be typeset: ${latex}$ (nobody knows {node.text})")
    return ElementTree.tostring(tree, encoding="unicode")


def _set_words(node: ElementTree.Element) -> None:
    """Make one word of the letters of an upright word."""
    word: ElementTree.Element | None = None
    for part in list(node):
        upright = part.tag == "mi" and part.get("mathvariant") == "normal" and (part.text or "").isalpha()
        if upright and word is not None:
            word.text = f"{word.text}{part.text}"
            node.remove(part)
        else:
            word = part if upright else None


def _set(node: ElementTree.Element) -> None:
    """Put one element right, for a browser."""
    text, alphabet = node.text or "", ALPHABETS.get(node.get("mathvariant", ""))
    if text in FUNCTIONS:
        node.tag, node.attrib = "mo", {"form": "prefix", "lspace": "0.1em", "rspace": "0.167em"}
    elif node.tag == "mo" and text in ("/", "|", "∂"):
        node.attrib.update(TIGHT)
    elif text == "±":
        node.tag = "mo"
    elif alphabet and len(text) == 1:
        node.text = _letter(text, alphabet)
        del node.attrib["mathvariant"]
    elif node.tag in LIMITS and len(node) and node[0].text in OVER_AND_UNDER:
        node.tag = LIMITS[node.tag]


def _set_signs(node: ElementTree.Element) -> None:
    """Set a sign that has no term before it close to what it belongs to."""
    for before, sign in itertools.pairwise(node):
        if sign.text in SIGNS and before.tag == "mo" and before.text in BEFORE_A_SIGN:
            sign.attrib = {"form": "prefix", **TIGHT}


def _letter(letter: str, alphabet: str) -> str:
    case = "CAPITAL" if letter.isupper() else "SMALL"
    for start in ("MATHEMATICAL ", ""):
        try:
            return unicodedata.lookup(f"{start}{alphabet} {case} {letter.upper()}")
        except KeyError:
            continue
    return letter


def _italics() -> Iterator[tuple[str, str]]:
    """Yield each letter with the slanted one that a browser draws for it in a formula."""
    for place in range(0x1D434, 0x1D7CB):
        slanted = chr(place)
        if unicodedata.name(slanted, "").startswith("MATHEMATICAL ITALIC"):
            yield unicodedata.normalize("NFKC", slanted), slanted
    yield "h", "ℎ"


def font_face(text: str) -> str:
    """Return the style rule that brings the font of formulas, with the signs of this text, within the rule itself."""
    import ziamath
    from fontTools import subset, ttLib

    font = ttLib.TTFont(Path(ziamath.__file__).parent / "fonts" / "STIXTwoMath-Regular.ttf")
    cutter = subset.Subsetter(subset.Options(layout_features=["*"], notdef_outline=True))
    cutter.populate(text=text + ALWAYS + "".join(slanted for letter, slanted in _italics() if letter in text))
    cutter.subset(font)
    font.flavor, file = "woff", io.BytesIO()
    font.save(file)
    data = base64.b64encode(file.getvalue()).decode()
    return f'@font-face {{ font-family: "{FONT}"; src: url(data:font/woff;base64,{data}) format("woff"); }}\n'
