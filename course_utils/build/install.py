"""Make ``.venv`` and install the course into it: ``python3 course_utils/build/install.py --extras test``.

This runs on a bare system Python, so it imports the standard library alone. Its syntax is that of Python 3.6: an
older Python must get as far as saying that it is too old. What goes wrong is told in one sentence.
"""

import argparse
import ast
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time

__all__ = ["InstallError", "check_python", "clean_environment", "dotted", "explain", "has_pip", "install"]
__all__ += ["is_current", "main", "make_venv", "newer_pythons", "pip_environment", "pip_variable", "read_stamp"]
__all__ += ["run_pip", "stamp_key", "venv_python", "venv_version", "write_lab_settings", "write_stamp"]


OLDEST = (3, 11)
NEWEST = (3, 14)  # the newest that was tried; a newer one gets a warning, not a refusal

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CONSTRAINTS = os.path.join("course_utils", "build", "constraints.txt")

LAB_SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}

# What pip prints when something goes wrong, and what the learner reads instead. The first match counts.
PIP_TROUBLES = [
    (
        r"No space left on device|Errno 28\b|not enough space on the disk",
        "The disk is full: free about 1 GB, then run the same command again.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed",
        "pip does not trust the certificate of the package index: if a company proxy is in between, "
        "give pip its certificate with PIP_CERT=file, then run the same command again.",
    ),
    (
        r"NewConnectionError|Failed to establish a new connection|Connection refused|Name or service not known"
        r"|name resolution|getaddrinfo failed|nodename nor servname|Network is unreachable|timed out"
        r"|Cannot connect to proxy|ProxyError|Connection reset|Could not fetch URL|RemoteDisconnected",
        "pip cannot reach the package index: check the network connection (and the proxy, if there is one), "
        "then run the same command again.",
    ),
    (
        r"Permission denied|Errno 13\b|Access is denied",
        "pip may not write into .venv: check who owns the course's folder, and close JupyterLab if it is running.",
    ),
    (
        r"ResolutionImpossible|conflicting dependencies",
        "The versions in pyproject.toml and course_utils/build/constraints.txt contradict each other: "
        "run 'make constraints'.",
    ),
    (
        r"No matching distribution found for (\S+)",
        "The package index has no {0} for this Python on this system: "
        "try Python {newest}, or remove that line from course_utils/build/constraints.txt.",
    ),
]


# Of pip's settings, in variables or files, those that say how the package index is reached. The others are for other
# work: PIP_TARGET, say, would put the course somewhere else.
PIP_SETTINGS = {
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "trusted-host",
    "cert",
    "client-cert",
    "proxy",
    "timeout",
    "default-timeout",
    "retries",
    "resume-retries",
    "keyring-provider",
    "use-feature",
    "use-deprecated",
    "cache-dir",
    "no-cache-dir",
    "prefer-binary",
}


class InstallError(Exception):
    """Something the learner can put right; its text is one clear sentence."""


def dotted(version: "tuple[int, ...]") -> str:
    """Return ``(3, 11)`` as ``3.11``."""
    return ".".join(str(part) for part in version[:2])


def check_python(version: "tuple[int, ...]") -> str:
    """Return a warning for a Python newer than was tried, an empty string for a good one; raise for an old one."""
    if tuple(version[:2]) < OLDEST:
        found = [name for name in newer_pythons() if shutil.which(name)]
        advice = f"run 'make lab PYTHON={found[0]}'" if found else "install a newer one"
        raise InstallError(
            f"Python {dotted(version)} is too old; this course needs {dotted(OLDEST)} to {dotted(NEWEST)}: {advice}."
        )
    if tuple(version[:2]) > NEWEST:
        return f"Python {dotted(version)} is newer than this course was tried with: if it fails, use {dotted(NEWEST)}."
    return ""


def newer_pythons() -> "list[str]":
    """Return the names under which a Python that is new enough may be on the search path, newest first."""
    return [f"python{NEWEST[0]}.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]


def venv_python(venv: str) -> str:
    """Return the path of the environment's interpreter."""
    return os.path.join(venv, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))


def venv_version(venv: str) -> "tuple[int, ...]":
    """Return the version of the Python that an environment was made with, () where there is no environment."""
    try:
        with open(os.path.join(venv, "pyvenv.cfg"), encoding="utf-8") as file:
            found = re.search(r"^version\w*\s*=\s*(\d+)\.(\d+)", file.read(), re.MULTILINE)
    except OSError:
        return ()
    return tuple(int(part) for part in found.groups()) if found else ()


def read_stamp(venv: str) -> "dict[str, object]":
    """Return what the last installation left: ``key`` (empty while it is unfinished) and ``extras``; {} if nothing."""
    try:
        with open(os.path.join(venv, "installed.json"), encoding="utf-8") as file:
            stamp = json.load(file)
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(venv: str, key: str, extras: "set[str]") -> None:
    """Record what is installed; an empty key says that an installation began and did not end."""
    with open(os.path.join(venv, "installed.json"), "w", encoding="utf-8") as file:
        json.dump({"key": key, "extras": sorted(extras), "root": os.path.dirname(venv)}, file)


