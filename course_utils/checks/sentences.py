"""What the engine says when an answer is not right for a reason that no single question owns.

Each sentence has a stable id. "almost" is kept for answers that are right up to something small that has a name: all
numbers agree after the one change that the sentence names. Everything else is "not yet".
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.checks.advice import advice
from course_utils.checks.calls import Outside, Refusal, Stop
from course_utils.checks.limit import attempt
from course_utils.checks.question import Section
from course_utils.checks.result import Status, cut, show

__all__ = ["Diagnosis", "a_shape", "alias", "bad_argument", "coroutine", "dependent", "describe", "digits_of"]
__all__ += ["empty", "exchanged", "extra_axes", "extreme", "factor", "fixed_seed", "float_index", "global_rng"]
__all__ += ["ignores_inputs", "impossible", "in_place", "interrupted", "iterator", "mutates", "not_an_index"]
__all__ += ["not_callable", "not_finite", "notebook_names", "nothing_drawn", "nothing_returned", "offset"]
__all__ += ["only_examples", "out_of_range", "overwrites", "own_rng", "raised", "remembers", "remembers_arrays"]
__all__ += ["returns_input", "rounding", "still_running", "too_long", "too_many", "transposed", "unknown"]
__all__ += ["unknown_question", "wrong_arguments", "wrong_mean", "wrong_shape", "wrong_spread", "wrong_type"]


DIGITS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ROUNDING = 1e-3  # relative to the largest entry: the widest gap that counts as "almost"
FALSE_ALARM = 1e-6  # per check of a sampled function
MILLION = "A right function is stopped by this less than once in a million checks."


@dataclass(frozen=True)
class Diagnosis:
    """What is said about an answer."""

    status: Status
    mistake: str | None
    happened: str
    why: str
    read: Section | None = None
    label: str = "Why it matters"
    """what the sentence about why begins with"""


HELP = "What may help"


def not_callable(name: str, got: object) -> Diagnosis:
    """Something other than a function came in."""
    what = "None" if got is None else f"the text `{cut(got, 60)}`" if type(got) is str else describe(got)
    return Diagnosis(
        "not yet",
        "not-callable",
        f"The check received {what} instead of a function. That is what happens when the function is called on the "
        f'way in, as in `check("{name}", your_function(…))`: its answer is passed, and the function is not.',
        f"The check calls your function itself, on inputs of its own. Pass it by name, without brackets: "
        f'`check("{name}", your_function)`.',
        label=HELP,
    )


def exchanged(name: str, own: str) -> Diagnosis:
    """The function came first."""
    first = cut(name, 60)
    return Diagnosis(
        "not attempted",
        "exchanged-arguments",
        "The two arguments of `check` have changed places.",
        f'The name of the question comes first, in quotes, and your function second: `check("{first}", {own})`.',
    )


def bad_argument(name: str, got: object, wanted: str) -> Diagnosis:
    """The seed or the limit is none."""
    return Diagnosis(
        "not attempted",
        "bad-argument",
        f"`{name}` is {cut(show(got), 60)}, expected {wanted}.",
        f"You can leave `{name}` out: the check then chooses it.",
    )


def unknown_question(nearest: list[str], existing: list[str]) -> Diagnosis:
    """No question has this name."""
    hint = f" The nearest is `{nearest[0]}`." if nearest else ""
    return Diagnosis(
        "not attempted",
        "unknown-question",
        f"There is no question of this name.{hint}",
        f"The questions are: {', '.join(f'`{name}`' for name in existing)}.",
    )


def wrong_arguments(refusal: Refusal, called: str, optional: str) -> Diagnosis:
    """The function cannot be called with the question's arguments."""
    fix = ""
    if refusal.by_keyword:
        names = " and ".join(f"`{cut(name, 40)}`" for name in refusal.by_keyword[:3])
        fix = f" What stands after `*` ({names}) can be passed by name only: take the `*` out."
    elif optional:
        fix = f" Give `{optional}` a default value in the first line of your function."
    return Diagnosis(
        "not yet",
        "wrong-arguments",
        f"Your function is written with the arguments `{refusal.written}`. It is called as `{called}`, which does not "
        f"fit.{fix}",
        "What you call the arguments is up to you. Their number and order are an agreement with everyone who uses the "
        "function.",
    )


