"""What a round is trained on: its own trials that pass the filters, and a share of those of the rounds before."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import harness
from harness.loop.config import Rows
from harness.loop.digests import digest_of_files
from harness.loop.ledger import take_away
from trajectories.card import to_markdown
from trajectories.choices import NearDuplicates
from trajectories.export import export
from trajectories.export_card import ExportOptions, Format
from trajectories.recipe import Recipe, read_recipe
from trajectories.selection import Selected, Selection, narrow, select, write_selection

_MADE_BY: Final = f"harness {harness.__version__} (loop)"
_FORMS: Final[tuple[Format, ...]] = ("tokens", "chat", "pairs")


@dataclass(frozen=True, slots=True)
class RoundRows:
    directories: tuple[Path, ...]
    """Of rows, for the trainer's `data.train`."""
    new: int
    """Trajectories of the round itself."""
    replayed: int
    rows: int
    digest: str
    taken: Mapping[str, int]
    """How many trajectories each filter took out."""


def choose_rows(
    place: Path,
    own: Sequence[Path],
    before: Sequence[Path],
    settings: Rows,
    *,
    preference: bool,
    seed: int,
    repositories: Mapping[str, str],
    filters: str | None = None,
    workers: int = 2,
    machine: tuple[str, ...] = (),
) -> RoundRows:
    """Select, and write `place`: the selection with its card, and the rows in the forms that a trainer reads.

    `own` and `before` are runs and files of trajectories of the round and of those before it. TrajectoryError for filters that are wrong.
    """
    selection = _selected(
        own, before, settings, preference=preference, seed=seed, repositories=repositories, filters=filters, workers=workers
    )
    fresh = _is_of(own)
    new = sum(fresh(each) for each in selection.kept)
    take_away(place)
    beside = place.with_name(f".{place.name}.partial")
    take_away(beside)
    write_selection(selection, beside / "selection")
    (beside / "selection" / "README.md").write_text(to_markdown(selection.card), encoding="utf-8")
    written = 0
    forms: tuple[Format, ...] = ("pairs",) if preference else ("tokens", "chat")
    for form in forms if new or selection.kept else ():
        options = ExportOptions(format=form, arguments="strings", validation=settings.validation, seed=seed, own=machine)
        card = export(selection, beside / form, options, workers=workers)
        if card.files:
            written += sum(file.rows for file in card.files)
        else:
            take_away(beside / form)
    beside.rename(place)
    return RoundRows(
        directories=rows_in(place),
        new=new,
        replayed=len(selection.kept) - new,
        rows=written,
        digest=digest_of_rows(place),
        taken={step.filter: step.taken for step in selection.card.steps if step.taken},
    )


def rows_in(place: Path) -> tuple[Path, ...]:
    """The directories of rows that were written there."""
    return tuple(place / form for form in _FORMS if (place / form).is_dir())


def digest_of_rows(place: Path) -> str:
    """sha256 in hex over all files of rows."""
    return digest_of_files(*sorted(file for directory in rows_in(place) for file in directory.glob("*.jsonl")))


def _selected(
    own: Sequence[Path],
    before: Sequence[Path],
    settings: Rows,
    *,
    preference: bool,
    seed: int,
    repositories: Mapping[str, str],
    filters: str | None,
    workers: int,
) -> Selection:
    recipe = read_recipe(filters or (settings.pairs if preference else settings.filters))
    if not any(isinstance(each, NearDuplicates) for each in recipe.filters):
        alike = NearDuplicates(threshold=settings.alike, within="task")
        recipe = Recipe(name=recipe.name, filters=(*recipe.filters, alike))
    fresh = _is_of(own)
    # What is old is drawn from below: it must not take the places of what is new before that, nor be kept in place of what is new and says the same.

    def age(selected: Selected) -> int:
        return 0 if fresh(selected) else 1

    selection = select([*own, *before], recipe, made_by=_MADE_BY, workers=workers, repositories=repositories, age=age)
    if not before:
        return selection
    old = [each for each in selection.kept if not fresh(each)]
    new = len(selection.kept) - len(old)
    # Of the whole that is trained on: r = share * (new + r). Of nothing new there is no share: all that there is.
    wanted = round(settings.replay * new / (1 - settings.replay)) if new else len(old)
    chance = random.Random(seed)  # noqa: S311 - a choice, no secret
    drawn = chance.sample(old, len(old))
    if preference:  # those that can be pairs stay together
        groups = dict.fromkeys((each.instance_id, each.model) for each in drawn)
        drawn = [each for group in groups for each in drawn if (each.instance_id, each.model) == group]
    replayed = {_key(each) for each in drawn[:wanted]}
    return narrow(
        selection,
        "replay",
        {"share": settings.replay, "seed": seed},
        lambda each: None if fresh(each) or _key(each) in replayed else "of a round before",
    )


def _key(selected: Selected) -> tuple[str, int]:
    return selected.place.file, selected.place.offset


def _is_of(runs: Sequence[Path]) -> Callable[[Selected], bool]:
    places = [run.resolve() for run in runs]

    def is_of(selected: Selected) -> bool:
        file = Path(selected.place.file).resolve()
        return any(file.is_relative_to(place) for place in places)

    return is_of
