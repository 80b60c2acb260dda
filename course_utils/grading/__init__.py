"""Grading a class: submissions in, each student's code run alone, marks, feedback and a gradebook out."""

__all__: list[str] = []