def coroutine() -> Diagnosis:
    """An async function."""
    return Diagnosis(
        "not yet",
        "coroutine",
        "Your function begins with `async def`, so calling it returns a coroutine: a promise that nothing has computed "
        "yet.",
        "There is nothing to wait for here. Begin with `def`.",
        label=HELP,
    )


def iterator(value: object) -> Diagnosis:
    """A generator, map, zip … that has computed nothing yet."""
    kind = type(value).__name__
    return Diagnosis(
        "not yet",
        "generator",
        f"Your function returned a {kind}, which has not computed any number yet.",
        "A `yield` in the body makes a generator, and so do round brackets around a comprehension. Collect the numbers "
        "in a list, and return `np.array(the_list)`.",
        label=HELP,
    )


def nothing_returned(printed: str, sometimes: bool = False) -> Diagnosis:
    """The function returned None; ``sometimes``: it has a `return` with a value, which was not reached."""
    if sometimes:
        return Diagnosis(
            "not yet",
            "returns-none",
            "Here your function came to its end without reaching its `return`, so its answer is None.",
            "There is a `return`, and it stands behind a condition or in a loop that did not come to it. Ask when that "
            "condition holds, and what should be returned when it never does.",
            label=HELP,
        )
    if printed:
        return Diagnosis(
            "not yet",
            "prints",
            "Your function prints its answer and returns None.",
            "What is printed can be read by you, but not by the code that called your function: that receives only "
            "what is returned. Write `return` where you now write `print`.",
        )
    return Diagnosis(
        "not yet",
        "returns-none",
        "Your function came to its end without a `return`, so its answer is None.",
        "What a function computes is forgotten when it ends, except for what it returns. Let its last line be "
        "`return` and your result.",
    )


def too_many(value: object, wanted: np.ndarray[Any, Any]) -> Diagnosis:
    """More numbers than any answer has."""
    return Diagnosis(
        "not yet",
        "wrong-shape",
        f"Your answer, {describe(value)}, holds over a million numbers. Wanted is {a_shape(wanted.shape)}.",
        "A shape says what each axis means. Print the `.shape` of each intermediate result to see where it grows.",
        label=HELP,
    )


def empty(wanted: tuple[int, ...]) -> Diagnosis:
    """An array or list without entries."""
    return Diagnosis(
        "not yet",
        "empty",
        f"Your answer has no entries. Wanted is {a_shape(wanted)}.",
        "A list that is returned as it began, a loop that ran over nothing, or a slice that ends before it starts "
        "gives such an answer. Print the list, or the `.shape`, just before the `return`.",
        label=HELP,
    )


def notebook_names(outside: Outside) -> Diagnosis:
    """Variables of the notebook in place of the arguments."""
    names = _listed(outside.names[:3])
    never, argument = _listed(outside.unused[:3]), "arguments" if len(outside.unused) > 1 else "argument"
    return Diagnosis(
        "not yet",
        "notebook-names",
        f"Your function uses {names} from outside, and never its own {argument} {never}.",
        "A variable of the notebook has one value, whatever comes in. Inside the function use the names in its first "
        "line, so that it works for every input.",
        label=HELP,
    )


def wrong_type(value: object, wanted: np.ndarray[Any, Any]) -> Diagnosis:
    """The answer is no array of numbers."""
    if callable(value):
        extra = " Perhaps brackets are missing after its name."
    elif issubclass(type(value), dict | tuple | list):
        extra = " Numbers in rows of equal length could be read as an array, these cannot."
    else:
        extra = ""
    return Diagnosis(
        "not yet",
        "wrong-type",
        f"Your function returned {describe(value)}. Wanted is {a_shape(wanted.shape)}.{extra}",
        "Whoever calls the function goes on computing with its answer, so the answer has to be made of real numbers. "
        "Arrays, lists and single numbers are all accepted.",
    )