def stamp_key(root: str, version: "tuple[int, ...]", extras: "set[str]") -> str:
    """Return a hash of everything that an installation depends on: change any of it and pip runs again."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", CONSTRAINTS, os.path.join("course_utils", "build", "install.py")):
        with open(os.path.join(root, name), "rb") as file:
            digest.update(file.read())
    # The folder belongs to it: an environment holds absolute paths, so a moved or copied course needs a new one.
    digest.update(json.dumps([root, list(version[:2]), platform.machine(), sorted(extras)]).encode())
    return digest.hexdigest()


def is_current(root: str, venv: str, extras: "set[str]") -> bool:
    """Return whether the environment already holds these extras in these versions."""
    stamp = read_stamp(venv)
    there = set(stamp.get("extras", []))  # type: ignore[call-overload]
    return (
        extras <= there
        and stamp.get("key") == stamp_key(root, venv_version(venv), there)
        and os.path.exists(venv_python(venv))
    )


def make_venv(venv: str, extras: "set[str]") -> None:
    """Make a fresh environment, in place of whatever half-made one is there."""
    if os.path.lexists(venv):
        if os.path.islink(venv) or not os.path.isdir(venv):
            raise InstallError(f"{venv} is in the way and is no environment: move it elsewhere.")
        foreign = set(os.listdir(venv)) - {
            "bin",
            "lib",
            "lib64",
            "include",
            "share",
            "etc",
            "Scripts",
            "Lib",
            "Include",
        }
        if foreign and not foreign & {"pyvenv.cfg", "installed.json"}:
            raise InstallError(f"{venv} holds other files and is no environment: move it elsewhere.")
        print("Removing the unfinished or outdated environment", flush=True)
        shutil.rmtree(venv)
    print(f"Making the environment .venv with Python {platform.python_version()}", flush=True)
    os.makedirs(venv)
    write_stamp(venv, "", extras)
    made = subprocess.run(
        [sys.executable, "-m", "venv", venv],
        env=dict(clean_environment(), PYTHONIOENCODING="utf-8"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if made.returncode != 0:
        output = made.stdout or ""
        with open(os.path.join(venv, "install.log"), "w", encoding="utf-8") as log:
            log.write(output)
        if "ensurepip" in output or "No module named venv" in output:
            raise InstallError(
                "This Python cannot make environments: install its venv module "
                f"(on Debian and Ubuntu: sudo apt install python{dotted(sys.version_info[:2])}-venv), "
                "then run the same command again."
            )
        if re.search(PIP_TROUBLES[0][0], output):
            raise InstallError(PIP_TROUBLES[0][1])
        last = output.strip().splitlines()[-1:] or ["no output"]
        raise InstallError(f"The environment could not be made ({last[0].strip()}): see .venv/install.log.")


def explain(output: str) -> str:
    """Return the one sentence for a failed pip run, from what it printed."""
    for pattern, sentence in PIP_TROUBLES:
        found = re.search(pattern, output)
        if found:
            return sentence.format(*found.groups(), newest=dotted(NEWEST)) + " Details: .venv/install.log."
    errors = re.findall(r"^ERROR: (.+)$", output, re.MULTILINE)
    return "pip failed ({}): see .venv/install.log.".format(errors[-1].strip() if errors else "without saying why")


def clean_environment() -> "dict[str, str]":
    """Return this process's variables without those that are for another Python."""
    others = ("PYTHON", "PIP_", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(others)}


