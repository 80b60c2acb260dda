"""What the engine says when an answer is not right for a reason that no single question owns.

Each sentence has a stable id. "almost" is kept for answers that are right up to something small that has a name: all
numbers agree after the one change that the sentence names. Everything else is "not yet".
"""

import re
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from course_utils.checks.advice import advice
from course_utils.checks.calls import Elsewhere, Stop
from course_utils.checks.inspection import Outside, Refusal
from course_utils.checks.limit import attempt
from course_utils.checks.question import Section, entries
from course_utils.checks.result import Status, cut, show

__all__ = ["Diagnosis", "a_shape", "describe", "digits_of", "factor", "in_line", "mutates", "not_callable"]
__all__ += ["not_finite", "notebook_names", "nothing_returned", "offset", "raised", "rounding", "say", "still_running"]
__all__ += [
    "too_long",
    "transposed",
    "type_name",
    "unknown",
    "unknown_question",
    "wrong_arguments",
    "wrong_mean",
    "wrong_shape",
]
__all__ += ["wrong_type"]


DIGITS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ROUNDING = 1e-3  # relative to the largest entry: the widest gap that counts as "almost"
FALSE_ALARM = 1e-6  # per check of a sampled function
MILLION = "A right function is stopped by this less than once in a million checks."

# A sentence's name, after "=" the mistake's id where that is another, and its status. What follows four spaces in says
# why it matters; "help": it says what may help; "plain": it stands there without such a beginning.
TEXT = """
not-callable (not yet; help): The check received {what} instead of a function. That is what happens when the function is
  called on the way in, as in `check("{name}", your_function(…))`: its answer is passed, and the function is not.
    The check calls your function itself, on inputs of its own. Pass it by name, without brackets: `check("{name}",
    your_function)`.
exchanged-arguments (not attempted): The two arguments of `check` have changed places.
    The name of the question comes first, in quotes, and your function second: `check("{first}", {own})`.
bad-argument (not attempted): `{name}` is {got}, expected {wanted}.
    You can leave `{name}` out: the check then chooses it.
no-torch (not attempted): This check calls your function with tensors of PyTorch, which is not installed.
    `pip install torch==2.13.0` in the course's environment installs it; a CPU build will do.
no-tensor (not yet): Your function returned {value}, and no tensor.
    A tensor remembers how it was computed, and nothing else does: `.item()`, `.numpy()`, `.tolist()` and `float()` cut
    the graph. Return what PyTorch computed, as one tensor.
odd-tensor (not yet): Your function returned {value}. Wanted are real numbers in an ordinary tensor.
    The loss, its gradient and every printed number are made of these.
no-loss (not yet): Your function returned {value}. A loss is one number.
    `backward()` begins at a single number. Sum over the steps, then average over what is left.
no-floats (not yet): Your function returned {value}. Whole numbers and truth values have no gradient.
    A step that is too small to be seen changes nothing in them, so nothing can be learned through them.
low-precision (not yet): Your function returned {value}: a number of 16 bits.
    Its last digit is a hundredth or a thousandth of the number. Ratios and gradients are made of differences much
    smaller than that. Compute logarithms, sums and losses in float32 or better.
graph-cut (not yet): Your function returned numbers without a past: no gradient leads back to {names}.
    `detach`, `no_grad`, `.data` and a new `torch.tensor(…)` cut the graph. What is trained has to stay in it.
backward-inside (not yet): Your function calls `backward()` itself.
    It returns the loss, and who trains calls `backward()`, once, after `zero_grad()`. A second call adds its gradients
    to the first ones, or finds the graph used up.
unknown-question (not attempted): There is no question of this name.{hint}
    The questions are: {existing}.
wrong-arguments (not yet): Your function is written with the arguments `{written}`. It is called as `{called}`, which
  does not fit.{fix}
    What you call the arguments is up to you. Their number and order are an agreement with everyone who uses the
    function.
coroutine (not yet; help): Your function begins with `async def`, so calling it returns a coroutine: a promise that
  nothing has computed yet.
    There is nothing to wait for here. Begin with `def`.
generator (not yet; help): Your function returned a {kind}, which has not computed any number yet.
    A `yield` in the body makes a generator, and so do round brackets around a comprehension. Collect the numbers in a
    list, and return `np.array(the_list)`.
returns-none (not yet): Your function came to its end without a `return`, so its answer is None.
    What a function computes is forgotten when it ends, except for what it returns. Let its last line be `return` and
    your result.
return-not-reached = returns-none (not yet; help): Here your function came to its end without reaching its `return`, so
  its answer is None.
    There is a `return`, and it stands behind a condition or in a loop that did not come to it. Ask when that condition
    holds, and what should be returned when it never does.
prints (not yet): Your function prints its answer and returns None.
    What is printed can be read by you, but not by the code that called your function: that receives only what is
    returned. Write `return` where you now write `print`.
too-many = wrong-shape (not yet; help): Your answer, {value}, holds over a million numbers. Wanted is {wanted}.
    A shape says what each axis means. Print the `.shape` of each intermediate result to see where it grows.
empty (not yet; help): Your answer has no entries. Wanted is {wanted}.
    A list that is returned as it began, a loop that ran over nothing, or a slice that ends before it starts gives such
    an answer. Print the list, or the `.shape`, just before the `return`.
notebook-names (not yet; help): Your function uses {names} from outside, and never its own {argument} {never}.
    A variable of the notebook has one value, whatever comes in. Inside the function use the names in its first line, so
    that it works for every input.
wrong-type (not yet): Your function returned {value}. Wanted is {wanted}.{extra}
    Whoever calls the function goes on computing with its answer, so the answer has to be made of real numbers. Arrays,
    lists and single numbers are all accepted.
raised (almost; help): {message}
    {advice}
interrupted (not yet; plain): Stopped by you after {seconds:.1f} s{line}.
    Nothing is lost: your variables and your earlier answers are as they were. If you had not expected it to take so
    long, ask of each loop what has to change for it to end, and whether it does change.
too-long (not yet; help): Your function was still running after {limit:g} s, and was stopped{line}.
    Ask of each loop what has to change for it to end, and whether it does change. If it needs more time, allow it:
    `check("{name}", {own}, limit={more:g})`.
not-finite (not yet): {how_many} {kind}.
    NaN means “not a number”, inf “larger than any float”. They come from 0/0, from a division by 0, from the log of 0
    or of a negative number, and they pass into everything computed after them, without an error.
transposed (almost): All numbers are right, with rows and columns exchanged{shapes}.
    In this course actions are on the last axis and time just before them. Code that goes on from here would take one
    for the other.
axes (almost): All numbers are right, and arranged differently: your answer has shape {got}, wanted is {wanted}.
    A shape says what each axis means. With another one, later arithmetic broadcasts to something that you did not
    intend, without an error.
wrong-shape (not yet; help): Your answer has shape {got}, wanted is {wanted}.{extra}
    A shape says what each axis means. Print the `.shape` of each intermediate result to see where it changes.
rounding (almost): Right to about {digits} digits. The largest difference is {gap:.1g} of the largest entry, more than
  rounding in floats explains.
    Such a gap comes from a constant with few digits, from rounding on the way, from a small number added for safety, or
    from a difference in place of a derivative. Training repeats it thousands of times.
factor (not yet; help): {happened}
    The rest of your formula is right. Look for a factor that is missing, or that is there twice.
offset (not yet; help): On every input each entry of your answer is {size:.4g} {side} the wanted one.
    The rest of your formula is right. Look for a term that is missing, or that does not belong.
ignores-inputs (not yet; help): Your function gives the same answer whatever it is given.
    Often it uses a variable of the notebook in place of its argument, which nothing warns you of. Compare each name in
    its body with the names in its first line.
only-examples (not yet; help): Right on every example that stays the same, not on fresh ones.
    Something that the examples share is not so below: how many entries there are, a sign, or which of them is the
    largest. A number of theirs may also be written into the code: take it from the input, for example from its
    `.shape`.
unknown = none (not yet; help): Your answer differs {entries}on the input below, and on {inputs} of {all_inputs} inputs
  altogether. It is none of the mistakes that this check knows by name.
    The input is small. Go through it by hand, print each intermediate result of your function, and see where the two
    part.
extreme-inputs (almost): Right on ordinary inputs, not on extreme ones.
    Floats have a largest and a smallest number. Formulas that are equal on paper can differ in whether a step on the
    way exceeds them.
returns-input (not yet): Your function gives back the array that came in as `{name}`, or a part of it.
    Something was computed and then not returned, or the name in the `return` is that of the input.
mutates-input (almost): {start} changes its input {listed}. (If it puts the old numbers back, they come back with
  rounding errors.)
    Arrays are not copied on the way in, so the caller's array is changed too, far from where anyone would look.
    Operators such as `-=` and assignments such as `x[0] = …` write into the array: work on `x.copy()` (a tensor has
    `x.clone()`), or write `x = x - …`.
in-place (almost): The numbers are right, and they are written over the input: your function returns the very array that
  came in as `{name}`.
    The caller's own array is gone, and input and answer will change together from now on. Work on a copy:
    `{name}.copy()`.
alias (almost): The numbers are right, and they share their memory with the input `{name}`.
    Whoever changes one of them changes the other. Return a new array, for example with `.copy()`.
overwrites (almost): Each answer is right when it is given, and the next call writes over it: all calls return the same
  array.
    Whoever keeps two answers finds the second one twice. Make a new array inside the function.
remembers (almost): The same input was given twice, and the second answer differs from the first.
    Something survives from call to call: a variable of the notebook that the function changes, a default argument that
    is a list, or a random number. Let the answer depend on the arguments alone.
remembers-arrays = remembers (almost): The same array was given twice, with other numbers in it the second time, and the
  second answer is not that to the new numbers.
    Something survives from call to call, such as answers that are kept by the `id` of an array. Arrays change in place:
    let the answer depend on the numbers that they hold now.
global-rng (almost): Your function draws from the random state that all code shares
  (`np.random.…` or `random.…`), not from the `rng` that it is given.
    Any other draw in the notebook then changes your numbers, and a run cannot be repeated. `rng.random()`,
    `rng.choice(…)` and `rng.integers(…)` draw from the generator that came in.
own-rng (almost): Your function draws random numbers, but not from the `rng` that it is given:
  with the same `rng` it answers differently each time.
    The generator is an argument so that a run can be repeated, down to the last digit, when you look for an error. Use
    the argument, and make no generator inside.
fixed-seed (not yet): Your function draws the same numbers each time: the `rng` that it is given stays unused.
    A generator that is made inside, from a fixed seed, begins anew at each call, so a thousand samples are one sample,
    a thousand times. Draw from the `rng` that came in.
nothing-drawn (not yet): Your function draws nothing: the same input gets the same answer each time, and the `rng` stays
  unused.
    What is asked for is random: its answers differ from call to call, and only their mean is settled. Draw from `rng`,
    with `rng.random()`, `rng.choice(…)` or `rng.integers(…)`.
dependent-draws (not yet; help): Each answer by itself is drawn as it should be. In {calls} calls, though, answers
  depend on those before.
    Draws are to be independent: something survives from one call to the next, such as a uniform number that is used
    twice. Draw anew from `rng` each time. {million}
impossible = none (not yet; help): The mean of {calls} answers of yours is right, but some of them no draw can give,
  such as the one below.
    Work one answer out by hand: which actions were drawn, and what does each of them contribute?
not-an-index (not yet): Your function returned {value}, which is not a whole number, so it cannot be the index of an
  action.
    An action is named by its place in the list: 0, 1, 2 … Perhaps this is the probability of the action that was drawn.
float-index (almost): The actions are drawn as they should be, and returned as floats, such as 2.0.
    A float cannot be used as an index: `probabilities[2.0]` is an error. Return `int(action)`.
out-of-range (not yet): Your function returned the index {value:g}. With {n} actions there are the indices 0 to {last}.
    A negative index counts from the end, without an error; one that is too large stops the program later, elsewhere.
wrong-mean = none (not yet): The mean of {calls} answers of yours is {how_far} the exact value. It is none of the
  mistakes that this check knows by name.
    An estimate is allowed to be noisy, but its mean has to be the exact value. A right function is stopped by this less
    than once in a million checks.
wrong-spread = none (not yet): The mean of your answers is right, and they scatter differently: over {calls} answers
  their variance is {ratio:.2g} times what it should be.
    How much an estimate scatters tells how many independent draws are in it. Look at how many you take, and whether
    each is used once. {million}
"""


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


