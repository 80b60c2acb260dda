"""A bad call, on one line: the error and the words with which it is refused, and what is called."""

import pytest


def bad(error, text, function, /, *arguments, **settings):
    """Require the error, with a message that matches the text."""
    __tracebackhide__ = True
    with pytest.raises(error, match=text):
        function(*arguments, **settings)
