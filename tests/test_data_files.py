"""Every data file under every hostile input: a value, or one error with file, line and reason."""

import json
import os
import pickle
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import bad

from course_utils import data_files, lessons, misconceptions
from course_utils.data_files import DataFileError, MissingFileError
from course_utils.rlhf import reward_model
from course_utils.rlhf import world as worlds
from course_utils.widgets import course_map, quiz

WORLD = worlds.load()


def in_a_world(path):
    """Read the file at this path as that of a world whose other files are the course's own."""
    for name in set(worlds._FILES) - {path.name}:
        if not (path.parent / name).exists():
            shutil.copy(worlds.DATA / name, path.parent)
    return worlds.load(path.parent)


# file → its reader and its good content
PAIRS = (worlds.DATA / "preferences.jsonl").read_bytes()
READERS = {
    **{name: (in_a_world, (worlds.DATA / name).read_bytes()) for name in worlds._FILES},
    "preferences.jsonl": (lambda path: reward_model.read_pairs(path, WORLD).chosen.tokens.tolist(), PAIRS),
    "misconceptions.json": (misconceptions.read, misconceptions.PATH.read_bytes()),
    "08.json": (quiz.load, (lessons.QUIZZES / "08.json").read_bytes()),
}
JSON = [name for name in READERS if ".json" in name]


def write(folder, name, content):
    path = folder / "given" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def refusal(folder, name, content):
    """Return line and reason with which the file is refused."""
    path = write(folder, name, content)
    with pytest.raises(DataFileError) as caught:
        READERS[name][0](path)
    told = str(caught.value)
    assert len(told) < 500, "a message quotes the beginning of what is long"
    found = re.match(rf"\w+/{re.escape(name)}(?:, line (\d+))?: (.+)", told)
    assert found, told
    return found[1] and int(found[1]), found[2]


def refused(act):
    """Return the error of a refusal, None where there is none; any other error is a fault."""
    try:
        act()
    except DataFileError as error:
        return error
    return None


@pytest.mark.parametrize("name", READERS)
def test_a_byte_order_mark_is_skipped_and_windows_lines_are_lines(tmp_path, name):
    read, good = READERS[name]
    wanted = read(write(tmp_path, name, good))
    assert read(write(tmp_path, name, b"\xef\xbb\xbf" + good)) == wanted
    assert read(write(tmp_path, name, b"\xef\xbb\xbf" + good.replace(b"\n", b"\r\n"))) == wanted


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"\n\xff\xfe\x00", 2, "the byte 0xff is not UTF-8"),
        ("\nhé".encode("latin-1"), 2, "the byte 0xe9 is not UTF-8"),
        ("\nhi".encode("utf-16"), 1, "the byte 0x"),
        (b"\n\xed\xa0\x80", 2, "the byte 0xed is not UTF-8"),  # half of a surrogate pair
        (b"\n" + b"x" * 200_000, 2, "200,000 characters, expected at most 100,000"),
    ],
    ids=["bytes", "latin-1", "utf-16", "surrogate", "long line"],
)
def test_what_no_file_may_hold_is_refused_on_its_line(tmp_path, name, content, line, reason):
    found, told = refusal(tmp_path, name, content)
    assert (found, reason in told) == (line, True), told


@pytest.mark.parametrize("name", READERS)
def test_a_line_of_ten_megabytes_and_a_file_that_is_too_large(tmp_path, name, monkeypatch):
    _, told = refusal(tmp_path, name, b'{"a": "' + b"x" * 10_000_000)
    assert "10,000,007 characters" in told or "more than 1,000,000 bytes" in told
    monkeypatch.setattr(data_files, "LARGEST", 40_000)
    line, told = refusal(tmp_path, name, b"#\n" * 501_000)
    assert line is None
    assert re.fullmatch(r"the file has more than (40,000|1,000,000) bytes, the most that is read", told)


@pytest.mark.parametrize("name", READERS)
def test_a_missing_file_a_folder_and_a_pipe(tmp_path, name):
    read = READERS[name][0]
    path = tmp_path / "given" / name
    path.parent.mkdir()
    with pytest.raises(DataFileError, match=rf"^given/{name}: there is no ") as missing:
        read(path)
    assert isinstance(missing.value, FileNotFoundError | quiz.QuizError)
    path.mkdir()
    bad(DataFileError, "this is a folder, expected a file", read, path)
    path.rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)
        bad(DataFileError, "this is a device, expected a file", read, path)


