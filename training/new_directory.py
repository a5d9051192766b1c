"""A directory that is there whole or not at all. No torch in here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import TrainingError


@contextmanager
def new_directory(directory: Path) -> Iterator[Path]:
    """`.NAME.partial` beside it to write into, which becomes it when the block ends well and is removed when it does not. One that a killed command left is
    replaced. TrainingError when there is something already, or it cannot be made."""
    final = directory.absolute()
    if final.exists() and not final.is_dir():
        raise TrainingError(f"{directory} is a file; give a new directory")
    if final.exists() and any(final.iterdir()):
        raise TrainingError(f"{directory} is not empty; give a new directory")
    beside = final.with_name(f".{final.name}.partial")
    try:
        if beside.exists():
            shutil.rmtree(beside)
        beside.mkdir(parents=True)
    except OSError as error:
        raise TrainingError(f"{directory} cannot be made: {error}") from error
    try:
        yield beside
        if final.exists():
            final.rmdir()
        beside.rename(final)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
