"""Problem sets and their marks: what a set asks, and how a class's answers are collected, marked and reported.

Marks come from the submitted code alone, which runs on fresh inputs in a sandbox without this package. Answers never
enter the sandbox: what comes out of it is compared here.
"""

__all__: list[str] = []
