"""The messages of a trial that goes on, one JSON line each, and what becomes of them when it is cut off.

A run that was killed, interrupted or out of disk leaves `.<attempt>.partial` behind. At the next start that is set aside as
`<attempt>.cut-<n>`, if the model had answered at all: what it said cost money, and shows what went on when the run died. It is no try
and no result, nothing counts or shows it, and only the last few are kept.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from trajectories.disk import append
from trajectories.trajectory import Message

FILE: Final = "messages.jsonl"
KEPT: Final = 3
"""Of one attempt."""
_ANSWERED: Final = b'"role":"assistant"'  # within a text its quotes would be escaped
_PARTIAL: Final = re.compile(r"\.(\d+)\.partial")
_CUT: Final = re.compile(r"\d+\.cut-(\d+)")


class Transcript:
    """The messages, on disk after every turn."""

    def __init__(self, file: Path, naming: Callable[[], AbstractContextManager[None]]) -> None:
        """`naming` makes the owner's errors of the operating system's."""
        self.file = file
        self._naming = naming

    def add(self, messages: Sequence[Message]) -> None:
        lines = "".join(message.model_dump_json(exclude_defaults=True) + "\n" for message in messages)
        with self._naming():
            append(self.file, lines.encode(), lasting=False)


def read_transcript(file: Path) -> list[Message]:
    """The messages up to a line that was cut off. OSError when it cannot be read."""
    messages = []
    for line in file.read_bytes().split(b"\n")[:-1]:
        try:
            messages.append(Message.model_validate_json(line))
        except ValidationError:
            break
    return messages


def set_aside(partial: Path) -> None:
    """Keep what a trial that was cut off leaves, or remove it where the model had not answered."""
    attempt = _PARTIAL.fullmatch(partial.name)
    assert attempt is not None
    transcript = partial / FILE
    if not transcript.is_file() or _ANSWERED not in transcript.read_bytes():
        shutil.rmtree(partial)
        return
    earlier = sorted(
        (int(found[1]), place) for place in partial.parent.glob(f"{attempt[1]}.cut-*") if (found := _CUT.fullmatch(place.name))
    )
    number = 1 + max((number for number, _ in earlier), default=0)
    partial.rename(partial.with_name(f"{attempt[1]}.cut-{number}"))
    for _, place in earlier[: len(earlier) + 1 - KEPT]:
        shutil.rmtree(place)