LABELS = {None: "Why it matters", "plain": "", "help": "What may help"}
HEAD = re.compile(r"([a-z-]+)(?: = ([a-z-]+))? \((almost|not yet|not attempted)(?:; (help|plain))?\)")


def _read(head: str, happened: str, why: str) -> tuple[str, Diagnosis]:
    name, mistake, status, label = cast(re.Match[str], HEAD.fullmatch(head)).groups()
    mistake = None if mistake == "none" else mistake or name
    return name, Diagnosis(cast(Status, status), mistake, happened, why, label=LABELS[label])


SENTENCES = dict(_read(*entry) for entry in entries(TEXT))


def say(sentence: str, right: bool = True, /, **values: Any) -> Diagnosis:
    """Return a sentence with these values in it; right: whether its "almost" is deserved."""
    said = SENTENCES[sentence]
    happened, why = said.happened.format(**values), said.why.format(**values, million=MILLION)
    return replace(said, status=said.status if right else "not yet", happened=happened, why=why)


def not_callable(name: str, got: object) -> Diagnosis:
    """Something other than a function came in."""
    what = "None" if got is None else f"the text `{cut(got, 60)}`" if type(got) is str else describe(got)
    return say("not-callable", name=name, what=what)


def unknown_question(nearest: list[str], existing: list[str]) -> Diagnosis:
    """No question has this name."""
    hint = f" The nearest is `{nearest[0]}`." if nearest else ""
    return say("unknown-question", hint=hint, existing=", ".join(f"`{name}`" for name in existing))


