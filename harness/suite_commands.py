"""`harness tasks import | export | grade | split | overlap | stats`: each calls one function and prints."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

from harness.console import Screen
from harness.suites import estimate_again, export_suite, grade_predictions, import_suite, read_foreign, report_of, stats_of
from tasks.errors import TaskError
from tasks.integrity import printable
from tasks.overlap import refuse_shared, save_splits, split_by_repository, split_digest
from tasks.suite import Suite, load_suite, shipped_suites
from tasks.task import Grade


async def _import(options: argparse.Namespace, screen: Screen) -> bool:
    found = read_foreign(options.format, options.source, split=options.split)
    brought = await import_suite(
        itertools.islice(found, options.limit),
        options.output,
        backend=options.sandbox or "auto",
        clones=options.clones,
        repeats=options.repeats,
        say=screen.say,
        on_task=lambda name, words: screen.say(f"{name}: {printable(words)}"),
    )
    for name, lines in brought.not_honoured.items():
        for line in lines:
            screen.out.print(f"{name}: {printable(line)}", markup=False)
    for name, reason in brought.refused.items():
        screen.out.print(f"{name}: refused: {printable(reason)}", markup=False)
    screen.out.print(f"{len(brought.kept)} tasks, {len(brought.refused)} rows refused, in {options.output}", markup=False)
    return bool(brought.kept) and not brought.refused


async def _export(options: argparse.Namespace, screen: Screen) -> bool:
    suite = load_suite(options.suite).select(options.tasks)
    count = export_suite(suite, options.format, options.output)
    screen.out.print(f"{count} tasks in {options.output}", markup=False)
    return True


async def _grade(options: argparse.Namespace, screen: Screen) -> bool:
    suite = load_suite(options.suite)

    def told(name: str, one: Grade) -> None:
        screen.out.print(f"{name}: {one.verdict}{', flagged' if one.flagged else ''}, {one.mode}", markup=False)

    grades = await grade_predictions(
        suite, options.predictions, backend=options.sandbox or "auto", concurrency=options.concurrency or 2, say=screen.say, on_grade=told
    )
    resolved = sum(one.resolved and not one.flagged for one in grades.values())
    screen.out.print(f"{resolved} of {len(grades)} predictions resolve their task")
    if options.report:
        _write_report(options.report, suite, grades)
    return True


def _write_report(file: Path, suite: Suite, grades: Mapping[str, Grade]) -> None:
    file.write_text(json.dumps(report_of(suite, grades), indent=1) + "\n", encoding="utf-8")


async def _split(options: argparse.Namespace, screen: Screen) -> bool:
    if options.suite in shipped_suites():
        raise TaskError(f"{options.suite} is a shipped suite, and is not written to; give a suite's directory")
    suite = load_suite(options.suite)
    splits = split_by_repository(suite, _shares(options.shares), seed=options.seed)
    save_splits(suite.directory, splits)
    for name, repos in splits.items():
        count = sum(task.repo in repos for task in suite.tasks)
        screen.out.print(
            f"{name}: {count} tasks of {len(repos)} repositories, sha256 {split_digest(suite, repos)}: {', '.join(repos)}", markup=False
        )
    return True


def _shares(given: list[str]) -> dict[str, float]:
    shares = {}
    for text in given:
        name, _, share = text.partition("=")
        try:
            shares[name] = float(share)
        except ValueError as error:
            raise TaskError(f"{text!r}: a split is NAME=SHARE, such as train=0.8") from error
        if not name or name in {*shares} - {name}:
            raise TaskError(f"{text!r}: a split is NAME=SHARE, such as train=0.8")
    return shares


async def _overlap(options: argparse.Namespace, screen: Screen) -> bool:
    refuse_shared(_part(options.train), _part(options.held_out))
    screen.out.print("they share no repository, no statement and no patch")
    return True


def _part(text: str) -> Suite:
    name, colon, split = text.rpartition(":")
    return load_suite(name).select(split=split) if colon and name else load_suite(text)


async def _stats(options: argparse.Namespace, screen: Screen) -> bool:
    suite = load_suite(options.suite).select(split=options.split)
    if options.runs:
        if options.suite in shipped_suites():
            raise TaskError(f"{options.suite} is a shipped suite, and is not written to; give a suite's directory")
        changed = estimate_again(suite, options.runs, least=options.least)
        for name, difficulty in changed.items():
            screen.out.print(f"{name}: {difficulty} now", markup=False)
        suite = load_suite(options.suite).select(split=options.split)
    counts = stats_of(suite)
    if options.json:
        print(json.dumps({"tasks": len(suite.tasks), "digest": suite.digest, **counts}, indent=1))
        return True
    rows = [(name, value, str(count)) for name, values in counts.items() for value, count in values.most_common()]
    screen.table(("", "", "tasks"), rows)
    screen.out.print(f"{len(suite.tasks)} tasks on {len(counts['repo'])} repositories, digest {suite.digest[:16]}")
    if not (suite.directory / "provenance.toml").exists():
        screen.out.print("the suite has no provenance.toml: nothing says whence it is")
    return True


ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Screen], Coroutine[Any, Any, bool]]]] = {
    "import": _import,
    "export": _export,
    "grade": _grade,
    "split": _split,
    "overlap": _overlap,
    "stats": _stats,
}
