"""A selection: which records a recipe leaves, with their masks, and the card that says what became of the others.

Two steps, so that memory stays small whatever is read. Every record is read once, in as many processes as are given, and makes a short line:
which filter of one takes it out, its masks, its profile. Then the filters go over the lines in the recipe's order. Records are read again,
and checked again, when they are exported.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from trajectories.card import Card, Step, Totals
from trajectories.choices import OfMany, Profile, signature_of, written_by_model
from trajectories.errors import TrajectoryError
from trajectories.filters import Judge, no_failure
from trajectories.parallel import in_order
from trajectories.recipe import Recipe
from trajectories.source import Candidate, Entry, Place, Unreadable, find, load

UNKNOWN_REPOSITORY = ""


class Selected(BaseModel):
    """One line of a selection: a record that stays, and what is known of it without reading it again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: Place
    run: str
    instance_id: str
    attempt: int
    repo: str
    """Empty where nobody knows."""
    model: str
    resolved: bool | None
    cleared: bool
    turns: int
    masked: dict[int, str]
    """Turns that carry no loss, with the reason."""
    characters: int
    imported: str | None = None
    """The format that it was imported from."""
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    kept: tuple[Selected, ...]
    card: Card


@dataclass(frozen=True, slots=True)
class _Line:
    """What one reading of a record leaves."""

    selected: Selected
    profile: Profile
    taken_by: int | None
    """The first filter of one that takes it out; -1 for the failure of the infrastructure."""
    reason: str
    masked_by: dict[int, int]
    """Masked turns, by the place of the filter."""


def select(
    paths: Iterable[Path],
    recipe: Recipe,
    *,
    made_by: str,
    workers: int = 1,
    repositories: Mapping[str, str] | None = None,
    on_read: Callable[[int], None] = lambda count: None,
    age: Callable[[Selected], int] = lambda selected: 0,
) -> Selection:
    """Apply the recipe to every record of the runs and files.

    `repositories` by instance_id are for records that do not say theirs. `on_read` is told how many more were read. Records of another
    `age` take none of a cap's places, and of near duplicates the youngest stays.
    StoreError and TrajectoryError when a path or a filter cannot be used.
    """
    _compiled(recipe)  # what is wrong with a filter is found before any process starts
    unreadable: list[Unreadable] = []

    def entries() -> Iterable[Entry]:
        for found in find(paths):
            if isinstance(found, Unreadable):
                unreadable.append(found)
            else:
                yield found

    lines: list[_Line] = []
    work = functools.partial(_survey, recipe=recipe, repositories=dict(repositories or {}))
    for batch in in_order(work, entries(), workers=workers):
        on_read(len(batch))
        for line in batch:
            if isinstance(line, Unreadable):
                unreadable.append(line)
            else:
                lines.append(line)
    return _choose(lines, recipe, unreadable, made_by, age)


def narrow(selection: Selection, name: str, settings: Mapping[str, object], left_out: Callable[[Selected], str | None]) -> Selection:
    """The selection without those that `left_out` gives a reason for: one more step in its card."""
    reasons = [(selected, left_out(selected)) for selected in selection.kept]
    kept = tuple(selected for selected, reason in reasons if reason is None)
    counts = Counter(reason for _, reason in reasons if reason is not None)
    step = Step(filter=name, settings=dict(settings), taken=counts.total(), reasons=dict(counts), masked_turns=0, left=len(kept))
    return Selection(kept, selection.card.model_copy(update={"steps": (*selection.card.steps, step), "kept": _totals(kept)}))