NOT_JSON = {  # by the reason that is told
    "longer|nested deeper than 50|characters": ["[" * 100_000],
    "nested deeper than 50": ["[" * 51 + "]" * 51, '{"a":' * 51 + "1" + "}" * 51],
    "a number has 5,000 characters, expected at most 100": ["9" * 5000],
    "a number has 5,003 characters": ["-0." + "1" * 5000],
    "1e999 is too large": ["1e999"],
    "NaN is not JSON": ["NaN"],
    "-Infinity is not JSON": ["-Infinity"],
    "the key 'a' stands twice": ['{"a": 1, "a": 2}', '{"a": 1, "\\u0061": 2}'],
    "half of a surrogate pair": ['"\\ud800"'],
    "JSON: ": ['"\\q"', "'a'", '"a', "1,", "", "tru", '"\x00"'],
}
CASES = [(value, reason) for reason, values in NOT_JSON.items() for value in values]


@pytest.mark.parametrize("name", JSON)
@pytest.mark.parametrize(("value", "reason"), CASES, ids=range(18))
def test_what_json_may_not_hold_is_refused_on_its_line(tmp_path, name, value, reason):
    before = READERS[name][1].split(b"\n", 1)[0] + b"\n" if name.endswith("l") else b"\n"
    line, told = refusal(tmp_path, name, before + f'{{"x": {value}}}\n'.encode())
    assert re.search(reason, told)
    assert line == 2 or (line == 1 and not name.endswith("l"))


@pytest.mark.parametrize("name", ["vocabulary.txt", "settings.txt", "grammar.txt"])
@pytest.mark.parametrize("sign", "\ufeff\u200b\u2028\u0085\x0b\x0c\x1c\x00\xa0\u00ad\u202e\u034f\u2800\u3164\ufe0f")
def test_a_sign_that_cannot_be_seen_is_named(tmp_path, name, sign):
    good = READERS[name][1]
    told = good.count(b"\n") + 1, f"the sign U+{ord(sign):04X} cannot be seen: delete it"
    assert refusal(tmp_path, name, good + f"a{sign}b\n".encode()) == told
    # In a remark it may stand; and it ends no line there.
    READERS[name][0](write(tmp_path, name, good + f"# a{sign}not a word\n".encode()))


ODD = '\u2028 \u2029 \x85 \x0b \x0c \x1c \x1d \x1e \r \n \ufeff \\ " 😀'


def test_a_text_with_any_sign_that_we_write_is_read_again(tmp_path):
    shutil.copytree(worlds.DATA, tmp_path / "w")
    topic = WORLD.topics[0]
    rows = [json.loads(row) for row in READERS["prompts.jsonl"][1].splitlines()]
    rows.append({"topic": topic, "mood": "calm", "text": ODD})
    data_files.write_json_lines(tmp_path / "w" / "prompts.jsonl", rows)
    world = worlds.load(tmp_path / "w")
    assert world.prompts[-1].text == ODD
    pairs = reward_model.Pairs(*(world.replies([len(world.prompts) - 1], [text]) for text in ("we help", "hello")))
    reward_model.write_pairs(tmp_path / "pairs.jsonl", world, pairs)
    read = reward_model.read_pairs(tmp_path / "pairs.jsonl", world)
    assert all(np.array_equal(a, b) for a, b in zip([*read[0], *read[1]], [*pairs[0], *pairs[1]], strict=True))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner))


@pytest.mark.long
@given(st.lists(st.dictionaries(st.text(st.characters()), values, max_size=4), max_size=4))
def test_what_is_written_is_read_or_refused_at_once(entries):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.jsonl")
        if refused(lambda: data_files.write_json_lines(path, entries)):
            assert not path.exists()
        else:
            assert [entry for _, entry in data_files.json_lines(path, {})] == entries


SIGNS = [*'{}[]":,#-\\\n\r \x00\u2028\ufeff', "\\u", "\\ud800", "\r\n"]
WORDS = ["NaN", "-Infinity", "1e999", "9" * 101, "0", "null", "true", "REPLY", "/calm", "A", "we", "max_tokens"]
KEYS = ['"topic"', '"text"', '"prompt"', '"quiz"']
PIECES = st.sampled_from([piece.encode() for piece in (*SIGNS, *WORDS, *KEYS)])


@st.composite
def damaged(draw):
    """A file's name and bytes: pieces of all kinds, or good content with something in it replaced."""
    name = draw(st.sampled_from(sorted(READERS)))
    noise = b"".join(draw(st.lists(PIECES | st.binary(max_size=8), max_size=12)))
    if draw(st.booleans()):
        return name, noise
    good = READERS[name][1]
    start, length = draw(st.integers(0, len(good))), draw(st.integers(0, 40))
    return name, good[:start] + noise + good[start + length :]


@given(damaged())
def test_whatever_bytes_give_a_value_or_the_one_error(case):
    name, content = case
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), name, content)
        if error := refused(lambda: READERS[name][0](path)):
            assert 1 <= error.line <= content.count(b"\n") + 1
            assert re.match(rf"\w+/[\w.]+, line {error.line}: .", str(error))


