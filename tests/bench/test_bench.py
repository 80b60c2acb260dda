"""The parts of `make bench` that measure nothing: exponents, the table and its form, what an interrupt leaves."""

import json

import costs
import growth
import numpy as np
import pytest
import results
import table
import targets
import timing


def measured(ratio=0.5):
    """Results of all rows, with this ratio to each peer."""
    one = {"median": 1.0, "ratio": ratio, "low": 0.9 * ratio, "high": 1.1 * ratio}
    rows = {
        id: {"id": id, "ours": 0.5, "peers": dict.fromkeys(row.peers, one), "rounds": 5, "note": ""}
        for of_file in targets.ROWS.values()
        for id, row in of_file.items()
    }
    for id, grown in targets.GROWTH.items():
        exponents = {"exponent": [1.0, 0.01], "memory_exponent": [0.9, 0.01]}
        rows[id] = {"id": id, "sizes": grown.sizes, "seconds": list(grown.sizes), "megabytes": [1.0] * 5, **exponents}
    machine = {"processor": "P", "cores": 2, "system": "S", "python": "3", "packages": {"numpy": "2"}}
    return {"machine": machine, "code": "c", "quick": False, "complete": True, "rows": rows, "failed": {}}


def test_an_exponent_is_that_of_the_power_and_its_error_that_of_the_noise():
    sizes = np.array([1, 2, 4, 8, 16])
    assert growth.exponent(sizes, 3.0 * sizes**1.5) == pytest.approx([1.5, 0.0], abs=1e-12)
    slope, error = growth.exponent(sizes, sizes * np.exp([0.1, -0.1, 0.0, 0.1, -0.1]))
    longhand = np.log(2) * np.array([-2, -1, 0, 1, 2])
    wanted = 1 + longhand @ [0.1, -0.1, 0.0, 0.1, -0.1] / (longhand @ longhand)
    assert slope == pytest.approx(wanted)
    assert 0 < error < 0.1


def test_ratios_are_of_the_same_round_and_their_range_is_the_spread():
    found = timing.figures({"ours": [1.0, 10.0, 3.0], "theirs": [2.0, 20.0, 3.0]})["theirs"]
    assert found == pytest.approx({"median": 3.0, "ratio": 0.5, "low": 0.5, "high": 1.0})


def test_contenders_take_turns_and_must_agree():
    calls = []
    contenders = {"ours": lambda: calls.append("ours"), "theirs": lambda: calls.append("theirs"), "missing": None}
    times = timing.in_turn(contenders, seconds=0.0)
    assert {name: len(found) for name, found in times.items()} == dict.fromkeys(
        ("ours", "theirs"), 3 // timing.PROCESSES
    )
    assert timing.PROCESSES * len(times["ours"]) >= 3, "fewer have no spread"
    with pytest.raises(AssertionError, match="theirs"):
        timing.agree({"ours": lambda: 1.0, "missing": None, "theirs": lambda: 1.1}, tolerance=1e-3)


def test_the_readme_has_the_rows_that_are_measured():
    assert table.problems(table.README.read_text(encoding="utf-8")) == []


def test_the_form_of_the_table_is_looked_at_and_its_numbers_are_not():
    frame = f"before\n{table.BEGIN}\n{table.END}\nafter\n"
    for ratio in (0.123, 4.56):
        assert table.problems(table.written(frame, table.lines(measured(ratio)))) == []
    good = table.written(frame, table.lines(measured()))
    assert good.startswith("before\n")
    assert good.endswith(f"{table.END}\nafter\n")
    assert table.written(good, table.lines(measured())) == good
    row = next(line for line in good.splitlines() if line.startswith("| PPO clip"))
    assert table.problems(good.replace(row + "\n", "")) == [f"no row {row.split(' | ')[0][2:]}"]
    assert table.problems(good.replace("× torch", "× Torch"))
    assert table.problems(good.replace(table.HEAD, "| which |")) == [f"no head {table.HEAD}", "a row too many, which |"]
    with pytest.raises(ValueError, match="lacks the line"):
        table.written("nothing", [])


