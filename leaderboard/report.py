"""The report of one or many runs: every number that a page shows, in one value that is written as leaderboard.json.

The transcripts are not in it: they are the runs' own trajectory.json files, which the trial pages carry byte for byte.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from leaderboard.anatomy import CAUSES, RULES, Cause
from leaderboard.catalogue import TaskFacts, catalogue
from leaderboard.compare import Comparison, compare_all, ranks
from leaderboard.runs import Run, Trial
from leaderboard.scores import QUANTITIES, Score, counts_by_task, score

_DIGITS: Final = 9


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Round(_Part):
    """Which turn of which loop a run is, by its path."""

    loop: str
    number: int


class RunReport(_Part):
    key: str
    label: str
    """The model's name, with what tells the run apart from another of the same model."""
    model: str
    directory: str
    suite: str
    suite_version: str | None = None
    suite_digest: str | None = None
    split: str | None = None
    rank: int | None = None
    """Among the runs of the same suite: 1 + how many are separably better. None without a score, and for a run that has scored less than half
    of the tasks that the others have: that it cannot be told apart from them says nothing."""
    round: Round | None = None
    score: Score
    settings: tuple[tuple[str, str], ...]
    about: tuple[tuple[str, str], ...]
    provenance: tuple[tuple[str, tuple[str, ...]], ...]
    versions: dict[str, tuple[str, ...]]
    """The digests of its tasks, by instance id; several where a task was changed while the run went on."""
    trials: tuple[Trial, ...]
    retries: tuple[Trial, ...]


class Report(_Part):
    schema_version: Literal[1] = 1
    runs: tuple[RunReport, ...]
    """By suite, then by rank and rate."""
    tasks: tuple[TaskFacts, ...]
    comparisons: tuple[Comparison, ...]
    causes: dict[Cause, str]
    """The rule of each cause of a failure, in the order in which they are asked."""
    warnings: tuple[str, ...]

    @property
    def suites(self) -> dict[str, list[RunReport]]:
        """The runs by suite."""
        groups: dict[str, list[RunReport]] = {}
        for run in self.runs:
            groups.setdefault(run.suite, []).append(run)
        return groups

    def to_json(self) -> str:
        """What is None is left out."""
        return self.model_dump_json(exclude_none=True) + "\n"


def build_report(runs: Sequence[Run], problems: Iterable[str] = ()) -> Report:
    """All numbers of the runs. `problems` are lines on what could not be read; they stand first among the warnings."""
    tasks, unknown = catalogue(runs)
    scores = {run.key: score(run.trials, tasks, planned=run.planned_tasks * run.planned_attempts, retries=len(run.retries)) for run in runs}
    outcomes = {run.key: counts_by_task(run.trials) for run in runs}
    comparisons = [each for family in _families(runs, outcomes) for each in compare_all(outcomes, family)]
    rates = {key: each.rate.value for key, each in scores.items() if each.rate}
    by_rank: dict[str, int] = {}
    for suite in {run.suite for run in runs}:
        by_rank |= ranks([run.key for run in runs if run.suite == suite and run.key in _ranked(suite, runs, outcomes)], comparisons)
    labels = _labels(runs)
    reports = [
        RunReport(
            key=run.key,
            label=labels[run.key],
            model=run.model,
            directory=run.directory.resolve().name,
            suite=run.suite,
            suite_version=run.suite_version,
            suite_digest=run.suite_digest,
            split=run.split,
            rank=by_rank.get(run.key),
            round=None if run.loop is None or run.round is None else Round(loop=run.loop, number=run.round),
            score=scores[run.key],
            settings=run.settings,
            about=run.about,
            provenance=run.provenance,
            versions=_versions(run),
            trials=run.trials,
            retries=run.retries,
        )
        for run in runs
    ]
    reports.sort(key=lambda run: (run.suite, run.rank or len(runs) + 1, -rates.get(run.key, -1.0), run.label, run.key))
    warnings = (*problems, *(warning for run in runs for warning in run.warnings), *unknown, *_different(runs))
    return Report(
        runs=tuple(reports),
        tasks=tuple(tasks.values()),
        comparisons=tuple(comparisons),
        causes={cause: RULES[cause] for cause in CAUSES},
        warnings=warnings,
    )


