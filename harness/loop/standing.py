"""Which lines of a ledger count, and whose model is the best by them: for the loop itself, its status, its report and `harness loop gc` alike.

A line counts while what it was made from is what there is now. That is told by the order of the lines: of every step it is known which steps it is
made from, and what those had come to when its line was written. A step that was done again and came to something else leaves what was made from it
stale, until that is done again as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.loop.config import LoopConfig
from harness.loop.entry import Entry
from harness.loop.ledger import STEPS, begun_with, place_of
from harness.loop.numbers import Judged, Step

Key = tuple[int, Step]
_Lines = Mapping[Key, Entry]


@dataclass(frozen=True, slots=True)
class Standing:
    counted: Mapping[Key, Entry]
    """By round and step, in their order."""
    stale: Mapping[Key, Entry]
    """The last lines of steps whose inputs have changed since, that are begun again, or that the configuration has no more."""

    @property
    def best(self) -> int | None:
        """The round whose model is the best so far; None: the base."""
        return _best(self.counted, None)

    def best_before(self, number: int) -> int | None:
        """The same, before that round."""
        return _best(self.counted, number)


def standing(directory: Path, entries: Sequence[Entry], config: LoopConfig) -> Standing:
    lines: dict[Key, Entry] = {}
    grounds: dict[Key, list[str | None]] = {}
    for entry in entries:
        key = (entry.round, entry.step)
        if _is_wanted(key, config):
            grounds[key] = _grounds(key, lines, config)
            lines[key] = entry
    counted: dict[Key, Entry] = {}
    for key in sorted(lines, key=_order):
        if _is_there(directory, lines[key]) and grounds[key] == _grounds(key, counted, config):
            counted[key] = lines[key]
    last = {(entry.round, entry.step): entry for entry in entries}
    return Standing(counted, {key: last[key] for key in sorted(last, key=_order) if key not in counted})


def base_step(config: LoopConfig) -> Step:
    """That evaluates the base: without a round 0 of its own that is round 0."""
    return "base" if config.cold_start is not None else "evaluation"


def source_step(number: int) -> Step:
    """That makes the trials of a round."""
    return "sample" if number else "demonstrations"


def _grounds(key: Key, lines: _Lines, config: LoopConfig) -> list[str | None]:
    """What the steps that it is made from have come to; None for one that is not there."""
    number, step = key
    before = range(number)
    made_from: list[Key]
    match step:
        case "base" | "demonstrations":
            made_from = []
        case "choose":
            made_from = [(each, "sample") for each in before if each]
        case "sample":
            made_from = [(number, "choose"), *_trained(_best(lines, number))]
        case "rows":
            made_from = [(each, source_step(each)) for each in (*before, number)]
        case "train":
            made_from = [(number, "rows"), *(_trained(_best(lines, number)) if config.training.begin == "last" else [])]
        case "expect" | "export" | "evaluation":
            made_from = [] if key == (0, base_step(config)) else _trained(number)
        case "verdict":
            best = _best(lines, number)
            against: Key = (0, base_step(config)) if best is None else (best, "evaluation")
            made_from = [(number, "evaluation"), against, *_trained(best)]
    found = [lines.get(each) for each in made_from]
    return [entry.outputs if entry is not None else None for entry in found]


def _best(lines: _Lines, before: int | None) -> int | None:
    promoted = [
        number
        for (number, step), entry in lines.items()
        if step == "verdict" and (before is None or number < before) and entry.told(Judged).promoted
    ]
    return max(promoted, default=None)


def _trained(number: int | None) -> list[Key]:
    return [(number, "train")] if number is not None else []


def _is_wanted(key: Key, config: LoopConfig) -> bool:
    number, step = key
    return number <= config.rounds and (number > 0 or config.cold_start is not None or step == base_step(config))


def _is_there(directory: Path, entry: Entry) -> bool:
    place = place_of(directory, entry.round, entry.step)
    begun = begun_with(place)
    return place.exists() and (begun is None or begun.inputs == entry.inputs)


def _order(key: Key) -> tuple[int, int]:
    return key[0], STEPS.index(key[1])
