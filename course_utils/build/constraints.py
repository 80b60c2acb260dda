"""Pin the newest versions that pyproject.toml allows: ``python -m course_utils.build constraints``.

Writes ``constraints.txt`` from a fresh environment with everything installed, and ``environment.yml`` from
pyproject.toml. Run it with the oldest Python that the course supports: newer packages drop old Pythons first.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path

__all__ = ["environment_yml", "main", "missing_on", "normal", "pins_of_this_environment", "resolve"]


ROOT = Path(__file__).parents[2]
PROJECT = "policy-gradient-course"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]

# sys_platform, the wheels' platform for pip, and what else the markers of packages ask about it.
OTHER_SYSTEMS = {
    "win32": ("win_amd64", {"os_name": "nt", "platform_system": "Windows"}),
    "darwin": ("macosx_11_0_arm64", {"os_name": "posix", "platform_system": "Darwin"}),
}

# conda-forge's name where it is not PyPI's, and what is left to pip.
CONDA_NAMES = {"jupyter-core": "jupyter_core", "matplotlib": "matplotlib-base"}  # all of matplotlib brings Qt
PIP_ONLY = {"ziamath"}

# Of the extras, what a learner with conda gets: nbval shows whether the notebooks still give what is stored in them.
FOR_LEARNERS = {"nbval"}

# Newer ones refuse Python 3.11.0 to 3.11.4, and Debian 12 has 3.11.2.
HELD_BACK = ["soupsieve<3.0.2"]

HEADER = """\
# Every package of the full installation, pinned, so that today's installation works in a year.
# Made by `make constraints` with Python {python}; pyproject.toml says what is wanted, this file what was tried.
"""


def main() -> int:
    """Write both files and return 0."""
    (ROOT / "environment.yml").write_text(environment_yml(), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        print("Installing the newest versions into a fresh environment", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        python = str(Path(folder) / scripts / "python")
        # An editable build leaves nothing but egg-info behind, and runs this file in the fresh environment below.
        wanted = ["setuptools", *HELD_BACK, "-e", f"{ROOT}[bench,lite]"]  # bench has test in it
        subprocess.run([python, "-m", "pip", "install", "-q", "--upgrade", *wanted], check=True)
        pins = subprocess.run([python, __file__], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    python_version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    path = Path(__file__).with_name("constraints.txt")
    path.write_text(HEADER.format(python=python_version) + pins, encoding="utf-8")
    print(f"{path.name}: {len(pins.splitlines())} packages; environment.yml")
    return 0


def environment_yml() -> str:
    """Return environment.yml: what learners need, by pyproject.toml and FOR_LEARNERS, under conda's names."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    extras = [r for extra in project["optional-dependencies"].values() for r in extra]
    wanted = [*project["dependencies"], *(r for r in extras if re.split("[^a-z-]", r)[0] in FOR_LEARNERS)]
    conda, pip = [], []
    for requirement in sorted(wanted):
        name = re.split("[^a-z-]", requirement)[0]
        if name in PIP_ONLY:
            pip.append(requirement)
        else:
            conda.append(CONDA_NAMES.get(name, name) + requirement[len(name) :])
    lines = [
        "# The course for conda and Binder. Made from pyproject.toml by `make constraints`; a test compares the two.",
        f"name: {PROJECT}",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        f'  - "python{project["requires-python"]},<3.15"',
        "  - pip",
        *(f'  - "{requirement}"' for requirement in conda),
        "  - pip:",
        *(f'      - "{requirement}"' for requirement in pip),
        '      - "-e ."',
    ]
    return "\n".join(lines) + "\n"


def pins_of_this_environment() -> list[str]:
    """Return a pin for every package here, and for those that only other systems or Pythons need."""
    here = {normal(d.metadata["Name"]): d.version for d in metadata.distributions()}
    here = {name: version.partition("+")[0] for name, version in here.items()}  # torch's +cpu is one index's own
    pins = {name: f"{name}=={version}" for name, version in here.items() if name not in {"pip", PROJECT}}
    for system, (wheels, markers) in OTHER_SYSTEMS.items():
        for name, version in missing_on(system, wheels, markers).items():
            pins.setdefault(name, f'{name}=={version}; sys_platform == "{system}"')
    return sorted(pins.values(), key=str.lower)


def missing_on(system: str, wheels: str, markers: dict[str, str]) -> dict[str, str]:
    """Return names and versions of the packages that the course needs on another system but not on this one."""
    from packaging.requirements import Requirement

    requires = {normal(d.metadata["Name"]): d.requires or [] for d in metadata.distributions()}
    found: dict[str, str] = {}
    waiting, seen = [(PROJECT, "bench"), (PROJECT, "lite")], set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        if name not in requires:
            found[name], requires[name] = resolve(name, wheels)
        for line in requires[name]:
            requirement = Requirement(line)
            environments = [
                {
                    **markers,
                    "sys_platform": system,
                    "python_version": v,
                    "python_full_version": f"{v}.0",
                    "extra": extra,
                }
                for v in PYTHONS
            ]
            if requirement.marker is None or any(requirement.marker.evaluate(e) for e in environments):
                waiting += [(normal(requirement.name), e) for e in ("", *requirement.extras)]
    return found


def resolve(name: str, wheels: str) -> tuple[str, list[str]]:
    """Return the newest version of a package for a system, and what it needs."""
    with tempfile.TemporaryDirectory() as target:
        command = [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--no-deps", "--ignore-installed"]
        command += ["--only-binary=:all:", "--platform", wheels, "--python-version", PYTHONS[0]]
        command += ["--target", target, "--report", "-", name]
        report = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    newest = json.loads(report)["install"][0]["metadata"]
    return newest["version"], newest.get("requires_dist", [])


def normal(name: str) -> str:
    """Return a package's name as the index spells it."""
    return name.lower().replace("_", "-").replace(".", "-")


if __name__ == "__main__":
    print("\n".join(pins_of_this_environment()))
