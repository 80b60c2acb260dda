"""Where a student's code runs: alone, without network, with nothing to read that says what is right.

Bubblewrap gives it a system of its own: Python, NumPy and Gymnasium, read-only, an empty folder with a limit, no
network, no sight of other processes, no environment, and none of the course's files, since what is right stands in
these. Limits of resources hold inside, a filter refuses system calls (``system_calls``), and the clock and the size of
answers are watched from outside; when something is over, every process of the sandbox is killed.

As root the code runs as a user that nobody else is; as anyone else, in a user namespace.
"""

import json
import os
import secrets
import select
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
import tempfile
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

from packaging.requirements import Requirement

from course_utils.grading import protocol, system_calls

__all__ = ["Died", "InfrastructureError", "Limits", "Sandbox", "UnsendableError", "Worker"]


PACKAGES = ("numpy",)  # and what it needs
OWN_FILES = (
    *("grading/worker.py", "grading/protocol.py", "checks/inspection.py", "checks/limit.py"),
    "checks/played.py",
)
A_STEP, MOST_PLAY = 0.002, 90.0  # seconds more for a step of an environment, and for all: it is not the code's time
START = "import sys; sys.path[:0] = {paths!r}; import worker; worker.main()"
USERS = range(61184, 65520)  # as systemd takes them for services that exist for a while


class InfrastructureError(RuntimeError):
    """The machine failed, or the grader: nothing that a student is responsible for."""


class UnsendableError(InfrastructureError):
    """A request that the protocol does not carry. Whose fault it is knows who made it."""


class Died(Exception):
    """The student's code ended the worker, or had to be ended."""

    def __init__(self, status: Literal["timeout", "memory", "error"], sentence: str) -> None:
        """Keep why."""
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


@dataclass(frozen=True)
class Limits:
    """What a submission's code may use."""

    wall: float = 30.0
    """seconds for all calls of one item together"""
    submission: float = 600.0
    """seconds for all items together, with the cells that are run again after a worker was ended"""
    start: float = 60.0
    """seconds for Python and NumPy to start, before it is the machine's fault"""
    cpu: int = 180
    """seconds of the processor, for all items together"""
    memory: int = 2 * 2**30
    """bytes of address space"""
    file: int = 4 * 2**20
    """bytes of one file"""
    folder: int = 16 * 2**20
    """bytes of all files together"""
    processes: int = 16
    """processes and threads"""
    files: int = 64
    """open files"""
    output: int = 32 * 2**20
    """bytes of one answer"""


