"""Options that several commands have."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable


def add_sandbox(parser: argparse._ActionsContainer, *names: str) -> None:
    words = "default: docker where a daemon answers, else bubblewrap"
    parser.add_argument("--sandbox", *names, choices=["auto", "docker", "bubblewrap"], help=words)


def positive(word: str) -> float:
    """The number of an option's word, above nothing and below everything."""
    try:
        value = float(word)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"a number above 0 is needed (given: {word!r})")
    return value


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """What makes the number of an option's word, within its bounds."""

    def number(word: str) -> int:
        try:
            value = int(word)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            bounds = f"of {least} or more" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"a whole number {bounds} is needed (given: {word!r})")
        return value

    return number
