"""A limit of time for a learner's function. It says when one takes long, and stops it whatever the function catches.

A thread looks at the clock. When the time is up, it interrupts the function again and again until that is left: on the
main thread by a signal, which also ends a `sleep`, elsewhere by an exception that Python delivers to the thread. On the
main thread a bare `except:` cannot swallow it: from the first interruption on, each line that the function comes to
brings the next one, so that the `except` is left by an exception too. A function at the recursion limit has no room for
an interruption, so each one raises the limit by a few calls. A user's own interrupt is as insistent. Code that stays
within one call of a library written in C is stopped when that call returns.
"""

import _thread
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, Self, TypeVar

__all__ = ["TimeUp", "Watch", "attempt"]


T = TypeVar("T")
PATIENCE = 2.0  # seconds of one call before it is said that the function is still running
IN_ALL = 5  # times as long for all calls together
EACH = 0.02  # seconds between two interruptions
ROOM = 50  # calls, more for each interruption; after twenty it begins anew, for the stack of C has an end
OWN = str(Path(__file__).parent)
SIGNAL = getattr(signal, "SIGURG", signal.SIGTERM)  # where there is one that does nothing to other programs, it


class _Trip(int):
    """A signal's number. To read ``now`` is to trip it: unlike a call, this lets no handler run at once."""

    now = property(_thread.interrupt_main)


class TimeUp(BaseException):
    """Raised inside a function whose time is up."""


def attempt(ask: Callable[[], T], otherwise: T) -> T:
    """Return what ``ask`` gives; where it raises anything but an interruption, as strange objects do, ``otherwise``."""
    try:
        return ask()
    except (KeyboardInterrupt, TimeUp):
        raise
    except BaseException:
        return otherwise


class Watch:
    """A context that lasts ``seconds`` at most (None: any time), and calls ``say`` once where one call lasts long."""

    def __init__(self, seconds: float | None, say: Callable[[], None], patience: float | None = None) -> None:
        """Take the limit, and the seconds of one call that are long; the clock starts with the context."""
        self.seconds, self._say, self._patience = seconds, say, PATIENCE if patience is None else patience
        self._running, self.since = False, 0.0
        self._trip = _Trip(SIGNAL)
        self.inside = False  # a learner's function is being called
        self._error: type[BaseException] = TimeUp
        self._wake, self._lock = threading.Event(), threading.Lock()

    def __enter__(self) -> Self:
        """Start the clock."""
        self._target = threading.get_ident()
        self._signals = threading.current_thread() is threading.main_thread()
        self._handlers: dict[int, Any] = {}
        self._trace, self._traced = sys.gettrace(), False
        self._depth = sys.getrecursionlimit()
        self.since = time.perf_counter()  # when the call began
        self._running = True
        if self._signals:
            self._handlers[SIGNAL] = signal.signal(SIGNAL, self._interrupt)
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                self._handlers[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the clock."""
        self.stop()

    def stop(self) -> None:
        """Interrupt no more, and leave everything as it was before. May be called again."""
        while self._running or self._handlers or self._traced:
            try:
                self._settle()
            except TimeUp:
                continue

    def _settle(self) -> None:
        with self._lock:
            self._running = False
        self._wake.set()
        if self._traced:
            sys.settrace(self._trace)
            self._traced = False
        self._thread.join()
        sys.setrecursionlimit(self._depth)
        while self._handlers:
            number, handler = self._handlers.popitem()
            signal.signal(number, handler)

    def _wait(self) -> None:
        limit = threading.TIMEOUT_MAX if self.seconds is None else self.seconds
        started, said = self.since, False
        while True:
            now = time.perf_counter()
            left, quiet = (
                started + limit - now,
                min(self.since + self._patience, started + IN_ALL * self._patience) - now,
            )
            if quiet <= 0 and not said:  # also where a busy machine wakes this thread after the limit
                self._say()
                said = True
            if left <= 0 or self._wake.wait(min(left, threading.TIMEOUT_MAX if said else max(quiet, EACH))):
                break
        for times in count(1):
            if not self._deliver(ROOM * (1 + times % 20)):
                return
            time.sleep(EACH)

    def _deliver(self, room: int) -> bool:
        """Interrupt once, with so much room; return False when there is nothing left to interrupt."""
        with self._lock:
            if not self._running:
                return False
            sys.setrecursionlimit(self._depth + room)
            if self._signals and hasattr(signal, "pthread_kill"):
                signal.pthread_kill(self._target, SIGNAL)
            elif self._signals:
                _thread.interrupt_main(SIGNAL)
            else:
                error = ctypes.py_object(self._error)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._target), error)
        return True

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: stop the function, and see to it that the next line is interrupted too."""
        if number == signal.SIGINT and self._running:
            self._error = KeyboardInterrupt
            self._wake.set()
        if not self._running or _own(frame, here=True) or (_own(frame) and not self.inside):
            return
        while frame is not None and not _own(frame):
            frame.f_trace = self._at_each_line
            frame, self._traced = frame.f_back, True
        if self._traced:
            sys.settrace(self._at_each_line)
        raise self._error

    def _at_each_line(self, frame: FrameType, event: str, _: object) -> Any:
        if not self._running or _own(frame) or (_own(frame.f_back) and event == "call"):
            return None
        self._trip.now  # noqa: B018
        return self._at_each_line


def _own(frame: FrameType | None, here: bool = False) -> bool:
    """Say whether a frame is one of the check's (here: of this file)."""
    return frame is not None and frame.f_code.co_filename.startswith(__file__ if here else OWN)
