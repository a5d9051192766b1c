"""What of a loop's directory nobody needs any more: what has changed inputs, checkpoints of trainings that are done, and models that are not the best."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.loop.config import read_begun
from harness.loop.ledger import place_of, read_ledger, take_away
from harness.loop.models import REMOVED
from harness.loop.standing import standing


@dataclass(frozen=True, slots=True)
class Removed:
    place: Path
    bytes: int


def remove_unneeded(directory: Path, *, dry_run: bool = False) -> list[Removed]:
    """Runs, rows, adapters, verdicts and logs stay, and so does what the best model is served from. The ledger must not be held by a loop.

    ConfigError when no loop has begun there.
    """
    found = standing(directory, read_ledger(directory), read_begun(directory))
    best = found.best
    places = list((directory / "stale").glob("*"))
    for number, step in found.counted:  # what is begun again needs its checkpoints
        place = place_of(directory, number, step)
        if step == "train":
            places.append(place / "checkpoints")
        if step == "export" and (number, "verdict") in found.counted and number != best and not (place / REMOVED).exists():
            places.append(place)
    adapters = directory / "adapters"
    places += [place for place in adapters.glob("*") if best is None or not place.name.startswith(f"round-{best}-")]
    removed = [Removed(place, size_of(place)) for place in places if place.exists()]
    for each in [] if dry_run else removed:
        take_away(each.place)
        if each.place.name == "export":
            each.place.mkdir()
            (each.place / REMOVED).write_text("harness loop gc took it away; it is made again when it is needed\n", encoding="utf-8")
    return removed


def size_of(place: Path) -> int:
    """Bytes."""
    files = place.rglob("*") if place.is_dir() else [place]
    return sum(file.stat().st_size for file in files if file.is_file())