class Sandbox:
    """How workers are started: in bubblewrap, or with limits of resources alone ("none", which warns)."""

    def __init__(self, kind: Literal["bubblewrap", "none"] = "bubblewrap", limits: Limits | None = None) -> None:
        """Raise InfrastructureError where bubblewrap is missing."""
        if kind not in ("bubblewrap", "none"):
            raise ValueError(f"kind is {kind!r}, expected 'bubblewrap' or 'none'")
        self.kind, self.limits = kind, limits or Limits()
        if kind == "none":
            warnings.warn(
                "Without a sandbox, the students' code can read and change whatever you can: files, network, answers.",
                stacklevel=2,
            )
        elif shutil.which("bwrap") is None:
            raise InfrastructureError("bubblewrap is missing: install Debian's package, or ask for --sandbox=none.")
        self.ground = Path(tempfile.mkdtemp(prefix="grading-"))
        """the folder of the worker's own files: copies, so that nothing leads back to where the course lies"""
        weakref.finalize(self, shutil.rmtree, str(self.ground), ignore_errors=True)
        self._prepare()

    def __reduce__(self) -> Any:
        """Travel to another process as what it was made of."""
        return type(self), (self.kind, self.limits)

    def _prepare(self) -> None:
        folder = self.ground
        folder.chmod(0o755)
        (folder / "packages").mkdir()
        for name in OWN_FILES:
            file = folder / Path(name).name
            file.write_text(files("course_utils").joinpath(name).read_text(encoding="utf-8"), encoding="utf-8")
        if self.kind == "none":
            for path in _packages():
                (folder / "packages" / path.name).symlink_to(path)
        code = "import compileall, sys; compileall.compile_dir(sys.argv[1], maxlevels=0, quiet=2)"
        subprocess.run([sys.executable, "-I", "-S", "-c", code, str(folder)], check=False)

    def command(self, filter_fd: int | None = None) -> list[str]:
        """Return the command that starts a worker."""
        own, packages = (
            ("/grader", "/packages") if self.kind == "bubblewrap" else (self.ground, self.ground / "packages")
        )
        user = USERS[secrets.randbelow(len(USERS))] if os.geteuid() == 0 and self.kind == "bubblewrap" else None
        python = [str(Path(sys.executable).resolve()), "-I", "-S", "-B", "-X", "frozen_modules=on", "-c"]
        python += [START.format(paths=[str(own), str(packages)]), json.dumps({**asdict(self.limits), "user": user})]
        if self.kind == "none":
            return python
        rights = ["--unshare-user"] if user is None else ["--cap-drop", "ALL"]
        for right in ("CAP_SETUID", "CAP_SETGID") if user is not None else ():
            rights += ["--cap-add", right]
        return [
            *("bwrap", *rights, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
            *("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv"),
            *("--setenv", "HOME", "/work", "--setenv", "TMPDIR", "/work", "--setenv", "LANG", "C.UTF-8"),
            *("--setenv", "OPENBLAS_NUM_THREADS", "1", "--setenv", "OMP_NUM_THREADS", "1"),
            *_system(),
            *("--ro-bind", str(self.ground), "/grader"),
            *(word for path in _packages() for word in ("--ro-bind", str(path), f"/packages/{path.name}")),
            *("--proc", "/proc", "--dev-bind", "/dev/null", "/dev/null", "--dev-bind", "/dev/urandom", "/dev/urandom"),
            *("--perms", "1777", "--size", str(self.limits.folder), "--tmpfs", "/work", "--chdir", "/work"),
            *("--remount-ro", "/"),
            *(() if filter_fd is None else ("--seccomp", str(filter_fd))),
            *("--", *python),
        ]

    def start(self) -> "Worker":
        """Start a worker; raise InfrastructureError where it does not start."""
        return Worker(self)


@cache
def _packages() -> tuple[Path, ...]:
    """Return the folders and files of NumPy and what it needs, as they are installed."""
    found, waiting, seen = [], list(PACKAGES), set[str]()
    while waiting:
        name = waiting.pop()
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        for text in installed.requires or ():
            need = Requirement(text)
            if need.name not in seen and (need.marker is None or need.marker.evaluate({"extra": ""})):
                seen.add(need.name)
                waiting.append(need.name)
        tops = {file.parts[0] for file in installed.files or () if file.parts[0] not in ("..", "__pycache__")}
        found += [Path(str(installed.locate_file(top))) for top in sorted(tops) if not top.endswith(".dist-info")]
    return tuple(dict.fromkeys(path.resolve() for path in found if path.exists()))


@cache
def _system() -> tuple[str, ...]:
    """Return the mounts of Python and the system's libraries, with every folder of installed packages masked."""
    python, base = Path(sys.executable).resolve(), Path(sys.base_prefix).resolve()
    words: list[str] = []
    for folder in sorted({*python.parents, *(base / "lib").parents, Path("/usr"), Path("/etc"), Path("/packages")}):
        words += ["--perms", "0755", "--dir", str(folder)] if folder != Path("/") else []
    for folder in map(Path, ("/lib", "/lib64", "/usr/lib64")):
        if folder.is_symlink():
            words += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            words += ["--ro-bind", str(folder), str(folder)]
    roots = [Path("/usr/lib")]
    roots += [base / "lib"] if base / "lib" not in roots else []
    roots += (
        [Path(sysconfig.get_path("stdlib"))] if not any(_inside(sysconfig.get_path("stdlib"), r) for r in roots) else []
    )
    for root in roots:
        words += ["--ro-bind", str(root), str(root)]
    words += ["--ro-bind", str(python), str(python), "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    here = Path(__file__).resolve().parents[2]
    masked = {folder for root in roots for name in ("site", "dist") for folder in root.glob(f"python*/{name}-packages")}
    masked |= {here / "course_utils"} | set(map(Path, site.getsitepackages()))
    for folder in sorted(folder for folder in masked if any(_inside(folder, root) for root in roots)):
        words += ["--tmpfs", str(folder), "--remount-ro", str(folder)]
    return tuple(words)


def _inside(path: str | Path, root: Path) -> bool:
    return Path(path).resolve().is_relative_to(root)


def _killed_for_memory() -> int:
    """Return how many processes this machine has killed because its memory was full."""
    with suppress(OSError, StopIteration, ValueError):
        lines: Iterator[str] = iter(Path("/proc/vmstat").read_text().splitlines())
        return int(next(line for line in lines if line.startswith("oom_kill ")).split()[1])
    return 0


class Worker:
    """A running worker. A context, at whose end every process of it is gone."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Start it."""
        self.limits, self._buffer, self._full = sandbox.limits, bytearray(), _killed_for_memory()
        program = system_calls.refusals() if sandbox.kind == "bubblewrap" else None
        reading = None
        if program is not None:
            reading, writing = os.pipe()
            os.write(writing, program)
            os.close(writing)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        environment = {"OPENBLAS_NUM_THREADS": "1", "PATH": os.environ.get("PATH", os.defpath)}
        try:
            self._process = subprocess.Popen(
                sandbox.command(reading),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                env=environment if sandbox.kind == "bubblewrap" else environment | {"HOME": "/nonexistent"},
                cwd="/" if sandbox.kind == "bubblewrap" else self._own_folder(),
                pass_fds=() if reading is None else (reading,),
                start_new_session=True,
            )
        except OSError as error:
            self._errors.close()
            raise InfrastructureError(f"The sandbox could not be started: {error}.") from None
        finally:
            if reading is not None:
                os.close(reading)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        for number in (self._in, self._out):
            os.set_blocking(number, False)
        try:
            ready = self._read(time.monotonic() + self.limits.start)
            if ready != {"ready": True}:
                raise Died("error", "It said something else.")
        except Died as died:
            self.close()
            raise InfrastructureError(f"The sandbox did not start. {self._said or died.sentence}") from None
        except BaseException:
            self.close()
            raise

    def _own_folder(self) -> str:
        self._cwd = tempfile.TemporaryDirectory(prefix="grading-work-", ignore_cleanup_errors=True)
        return self._cwd.name

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it."""
        self.close()

    def close(self) -> None:
        """Kill every process of it. May be called again."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        if not self._errors.closed:
            self._errors.seek(0)
            self._said = self._errors.read(2000).decode("utf-8", "replace").strip()
            self._errors.close()
        if hasattr(self, "_cwd"):
            self._cwd.cleanup()

    def ask(
        self, request: dict[str, Any], deadline: float, play: Callable[[Any], dict[str, Any]] | None = None
    ) -> dict[str, Any]:
        """Return the answer to a request; raise Died where none comes by the deadline (of ``time.monotonic``).

        play: answers what the student's code asks of an environment while it runs.
        """
        number = secrets.token_hex(8)
        try:
            line = protocol.encode({**request, "n": number}).encode() + b"\n"
        except protocol.ProtocolError as error:
            raise UnsendableError(f"What the question asks with cannot be sent: {error}.") from None
        self._write(line, deadline)
        answer = self._read(deadline)
        latest = deadline + MOST_PLAY
        while play and isinstance(answer, dict) and answer.get("n") == number and "play" in answer:
            deadline = min(deadline + A_STEP, latest)
            self._write(protocol.encode({**play(answer["play"]), "n": number}).encode() + b"\n", deadline)
            answer = self._read(deadline)
        if not isinstance(answer, dict) or answer.get("n") != number:
            raise self._broken("Something else than the answer came back from your code.")
        if answer.get("memory") is True:
            raise Died("memory", _memory(self.limits))
        return answer

    def _broken(self, sentence: str) -> Died:
        self.close()
        return Died("error", sentence)

    def _write(self, line: bytes, deadline: float) -> None:
        rest = memoryview(line)
        while rest:
            try:
                rest = rest[os.write(self._in, rest) :]
            except BlockingIOError:
                self._wait(self._in, select.POLLOUT, deadline)
            except OSError:  # nobody reads
                raise self._ended() from None

    def _read(self, deadline: float) -> Any:
        seen = 0
        while (end := self._buffer.find(b"\n", seen)) < 0:
            seen = len(self._buffer)
            if seen > self.limits.output:
                break
            self._wait(self._out, select.POLLIN, deadline)
            try:
                part = os.read(self._out, 2**20)
            except BlockingIOError:
                continue
            if not part:
                raise self._ended()
            self._buffer += part
        if max(seen, end) > self.limits.output:
            raise self._broken(f"An answer was longer than {self.limits.output} bytes.")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        try:
            return protocol.decode(line)
        except protocol.ProtocolError as error:
            raise self._broken(f"What came back from your code cannot be read: {error}.") from None

    def _wait(self, number: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(number, event)
        if (left := deadline - time.monotonic()) <= 0 or not poll.poll(left * 1000):
            self.close()
            raise Died("timeout", f"Your code was stopped after {self.limits.wall:g} s.")

    def _ended(self) -> Died:
        """Return why the worker ended by itself."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        code = self._process.poll()
        self.close()
        by_signal = -code if code is not None and code < 0 else (code or 0) - 128
        if by_signal == signal.SIGXCPU:
            return Died("timeout", f"Your code was stopped after {self.limits.cpu:g} s of the processor.")
        if by_signal == signal.SIGKILL and _killed_for_memory() > self._full:
            raise InfrastructureError("This machine's memory was full.")
        return Died("error", "Your code ended Python itself, so that no answer came back.")


def _memory(limits: Limits) -> str:
    return f"Your code asked for more memory than there is: {limits.memory / 2**30:.3g} GB."