def wrong_arguments(refusal: Refusal, called: str, optional: str) -> Diagnosis:
    """The function cannot be called with the question's arguments."""
    fix = ""
    if refusal.by_keyword:
        names = " and ".join(f"`{cut(name, 40)}`" for name in refusal.by_keyword[:3])
        fix = f" What stands after `*` ({names}) can be passed by name only: take the `*` out."
    elif optional:
        fix = f" Give `{optional}` a default value in the first line of your function."
    return say("wrong-arguments", written=cut(refusal.written, 120), called=called, fix=fix)


def nothing_returned(printed: str, sometimes: bool = False) -> Diagnosis:
    """The function returned None; ``sometimes``: it has a `return` with a value, which was not reached."""
    return say("return-not-reached" if sometimes else "prints" if printed else "returns-none")


def notebook_names(outside: Outside) -> Diagnosis:
    """Variables of the notebook in place of the arguments."""
    argument = "arguments" if len(outside.unused) > 1 else "argument"
    names, never = _listed(outside.names[:3]), _listed(outside.unused[:3])
    return say("notebook-names", names=names, argument=argument, never=never)


def wrong_type(value: object, wanted: np.ndarray[Any, Any]) -> Diagnosis:
    """The answer is no array of numbers."""
    if callable(value) or (isinstance(value, Elsewhere) and value.callable):
        extra = " Perhaps brackets are missing after its name."
    elif issubclass(type(value), dict | tuple | list):
        extra = " Numbers in rows of equal length could be read as an array, these cannot."
    else:
        extra = ""
    return say("wrong-type", value=describe(value), wanted=a_shape(wanted.shape), extra=extra)