def scores_csv(report: Report) -> str:
    """One line a run."""
    header = ["run", "model", "suite", "split", "rank", "rate", "low", "high", "tasks", "planned", "scored", "resolved", "infrastructure"]
    header += ["flagged", "retries", "band_low", "band_high", *(f"{quantity}_per_attempt" for quantity in QUANTITIES)]
    header += [f"{quantity}_per_resolved" for quantity in QUANTITIES]
    rows: list[list[object]] = []
    for run in report.runs:
        rate, covers, band = run.score.rate, run.score.coverage, run.score.band
        spent = {each.quantity: each for each in run.score.spent}
        row: list[object] = [run.key, run.model, run.suite, run.split, run.rank]
        row += [rate.value, rate.low, rate.high] if rate else [None, None, None]
        row += [
            run.score.tasks_scored,
            covers.planned,
            covers.scored,
            covers.resolved,
            covers.infrastructure,
            covers.flagged,
            covers.retries,
        ]
        row += [band.as_failures, band.as_passes] if band else [None, None]
        row += [spent[quantity].per_attempt if quantity in spent else None for quantity in QUANTITIES]
        row += [spent[quantity].per_resolved if quantity in spent else None for quantity in QUANTITIES]
        rows.append(row)
    return _csv(header, rows)


def trials_csv(report: Report) -> str:
    """One line an attempt or a failed try."""
    header = [
        "run",
        "model",
        "instance_id",
        "attempt",
        "failed_try",
        "outcome",
        "verdict",
        "stop_reason",
        "failure",
        "turns",
        "cost",
        "seconds",
    ]
    header += ["input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "tests_passed", "tests_expected", "started_at"]
    rows: list[list[object]] = [
        [
            run.key,
            run.model,
            each.instance_id,
            each.attempt,
            each.failed_try,
            each.outcome,
            each.verdict,
            each.stop_reason,
            each.failure and each.failure.kind,
            each.turns,
            each.cost,
            each.duration_seconds,
            each.usage.input_tokens,
            each.usage.cached_input_tokens,
            each.usage.output_tokens,
            each.usage.reasoning_tokens,
            each.tests_passed,
            each.tests_expected,
            each.started_at,
        ]
        for run in report.runs
        for each in (*run.trials, *run.retries)
    ]
    return _csv(header, rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(value, float):
        return round(value, _DIGITS)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _families(runs: Sequence[Run], outcomes: Mapping[str, Mapping[str, tuple[int, int]]]) -> list[dict[tuple[str, str], list[str]]]:
    """The pairs that are corrected together, those of one suite and those across suites, with the tasks of each: scored in both runs, in the
    same version, sorted. Pairs that share none are left out."""
    versions = {run.key: {trial.instance_id: trial.task_digest for trial in run.trials if trial.resolved is not None} for run in runs}
    families: dict[str | None, dict[tuple[str, str], list[str]]] = {}
    for a, b in combinations(runs, 2):
        both = outcomes[a.key].keys() & outcomes[b.key].keys()
        tasks = sorted(task for task in both if versions[a.key][task] == versions[b.key][task])
        if tasks:
            families.setdefault(a.suite if a.suite == b.suite else None, {})[a.key, b.key] = tasks
    return list(families.values())


def _versions(run: Run) -> dict[str, tuple[str, ...]]:
    versions: dict[str, set[str]] = {}
    for trial in run.trials:
        if trial.task_digest:
            versions.setdefault(trial.instance_id, set()).add(trial.task_digest)
    return {instance_id: tuple(sorted(digests)) for instance_id, digests in versions.items()}


def _ranked(suite: str, runs: Sequence[Run], outcomes: Mapping[str, Mapping[str, tuple[int, int]]]) -> set[str]:
    """The runs of the suite that have scored half of its tasks, of those that any of them has scored."""
    members = [run.key for run in runs if run.suite == suite]
    tasks = {task for key in members for task in outcomes[key]}
    return {key for key in members if outcomes[key] and 2 * len(outcomes[key]) >= len(tasks)}


def _labels(runs: Sequence[Run]) -> dict[str, str]:
    names = {run.key: _short(run.model) for run in runs}
    times = Counter((names[run.key], run.suite) for run in runs)
    return {run.key: names[run.key] if times[names[run.key], run.suite] == 1 else f"{names[run.key]} ({run.key})" for run in runs}


def _short(model: str) -> str:
    """Of a model that is called by its directory, the end: where that lies is a person's own affair."""
    return "/".join(model.rstrip("/").split("/")[-2:]) if model.startswith("/") else model


def _different(runs: Sequence[Run]) -> Iterable[str]:
    suites = sorted({run.suite for run in runs})
    if len(suites) > 1:
        yield f"runs of different suites ({', '.join(suites)}): each suite has its own table, and runs are compared on tasks that they share"
    for suite in suites:
        sets = {frozenset(trial.instance_id for trial in run.trials) for run in runs if run.suite == suite}
        if len(sets) > 1:
            yield f"runs of {suite} that cover different tasks: their rates are not of the same thing; pairs are compared on shared tasks"
