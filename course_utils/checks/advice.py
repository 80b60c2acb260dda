"""What may help after an exception: told by what its message says, not by its class.

Each row has a pattern of "Type: message", a pattern of the line ("" for any line), and the advice. The first row that
fits is used. The tests raise each of these exceptions in Python and NumPy themselves.
"""

import re

__all__ = ["advice"]


NOT_ALONE = "Print what goes into that line, with its `.shape`."
TRUTH = "An `if` needs one truth value, and here stands one for each entry: `np.where` chooses entry by entry."
BUILTIN = (
    "Python's own `max`, `min` and `sorted` compare whole rows with each other. `np.max(z, axis=-1, keepdims=True)` "
    "goes along the last axis."
)
BUILTIN_OF_TENSORS = (
    "Python's own `max`, `min` and `sorted` compare whole rows with each other. `torch.minimum` and `torch.maximum` go "
    "entry by entry."
)
ONE_NUMBER = (
    "A single number is expected where an array stands. The functions of `math` take one number, those of `np` take "
    "arrays."
)
PAST_THE_END = "An index points past the end. Print the `.shape` just before that line: a loop may count another axis."
KEEPDIMS = (
    "Two shapes do not fit together: one of them has lost an axis. `keepdims=True` keeps a summed axis, so that the "
    "result still fits."
)
TWO_SHAPES = (
    "Two shapes do not fit together. They are compared from the right, and each pair of lengths has to be equal, or "
    "one of the two 1. Print both just before that line."
)

