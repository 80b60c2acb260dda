"""Open JupyterLab on the first lesson: ``python -m course_utils.build lab``.

It starts the same for everybody: the learner's own Jupyter configuration (another address, a password) is for other
work and is left aside; look and shortcuts that they chose in JupyterLab stay.
"""

import os
import platform
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from course_utils.build import labextension, pages
from course_utils.build.install import write_lab_settings

__all__ = ["choose_host", "choose_port", "has_screen", "is_free", "is_usable", "kernel_options"]
__all__ += ["main", "prepare_folders", "prepare_lab"]


ROOT = Path(__file__).parents[2]
FIRST_LESSON = "notebooks/00_start_here.ipynb"
HOST = "127.0.0.1"
EVERYWHERE = {"": HOST, "0.0.0.0": HOST, "::": "[::1]"}  # what listens on every address → how this machine reaches it
FIRST_PORT = 8888
LAST_PORT = 8988
# The grader's JupyterLab, where it is installed: for an instructor's own server, not for lessons.
FORMGRADER = {
    f"nbgrader.server_extensions.{name}": False
    for name in ("formgrader", "validate_assignment", "assignment_list", "course_list")
}
# Of the variables that Jupyter reads, those that say where a learner's files are. The others would change the start.
KEPT_VARIABLES = {"JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR"}


def is_free(port: int, host: str = HOST) -> bool:
    """Return whether a server could listen on this port now."""
    return _error_of_listening(port, host) is None


def _error_of_listening(port: int, host: str) -> Exception | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name != "nt":  # on Windows this option would let two servers share a port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:  # the latter for what cannot be the name of a machine
        return error
    return None


def choose_port(asked: int | None, host: str = HOST) -> int:
    """Return the port that was asked for, or the first free one from 8888 on; raise ValueError with one sentence."""
    free = is_free if host == HOST else partial(is_free, host=host)
    if asked is None:
        for port in range(FIRST_PORT, LAST_PORT + 1):
            if free(port):
                return port
        raise ValueError(f"No port from {FIRST_PORT} to {LAST_PORT} is free: choose another with 'make lab PORT=…'.")
    if not 1 <= asked <= 65535:
        raise ValueError(f"Port {asked} does not exist: choose one from 1024 to 65535.")
    if not free(asked):
        if isinstance(_error_of_listening(asked, host), PermissionError):
            raise ValueError(f"Port {asked} is kept for the system: choose one from 1024 to 65535.")
        raise ValueError(
            f"Port {asked} is taken, perhaps by another JupyterLab: stop that program, choose another with "
            f"'make lab PORT={asked + 1 if asked < 65535 else FIRST_PORT}', or leave PORT out to get a free one."
        )
    return asked


def choose_host(asked: str | None) -> str:
    """Return the address to listen on: that which was asked for, or this machine's own; raise ValueError as above."""
    if asked is None:
        return HOST if is_free(0) or not is_free(0, "::1") else "::1"  # a machine without IPv4
    if not is_free(0, asked):
        raise ValueError(f"This machine has no address {asked}: leave IP out, or say IP=0.0.0.0 for all that it has.")
    return asked


def has_screen() -> bool:
    """Return whether a browser with a window can open; without one Python would start a browser in the terminal."""
    somewhere = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    return sys.platform in ("win32", "darwin", "cygwin") or somewhere or "microsoft" in platform.release().lower()


def is_usable(folder: str | Path) -> bool:
    """Return whether a folder can be written, or made."""
    path = Path(os.path.abspath(folder))
    while not os.path.lexists(path):
        path = path.parent
    return path.is_dir() and os.access(path, os.W_OK | os.X_OK)


def prepare_folders() -> Path:
    """Let Jupyter write only where it can, and read no configuration; return the folder for what this course keeps.

    Raises OSError where no folder can be written.
    """
    from jupyter_core import paths
    from jupyterlab.commands import get_user_settings_dir

    own = Path(sys.prefix) / "share" / "jupyter" / "policy-gradient-course"
    if not is_usable(own):
        own = Path(tempfile.mkdtemp(prefix="policy-gradient-course-"))
    for name in [name for name in os.environ if name.startswith("JUPYTER") and name not in KEPT_VARIABLES]:
        del os.environ[name]
    wanted: dict[str, Callable[[], str]] = {
        "JUPYTER_DATA_DIR": paths.jupyter_data_dir,
        "JUPYTER_RUNTIME_DIR": paths.jupyter_runtime_dir,
        "JUPYTERLAB_SETTINGS_DIR": get_user_settings_dir,
        "IPYTHONDIR": lambda: os.environ.get("IPYTHONDIR") or "~/.ipython",
        "MPLCONFIGDIR": lambda: os.environ.get("MPLCONFIGDIR") or "~/.config/matplotlib",
    }
    moved = False
    for name, find in wanted.items():
        try:
            folder = os.path.expanduser(find())
        except (OSError, RuntimeError):  # no home folder at all
            folder = "~"
        if folder.startswith("~") or not is_usable(folder):
            folder, moved = str(own / name.lower()), True
            os.makedirs(folder, exist_ok=True)
            os.environ[name] = folder
        elif name == "JUPYTERLAB_SETTINGS_DIR":  # else it would follow the configuration, which moves below
            os.environ[name] = folder
    os.environ["JUPYTER_CONFIG_DIR"] = str(own / "configuration")
    page = own / "configuration" / "labconfig" / "page_config.json"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text('{"disabledExtensions": {"@jupyter/nbgrader": true}}', encoding="utf-8")
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # this environment's kernel before any in the home folder
    if moved:
        print(
            f"Your home folder cannot be written, so JupyterLab keeps its files in {own}: "
            "set HOME to a folder of yours to change that.",
            file=sys.stderr,
            flush=True,
        )
    return own


