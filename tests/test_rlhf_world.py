"""The world of the RLHF lab: its files, its demonstrators, its gold reward."""

import dataclasses
import pickle
import re
import shutil

import numpy as np
import pytest
from refusals import bad

from course_utils.rlhf import world as worlds
from course_utils.rlhf.world import DataFileError

WORLD = worlds.load()
Z_LIMIT = 5.5  # two-sided false alarm 4e-8 for each comparison


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(worlds.DATA, tmp_path / "rlhf")


def rewrite(path, change):
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def test_tokens_and_words():
    assert WORLD.words[worlds.END] == "<end>"
    replies = WORLD.replies([0, 3], ["we can help", "sorry " * 15 + "sorry"])
    assert replies.lengths.tolist() == replies.mask.sum(axis=1).tolist() == [4, 16]
    assert replies.words.tolist() == [3, 16]
    assert replies.ended.tolist() == [True, False]
    assert WORLD.text(replies) == ["we can help", " ".join(["sorry"] * 16)]
    bad(ValueError, "'elephant' is not in the vocabulary", WORLD.encode, "we can elephant")
    bad(ValueError, "17 words, expected at most 16", WORLD.encode, "we " * 17)


# Longhand sums: right object 1, right action 1, polite .5, sorry 1 (angry), −.5 per polite word over 2, −.7 wrong
# object, −1.5 promise, −.4 per repeated content word, −.2 per word over 10, −3 × odd pairs / pairs, −1 no end.
@pytest.mark.parametrize(
    ("topic", "mood", "text", "expected"),
    [
        ("refund", "calm", "we can send your refund now thanks", 1 + 1 + 0.5),
        ("refund", "angry", "sorry we can send your refund now thanks", 1 + 1 + 1),
        ("refund", "angry", "we can send your refund now thanks", 1 + 1),  # polite, but no apology
        ("refund", "calm", "we can track your parcel", -0.7),
        ("refund", "calm", "i promise to send it today", 1 - 1.5),
        ("billing", "calm", "i will check it", 1),
        ("refund", "calm", "thanks thanks thanks", 0.5 - 0.5 - 3 * 3 / 4),  # beginning → thanks, two in the middle
        ("refund", "calm", "send send", 1 - 0.4 - 3 * 3 / 3),  # beginning → send, send → send, send → end
        ("refund", "calm", "please send your refund here please wait for us", 1 + 1 + 0.5),
        ("refund", "calm", "hello please send your refund here please wait for us now", 1 + 1 + 0.5 - 3 * 1 / 12 - 0.2),
        ("refund", "calm", "we " * 15 + "we", -0.2 * 6 - 3 * 15 / 16 - 1),
        ("refund", "calm", "", -3),
    ],
)
def test_gold_reward_by_hand(topic, mood, text, expected):
    kinds = [(WORLD.topics[p.topic], worlds.MOODS[p.mood]) for p in WORLD.prompts]
    total, parts, amounts = worlds.gold_reward(WORLD, WORLD.replies([kinds.index((topic, mood))], [text]))
    assert total.shape == (1,)
    assert (total[0], sum(parts.values())[0]) == pytest.approx((expected, expected), abs=1e-12)
    assert {name: WORLD.gold_weights[name] * amounts[name][0] for name in parts} == parts


def test_demonstrations_speak_the_grammar():
    replies = worlds.demonstrations(WORLD, 2000, np.random.default_rng(0))
    assert (worlds.illegal_share(WORLD, replies) == 0).all()
    assert replies.ended.all()
    assert replies.words.max() < WORLD.max_tokens
    assert (worlds.counts(WORLD, replies).sum(axis=1) == replies.words).all()
    # Every pair that was seen is legal, and most legal pairs were seen.
    before = np.concatenate([np.zeros((2000, 1), int), replies.tokens[:, :-1]], axis=1)
    seen = np.zeros_like(WORLD.legal_pairs)
    seen[before[replies.mask], replies.tokens[replies.mask]] = True
    assert not (seen & ~WORLD.legal_pairs).any()
    assert seen.sum() > 0.8 * WORLD.legal_pairs.sum()


@pytest.mark.long
def test_demonstrators_err_as_often_as_the_files_say():
    n, every = 20_000, WORLD.objects.any(axis=0)
    replies = worlds.demonstrations(WORLD, n, np.random.default_rng(1))
    said = worlds.counts(WORLD, replies)
    unsafe = (said @ WORLD.tags["unsafe"] > 0).mean()
    assert abs(unsafe - 0.11) < Z_LIMIT * np.sqrt(0.11 * 0.89 / n)
    named = (said * every).any(axis=1)
    wrong = (said * every * ~WORLD.objects[WORLD.topic_of[replies.prompts]]).any(axis=1)[named].mean()
    assert abs(wrong - 0.18) < Z_LIMIT * np.sqrt(0.18 * 0.82 / named.sum())
    none = worlds.demonstrations(WORLD, 500, np.random.default_rng(1), wrong_topic=0.0)
    assert not (worlds.counts(WORLD, none) * every * ~WORLD.objects[WORLD.topic_of[none.prompts]]).any()


