"""`harness trajectories stats | show | filter | export | import`: each calls one function of `trajectories` and prints. True when all is as it
should be; False when records could not be read, which are told.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from rich.text import Text

import harness
from harness.console import Screen
from harness.machine import own_names
from harness.trajectory_view import view, view_turn
from tasks.integrity import printable
from tasks.suite import load_suite
from tasks.toml_file import first_complaint
from trajectories.card import Card
from trajectories.convert import read_foreign
from trajectories.errors import TrajectoryError
from trajectories.export import export
from trajectories.export_card import ExportOptions
from trajectories.recipe import Recipe, read_recipe
from trajectories.selection import Selection, read_selection, select, write_selection
from trajectories.source import Candidate, Entry, Unreadable, find, load, to_line
from trajectories.stats import RunStats, Spread, stats_of_run

_MADE_BY = f"harness {harness.__version__}"
_MOST_WORKERS = 4
_SHOWN_UNREADABLE = 10


def _stats(options: argparse.Namespace, screen: Screen) -> bool:
    runs = [stats_of_run(source) for source in options.sources if not source.is_file()]
    files = {str(source): sum(isinstance(each, Entry) for each in find([source])) for source in options.sources if source.is_file()}
    checked = _select(options, screen, options.sources, Recipe(name="verify")) if options.verify else None
    if options.json:
        content: dict[str, Any] = {"runs": [each.model_dump(mode="json") for each in runs], "files": files}
        if checked is not None:
            content["unreadable"] = [each.model_dump(mode="json") for each in checked.card.unreadable]
        print(json.dumps(content, indent=1))
    else:
        for each in runs:
            _print_stats(each, screen)
        for name, count in files.items():
            screen.out.print(Text(printable(f"{name}: {count} imported trajectories")))
        if checked is not None:
            screen.out.print(f"{checked.card.read - checked.card.unverified} records are as they were written")
            if checked.card.unverified:
                screen.out.print(f"{checked.card.unverified} are from before there were digests: only their form was checked")
            _print_unreadable(checked.card.unreadable, screen)
    return not any(each.torn_index for each in runs) and (checked is None or not checked.card.unreadable)


def _show(options: argparse.Namespace, screen: Screen) -> bool:
    candidate = _find_one(options.source, options.trial)
    try:
        shown = view(candidate, full=options.full) if options.turn is None else view_turn(candidate, options.turn, full=options.full)
    except ValueError as error:
        raise TrajectoryError(f"{candidate.trajectory.instance_id}#{candidate.trajectory.attempt}: {error}") from error
    if screen.out.is_terminal and not options.no_pager:
        os.environ.setdefault("LESS", "-FRX")  # colours as colours, and no pager for what fits the screen
        with screen.out.pager(styles=True):
            screen.out.print(shown)
    else:
        screen.out.print(shown)
    return True


def _filter(options: argparse.Namespace, screen: Screen) -> bool:
    selection = _select(options, screen, options.sources, read_recipe(options.recipe or "sft"))
    if options.output is not None:
        write_selection(selection, options.output)
    if options.json:
        print(selection.card.model_dump_json(indent=1))
    else:
        _print_card(selection.card, screen)
        if options.output is not None:
            screen.out.print(Text(printable(f"selection: {options.output}")))
    return not selection.card.unreadable


def _export(options: argparse.Namespace, screen: Screen) -> bool:
    try:
        wanted = ExportOptions(
            format=options.format,
            container=options.container,
            arguments=options.arguments,
            validation=options.validation,
            seed=options.seed,
            scrub=not options.no_scrub,
            own=own_names(),
            pair_ratio=options.pair_ratio,
        )
    except ValidationError as error:
        raise TrajectoryError(first_complaint(error)) from error
    if any((source / "selection.jsonl").is_file() for source in options.sources):
        if len(options.sources) > 1 or options.recipe:
            raise TrajectoryError("a selection is exported alone and without --recipe: what stays was decided when it was made")
        selection = read_selection(options.sources[0])
    else:
        default = {"chat": "sft", "tokens": "sft", "pairs": "pairs"}.get(options.format, "all")
        selection = _select(options, screen, options.sources, read_recipe(options.recipe or default))
    with screen.progress() as progress:
        bar = progress.add_task("writing", total=None) if progress else None
        card = export(
            selection,
            options.output,
            wanted,
            workers=_workers(options),
            on_done=lambda count: progress.advance(bar, count) if progress and bar is not None else None,
        )
    _print_card(card.selection, screen)
    for file in card.files:
        words = f", {len(file.repositories)} repositories" if file.repositories else ""
        screen.out.print(Text(printable(f"{options.output / file.name}: {file.rows} rows{words}")))
    if not card.files:
        screen.out.print("no row was left to write", style="yellow")
    for title, counts in (("left out", card.left_out), ("scrubbed", card.scrubbed)):
        if counts:
            screen.out.print(Text(printable(f"{title}: {_counts(counts)}")))
    _print_unreadable(card.unreadable, screen)
    return bool(card.files) and not card.unreadable and not card.selection.unreadable


def _import(options: argparse.Namespace, screen: Screen) -> bool:
    output: Path = options.output
    left_out = output.with_name(f"{output.name.removesuffix('.jsonl')}.left-out.jsonl")
    for each in (output, left_out):
        if each.exists():
            raise TrajectoryError(f"{each} is there already: give another --output, or remove it")
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = output.with_name(f".{output.name}.partial")
    reasons: Counter[str] = Counter()
    listed: list[Unreadable] = []
    written = 0
    try:
        with open(beside, "wb") as lines:
            for made in read_foreign(options.source, options.format):
                if isinstance(made, Unreadable):
                    listed.append(made)
                    reasons[made.reason] += 1
                else:
                    lines.write(to_line(made))
                    written += 1
        if listed:
            left_out.write_text("".join(each.model_dump_json() + "\n" for each in listed), encoding="utf-8")
        if written:
            beside.rename(output)
    finally:
        beside.unlink(missing_ok=True)
    screen.out.print(Text(printable(f"{output}: {written} trajectories" if written else "nothing could be imported")))
    if listed:
        screen.out.print(Text(printable(f"{left_out}: {len(listed)} that cannot be represented: {_counts(reasons)}")), style="yellow")
    return not listed


ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Screen], bool]]] = {
    "stats": _stats,
    "show": _show,
    "filter": _filter,
    "export": _export,
    "import": _import,
}


def _select(options: argparse.Namespace, screen: Screen, sources: Sequence[Path], recipe: Recipe) -> Selection:
    suites = getattr(options, "suite", [])
    repositories = {task.instance_id: task.repo for name in suites for task in load_suite(name, quarantined=True).tasks}
    with screen.progress() as progress:
        bar = progress.add_task("reading", total=None) if progress else None
        return select(
            sources,
            recipe,
            made_by=_MADE_BY,
            workers=_workers(options),
            repositories=repositories,
            on_read=lambda count: progress.advance(bar, count) if progress and bar is not None else None,
        )


def _find_one(source: Path, trial: str | None) -> Candidate:
    instance_id, hash_sign, number = (trial or "").partition("#")
    found = []
    for each in find([source]):
        if isinstance(each, Unreadable):
            continue
        if each.result is not None:
            if trial is None or (each.result.instance_id == instance_id and (not hash_sign or str(each.result.attempt) == number)):
                found.append(each)
        elif trial is None or _is_record_of(each, instance_id, number if hash_sign else None):
            found.append(each)
    if not found:
        raise TrajectoryError(f"{source} has no trajectory {trial!r}")
    if len(found) > 1:
        names = [f"{each.result.instance_id}#{each.result.attempt}" if each.result else "…" for each in found[:5]]
        raise TrajectoryError(
            f"{source} has {len(found)} trajectories of that name: give one of {', '.join(names)}{', …' if len(found) > 5 else ''}"
        )
    try:
        return load(found[0])
    except ValueError as error:
        raise TrajectoryError(f"{found[0].place.file}: {error}") from error


def _is_record_of(entry: Entry, instance_id: str, number: str | None) -> bool:
    try:
        trajectory = load(entry).trajectory
    except ValueError:
        return False
    return trajectory.instance_id == instance_id and (number is None or str(trajectory.attempt) == number)


def _workers(options: argparse.Namespace) -> int:
    chosen: int | None = options.workers
    return max(1, chosen) if chosen is not None else min(_MOST_WORKERS, os.cpu_count() or 1)


def _print_stats(stats: RunStats, screen: Screen) -> None:
    screen.out.print(Text(printable(stats.source), style="bold"))
    lines = [
        f"{stats.trajectories} trajectories of {stats.tasks} tasks; {stats.graded} graded, {stats.resolved} resolved, {stats.flagged} flagged",
        f"verdicts: {_counts(stats.verdicts)}",
        f"ended by: {_counts(stats.stop_reasons)}",
        *(
            f"{name}: {_spread(spread)}"
            for name, spread in (("turns", stats.turns), ("tokens out", stats.output_tokens), ("seconds", stats.seconds))
        ),
    ]
    if stats.failures:
        lines.append(f"failed by the infrastructure: {_counts(stats.failures)}")
    if stats.cost is not None:
        lines.append(f"cost: {stats.cost:.4f}")
    if stats.without_digest:
        lines.append(f"{stats.without_digest} are from before there were digests")
    for line in lines:
        screen.out.print(Text(f"  {printable(line)}"))
    if stats.torn_index:
        screen.out.print("  a line of the index cannot be read: the run's own command mends it", style="yellow")


def _print_card(card: Card, screen: Screen) -> None:
    rows = [(step.filter, str(step.taken), str(step.left), str(step.masked_turns or ""), _counts(step.reasons)) for step in card.steps]
    screen.table(("filter", "took", "left", "masked turns", "why"), rows)
    kept = card.kept
    screen.out.print(
        f"{card.read} read; kept {kept.trajectories} of {kept.tasks} tasks, {kept.turns} turns of which {kept.masked_turns} are masked"
    )
    if kept.unknown_repository:
        screen.out.print(f"{kept.unknown_repository} do not say their repository: --suite tells it", style="yellow")
    if kept.half_resolved:
        screen.out.print(f"{kept.half_resolved} of them are not resolved", style="yellow")
    _print_unreadable(card.unreadable, screen)


def _print_unreadable(unreadable: Sequence[Unreadable], screen: Screen) -> None:
    for each in unreadable[:_SHOWN_UNREADABLE]:
        screen.err.print(Text(printable(f"left out: {each.file}: {each.reason}")), style="yellow")
    if len(unreadable) > _SHOWN_UNREADABLE:
        screen.err.print(f"… and {len(unreadable) - _SHOWN_UNREADABLE} more; the card lists them", style="yellow")


def _spread(spread: Spread | None) -> str:
    return "none" if spread is None else f"{spread.least:g} to {spread.most:g}, median {spread.median:g}, 90% up to {spread.p90:g}"


def _counts(counts: Mapping[str, int]) -> str:
    pairs: Iterable[tuple[str, int]] = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{name} {count}" for name, count in pairs) or "none"