def raised(stop: Stop, extreme: bool) -> Diagnosis:
    """The function raised an exception."""
    where = f" in your line {stop.line}: `{stop.text}`" if stop.text else f" in your line {stop.line}"
    start = "Your function is right on ordinary inputs. On an extreme one it" if extreme else "Your function"
    message = f"{start} stopped with {_article(stop.error)}{where if stop.line else ''}."
    return Diagnosis(
        "almost" if extreme else "not yet", "raised", message, advice(stop.error, stop.message, stop.text), label=HELP
    )


def interrupted(stop: Stop) -> Diagnosis:
    """The learner interrupted the function."""
    return Diagnosis(
        "not yet",
        "interrupted",
        f"Stopped by you after {stop.seconds:.1f} s{_in_line(stop)}.",
        "Nothing is lost: your variables and your earlier answers are as they were. If you had not expected it to take "
        "so long, ask of each loop what has to change for it to end, and whether it does change.",
        label="",
    )


def still_running(own: str, limit: float | None) -> str:
    """Return what is printed when a function takes long."""
    end = f" It will be stopped after {limit:g} s." if limit is not None else ""
    return f"{own} is still running. Stop it with ■ in the notebook's toolbar, or with Ctrl+C in a terminal.{end}"


def too_long(stop: Stop, name: str, own: str) -> Diagnosis:
    """The time was up."""
    limit = stop.limit or 0.0
    return Diagnosis(
        "not yet",
        "too-long",
        f"Your function was still running after {limit:g} s, and was stopped{_in_line(stop)}.",
        "Ask of each loop what has to change for it to end, and whether it does change. If it needs more time, allow "
        "it: "
        f'`check("{name}", {own}, limit={max(4 * limit, 1):g})`.',
        label=HELP,
    )


def not_finite(got: np.ndarray[Any, Any]) -> Diagnosis:
    """NaN or inf in the answer."""
    bad = got[~np.isfinite(got)]
    kind = "NaN" if np.isnan(bad).all() else "inf" if np.isinf(bad).all() else "NaN and inf"
    how_many = "Your answer is" if got.ndim == 0 else f"{bad.size} of the {got.size} entries of your answer are"
    return Diagnosis(
        "not yet",
        "not-finite",
        f"{how_many} {kind}.",
        "NaN means “not a number”, inf “larger than any float”. They come from 0/0, from a division by 0, from the log "
        "of 0 or of a negative number, and they pass into everything computed after them, without an error.",
    )


def transposed(got: tuple[int, ...], wanted: tuple[int, ...]) -> Diagnosis:
    """Right, but for exchanged axes."""
    shapes = f": its shape is {got}, wanted is {wanted}" if got != wanted else ""
    return Diagnosis(
        "almost",
        "transposed",
        f"All numbers are right, with rows and columns exchanged{shapes}.",
        "In this course actions are on the last axis and time just before them. Code that goes on from here would take "
        "one for the other.",
    )


def extra_axes(got: tuple[int, ...], wanted: tuple[int, ...]) -> Diagnosis:
    """Right, but for the arrangement of the numbers."""
    return Diagnosis(
        "almost",
        "axes",
        f"All numbers are right, and arranged differently: your answer has shape {got}, wanted is {wanted}.",
        "A shape says what each axis means. With another one, later arithmetic broadcasts to something that you did "
        "not intend, without an error.",
    )


def wrong_shape(got: tuple[int, ...], wanted: tuple[int, ...]) -> Diagnosis:
    """Another shape, and other numbers."""
    extra = ""
    for axis, length in enumerate(got):
        if got[:axis] + got[axis + 1 :] == wanted:
            extra = f" There is one axis too many, of length {length}: was it to be added up, or averaged over?"
            break
    for axis, length in enumerate(wanted):
        if wanted[:axis] + wanted[axis + 1 :] == got:
            extra = f" An axis of length {length} is missing: was it added up too early?"
            break
    return Diagnosis(
        "not yet",
        "wrong-shape",
        f"Your answer has shape {got}, wanted is {wanted}.{extra}",
        "A shape says what each axis means. Print the `.shape` of each intermediate result to see where it changes.",
        label=HELP,
    )


