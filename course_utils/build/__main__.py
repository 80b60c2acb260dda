"""Command line of the builder: ``python -m course_utils.build COMMAND``; --help lists the commands."""

import argparse
import importlib
import sys

__all__ = ["main"]


PUBLISHED = {"site": "site", "offline": "archive", "pdf": "pdf", "lite": "lite"}  # the module behind each command


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code. Each is imported only when it is asked for."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.build", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    lab_parser = commands.add_parser("lab", help="open JupyterLab on the first lesson")
    lab_parser.add_argument("--port", type=int, help="this port and no other (default: a free one from 8888 on)")
    lab_parser.add_argument("--ip", help="listen on this address, 0.0.0.0 for all (default: this machine's own)")
    lab_parser.add_argument("--no-browser", action="store_true", help="print the address, open no browser")
    commands.add_parser(
        "jupyter", help="tell the Jupyter of this Python environment how to show lessons (lab does too)"
    )
    commands.add_parser("notebooks", help="build the notebooks from notebooks/src", add_help=False)
    commands.add_parser("slides", help="make a deck of slides of each lesson in build/slides", add_help=False)
    commands.add_parser("reference", help="write course_utils/README.md from the docstrings (notebooks does too)")
    commands.add_parser("site", help="build the pages for a browser, into build/site")
    commands.add_parser("offline", help="pack the pages and the course into one archive, with its checksum")
    commands.add_parser("pdf", help="print each lesson and the reference, into build/pdf (needs Chromium)")
    commands.add_parser("lite", help="build the course as JupyterLite, into build/lite")
    commands.add_parser("constraints", help="write constraints.txt and environment.yml from pyproject.toml")
    commands.add_parser("stored-run", help="train lesson 14's transformer again and store its log (needs PyTorch)")
    options, rest = parser.parse_known_args(arguments)
    if options.command == "notebooks":
        from course_utils.build import notebooks, reference

        return notebooks.main(rest) or reference.main()
    if options.command == "slides":
        from course_utils.build import slides

        return slides.main(rest)
    if rest:
        parser.error(f"unknown arguments: {' '.join(rest)}")
    if options.command == "lab":
        from course_utils.build import lab

        try:
            return lab.main(options.port, ip=options.ip, browser=not options.no_browser)
        except KeyboardInterrupt:  # while it starts; later the server itself takes it
            print("\nStopped; run the same command again to start.", file=sys.stderr)
            return 130
    if options.command == "jupyter":
        from course_utils.build import install, labextension, pages

        pages.install()
        labextension.install()
        install.write_lab_settings(sys.prefix)
        return 0
    if options.command in PUBLISHED:
        return int(importlib.import_module(f"course_utils.build.{PUBLISHED[options.command]}").main())
    if options.command == "reference":
        from course_utils.build import reference

        return reference.main()
    if options.command == "stored-run":
        from course_utils.build import stored_run

        return stored_run.main()
    from course_utils.build import constraints

    return constraints.main()


if __name__ == "__main__":
    sys.exit(main())
