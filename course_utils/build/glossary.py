"""The reference's glossary on pages: each word has a place of its own, and a page's first use of it leads there."""

import re
from typing import Any

__all__ = ["as_directive", "entries", "link_first_uses", "tell"]


HEADING = "## Glossary\n"
_ENTRY = re.compile(r"^\*\*(.+?)\*\*: (.+?\.)$", re.MULTILINE)
# Words that a text uses in another sense too, or in each line.
EVERYDAY = {"pair", "reference", "return", "value", "episode", "score"}


def entries(text: str) -> dict[str, str]:
    """Return what the glossary's cell says of each word, in lower case: "Actor, critic" is two. {} of another cell."""
    if not text.startswith(HEADING):
        return {}
    return {word.strip().lower(): told for words, told in _ENTRY.findall(text) for word in words.split(",")}


def as_directive(text: str) -> str:
    """Return the glossary's cell with its entries as Sphinx knows them; another cell as it is."""
    if not entries(text):
        return text
    parts = (
        re.sub(", (.)", lambda s: f"\n{s[1].upper()}", words) + f"\n  {told}\n" for words, told in _ENTRY.findall(text)
    )
    return f"{HEADING}\n:::{{glossary}}\n" + "\n".join(parts) + ":::\n"


def link_first_uses(document: Any, words: dict[str, str]) -> None:
    """Make the first use of each word in a page's text a link to the glossary.

    document: a tree of docutils; words: as ``entries`` returns them.
    """
    from docutils import nodes
    from sphinx import addnodes

    apart = (nodes.title, nodes.literal, nodes.reference, nodes.raw, nodes.math, nodes.TextElement)
    left = {word for word in words if word not in EVERYDAY}
    for text in list(document.findall(nodes.Text)):
        above = text.parent
        while isinstance(above, nodes.emphasis | nodes.strong):
            above = above.parent
        if not isinstance(above, nodes.paragraph) or isinstance(above, apart[:-1]) or not left:
            continue
        pieces: list[Any] = []
        rest = str(text)
        while left:
            found = re.search(rf"\b({'|'.join(sorted(map(re.escape, left), key=len, reverse=True))})s?\b", rest, re.I)
            if found is None:
                break
            left.discard(found[1].lower())
            link = addnodes.pending_xref(
                "", nodes.inline("", found[0], classes=["pgc-term"]), refdomain="std", reftype="term",
                reftarget=found[1].lower(), refexplicit=True, refwarn=True,
            )  # fmt: skip
            pieces += [nodes.Text(rest[: found.start()]), link]
            rest = rest[found.end() :]
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(rest)])


def tell(document: Any, words: dict[str, str]) -> None:
    """Let each link to the glossary say, under the pointer, what stands there."""
    from docutils import nodes

    for inline in document.findall(nodes.inline):
        if "pgc-term" in inline["classes"] and isinstance(inline.parent, nodes.reference):
            word = inline.astext().lower()
            told = words.get(word) or words.get(word.removesuffix("s"), "")
            inline.parent["reftitle"] = re.sub(r"\s*\(?\[\d\d\]\([^)]*\)\)?", "", told)