def prepare_lab() -> None:
    """Write the settings and the extension of this environment's JupyterLab, as far as that can be done."""
    try:
        write_lab_settings(sys.prefix)
        pages.install()
        labextension.install()  # without it labs are pictures until their cells run
    except OSError:
        pass  # an environment that others own: then JupyterLab asks about news once
    except ValueError as error:  # a file of data/ that cannot be used
        reason = str(error).splitlines()[0]
        print(f"Labs that have not run are shown as pictures, since a file cannot be read: {reason}.", file=sys.stderr)


def kernel_options() -> list[str]:
    """Return the options by which nobody else on this machine can read what kernels say, nor do kernels warn of it."""
    import zmq

    if zmq.has("curve"):
        return ["--KernelManager.transport_encryption=auto"]
    return ["--KernelManager.transport=ipc"] if zmq.has("ipc") else []


def main(port: int | None = None, *, ip: str | None = None, browser: bool = True, root: Path = ROOT) -> int:
    """Start the server and stay until Ctrl-C; return the exit code, with one sentence on stderr if it cannot start."""
    if not (root / FIRST_LESSON).is_file():
        if (root / "notebooks").is_dir():
            advice = "build it with 'make notebooks'"
        else:
            advice = "the notebooks are in the course's repository, not in the installed package, so start it there"
        print(f"{FIRST_LESSON} is missing: {advice}.", file=sys.stderr)
        return 1
    try:
        host = choose_host(ip)
        port = choose_port(port, host)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    # jsonschema would load this for one check of addresses that Jupyter never makes; compiling its grammar takes
    # half of JupyterLab's start (2.5 of 5 s). None makes the import fail, and jsonschema does without.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    try:
        from jupyterlab.labapp import LabApp
    except ImportError:
        print("JupyterLab is not installed in this Python: run 'make lab'.", file=sys.stderr)
        return 1
    try:
        own = prepare_folders()
    except OSError as error:
        print(f"JupyterLab finds no folder to write to ({error}): set HOME to a folder of yours.", file=sys.stderr)
        return 1
    prepare_lab()
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # else every kernel start prints a debugger's warning
    token = secrets.token_hex(16)
    workspaces = Path(sys.prefix) / "share/jupyter/lab/workspaces"
    options = [
        f"--ServerApp.root_dir={root}",
        f"--ServerApp.ip={host}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.base_url=/",
        "--ServerApp.certfile=",
        "--ServerApp.sock=",
        "--ServerApp.custom_display_url=",
        f"--ServerApp.open_browser={browser and host not in EVERYWHERE and has_screen()}",
        "--ServerApp.use_redirect_file=False",  # a browser in a sandbox of its own cannot open a file
        f"--ServerApp.jpserver_extensions={FORMGRADER}",
        "--ServerApp.answer_yes=True",  # one Ctrl-C ends it, without a question
        "--ServerApp.log_level=ERROR",  # its warnings (an untrusted notebook, time limits) are not for learners
        "--LabApp.log_level=ERROR",
        f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}",
        # Open tabs are remembered here and not in the home folder, where those of other projects are.
        f"--LabApp.workspaces_dir={workspaces if is_usable(workspaces) else own / 'workspaces'}",
        "--LabApp.extension_manager=readonly",  # the other one asks the package index
        f"--IdentityProvider.token={token}",
        *kernel_options(),
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--ServerApp.allow_root=True")
    try:
        server = LabApp.initialize_server(argv=options)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        print(
            f"JupyterLab cannot start ({reason}): see whether the disk is full, then 'make clean' and 'make lab'.",
            file=sys.stderr,
        )
        return 1
    reached = EVERYWHERE.get(host) or (f"[{host}]" if ":" in host else host)
    address = f"http://{reached}:{port}/lab/tree/{FIRST_LESSON}?token={token}"
    if os.name != "nt":  # else a KeyboardInterrupt, which is lost where Python ignores exceptions
        signal.signal(signal.SIGINT, lambda *_: server.stop(from_signal=True))
    print(f"JupyterLab is ready; Ctrl-C here ends it. Its address, should no browser open:\n  {address}", flush=True)
    server.start()
    return 0