def test_the_table_says_what_is_missed_and_why_where_peers_are_faster_and_what_is_not_installed():
    said = "\n".join(table.lines(measured(200.0)))
    assert "200 × JAX (180 to 220), wanted at most 9: missed**" in said
    assert "JAX is faster than the course in" in said
    assert targets.ROWS["floor"]["gae-2048-64"].reasons["JAX"] in said
    found = measured()
    found["rows"]["gae-2048-64"]["peers"]["CleanRL"] = {"missing": True}
    del found["rows"]["import"]
    said = table.lines(found)
    assert any("CleanRL: not measured, torch is not installed" in line for line in said)
    assert "| import the floor of course_utils | not measured | |" in said


def test_numbers_have_two_digits_and_no_power_of_ten():
    numbers = [0.00123, 0.0456, 1.04, 9.96, 45.6, 99.4, 100.4, 12345]
    assert [*map(table.short, numbers)] == ["0.0012", "0.046", "1", "10", "46", "99", "100", "12,300"]


def test_an_interrupted_run_goes_on_and_a_whole_one_is_kept_to_compare_with(tmp_path):
    out, before = tmp_path / "build" / "bench.json", tmp_path / "build" / "before.json"
    first = results.begin(True, out, before)
    first["rows"]["import"] = measured()["rows"]["import"]
    results.store(first, out)
    assert results.begin(True, out, before)["rows"] == first["rows"]
    assert not before.exists()
    assert results.begin(False, out, before)["rows"] == {}  # the quick rows are no part of it
    results.store(first | {"complete": True}, out)
    assert results.begin(True, out, before)["rows"] == {}
    assert json.loads(before.read_text())["rows"] == first["rows"]
    out.write_text("{ broken", encoding="utf-8")
    assert results.begin(True, out, before)["rows"] == {}


def test_costs_are_those_of_one_core_times_how_many():
    assert costs.sentences({}) == []
    rows = measured()["rows"]
    rows["grading"]["figures"] = {"processor": 0.36}
    rows["notebooks"] |= {"ours": 72.0, "figures": {"notebooks": 2}}
    learners, marking, around = costs.sentences(rows)
    assert "take 1,000 core-hours" in learners
    assert "take 100 core-hours to mark" in marking
    assert "1.0 hours, if" in marking
    assert "1000.0 ms a submission" in around


def test_a_second_run_is_held_to_the_spread_of_the_first():
    first, second = measured(1.0), measured(1.05)
    inside, of = table.within(second, first)
    assert inside == of > 20
    second["rows"]["import"]["peers"]["import numpy"] = {"ratio": 1.2}
    assert table.within(second, first) == (of - 1, of)


def test_the_spread_is_held_as_it_is_printed():
    """Hundredths that nobody sees are no difference."""
    first, second = measured(1.0), measured(1.1049)
    inside, of = table.within(second, first)
    assert inside == of
    assert table.within(measured(1.16), first) == (0, of)


def test_the_rounds_of_several_processes_are_one_row():
    one, two = (
        timing.measured("import", {"ours": times, "theirs": [1.0, 1.0]}, ["missing"], note="said")
        | {"figures": {"n": 2}}
        for times in ([1.0, 2.0], [5.0, 5.0])
    )
    row = timing.pooled([one, two])
    assert row["rounds"] == 4
    assert row["ours"] == 3.5
    assert row["peers"]["theirs"] == pytest.approx({"median": 1.0, "ratio": 3.5, "low": 1.0, "high": 5.0})
    assert row["peers"]["missing"] == {"missing": True}
    assert (row["note"], row["figures"]) == ("said", {"n": 2})
    assert set(targets.ROWS) | {"growth"} > targets.IN_PROCESSES


def test_each_row_has_a_file_and_an_id_of_its_own():
    every = [id for file in targets.FILES for id in targets.ids(file)]
    assert len(every) == len(set(every))
    assert set(every) == {id for rows in targets.ROWS.values() for id in rows} | set(targets.GROWTH)
    for file in targets.FILES:
        assert "def rows(" in (results.ROOT / "tests" / "bench" / f"{file}.py").read_text(encoding="utf-8")
