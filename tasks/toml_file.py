"""Settings from a TOML, checked by a model: what is wrong is said in one line, as the error of whoever reads.

Every room with a TOML of its own reads it here and names its own error, so that a wrong setting is told alike wherever it stands.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

Failed = Callable[[str], Exception]
"""Makes the caller's error of one line."""

Model = TypeVar("Model", bound=BaseModel)

_LONGEST_SHOWN: Final = 80


def read_as(file: Path, kind: type[Model], failed: Failed, *, advice: str = "") -> Model:
    """The file's settings as `kind` has them. `advice` is what to do about a file that cannot be opened."""
    return checked(read_toml(file, failed, advice=advice), kind, failed, file=file)


def read_toml(file: Path, failed: Failed, *, advice: str = "") -> dict[str, Any]:
    """As it stands in the file, for whoever lays something over it before it is checked, or has no model for it."""
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8"))
    except OSError as error:
        raise failed(f"{file}: {error.strerror}" + (f"; {advice}" if advice else "")) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise failed(f"{file}: not TOML: {error}") from error


def checked(settings: Mapping[str, Any], kind: type[Model], failed: Failed, *, file: Path | None = None) -> Model:
    """The settings as `kind` has them; `file` is where they come from, if from one."""
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        raise failed((f"{file}: " if file is not None else "") + first_complaint(error)) from error


def first_complaint(error: ValidationError) -> str:
    """The first of pydantic's complaints in one line: the setting's dotted name, the reason and, where a short value was given, that value."""
    complaint = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in complaint["loc"])
    reason = complaint["msg"]
    for prefix in ("Value error, ", "Assertion failed, "):  # before what a validator of ours says in its own words
        if reason.startswith(prefix):
            reason = reason.removeprefix(prefix)
            break
    else:
        reason = reason[:1].lower() + reason[1:]
    given = complaint["input"]
    # Of a setting that there is not, its value is not what is wrong; it may be a key that somebody put in the wrong place.
    shown = repr(given) if isinstance(given, str | int | float) and complaint["type"] != "extra_forbidden" else ""
    if 0 < len(shown) <= _LONGEST_SHOWN:
        reason += f" (given: {shown})"
    return " ".join(f"{place}: {reason}".split() if place else reason.split())
