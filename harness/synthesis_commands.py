"""`harness tasks synth | mine`: each calls one function and prints. True when at least one task came of it."""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

from harness.console import Screen
from harness.statement_model import statement_model
from harness.synthesis import mine_suite, synthesise_suite
from tasks.integrity import printable
from tasks.synthesis.choice import Tally
from tasks.synthesis.history import Bounds
from tasks.synthesis.mine import MineSettings, MineTally
from tasks.synthesis.project import Choices, slug
from tasks.synthesis.synth import SynthSettings

_SECONDS_BETWEEN_LINES: Final = 10.0


async def _synth(options: argparse.Namespace, screen: Screen) -> bool:
    jobs = options.concurrency or os.cpu_count() or 1
    output = options.output or _default_output(options)
    async with statement_model(options.statements_by, options.model) as (write, name):
        settings = SynthSettings(limit=options.limit, per_function=options.per_function, seed=options.seed, jobs=jobs, statements_by=name)
        tally = await synthesise_suite(
            options.repository,
            choices_of(options),
            output,
            settings,
            backend=options.sandbox or "auto",
            deps=options.deps,
            say=screen.say,
            on_progress=_progress(screen),
            write=write,
        )
    _say_reasons(screen, tally.reasons)
    screen.out.print(f"{tally.kept} tasks of {tally.mutants} mutants ({tally.combined} of several together), in {output}", markup=False)
    return tally.kept > 0


async def _mine(options: argparse.Namespace, screen: Screen) -> bool:
    output = options.output or _default_output(options).with_name(f"{_default_output(options).name}-history")

    def report(tally: MineTally) -> None:
        if tally.tried:
            screen.say(f"{tally.tried} of {tally.candidates} commits tried, {tally.kept} kept")

    tally = await mine_suite(
        options.repository,
        choices_of(options),
        output,
        Bounds(since=options.since, max_files=options.max_files, max_lines=options.max_lines),
        MineSettings(limit=options.limit, jobs=options.concurrency or os.cpu_count() or 1, repeats=options.repeats),
        backend=options.sandbox or "auto",
        deps=options.deps,
        commits=options.commits,
        issues=options.issues,
        say=screen.say,
        on_progress=report,
    )
    for sha, reason in tally.refused.items():
        screen.out.print(f"{sha[:10]} refused: {printable(reason)}", markup=False)
    _say_reasons(screen, tally.reasons)
    screen.out.print(f"{tally.kept} tasks of {tally.candidates} candidates in {tally.commits} commits, in {output}", markup=False)
    return tally.kept > 0


def choices_of(options: argparse.Namespace) -> Choices:
    return Choices(package=options.package, runner=options.runner, test_files=tuple(options.test_files))


def _default_output(options: argparse.Namespace) -> Path:
    name = options.repository.absolute().name
    name = options.repository.absolute().parent.name if name in ("repo", ".git") else name
    return Path("suites") / "-".join(filter(None, (slug(name), slug(options.package) if options.package else "")))


def _progress(screen: Screen) -> Callable[[Tally], None]:
    """A line now and then: how many were tried and kept, and how long the rest takes at this pace."""
    began = time.monotonic()
    last = began
    tried_before: int | None = None

    def report(tally: Tally) -> None:
        nonlocal last, tried_before
        if tried_before is None:
            tried_before = tally.tried
            if tally.tried:
                screen.say(f"{tally.tried} of {tally.usable} mutants were tried before, {tally.kept} kept")
        now = time.monotonic()
        if now - last < _SECONDS_BETWEEN_LINES:
            return
        last = now
        pace = (tally.tried - tried_before) / (now - began)
        screen.say(f"{tally.tried} of at most {tally.usable} mutants tried, {tally.kept} kept, {60 * pace:.0f} a minute")

    return report


def _say_reasons(screen: Screen, reasons: Counter[str]) -> None:
    for reason, count in reasons.most_common():
        if count:
            screen.out.print(f"{count:6} left out: {reason}", markup=False)


ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Screen], Coroutine[Any, Any, bool]]]] = {"synth": _synth, "mine": _mine}