OF_TORCH: tuple[tuple[str, str, str], ...] = (
    (
        r"Can't call numpy\(\)",
        "",
        "A tensor that remembers its past is no array. `torch` has the functions of `np`: `torch.exp`, "
        "`torch.minimum`, `torch.where`. `x.detach()` gives the numbers without their past, where that is meant.",
    ),
    (
        r"modified by an inplace operation|leaf Variable .*in-place",
        "",
        "A tensor was overwritten that the gradient needs: `x -= …`, `x[…] = …` and a method whose name ends in `_` "
        "write into it. Write `x = x - …`, or take the method without the `_`.",
    ),
    (
        r"backward through the graph a second time",
        "",
        "The graph was thrown away by a first `backward()`. Compute the loss anew before the second one.",
    ),
    (
        r"does not require grad and does not have a grad_fn",
        "",
        "`backward()` was called on a number without a past. Look for a `detach`, a `no_grad` or an `.item()` "
        "before it.",
    ),
    (
        r"Subtraction, the `-` operator, with (a|two) bool",
        "",
        "Truth values have no minus in PyTorch. `~mask` turns them around, and `mask.long()` makes whole numbers "
        "of them.",
    ),
    (r"Boolean value of Tensor", r"(?<![.\w])(max|min|sorted)\(", BUILTIN_OF_TENSORS),
    (
        r"Boolean value of Tensor",
        "",
        "One truth value is needed there, and here stands one for each entry: `torch.where` chooses entry by entry.",
    ),
    (
        r"Index tensor must have the same number of dimensions|scatter\(\): Expected dtype int64|gather\(\): Expected",
        "",
        "`gather` wants an index with as many axes as the tensor: give it one more by `index[..., None]`, and take "
        "that axis away from the result by `[..., 0]`.",
    ),
    (r"size of tensor a .*must match|shape of the mask|mat1 and mat2 shapes", "", TWO_SHAPES),
    (r"RuntimeError: .*(dtype|scalar type)", "", "Two kinds of numbers meet there. Print the `.dtype` of each."),
)
ROWS: tuple[tuple[str, str, str], ...] = (
    *OF_TORCH,
    # names
    (
        r"UnboundLocalError|NameError: (free|cannot access)",
        "",
        "A name that is assigned to anywhere in a function is its own, so it has no value before that line.",
    ),
    ("NameError", "", "Python knows no such name there. Compare its spelling, or run the cell that defines it."),
    (
        "(ModuleNotFound|Import)Error",
        "",
        "This course needs NumPy and nothing else: compare the spelling of the import.",
    ),
    (
        r"AttributeError: .*'(list|tuple|float|int)' object",
        "",
        "A list or a plain number has no such attribute, an array has. `np.asarray(x)` makes one of it.",
    ),
    (
        "AttributeError: .*'NoneType'",
        "",
        "Something is None there: a function that came to its end without a `return`.",
    ),
    ("AttributeError", "", "There is no attribute of that name. Compare its spelling with the documentation."),
    # calls
    (
        "RecursionError",
        "",
        "The function calls itself without end. Often it has the same name as the function that it meant to call: "
        "give it another one, or write the module in front.",
    ),
    (
        "TypeError: 'numpy.ndarray' object is not callable",
        "",
        "An array is asked for an entry with square brackets: `x[0]`. Round ones call a function.",
    ),
    (
        "TypeError: '.*' object is not callable",
        "",
        "Round brackets after a value call it. A `*` may be missing before them, or a variable may have the name of a "
        "function.",
    ),
    (
        r"TypeError: .*(positional argument|keyword argument|required argument|number of arguments)",
        "",
        "A function is called there with arguments that it does not take. Compare the call with its first line.",
    ),
    # truth values
    (r"ValueError: The truth value of an array", r"(?<![.\w])(max|min|sorted)\(", BUILTIN),
    (r"ValueError: The truth value of an array", r"\b(if|elif|while|assert)\b", TRUTH),
    (
        r"ValueError: The truth value of an array",
        "",
        "One truth value is needed there, and here stands one for each entry. `np.where` chooses entry by entry, `&` "
        "and `|` join conditions entry by entry.",
    ),
    # shapes
    (
        "AxisError",
        "",
        "The input has fewer axes than this line expects. `axis=-1` means the last one, however many there are.",
    ),
    (
        "inhomogeneous shape",
        "",
        "Rows of different lengths make no array. Print the lengths of the rows, or fill the short ones up with zeros.",
    ),
    (
        r"could not broadcast input array|setting an array element with a sequence|output operand with shape",
        "",
        "What is assigned has more entries than the place that it goes to. Print the `.shape` of both.",
    ),
    (r"shape mismatch: indexing arrays", "", "The arrays in one pair of square brackets need the same shape."),
    (
        r"core dimension|not aligned",
        "",
        "For `@` and `np.dot` the last axis on the left has to be as long as the first of a vector, or the last but "
        "one of a matrix, on the right. Print the `.shape` of both.",
    ),
    (r"broadcast|shape mismatch", "", TWO_SHAPES),
    (r"cannot reshape", "", "A reshape keeps the number of entries. Print the `.shape` just before that line."),
    (
        r"must have same number of dimensions|except for the concatenation axis|must have the same shape",
        "",
        "Arrays that are joined need the same shape, but for the axis along which they are joined.",
    ),
    (
        r"zero-size array|arg is an empty|argument is empty",
        "",
        "Nothing is left to take the largest or smallest of. Print the `.shape` just before that line.",
    ),
    (r"NoneType", "", "Something is None there: a variable without a value, or a function without a `return`."),
    # indices
    (
        r"IndexError: (arrays used as indices|only integers, slices)|(indices must be integers|slice indices must)",
        "",
        "An index has to be a whole number, and here stands something else, such as a float. `int(x)`, or "
        "`.astype(int)` for an array, makes whole numbers; compare also which of two arguments the action is.",
    ),
    (
        r"IndexError: too many indices|invalid index to scalar|object is not subscriptable",
        "",
        "More indices are asked for than there are axes. Print the `.shape` just before that line.",
    ),
    (r"IndexError: boolean index did not match", "", "A mask needs the shape of what it chooses from. Print both."),
    (r"IndexError: .*(out of bounds|out of range|pop from empty)", "", PAST_THE_END),
    (r"KeyError", "", "The dictionary has no such key. Print its keys just before that line."),
    # types
    (
        r"only integer scalar arrays can be converted",
        "",
        "A whole number is expected where an array stands: as the index of a list, or as a length in `range`. A list "
        "becomes an array with `np.asarray`; a length is `len(x)` or `x.shape[-1]`.",
    ),
    (r"only (length-1|size-1|0-dimensional) arrays", "", ONE_NUMBER),
    (
        r"cannot be interpreted as an integer|expected a sequence of integers",
        "",
        "A length or a count has to be a whole number. `//` divides without a remainder, `int(…)` cuts one off.",
    ),
    (
        r"(float|int|float64|int64)' object is not iterable|cannot unpack non-iterable|iteration over a 0-d",
        "",
        "A loop needs something to go through, and a single number is none: `range(n)` counts up to it.",
    ),
    (
        r"object of type '.*' has no len|len\(\) of unsized",
        "",
        "A single number has no length. Is it the right argument?",
    ),
    (
        r"(can't multiply sequence|operand type.*'(list|tuple)')|operand type.*: '(list|tuple)'|"
        r"operand type.*and '(list|tuple)'|can only concatenate (list|tuple)",
        "",
        "Lists do not compute: `+` joins them. `np.array(the_list)` makes an array, which computes entry by entry.",
    ),
    (
        r"Cannot cast ufunc",
        "",
        "An array of whole numbers cannot take up floats in place. Begin with `np.zeros(n)`, or write `x = x + …`.",
    ),
    (
        r"operand type|can only concatenate|not supported between|"
        r"not supported for the input types|loop of ufunc|must be real number",
        "",
        "Two things are combined there that do not go together. Print the `type` of each.",
    ),
    (
        r"(too many|not enough) values to unpack",
        "",
        "There are not as many names on the left as values on the right. Print the `.shape` of the right side.",
    ),
    # numbers
    (
        r"[Pp]robabilities|a'? and '?p'? must have same size|pvals",
        "",
        "What stands at `p=` has to be probabilities, one for each action: none below 0, and 1 in all. Print them.",
    ),
    (
        r"math domain error|expected a (positive|nonnegative)",
        "",
        "A log or a square root of a number that has none. Print what goes in: was it to be a probability?",
    ),
    (r"ZeroDivisionError", "", "Something is divided by 0. Print the denominator just before that line."),
    (
        r"OverflowError|FloatingPointError",
        "",
        "A number exceeds the largest float. In an exponential, subtract the largest exponent first.",
    ),
    (r"Singular matrix", "", "A matrix without an inverse. Print it just before that line."),
    (r"assignment destination is read-only", "", "That array cannot be changed. Work on a copy: `x.copy()`."),
    (r"MemoryError|Unable to allocate", "", "An array too large for this computer. Print the shapes that go in."),
    (r"AssertionError", "", "An `assert` in the code did not hold. Print both sides of it."),
    (r"StopIteration|SystemExit|GeneratorExit|CancelledError", "", "The function was left early. Is that line needed?"),
)
OTHERWISE = f"The message says what Python could not do. {NOT_ALONE}"


def advice(error: str, message: str, line: str = "") -> str:
    """Return what may help: error is the name of the exception's type, line the text of the line that raised it."""
    said = f"{error}: {message}"
    if _lost_an_axis(message):
        return KEEPDIMS
    for pattern, where, text in ROWS:
        if re.search(pattern, said) and re.search(where, line):
            return text
    return OTHERWISE


def _lost_an_axis(message: str) -> bool:
    """Say whether two shapes that do not broadcast would, had a summed axis been kept: (2, 3) and (2,)."""
    found = re.search(r"could not be broadcast together with shapes \(([\d,]*)\) \(([\d,]*)\)", message)
    if not found:
        return False
    short, long = sorted((tuple(map(int, re.findall(r"\d+", part))) for part in found.groups()), key=len)
    return len(long) >= 2 and any(long[:axis] + long[axis + 1 :] == short for axis in range(len(long)))
