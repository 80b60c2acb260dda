"""The table of `make bench` in the README, between two marks: `python tests/bench table` writes it.

What it must look like follows from targets.py, and a test holds the README to that; the numbers are a machine's own.
"""

import re
from typing import Any

import costs
import results
import targets

README = results.ROOT / "README.md"
BEGIN, END = "<!-- bench: made by `python tests/bench table` -->", "<!-- bench: end -->"
HEAD = "| what | the course | times what it takes, in brackets the range of the rounds |"
GROWTH = "| what grows | sizes | time, as size to the power | peak memory | |"
PARTS = {"µs": 1e6, "ms": 1e3, "s": 1.0}


def short(number: float) -> str:
    """Return two significant digits, three from 100 on, without a power of ten."""
    if number >= 99.5:
        return f"{float(f'{number:.3g}'):,.0f}"
    digits = f"{number:.2g}"
    return f"{float(digits):g}" if "e" in digits else digits


def quantity(seconds: float, unit: str) -> str:
    """Return a time in its unit; a count or a rate stands as it is."""
    return f"{short(seconds * PARTS.get(unit, 1.0))} {unit}"


def missed(most: float | None, ratio: float) -> bool:
    return most is not None and ratio > most


def cell(row: targets.Row, found: dict[str, Any]) -> str:
    """Return what a row says of its peers."""
    parts = []
    for peer, most in row.peers.items():
        one = found["peers"].get(peer, {"missing": True})
        if "ratio" not in one:
            package = row.packages.get(peer, peer.lower())
            parts.append(f"{peer}: not measured, {package} is not installed")
            continue
        wanted = "" if most is None else f", wanted at most {short(most)}"
        spread = f"{short(one['low'])} to {short(one['high'])}" if found["rounds"] > 1 else "one round"
        text = f"{short(one['ratio'])} × {peer} ({spread}){wanted}"
        parts.append(f"**{text}: missed**" if missed(most, one["ratio"]) else text)
    return "; ".join(parts)


def lines(found: dict[str, Any]) -> list[str]:
    """Return the table's lines for what was measured."""
    rows, where = found["rows"], found["machine"]
    quick = " (QUICK=1: few rounds)" if found["quick"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in where["packages"].items())
    table = [f"Measured on {where['processor']}, {where['cores']} cores, {where['system']}, Python {where['python']}, "
             f"with {versions}{quick}.", "", HEAD, "|---|---|---|"]  # fmt: skip
    faster: dict[str, list[str]] = {}
    reasons: dict[str, list[str]] = {}
    for of_file in targets.ROWS.values():
        for id, row in of_file.items():
            if id not in rows:
                table.append(f"| {row.what} | not measured | |")
                continue
            note = f", {rows[id]['note']}" if rows[id]["note"] else ""
            table.append(f"| {row.what} | {quantity(rows[id]['ours'], row.unit)}{note} | {cell(row, rows[id])} |")
            for peer, one in rows[id]["peers"].items():
                if row.peers.get(peer) is None or "ratio" not in one:
                    continue
                if one["ratio"] > 1 and peer not in targets.BASELINES:
                    faster.setdefault(peer, []).append(row.what)
                if missed(row.peers[peer], one["ratio"]):
                    reason = row.reasons.get(peer, "no reason is known yet")
                    reasons.setdefault(reason, []).append(f"{row.what} beside {peer}")
    table += ["", GROWTH, "|---|---|---|---|---|"]
    for id, growth in targets.GROWTH.items():
        table.append(growth_line(growth, rows.get(id)))
    table.append("")
    for peer, whats in faster.items():
        table += [f"- {peer} is faster than the course in: {'; '.join(whats)}."]
    for reason, whats in reasons.items():
        table += [f"- Missed: {'; '.join(whats)}: {reason}."]
    table += [f"- {sentence}" for sentence in costs.sentences(rows)]
    before = results.load(results.BEFORE)
    inside, of = within(found, before) if before.get("quick") == found["quick"] else (0, 0)
    if of:
        table += [f"- A second run: {inside} of {of} ratios lay within the spread that the first had printed."]
    return table


def growth_line(growth: targets.Growth, found: dict[str, Any] | None) -> str:
    """Return a line of the second table."""
    sizes = ", ".join(f"{size:,}" for size in (found or growth._asdict())["sizes"])
    if found is None:
        return f"| {growth.what} | {sizes} | not measured | | |"
    exponents = [found["exponent"], found["memory_exponent"]]
    words = [f"{round(e[0], 2) + 0.0:.2f} ± {e[1]:.2f}" for e in exponents]  # no −0.00
    # A line through five points has an exponent of its own noise: two standard errors above is no miss.
    misses = [e[0] - 2 * e[1] > most for e, most in zip(exponents, (growth.most, growth.memory), strict=True)]
    words = [f"**{word}: missed**" if miss else word for word, miss in zip(words, misses, strict=True)]
    peak = f"{words[1]}, at most {short(found['megabytes'][-1])} MB"
    return f"| {growth.what} | {sizes} | {words[0]} | {peak} | {growth.bounded} |"


def within(now: results.Results, before: results.Results) -> tuple[int, int]:
    """Return how many ratios lie within the spread of the run before, as the table prints both, and of how many."""
    inside = []
    for id, row in now["rows"].items():
        if row.get("rounds", 0) < 3:  # has no spread
            continue
        for peer, found in row["peers"].items():
            old = before.get("rows", {}).get(id, {}).get("peers", {}).get(peer, {})
            if "ratio" in found and "ratio" in old and found != old:  # else it was not measured again
                low, ratio, high = (float(short(x).replace(",", "")) for x in (old["low"], found["ratio"], old["high"]))
                inside.append(low <= ratio <= high)
    return sum(inside), len(inside)


def written(readme: str, table: list[str]) -> str:
    """Return the README with this table between the marks."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise ValueError(f"README.md lacks the line {BEGIN} or {END}")
    return before + "\n".join([BEGIN, "", *table, "", END]) + after


def problems(readme: str) -> list[str]:
    """Return what is wrong with the form of the README's table: rows, heads and peers; numbers are not looked at."""
    between = readme.partition(BEGIN)[2].partition(END)[0].splitlines()
    found = {line.split(" | ")[0].removeprefix("| "): line for line in between if line.startswith("| ")}
    wanted = {row.what: row.peers for of_file in targets.ROWS.values() for row in of_file.values()}
    wanted |= {growth.what: {} for growth in targets.GROWTH.values()}
    heads = {HEAD.split(" | ")[0].removeprefix("| "), GROWTH.split(" | ")[0].removeprefix("| ")}
    said = [f"no head {head}" for head in (HEAD, GROWTH) if head not in between]
    said += [f"no row {what}" for what in wanted if what not in found]
    said += [f"a row too many, {what}" for what in found if what not in wanted.keys() | heads]
    there = {what: peers for what, peers in wanted.items() if "not measured |" not in found.get(what, "not measured |")}
    return said + [
        f"{what} lacks {peer}"
        for what, peers in there.items()
        for peer in peers
        if not re.search(rf"(× |\| |; ){re.escape(peer)}\b", found[what])
    ]
