"""`harness loop LOOP.toml | status | resume | report | gc`: each calls one function and prints. True when all is as it should be."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from harness.console import Screen
from harness.extras import needs_extra
from harness.loop.config import read_loop
from tasks.integrity import printable


async def _run(options: argparse.Namespace, screen: Screen) -> bool:
    config = read_loop(options.loop)
    with needs_extra("leaderboard"):
        from harness.loop.loop import run_loop
        from harness.loop.plan import make_plan, sentences
    if options.dry_run:
        for line in sentences(make_plan(config), config):
            screen.out.print(Text(printable(line)))
        return True
    with screen.progress() as progress:
        await run_loop(config, lambda line: screen.say(printable(line)), lambda started: screen.watch(started, progress))
    _print(config.directory, screen)
    return True


def _status(options: argparse.Namespace, screen: Screen) -> bool:
    directory = _directory(options.loop)
    if options.json:
        with needs_extra("leaderboard"):
            from harness.loop.account import account_of
        print(account_of(directory).model_dump_json(indent=1))
    else:
        _print(directory, screen)
    return True


def _report(options: argparse.Namespace, screen: Screen) -> bool:
    directory = _directory(options.loop)
    with needs_extra("leaderboard"):
        from harness.loop.report import write_report
    page, rendered = write_report(directory, options.output or directory / "report")
    screen.out.print(f"{page}: {len(rendered.report.runs)} evaluations", markup=False)
    return not rendered.problems


def _gc(options: argparse.Namespace, screen: Screen) -> bool:
    from harness.loop.ledger import Ledger
    from harness.loop.removal import remove_unneeded

    directory = _directory(options.loop)
    with Ledger(directory):  # not while the loop is at work
        removed = remove_unneeded(directory, dry_run=options.dry_run)
    for each in removed:
        screen.out.print(Text(printable(f"{each.bytes / 2**20:,.1f} MiB  {each.place.relative_to(directory)}")))
    word = "would be removed" if options.dry_run else "removed"
    screen.out.print(f"{word}: {sum(each.bytes for each in removed) / 2**20:,.1f} MiB")
    return True


ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Screen], Any]]] = {
    "run": _run,
    "resume": _run,
    "status": _status,
    "report": _report,
    "gc": _gc,
}


def _directory(given: Path) -> Path:
    """Of a loop's file, or the directory itself."""
    return given if given.is_dir() else read_loop(given).directory


def _print(directory: Path, screen: Screen) -> None:
    with needs_extra("leaderboard"):
        from harness.loop.account import Rate, account_of

    def shown(rate: Rate | None) -> str:
        return f"{100 * rate.value:.1f}% ({100 * rate.low:.1f} to {100 * rate.high:.1f})" if rate is not None else ""

    account = account_of(directory)
    rows = []
    for each in account.rounds:
        if each.base is not None:
            rows.append(("base", shown(each.base), "", "", "", "", ""))
        if each.number or each.rate is not None:
            sampled = f"{each.resolved} of {each.sampled}" if each.sampled is not None else ""
            learnt = f"{each.new} + {each.replayed}" if each.new is not None else ""
            verdict = "" if each.promoted is None else "promoted" if each.promoted else "rolled back"
            done = [step.step for step in each.steps if not step.stale]
            last = f"{done[-1]} is done" if done else "stale"
            rows.append(
                (f"round {each.number}", shown(each.rate), verdict or last, sampled, learnt, f"{each.tokens:,}", f"{each.seconds:,.0f}")
            )
    screen.table(("", "held out", "verdict", "sampled", "new + replayed", "tokens", "seconds"), rows)
    for each in account.rounds:
        if each.words is not None:
            screen.out.print(Text(printable(f"round {each.number}: {each.words}")))
        if stale := ", ".join(step.step for step in each.steps if step.stale):
            screen.out.print(
                Text(f"round {each.number}: made with other settings or from what has changed since, and not counted: {stale}")
            )
    split = account.split
    if split.total:
        shares = ", ".join(f"{name} {100 * value / split.total:.1f}%" for name, value in split.model_dump().items())
        cost = f", cost {account.cost:,.2f}" if account.cost is not None else ""
        screen.out.print(Text(f"{account.seconds:,.0f} s ({shares}), {account.tokens:,} tokens{cost}"))
    best = "the base" if account.best is None else f"round {account.best}: {directory / f'round-{account.best}' / 'train' / 'adapter'}"
    screen.out.print(Text(printable(f"best so far: {best}")))
