"""What a person can do something about, when training."""

from __future__ import annotations


class TrainingError(Exception):
    """A configuration, a recipe, rows or a base that cannot be trained on as asked; one line that says what to do. Exit code 2."""