DOUBLING = "".join(f"A{i} 1 A{i + 1} A{i + 1}\n" for i in range(60))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("grammar.txt", f"REPLY 1 A0\n{DOUBLING}A60 1 we\n", "more than a thousand million steps, expected at most"),
        ("grammar.txt", f"REPLY 1 A0\n{DOUBLING}A60 1 -\n", "more than a thousand million steps, expected at most"),
        ("grammar.txt", "REPLY 1 A0\n" + "".join(f"A{i} 1 A{i + 1}\n" for i in range(5000)), "there are 1,001 rules"),
        ("grammar.txt", "REPLY 1 A0\nA0 1 B\nB 1 A0\n", "leads back to itself"),
        ("grammar.txt", "REPLY 1 " + "we " * 101, "there are 101 parts in this rule, expected at most 100"),
        ("grammar.txt", "REPLY 1e7 we\n", "the weight is '1e7', expected a number above 0"),
        ("grammar.txt", "REPLY 1_0 we\n", "the weight is '1_0', expected a number above 0"),
        ("grammar.txt", "REPLY 1 <end>\n", "the word '<end>' is not in vocabulary.txt"),
        ("topics.jsonl", '{"topic": "x", "objects": ["<end>"], "actions": ["we"]}', "'<end>' is not in vocabulary.txt"),
        ("vocabulary.txt", "".join(f"w{i}\n" for i in range(501)), "there are 501 words, expected at most 500"),
        ("vocabulary.txt", "a\n𝐀\n", "has capitals"),
        ("settings.txt", "max_tokens 1e9\n", "at most 256"),
        ("settings.txt", "gold.polite 1e300\n", "a finite number of at most 1,000,000"),
    ],
)
def test_limits_are_told(tmp_path, name, content, reason):
    _, told = refusal(tmp_path, name, content.encode())
    assert reason in told


@pytest.mark.long
def test_a_long_chain_of_rules_is_followed(tmp_path):
    chain = "REPLY 1 A0\n" + "".join(f"A{i} 1 A{i + 1}\n" for i in range(900)) + "A900 1 we\n"
    world = in_a_world(write(tmp_path, "grammar.txt", chain.encode()))
    assert world.text(worlds.demonstrations(world, 2, np.random.default_rng(0))) == ["we", "we"]


def test_more_pairs_than_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reward_model, "MOST_PAIRS", 2)
    assert refusal(tmp_path, "preferences.jsonl", PAIRS) == (3, "there are more than 2 pairs, the most that are read")
    pairs = WORLD.replies([0] * 3, ["we"] * 3)
    with pytest.raises(ValueError, match="pairs has 3 pairs, expected at most 2"):
        reward_model.write_pairs(tmp_path / "x.jsonl", WORLD, reward_model.Pairs(pairs, pairs))


def test_every_limit_stands_in_the_readme():
    text = (Path(__file__).parents[1] / "data" / "README.md").read_text(encoding="utf-8")
    limits = [data_files.LARGEST, data_files.LARGEST_DOCUMENT, data_files.LONGEST_LINE, data_files.LONGEST_NUMBER]
    limits += [data_files.DEEPEST, reward_model.MOST_PAIRS, worlds.LARGEST_WEIGHT]
    limits += [value for name, value in vars(worlds).items() if name.startswith("MOST_")]
    for limit in limits:
        assert re.search(rf"\b{limit:,.0f}\b", text), f"{limit:,.0f}"


@pytest.mark.parametrize("kind", [DataFileError, MissingFileError, quiz.QuizError])
def test_the_error_passes_between_processes(kind):
    given = Path("a", "b", "c.txt"), 3, "why"
    error = pickle.loads(pickle.dumps(kind(*given)))
    assert (type(error), str(error)) == (kind, "b/c.txt, line 3: why")
    assert (error.path, error.line, error.reason) == given


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "\ud800"])
def test_a_name_that_no_file_can_have(name):
    assert refused(lambda: data_files.text(Path(name)))


def test_the_map_passes_over_a_broken_quiz(tmp_path, monkeypatch):
    monkeypatch.setattr(lessons, "QUIZZES", tmp_path)
    for content in (b"\xff", b"[" * 99_999, b"9" * 5000, b'{"questions": [1]}'):
        (tmp_path / "01.json").write_bytes(content)
        assert course_map._titles(lessons.QUIZZES / "01.json") == {}


@pytest.mark.skipif(os.name != "posix", reason="links and permissions")
def test_writing_follows_a_link_and_keeps_the_permissions(tmp_path):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "file", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to("far/file")
    data_files.write(link, "new")
    assert link.is_symlink()
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("new", 0o600)
    assert list(target.parent.iterdir()) == [target]


def test_a_row_that_could_not_be_read_is_not_written(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("before")
    for row in ({"a": float("nan")}, {"a": 10**101}, {"a": "x" * 100_000}, {"a": "\ud800"}, {"a": object()}):
        bad(DataFileError, r"log\.jsonl, line 2: cannot be written", data_files.write_json_lines, path, [{}, row])
    assert path.read_text() == "before"