def pip_environment(venv: str) -> "dict[str, str]":
    """Return the variables for pip: of the learner's settings, only PIP_SETTINGS."""
    environment = clean_environment()
    environment.update(PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8")
    files = {name: value for name, value in os.environ.items() if name == "PIP_CONFIG_FILE"}
    listed = subprocess.run(
        [venv_python(venv), "-m", "pip", "config", "list", "--disable-pip-version-check"],
        env=dict(environment, **files),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        errors="replace",
    )
    # A line is section.key='value'; a variable is stronger than a file, and any section than the global one.
    for line in sorted((listed.stdout or "").splitlines(), key=lambda line: not line.startswith("global.")):
        found = re.match(r"(?:global|install)\.([\w-]+)=(.+)$", line)
        if found and found.group(1) in PIP_SETTINGS:
            environment[pip_variable(found.group(1))] = ast.literal_eval(found.group(2))
    variables = {pip_variable(setting) for setting in PIP_SETTINGS}
    environment.update({name: value for name, value in os.environ.items() if name in variables})
    environment["PIP_CONFIG_FILE"] = os.devnull
    return environment


def pip_variable(setting: str) -> str:
    """Return ``index-url`` as ``PIP_INDEX_URL``."""
    return "PIP_" + setting.upper().replace("-", "_")


def run_pip(root: str, venv: str, arguments: "list[str]") -> None:
    """Run pip inside the environment, a line of progress now and then, everything it prints in ``install.log``."""
    command = [venv_python(venv), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar", "off", "-c", os.path.join(root, CONSTRAINTS)]
    lines = []  # type: list[str]
    packages, told = 0, time.time()
    with open(os.path.join(venv, "install.log"), "a", encoding="utf-8") as log:
        pip = subprocess.Popen(
            command + arguments,
            cwd=root,
            env=pip_environment(venv),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        assert pip.stdout is not None
        try:
            for line in pip.stdout:
                log.write(line)
                lines.append(line)
                packages += line.startswith(("Collecting ", "Processing "))
                if line.startswith("Installing collected packages") and packages > 5:
                    print(f"  unpacking {line.count(',') + 1} packages", flush=True)
                    told = time.time() + 600
                elif packages > 5 and time.time() - told > 8:
                    print(f"  {packages} packages found", flush=True)
                    told = time.time()
            if pip.wait() != 0:
                raise InstallError(explain("".join(lines)))
        finally:
            pip.stdout.close()
            if pip.poll() is None:
                pip.kill()
                pip.wait()


def write_lab_settings(prefix: str) -> None:
    """Switch off JupyterLab's question about news and its look for updates, in the environment at ``prefix``."""
    path = os.path.join(prefix, "share", "jupyter", "lab", "settings", "overrides.json")
    try:
        with open(path, encoding="utf-8") as file:
            settings = json.load(file)
    except (OSError, ValueError):
        settings = {}
    if {**settings, **LAB_SETTINGS} != settings:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            json.dump({**settings, **LAB_SETTINGS}, file, indent=2)


def install(root: str, venv: str, extras: "set[str]", this_python: bool = False) -> None:
    """Bring the environment up to date with pyproject.toml, constraints.txt and these extras."""
    other = this_python and venv_version(venv) != sys.version_info[:2]
    if not other and is_current(root, venv, extras):
        return
    warning = check_python(sys.version_info[:2])
    if warning:
        print(warning, file=sys.stderr, flush=True)
    begun = time.time()
    stamp = read_stamp(venv)
    wanted = extras | set(stamp.get("extras", []))  # type: ignore[call-overload]
    # A stamp without a key is an installation that was cut short: packages may be half there, so begin anew.
    # So does a copied or moved folder, since an environment holds absolute paths.
    cut_short = bool(stamp) and not stamp.get("key")
    moved = stamp.get("root", root) != root
    if other or cut_short or moved or not venv_version(venv) >= OLDEST or not has_pip(venv):
        make_venv(venv, wanted)
    write_stamp(venv, "", wanted)
    open(os.path.join(venv, "install.log"), "w", encoding="utf-8").close()
    what = "JupyterLab and the course" + (" with its tests" if "test" in wanted else "")
    print(f"Installing {what}: a few minutes the first time", flush=True)
    # The build tool first, in its pinned version; otherwise pip would fetch the newest one for every build.
    run_pip(root, venv, ["setuptools"])
    target = ".[{}]".format(",".join(sorted(wanted))) if wanted else "."
    run_pip(root, venv, ["--no-build-isolation", "-e", target])
    write_lab_settings(venv)
    show = [venv_python(venv), "-m", "course_utils.build", "jupyter"]  # a failure is no harm: `lab` does the same
    subprocess.run(show, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    write_stamp(venv, stamp_key(root, venv_version(venv), wanted), wanted)
    print(f"Ready after {time.time() - begun:.0f} s.", flush=True)


def has_pip(venv: str) -> bool:
    """Return whether the environment's interpreter starts and has pip."""
    try:
        check = subprocess.run(
            [venv_python(venv), "-c", "import pip"],
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return False
    return check.returncode == 0


def main(arguments: "list[str] | None" = None, root: str = ROOT) -> int:
    """Install; return the exit code, with one sentence on stderr when something went wrong."""
    parser = argparse.ArgumentParser(description="Make .venv and install the course into it.")
    parser.add_argument("--extras", default="", help="comma-separated extras of pyproject.toml, such as test")
    parser.add_argument("--this-python", action="store_true", help="rebuild .venv if another Python version made it")
    options = parser.parse_args(arguments)
    extras = {extra.strip() for extra in options.extras.split(",") if extra.strip()}
    try:
        install(root, os.path.join(root, ".venv"), extras, options.this_python)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; run the same command again to go on.", file=sys.stderr)
        return 130
    except OSError as error:
        full = getattr(error, "errno", None) == 28
        print(PIP_TROUBLES[0][1] if full else f"Cannot install: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
