"""Open JupyterLab on the first lesson: ``python -m course_utils.build lab``."""

import contextlib
import os
import secrets
import socket
import sys
from pathlib import Path

from course_utils.build import labextension, pages
from course_utils.build.install import write_lab_settings

ROOT = Path(__file__).parents[2]
FIRST_LESSON = "notebooks/00_start_here.ipynb"
HOST = "127.0.0.1"
FIRST_PORT = 8888
LAST_PORT = 8988


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port now."""
    with socket.socket() as probe:
        if os.name != "nt":  # on Windows this option would let two servers share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose_port(asked: int | None) -> int:
    """Return the port that was asked for, or the first free one from 8888 on; raise ValueError with one sentence."""
    if asked is None:
        for port in range(FIRST_PORT, LAST_PORT + 1):
            if is_free(port):
                return port
        raise ValueError(f"No port from {FIRST_PORT} to {LAST_PORT} is free: choose another with 'make lab PORT=…'.")
    if not 1 <= asked <= 65535:
        raise ValueError(f"Port {asked} does not exist: choose one from 1024 to 65535.")
    if not is_free(asked):
        raise ValueError(
            f"Port {asked} is taken, perhaps by another JupyterLab: stop that program, choose another with "
            f"'make lab PORT={asked + 1 if asked < 65535 else FIRST_PORT}', or leave PORT out to get a free one."
        )
    return asked


def main(port: int | None = None, *, browser: bool = True, root: Path = ROOT) -> int:
    """Start the server and stay until Ctrl-C; return the exit code, with one sentence on stderr if it cannot start."""
    if not (root / FIRST_LESSON).is_file():
        print(f"{FIRST_LESSON} is missing: build it with 'make notebooks'.", file=sys.stderr)
        return 1
    try:
        port = choose_port(port)
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
    with contextlib.suppress(OSError):  # an environment that others own: then JupyterLab asks about news once
        write_lab_settings(sys.prefix)
        pages.install()
        labextension.install()  # without it labs are pictures until their cells run
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")  # this environment's kernel before any in the home folder
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # else every kernel start prints a debugger's warning
    token = secrets.token_hex(16)
    options = [
        f"--ServerApp.root_dir={root}",
        f"--ServerApp.ip={HOST}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.open_browser={browser}",
        "--ServerApp.answer_yes=True",  # one Ctrl-C ends it, without a question
        "--ServerApp.log_level=ERROR",  # its warnings (an untrusted notebook, time limits) are not for learners
        "--LabApp.log_level=ERROR",
        f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}",
        # Open tabs are remembered here and not in the home folder, where those of other projects are.
        f"--LabApp.workspaces_dir={Path(sys.prefix) / 'share/jupyter/lab/workspaces'}",
        "--LabApp.extension_manager=readonly",  # the other one asks the package index
        f"--IdentityProvider.token={token}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--ServerApp.allow_root=True")
    server = LabApp.initialize_server(argv=options)
    address = f"http://{HOST}:{port}/lab/tree/{FIRST_LESSON}?token={token}"
    print(f"JupyterLab is ready; Ctrl-C here ends it. Its address, should no browser open:\n  {address}", flush=True)
    server.start()
    return 0