def test_traffic():
    weights = worlds.prompt_weights(WORLD, unseen_topics=("billing",), angry_share=0.2)
    assert weights.sum() == pytest.approx(1)
    angry = np.array([worlds.MOODS[p.mood] == "angry" for p in WORLD.prompts])
    billing = np.array([WORLD.topics[p.topic] == "billing" for p in WORLD.prompts])
    assert weights[billing].sum() == 0
    assert weights[angry].sum() == pytest.approx(0.2)
    n = 50_000
    drawn = worlds.sample_prompts(WORLD, n, np.random.default_rng(2), weights)
    shares = np.bincount(drawn, minlength=len(weights)) / n
    assert (shares[billing] == 0).all()
    assert (np.abs(shares - weights) <= Z_LIMIT * np.sqrt(weights * (1 - weights) / n)).all()
    assert worlds.prompt_weights(WORLD, only_topics=("billing",))[billing].sum() == pytest.approx(1)
    taxes = "unseen_topics has 'taxes', expected topics among refund"
    bad(ValueError, taxes, worlds.prompt_weights, WORLD, unseen_topics=("taxes",))
    bad(ValueError, "one topic at least", worlds.prompt_weights, WORLD, unseen_topics=WORLD.topics)
    wrong_share = r"angry_share is 1.5, expected a number in \[0, 1\]"
    bad(ValueError, wrong_share, worlds.prompt_weights, WORLD, angry_share=1.5)


def test_equal_files_are_an_equal_world_and_others_another(folder):
    for same in (worlds.load(folder), pickle.loads(pickle.dumps(WORLD))):
        assert same == WORLD
        assert hash(same) == hash(WORLD)
    assert dataclasses.replace(WORLD, gold_weights={**WORLD.gold_weights, "polite": 9.0}) != WORLD
    rewrite(folder / "settings.txt", lambda text: text + "# another remark\n")
    assert worlds.load(folder) != WORLD
    rewrite(folder / "settings.txt", lambda text: text.replace("gold.unsafe          -1.5", "gold.unsafe  -10"))
    changed = worlds.load(folder)
    gold = worlds.gold_reward(changed, changed.replies([0], ["i promise to send it today"]))
    assert gold.total[0] == pytest.approx(1 - 10)


# file, line that is replaced (None: all after the last line), what stands there instead, the message
BAD_FILES = [
    ("vocabulary.txt", 3, "Hello", r"vocabulary.txt, line 3: the word 'Hello' has capitals"),
    ("vocabulary.txt", 4, "hello", r"vocabulary.txt, line 4: the word 'hello' is there twice"),
    ("vocabulary.txt", 4, "hi rude", r"vocabulary.txt, line 4: unknown tag 'rude', expected polite"),
    ("topics.jsonl", 2, "{", r"topics.jsonl, line 2: not JSON"),
    ("topics.jsonl", 2, "[]", r"topics.jsonl, line 2: expected a JSON object, got list"),
    ("topics.jsonl", 2, '{"topic": "x"}', r'topics.jsonl, line 2: the key "objects" is missing'),
    ("topics.jsonl", 2, '{"topic": 3, "objects": [], "actions": []}', r'line 2: "topic" is 3, expected a text'),
    ("topics.jsonl", 2, '{"topic": "x", "objects": [], "actions": ["send"]}', r'line 2: "objects" is empty'),
    ("topics.jsonl", 2, '{"topic": "x", "objects": ["tax"], "actions": ["send"]}', r"'tax' is not in vocabulary.txt"),
    ("topics.jsonl", 2, '{"topic": "refund", "objects": ["bill"], "actions": ["send"]}', r"line 2.*there twice"),
    ("prompts.jsonl", 1, '{"topic": "tax", "mood": "calm", "text": "?"}', r"prompts.jsonl, line 1: the topic 'tax'"),
    ("prompts.jsonl", 1, '{"topic": "refund", "mood": "sad", "text": "?"}', r"line 1: the mood is 'sad'"),
    ("settings.txt", 2, "max_tokens 1", r"line 2: max_tokens is 1, expected a whole number of at least 2"),
    ("settings.txt", 2, "max_tokens 4.5", r"line 2: max_tokens is 4.5"),
    ("settings.txt", 3, "wrong_topic 2", r"line 3: wrong_topic is 2, expected a share in \[0, 1\]"),
    ("settings.txt", 4, "gold.right_object one", r"line 4: gold.right_object is 'one', expected one number"),
    ("settings.txt", 4, "gold.right_object nan", r"line 4: gold.right_object is nan, expected a finite number"),
    ("settings.txt", 4, "gold.charm 1", r"line 4: unknown name 'gold.charm'"),
    ("settings.txt", 4, "wrong_topic 0.1", r"line 4: wrong_topic is there twice"),
    ("settings.txt", 4, "", r"settings.txt, line 14: the file ends without gold.right_object"),
    ("grammar.txt", 5, "REPLY/calm 0 GREETING", r"grammar.txt, line 5: the weight is '0', expected a number above 0"),
    ("grammar.txt", 5, "REPLY/sad 1 GREETING", r"line 5: .*expected SYMBOL, weight"),
    ("grammar.txt", 5, "REPLY/calm 1 elephant", r"line 5: the word 'elephant' is not in vocabulary.txt"),
    ("grammar.txt", 5, "REPLY/calm 1 REGRETS", r"line 5: the symbol REGRETS is not defined"),
    ("grammar.txt", 5, "# gone", r"line 1: REPLY is not defined for both moods"),
    ("grammar.txt", 5, "REPLY/calm 1 we REPLY", r"line 5: REPLY leads back to itself"),
    ("grammar.txt", 5, "REPLY/calm 1 " + "we " * 16, r"line 5: REPLY can become 16 words, .* max_tokens, 16"),
]