def write_selection(selection: Selection, directory: Path) -> None:
    """selection.jsonl and card.json."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "selection.jsonl", "w", encoding="utf-8") as lines:
        lines.writelines(selected.model_dump_json() + "\n" for selected in selection.kept)
    (directory / "card.json").write_text(selection.card.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_selection(directory: Path) -> Selection:
    """What `write_selection` wrote. TrajectoryError when it is not there or cannot be read."""
    try:
        card = Card.model_validate_json((directory / "card.json").read_bytes())
        content = (directory / "selection.jsonl").read_bytes()
        kept = tuple(Selected.model_validate_json(line) for line in content.split(b"\n") if line)
    except OSError as error:
        raise TrajectoryError(f"{directory}: not a selection ({(error.strerror or str(error)).lower()})") from error
    except ValidationError as error:
        raise TrajectoryError(f"{directory}: not a selection ({str(error).splitlines()[0]}); make it again") from error
    if len(kept) != card.kept.trajectories or (content and not content.endswith(b"\n")):
        raise TrajectoryError(f"{directory}: selection.jsonl is cut off ({len(kept)} of {card.kept.trajectories} lines); make it again")
    return Selection(kept, card)


@functools.lru_cache(maxsize=4)
def _compiled(recipe: Recipe) -> tuple[tuple[int, Judge], ...]:
    """The judges of the filters of one, with their places. Kept, as a suite or a tokenizer may stand behind each."""
    return tuple((place, each.judge()) for place, each in enumerate(recipe.filters) if not isinstance(each, OfMany))


def _survey(entries: list[Entry], *, recipe: Recipe, repositories: Mapping[str, str]) -> list[_Line | Unreadable]:
    """What one process does: read, check and judge."""
    judges = _compiled(recipe)
    with_signature = any(isinstance(each, OfMany) and each.needs_signature for each in recipe.filters)
    lines: list[_Line | Unreadable] = []
    for entry in entries:
        try:
            candidate = load(entry)
        except ValueError as error:
            lines.append(Unreadable(file=entry.place.file, offset=entry.place.offset, reason=str(error)))
            continue
        lines.append(_line(candidate, recipe, judges, repositories, with_signature=with_signature))
    return lines


def _line(
    candidate: Candidate, recipe: Recipe, judges: Iterable[tuple[int, Judge]], repositories: Mapping[str, str], *, with_signature: bool
) -> _Line:
    trajectory = candidate.trajectory
    taken_by, reason = _first_that_takes(candidate, judges)
    masked: dict[int, str] = {}
    masked_by: dict[int, int] = {}
    for place, each in enumerate(recipe.filters):
        if not isinstance(each, OfMany) and taken_by is None and (masks := each.masks(trajectory)):
            masked = masks | masked
            masked_by[place] = len(masks)
    repo = trajectory.provenance.repo or repositories.get(trajectory.instance_id, UNKNOWN_REPOSITORY)
    characters = sum(len(text) for text in written_by_model(trajectory))
    imported = trajectory.provenance.imported
    place_of = candidate.entry.place
    selected = Selected(
        place=place_of,
        run=candidate.entry.run,
        instance_id=trajectory.instance_id,
        attempt=trajectory.attempt,
        repo=repo,
        model=trajectory.model,
        resolved=candidate.resolved,
        cleared=candidate.cleared,
        turns=len(trajectory.turns),
        masked=dict(sorted(masked.items())),
        characters=characters,
        imported=imported.format if imported else None,
        licence=imported.licence if imported else None,
    )
    profile = Profile(
        key=f"{place_of.file}#{place_of.offset}",
        instance_id=trajectory.instance_id,
        repo=repo,
        resolved=candidate.resolved,
        turns=len(trajectory.turns),
        characters=characters,
        signature=signature_of(trajectory) if with_signature and taken_by is None else None,
    )
    return _Line(selected, profile, taken_by, reason, masked_by)


def _first_that_takes(candidate: Candidate, judges: Iterable[tuple[int, Judge]]) -> tuple[int | None, str]:
    if reason := no_failure(candidate):
        return -1, reason
    for place, judge in judges:
        if reason := judge(candidate):
            return place, reason
    return None, ""


def _choose(lines: list[_Line], recipe: Recipe, unreadable: list[Unreadable], made_by: str, age: Callable[[Selected], int]) -> Selection:
    """Go over the lines filter by filter."""
    lines = [replace(line, profile=replace(line.profile, age=age(line.selected))) for line in lines]
    everything = [line.profile for line in lines]
    alive = lines
    steps: list[tuple[str, dict[str, object], Counter[str], int]] = []

    def take(name: str, settings: dict[str, object], reason_of: Callable[[_Line], str | None]) -> None:
        nonlocal alive
        reasons = [(line, reason_of(line)) for line in alive]
        alive = [line for line, reason in reasons if reason is None]
        steps.append((name, settings, Counter(reason for _, reason in reasons if reason is not None), len(alive)))

    take("infrastructure", {}, lambda line: line.reason if line.taken_by == -1 else None)
    for place, each in enumerate(recipe.filters):
        settings = each.model_dump(mode="json", exclude={"name"})
        if isinstance(each, OfMany):
            groups: dict[int, list[Profile]] = {}
            for line in alive:
                groups.setdefault(line.profile.age if each.caps else 0, []).append(line.profile)
            left_out = {key: reason for group in groups.values() for key, reason in each.leave_out(group, everything).items()}
            take(each.name, settings, lambda line, left_out=left_out: left_out.get(line.profile.key))  # type: ignore[misc]
        else:
            take(each.name, settings, lambda line, place=place: line.reason if line.taken_by == place else None)  # type: ignore[misc]
    take("something_to_learn", {}, lambda line: None if line.selected.turns > len(line.selected.masked) else "every turn is masked")
    masked_by = Counter[int]()
    for line in alive:
        masked_by.update(line.masked_by)
    kept = tuple(line.selected for line in sorted(alive, key=lambda line: line.profile.key))
    card = Card(
        made_by=made_by,
        recipe=recipe.name,
        recipe_digest=recipe.digest,
        sources=dict(Counter(line.selected.run for line in lines)),
        read=len(lines),
        unverified=sum(line.selected.place.sha256 is None for line in lines),
        unreadable=tuple(unreadable),
        steps=tuple(
            Step(
                filter=name, settings=settings, taken=reasons.total(), reasons=dict(reasons), masked_turns=masked_by[number - 1], left=left
            )
            for number, (name, settings, reasons, left) in enumerate(steps)
        ),
        kept=_totals(kept),
    )
    return Selection(kept, card)


def _totals(kept: tuple[Selected, ...]) -> Totals:
    imported = [each for each in kept if each.imported is not None]
    return Totals(
        trajectories=len(kept),
        tasks=len({each.instance_id for each in kept}),
        repositories=len({each.repo for each in kept} - {UNKNOWN_REPOSITORY}),
        turns=sum(each.turns for each in kept),
        masked_turns=sum(len(each.masked) for each in kept),
        characters=sum(each.characters for each in kept),
        models=dict(Counter(each.model for each in kept)),
        imported=dict(Counter(str(each.imported) for each in imported)),
        licences=dict(Counter(each.licence or "unknown" for each in imported)),
        cleared=sum(each.cleared for each in kept),
        half_resolved=sum(each.resolved is False for each in kept),
        unknown_repository=sum(each.repo == UNKNOWN_REPOSITORY for each in kept),
    )
