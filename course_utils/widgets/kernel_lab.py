"""What labs share that train in the kernel: update by update, in the background or here and now, drawn meanwhile."""

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from traitlets import observe

from course_utils import arguments
from course_utils.widgets.lab import Flag, Lab, Text, Whole

__all__ = ["KernelLab", "budget", "interrupts", "stride", "told"]


POINTS = 50  # a curve has so many, and the newest
LONGEST_MESSAGE = 160  # what offline.js takes
PICTURE_TIME = 0.1  # seconds from one picture to the next, at least
CHUNK_TIME = 0.05  # seconds after which no other update is begun
CHUNK = 5  # updates between two pictures, at most: so that one can watch
NO_LOOP = "Nothing can train in the background here: call lab.train(updates)."


class KernelLab(Lab):
    """A lab that trains in the kernel and is drawn in the browser (kernel_lab.js).

    A lab of this kind defines `reset`, `_update` (one update, all or nothing), `_done` (how many there were) and
    `_show`. In its constructor it sets `_ready` when it can train.
    """

    seed = Whole(0, min=0, max=2**32 - 1).tag(sync=True)
    running = Flag(False).tag(sync=True)
    message = Text("").tag(sync=True)

    picture_time = PICTURE_TIME
    offline_note = "Run the cell to train: this lab learns in Python."

    def __init__(self, **traits: Any) -> None:
        self._task: asyncio.Task[None] | None = None
        self._ready = False
        super().__init__(**traits)
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        self.on_msg(self._on_message)

    # --- what each lab has of its own ---------------------------------------------------------------

    def reset(self, seed: int | None = None) -> None:
        """Forget what was learned and begin anew; with another seed, if one is given."""
        raise NotImplementedError

    def _update(self) -> None:
        """Do one update with the controls as they are. What fails leaves everything as it was."""
        raise NotImplementedError

    def _done(self) -> int:
        """Return the number of updates done."""
        raise NotImplementedError

    def _show(self, *, at_rest: bool = False, message: str | None = None) -> None:
        """Bring what the browser draws up to date, in one message; at rest there is time for more."""
        raise NotImplementedError

    def _over(self) -> bool:
        """Return whether there is nothing more to do for now."""
        return False

    def _chunk(self) -> int:
        """Return how many updates there are between two pictures, at most."""
        return CHUNK

    def _wishes(self) -> Mapping[str, Callable[[], object]]:
        """Return what the page may wish for beside what every such lab has, and what then happens."""
        return {}

    # --- here and now -------------------------------------------------------------------------------

    def train(self, updates: int) -> None:
        """Do so many updates, here and now. An interrupt ends it after the update it came in; nothing is lost."""
        updates = arguments.whole("updates", updates, low=1)
        shown = time.monotonic()
        self.message = ""
        with interrupts() as interrupted:
            for _ in range(updates):
                try:
                    self._update()
                except Exception as error:
                    self._show(at_rest=True, message=told(error))
                    raise
                if interrupted.is_set():
                    self._show(at_rest=True, message=self._interruption())
                    print(self.message)
                    return
                if self._over():
                    break
                if time.monotonic() - shown > PICTURE_TIME:
                    self._show()
                    shown = time.monotonic()
        self._show(at_rest=True)

    # --- in the background --------------------------------------------------------------------------

    @observe("running")
    def _on_running(self, change: Any) -> None:
        if change["new"] and self._ready:
            self._soon(self._start)

    def _soon(self, act: Callable[[], object]) -> None:
        """Call where the training is: on the kernel's loop. Messages may come in by another thread."""
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(act)
        else:
            act()

    def _start(self) -> None:
        if self._loop is None or not self._loop.is_running():
            self.running, self.message = False, NO_LOOP
        elif self._task is None or self._task.done():
            self._task = self._loop.create_task(self._train_on())

    async def _train_on(self) -> None:
        """Train in chunks, each shown, until `running` is False or something stops it."""
        message = ""
        self.message = ""
        with interrupts() as interrupted:
            try:
                while self.running and not interrupted.is_set():
                    began = time.monotonic()
                    for _ in range(self._chunk()):
                        self._update()
                        if interrupted.is_set() or not self.running or time.monotonic() - began > CHUNK_TIME:
                            break
                    self._show()
                    await asyncio.sleep(max(0.01, self.picture_time - (time.monotonic() - began)))
                if interrupted.is_set():
                    message = self._interruption()
            except (asyncio.CancelledError, KeyboardInterrupt):
                message = self._interruption()
            except Exception as error:
                message = told(error)
            finally:
                self.running = False
                with contextlib.suppress(Exception):  # what failed must not fail again while it is told
                    self._show(at_rest=True)
                self.message = message

    def _interruption(self) -> str:
        return f"Interrupted after update {self._done()}. What was learned until then is kept."

    # --- the page -----------------------------------------------------------------------------------

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        """Answer at once, so that the page knows there is a kernel; act where the training is."""
        acts: dict[str, Callable[[], object]] = {
            "train": lambda: self.set_trait("running", True),
            "pause": lambda: self.set_trait("running", False),
            "update": lambda: None if self.running else self.train(1),
            "reset": self._stop_and_reset,
            "new seed": lambda: self.reset((self.seed + 1) % 2**32),
            **self._wishes(),
        }
        wish = content.get("wish") if isinstance(content, dict) else None
        if wish != "hear" and wish not in acts:
            return
        self.send({"heard": wish})
        if wish in acts:
            self._soon(lambda: self._try(partial(self._act, acts[wish], content.get("changes", {}))))

    def _act(self, act: Callable[[], object], changes: Any) -> None:
        """Act on the page as it was when it wished: its changes may still be on their way."""
        self.set_state(changes)
        act()

    def _stop_and_reset(self) -> None:
        self.running = False
        self.reset()

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:
            self.message = told(error)


def budget(updates: int, first: int = POINTS) -> int:
    """Return the right end of the updates' axis: `first` times a power of two, at least as many as were done."""
    end = first
    while end < updates:
        end *= 2
    return end


def stride(updates: int, first: int = POINTS) -> int:
    """Return which updates a curve shows: every n-th."""
    return budget(updates, first) // POINTS


def told(error: Exception) -> str:
    """Return an error in a line that is short enough for a stored notebook."""
    words = f"Training stopped: {error}".rstrip(".") + "."
    return words if len(words) <= LONGEST_MESSAGE else f"{words[: LONGEST_MESSAGE - 1]}…"


_found: dict[threading.Event, Any] = {}  # of each lab that trains now: the handler that stood there before


def _note(*_: object) -> None:
    for seen in _found:
        seen.set()


@contextlib.contextmanager
def interrupts() -> Iterator[threading.Event]:
    """Note an interrupt instead of raising it, so that it never falls into the middle of an update.

    While no cell runs, a kernel ignores interrupts. Where several labs train, each notes it, and the last one puts back
    the handler that the first one found. Handlers of others that came in between are left alone.
    """
    seen = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    _found[seen] = signal.signal(signal.SIGINT, _note)
    try:
        yield seen
    finally:
        later = [*_found][[*_found].index(seen) + 1 :]
        before = _found.pop(seen)
        heir = next((other for other in later if _found[other] is _note), None)
        if heir is not None:
            _found[heir] = before
        elif signal.getsignal(signal.SIGINT) is _note:
            signal.signal(signal.SIGINT, before)