def rounding(gap: float) -> Diagnosis:
    """Right to a few digits."""
    digits = DIGITS[min(int(-np.log10(gap)), len(DIGITS) - 1)]
    return Diagnosis(
        "almost",
        "rounding",
        f"Right to about {digits} digits. The largest difference is {gap:.1g} of the largest entry, more than "
        "rounding in floats explains.",
        "Such a gap comes from a constant with few digits, from rounding on the way, from a small number added for "
        "safety, or from a difference in place of a derivative. Training repeats it thousands of times.",
    )


def factor(c: float) -> Diagnosis:
    """A constant factor."""
    if abs(c + 1) < 1e-6:
        happened = "On every input your answer has the right size and the opposite sign."
    else:
        happened = f"On every input your answer is {c:.4g} times the wanted one."
    return Diagnosis(
        "not yet",
        "factor",
        happened,
        "The rest of your formula is right. Look for a factor that is missing, or that is there twice.",
        label=HELP,
    )


def offset(c: float) -> Diagnosis:
    """A constant difference."""
    return Diagnosis(
        "not yet",
        "offset",
        f"On every input each entry of your answer is {abs(c):.4g} {'above' if c > 0 else 'below'} the wanted one.",
        "The rest of your formula is right. Look for a term that is missing, or that does not belong.",
        label=HELP,
    )


def ignores_inputs() -> Diagnosis:
    """The same answer whatever comes in."""
    return Diagnosis(
        "not yet",
        "ignores-inputs",
        "Your function gives the same answer whatever it is given.",
        "Often it uses a variable of the notebook in place of its argument, which nothing warns you of. Compare each "
        "name in its body with the names in its first line.",
        label=HELP,
    )


def only_examples() -> Diagnosis:
    """Right on the fixed inputs, not on fresh ones."""
    return Diagnosis(
        "not yet",
        "only-examples",
        "Right on every example that stays the same, not on fresh ones.",
        "Something that the examples share is not so below: how many entries there are, a sign, or which of them is "
        "the largest. A number of theirs may also be written into the code: take it from the input, for example from "
        "its `.shape`.",
        label=HELP,
    )


def unknown(differing: int, total: int, inputs: int, all_inputs: int) -> Diagnosis:
    """No known mistake fits."""
    entries = f"in {differing} of its {total} entries " if total > 1 else ""
    return Diagnosis(
        "not yet",
        None,
        f"Your answer differs {entries}on the input below, and on {inputs} of {all_inputs} inputs altogether. It is "
        "none of the mistakes that this check knows by name.",
        "The input is small. Go through it by hand, print each intermediate result of your function, and see where the "
        "two part.",
        label=HELP,
    )


def extreme() -> Diagnosis:
    """Right on ordinary inputs only."""
    return Diagnosis(
        "almost",
        "extreme-inputs",
        "Right on ordinary inputs, not on extreme ones.",
        "Floats have a largest and a smallest number. Formulas that are equal on paper can differ in whether a step on "
        "the way exceeds them.",
    )


def returns_input(name: str) -> Diagnosis:
    """The input comes back."""
    return Diagnosis(
        "not yet",
        "returns-input",
        f"Your function gives back the array that came in as `{name}`, or a part of it.",
        "Something was computed and then not returned, or the name in the `return` is that of the input.",
    )