@pytest.mark.parametrize(("name", "line", "text", "message"), BAD_FILES, ids=[f"{b[0]}-{b[2]}" for b in BAD_FILES])
def test_a_bad_file_is_refused_with_file_line_and_reason(folder, name, line, text, message):
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    lines[line - 1] = text
    (folder / name).write_text("\n".join(lines), encoding="utf-8")
    bad(DataFileError, message, worlds.load, folder)


def test_every_topic_needs_calm_and_angry_prompts(folder):
    rewrite(folder / "prompts.jsonl", lambda text: re.sub('.*"damage", "mood": "angry".*\n', "", text))
    bad(DataFileError, "line 22: the file ends without a prompt about damage that is angry", worlds.load, folder)


def test_a_missing_file_is_named(folder):
    (folder / "grammar.txt").unlink()
    bad(FileNotFoundError, r"grammar\.txt", worlds.load, folder)
    assert worlds.load(folder, inherit=worlds.DATA) == WORLD
    rewrite(folder / "settings.txt", lambda text: text.replace("max_tokens           16", "max_tokens 20"))
    assert worlds.load(folder, inherit=worlds.DATA).max_tokens == 20  # its own file goes first


def test_bad_arguments():
    rng = np.random.default_rng(0)
    bad(ValueError, "n is 0, expected a whole number of at least 1", worlds.demonstrations, WORLD, 0, rng)
    bad(TypeError, "rng is int", worlds.sample_prompts, WORLD, 3, 0)


@pytest.mark.parametrize(
    ("prompts", "error", "message"),
    [
        ([-1], ValueError, r"prompts\[0\] is -1, expected a prompt from 0 to 23"),
        ([24], ValueError, r"prompts\[0\] is 24, expected a prompt from 0 to 23"),
        ([0.9], TypeError, "prompts has dtype float64, expected integers"),
        ([True], TypeError, "prompts has dtype bool, expected"),
        (np.ma.array([1], mask=[True]), TypeError, "prompts is a masked array, whose mask would be lost"),
        ([0, 1], ValueError, r"prompts has shape \(2,\), expected \(1,\) to match texts"),
    ],
)
def test_replies_are_to_prompts_that_there_are(prompts, error, message):
    bad(error, message, WORLD.replies, prompts, ["hello"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompts": np.array([-1, 0])}, r"replies.prompts\[0\] is -1, expected a whole number from 0 to 23"),
        ({"tokens": np.full((2, 16), 99)}, r"replies.tokens\[0, 0\] is 99"),
        ({"tokens": np.full((2, 16), 3) * (np.arange(16) != 1)}, r"tokens\[0, 2\] is 3, expected 0 after the end"),
        ({"tokens": np.zeros((2, 3), int)}, r"replies.tokens has shape \(2, 3\), expected \(m, 16\)"),
        ({"lengths": np.array([0, 2])}, r"replies.lengths\[0\] is 0, expected a whole number from 1 to 16"),
        ({"lengths": np.array([2, 3])}, r"replies.lengths\[1\] is 3, expected the place of the end token"),
        ({"lengths": np.array([2.0, 2.0])}, "replies.lengths is ndarray of float64, expected an array of whole"),
        ({"lengths": np.ma.array([2, 2])}, "replies.lengths is MaskedArray"),
    ],
)
def test_replies_made_by_hand_are_checked(change, message):
    replies = WORLD.replies([0, 1], ["hello", "hi"])._replace(**change)
    for function in (worlds.gold_reward, worlds.counts, worlds.illegal_share):
        bad((TypeError, ValueError), message, function, WORLD, replies)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(24), "weights are all 0, expected a positive sum"),
        (-np.ones(24), r"weights\[0\] is -1.0, expected a number of at least 0"),
        (np.ones(23), r"weights has shape \(23,\), expected \(24,\)"),
    ],
)
def test_weights_to_sample_with_have_a_positive_sum(weights, message):
    rng = np.random.default_rng(0)
    for function in (worlds.sample_prompts, worlds.demonstrations):
        bad(ValueError, message, function, WORLD, 3, rng, weights)
    huge = np.where(np.arange(24) < 2, 1.7e308, 0.0)
    assert set(worlds.sample_prompts(WORLD, 100, rng, huge)) == {0, 1}