def raised(stop: Stop, extreme: bool) -> Diagnosis:
    """The function raised an exception."""
    where = f" in your line {stop.line}: `{stop.text}`" if stop.text else f" in your line {stop.line}"
    start = "Your function is right on ordinary inputs. On an extreme one it" if extreme else "Your function"
    message = f"{start} stopped with {_article(stop.error)}{where if stop.line else ''}."
    return say("raised", extreme, message=message, advice=advice(stop.error, stop.message, stop.text))


def still_running(own: str, limit: float | None) -> str:
    """Return what is printed when a function takes long."""
    end = f" It will be stopped after {limit:g} s." if limit is not None else ""
    return f"{own} is still running. Stop it with ■ in the notebook's toolbar, or with Ctrl+C in a terminal.{end}"


def too_long(stop: Stop, name: str, own: str) -> Diagnosis:
    """The time was up."""
    limit = stop.limit or 0.0
    return say("too-long", limit=limit, line=in_line(stop), name=name, own=own, more=max(4 * limit, 1))


def not_finite(got: np.ndarray[Any, Any]) -> Diagnosis:
    """NaN or inf in the answer."""
    bad = got[~np.isfinite(got)]
    kind = "NaN" if np.isnan(bad).all() else "inf" if np.isinf(bad).all() else "NaN and inf"
    how_many = "Your answer is" if got.ndim == 0 else f"{bad.size} of the {got.size} entries of your answer are"
    return say("not-finite", how_many=how_many, kind=kind)