def mutates(names: tuple[str, ...], right: bool) -> Diagnosis:
    """The function changes an input."""
    listed = " and ".join(f"`{name}`" for name in names)
    start = "The answer is right, and the function" if right else "Your function"
    return Diagnosis(
        "almost" if right else "not yet",
        "mutates-input",
        f"{start} changes its input {listed}. (If it puts the old numbers back, they come back with rounding errors.)",
        "Arrays are not copied on the way in, so the caller's array is changed too, far from where anyone would look. "
        "Operators such as `-=` and assignments such as `x[0] = …` write into the array: work on `x.copy()`, or write "
        "`x = x - …`.",
    )


def in_place(name: str) -> Diagnosis:
    """The function computes inside its input and returns it."""
    return Diagnosis(
        "almost",
        "in-place",
        f"The numbers are right, and they are written over the input: your function returns the very array that came "
        f"in as `{name}`.",
        "The caller's own array is gone, and input and answer will change together from now on. Work on a copy: "
        f"`{name}.copy()`.",
    )


def alias(name: str) -> Diagnosis:
    """The answer shares its memory with an input."""
    return Diagnosis(
        "almost",
        "alias",
        f"The numbers are right, and they share their memory with the input `{name}`.",
        "Whoever changes one of them changes the other. Return a new array, for example with `.copy()`.",
    )


def overwrites() -> Diagnosis:
    """Each call writes over the answer of the call before."""
    return Diagnosis(
        "almost",
        "overwrites",
        "Each answer is right when it is given, and the next call writes over it: all calls return the same array.",
        "Whoever keeps two answers finds the second one twice. Make a new array inside the function.",
    )


def remembers() -> Diagnosis:
    """The same input gives another answer later."""
    return Diagnosis(
        "almost",
        "remembers",
        "The same input was given twice, and the second answer differs from the first.",
        "Something survives from call to call: a variable of the notebook that the function changes, a default "
        "argument that is a list, or a random number. Let the answer depend on the arguments alone.",
    )


def remembers_arrays() -> Diagnosis:
    """An array with other numbers in it gets the answer to the old ones."""
    return Diagnosis(
        "almost",
        "remembers",
        "The same array was given twice, with other numbers in it the second time, and the second answer is not that "
        "to the new numbers.",
        "Something survives from call to call, such as answers that are kept by the `id` of an array. Arrays change in "
        "place: let the answer depend on the numbers that they hold now.",
    )


# --- sampled functions -------------------------------------------------------------------------------


def global_rng(right: bool) -> Diagnosis:
    """Draws from the global random state."""
    return Diagnosis(
        "almost" if right else "not yet",
        "global-rng",
        "Your function draws from the random state that all code shares (`np.random.…` or `random.…`), not from the "
        "`rng` that it is given.",
        "Any other draw in the notebook then changes your numbers, and a run cannot be repeated. `rng.random()`, "
        "`rng.choice(…)` and `rng.integers(…)` draw from the generator that came in.",
    )


def own_rng(right: bool) -> Diagnosis:
    """Draws from some other generator."""
    return Diagnosis(
        "almost" if right else "not yet",
        "own-rng",
        "Your function draws random numbers, but not from the `rng` that it is given: with the same `rng` it answers "
        "differently each time.",
        "The generator is an argument so that a run can be repeated, down to the last digit, when you look for an "
        "error. Use the argument, and make no generator inside.",
    )


def fixed_seed() -> Diagnosis:
    """Draws the same numbers each time."""
    return Diagnosis(
        "not yet",
        "fixed-seed",
        "Your function draws the same numbers each time: the `rng` that it is given stays unused.",
        "A generator that is made inside, from a fixed seed, begins anew at each call, so a thousand samples are one "
        "sample, a thousand times. Draw from the `rng` that came in.",
    )


def nothing_drawn() -> Diagnosis:
    """No chance in it."""
    return Diagnosis(
        "not yet",
        "nothing-drawn",
        "Your function draws nothing: the same input gets the same answer each time, and the `rng` stays unused.",
        "What is asked for is random: its answers differ from call to call, and only their mean is settled. Draw from "
        "`rng`, with `rng.random()`, `rng.choice(…)` or `rng.integers(…)`.",
    )


