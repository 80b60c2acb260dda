"""The audit log's chain: what was changed, left out, put in or broken off is seen."""

import json

import pytest

from course_utils.grading import audit


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "audit.jsonl"
    for run in range(2):  # the second goes on with the chain of the first
        with audit.Log(file) as log:
            for n in range(3):
                log.add({"run": run, "n": n, "text": "ü" * 40_000 * n})
    return file


def test_events_come_back_in_order_and_the_chain_holds(file):
    assert [(one["run"], one["n"]) for one in audit.events(file)] == [(r, n) for r in range(2) for n in range(3)]
    verdict = audit.verify(file)
    assert (verdict.lines, verdict.problems) == (6, ())


def changed(lines):
    record = json.loads(lines[1])
    lines[1] = json.dumps({**record, "n": 7}).encode()


def inserted(lines):
    lines.insert(2, lines[1])


@pytest.mark.parametrize(("change", "line"), [(changed, 3), (lambda lines: lines.pop(0), 1), (inserted, 3)])
def test_a_change_is_seen_in_the_line_after_it(change, line, file):
    lines = file.read_bytes().splitlines()
    change(lines)
    file.write_bytes(b"\n".join(lines) + b"\n")
    assert f"Line {line} does not follow" in audit.verify(file).problems[0]


def test_a_cut_end_is_seen_by_the_last_hash(file):
    last = audit.verify(file).last
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))
    assert audit.verify(file).problems == ()
    assert audit.verify(file).last != last


def test_a_line_that_a_kill_broke_off_stays_and_the_chain_goes_on(file):
    file.write_bytes(file.read_bytes()[:-9])
    with audit.Log(file) as log:
        log.add({"n": 9})
    assert [one["n"] for one in audit.events(file)] == [0, 1, 2, 0, 1, 9]
    assert audit.verify(file).problems == ("Line 6 is no event: a kill broke it off, or it was changed.",)