def transposed(got: tuple[int, ...], wanted: tuple[int, ...]) -> Diagnosis:
    """Right, but for exchanged axes."""
    return say("transposed", shapes=f": its shape is {got}, wanted is {wanted}" if got != wanted else "")


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
    return say("wrong-shape", got=got, wanted=wanted, extra=extra)


def rounding(gap: float) -> Diagnosis:
    """Right to a few digits."""
    return say("rounding", digits=DIGITS[min(int(-np.log10(gap)), len(DIGITS) - 1)], gap=gap)


def factor(c: float) -> Diagnosis:
    """A constant factor."""
    if abs(c + 1) < 1e-6:
        return say("factor", happened="On every input your answer has the right size and the opposite sign.")
    return say("factor", happened=f"On every input your answer is {c:.4g} times the wanted one.")


def offset(c: float) -> Diagnosis:
    """A constant difference."""
    return say("offset", size=abs(c), side="above" if c > 0 else "below")


def unknown(differing: int, total: int, inputs: int, all_inputs: int) -> Diagnosis:
    """No known mistake fits."""
    entries = f"in {differing} of its {total} entries " if total > 1 else ""
    return say("unknown", entries=entries, inputs=inputs, all_inputs=all_inputs)


def mutates(names: tuple[str, ...], right: bool) -> Diagnosis:
    """The function changes an input."""
    start = "The answer is right, and the function" if right else "Your function"
    return say("mutates-input", right, start=start, listed=" and ".join(f"`{name}`" for name in names))


def wrong_mean(distance: float, calls: int) -> Diagnosis:
    """The mean of the answers is off."""
    how_far = f"{distance:.0f} standard errors from" if distance < 1000 else "far from"
    return say("wrong-mean", calls=calls, how_far=how_far)


# --- words -------------------------------------------------------------------------------------------


def digits_of(rtol: float) -> str:
    """Return to how many digits answers are compared, in words."""
    return DIGITS[min(int(-np.log10(rtol) + 1e-9), len(DIGITS) - 1)]


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(f"`{cut(name, 40)}`" for name in names)


def in_line(stop: Stop) -> str:
    """Return where a function was stopped, in words."""
    if not stop.line:
        return ""
    return f", in your line {stop.line}" + (f": `{stop.text}`" if stop.text else "")


def type_name(value: object) -> str:
    """Return the name of a value's type."""
    return value.type_name if isinstance(value, Elsewhere) else type(value).__name__


def describe(value: object) -> str:
    """Return what a value is, in words."""
    return attempt(lambda: _described(value), _article(cut(type(value).__name__, 60)))


def _described(value: object) -> str:
    if isinstance(value, Elsewhere):
        return value.described or ("a function" if value.callable else _article(value.type_name))
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