def dependent(calls: int) -> Diagnosis:
    """Draws that are not independent."""
    return Diagnosis(
        "not yet",
        "dependent-draws",
        f"Each answer by itself is drawn as it should be. In {calls} calls, though, answers depend on those before.",
        "Draws are to be independent: something survives from one call to the next, such as a uniform number that is "
        f"used twice. Draw anew from `rng` each time. {MILLION}",
        label=HELP,
    )


def impossible(calls: int) -> Diagnosis:
    """Answers that no draw can give."""
    return Diagnosis(
        "not yet",
        None,
        f"The mean of {calls} answers of yours is right, but some of them no draw can give, such as the one below.",
        "Work one answer out by hand: which actions were drawn, and what does each of them contribute?",
        label=HELP,
    )


def not_an_index(value: object) -> Diagnosis:
    """A number that is no index."""
    return Diagnosis(
        "not yet",
        "not-an-index",
        f"Your function returned {show(value)}, which is not a whole number, so it cannot be the index of an action.",
        "An action is named by its place in the list: 0, 1, 2 … Perhaps this is the probability of the action that was "
        "drawn.",
    )


def float_index() -> Diagnosis:
    """A whole number that is a float."""
    return Diagnosis(
        "almost",
        "float-index",
        "The actions are drawn as they should be, and returned as floats, such as 2.0.",
        "A float cannot be used as an index: `probabilities[2.0]` is an error. Return `int(action)`.",
    )


def out_of_range(value: float, n: int) -> Diagnosis:
    """An index that no action has."""
    return Diagnosis(
        "not yet",
        "out-of-range",
        f"Your function returned the index {value:g}. With {n} actions there are the indices 0 to {n - 1}.",
        "A negative index counts from the end, without an error; one that is too large stops the program later, "
        "elsewhere.",
    )


def wrong_mean(distance: float, calls: int) -> Diagnosis:
    """The mean of the answers is off."""
    how_far = f"{distance:.0f} standard errors from" if np.isfinite(distance) else "away from"
    return Diagnosis(
        "not yet",
        None,
        f"The mean of {calls} answers of yours is {how_far} the exact value. It is none of the mistakes that this "
        "check knows by name.",
        f"An estimate is allowed to be noisy, but its mean has to be the exact value. {MILLION}",
    )


def wrong_spread(ratio: float, calls: int) -> Diagnosis:
    """The answers vary too much or too little."""
    return Diagnosis(
        "not yet",
        None,
        f"The mean of your answers is right, and they scatter differently: over {calls} answers their variance is "
        f"{ratio:.2g} times what it should be.",
        "How much an estimate scatters tells how many independent draws are in it. Look at how many you take, and "
        f"whether each is used once. {MILLION}",
    )


# --- words -------------------------------------------------------------------------------------------


def digits_of(rtol: float) -> str:
    """Return to how many digits answers are compared, in words."""
    return DIGITS[min(int(-np.log10(rtol) + 1e-9), len(DIGITS) - 1)]


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(f"`{cut(name, 40)}`" for name in names)


def _in_line(stop: Stop) -> str:
    if not stop.line:
        return ""
    return f", in your line {stop.line}" + (f": `{stop.text}`" if stop.text else "")


def describe(value: object) -> str:
    """Return what a value is, in words."""
    return attempt(lambda: _described(value), _article(cut(type(value).__name__, 60)))


def _described(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{a_shape(value.shape)} (dtype {value.dtype})" if value.ndim else f"the number {show(value)}"
    if isinstance(value, bool | int | float | np.generic):
        return f"the number {show(value)}" if not isinstance(value, bool | np.bool_) else f"the truth value {value}"
    if callable(value):
        return "a function"
    name = cut(type(value).__name__, 60)
    return f"{_article(name)} of {len(value)}" if isinstance(value, dict | tuple | list) else _article(name)


def a_shape(shape: tuple[int, ...]) -> str:
    """Return what has this shape, in words."""
    return f"an array of shape {shape}" if shape else "a single number"


def _article(name: str) -> str:
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"
