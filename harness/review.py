"""Review of flagged passes: what they are flagged for, and a person's decision, which the index and the summary follow."""

from __future__ import annotations

import getpass
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from harness.config import ConfigError, RunConfig, build_config
from harness.summary import Summary, summarise
from tasks.suite import Suite, load_suite
from tasks.task import Finding
from trajectories.store import (
    Result,
    Review,
    RunStore,
    digest_of_trial,
    read_results,
    read_reviews,
    read_trajectory,
    to_json,
    trial_directory,
)


@dataclass(frozen=True, slots=True)
class FlaggedTrial:
    result: Result
    directory: Path
    findings: tuple[Finding, ...]
    review: Review | None
    """The decision on this very record; None while it waits for one."""


def flagged_trials(directory: Path, trial: str | None = None) -> list[FlaggedTrial]:
    """The flagged trials of a run, or only `trial` (`INSTANCE` or `INSTANCE#ATTEMPT`). Takes no lock.

    StoreError when there is no run, ConfigError when there is no such trial or it is not flagged.
    """
    results = read_results(directory)
    chosen = [result for result in results if result.flagged] if trial is None else _named(directory, results, trial)
    reviews = read_reviews(directory)
    return [_with_findings(directory, result, reviews.get((result.instance_id, result.attempt))) for result in chosen]


def decide(directory: Path, trial: str, decision: Literal["clear", "confirm"], note: str) -> tuple[Result, Summary]:
    """Record a person's decision on one flagged trial and count the run again; the trial's result and the run's numbers after it.

    Errors as `flagged_trials`; ConfigError too when no one trial is named or the suite is not the run's any more, StoreError when another
    process is at work in the run. Nothing is written then.
    """
    if len(flagged := flagged_trials(directory, trial)) != 1:
        names = ", ".join(f"{each.result.instance_id}#{each.result.attempt}" for each in flagged)
        raise ConfigError(f"{trial!r} has several flagged attempts; give one of {names}")
    key = (flagged[0].result.instance_id, flagged[0].result.attempt)
    config = build_config(directory / "config.toml", {})
    suite = _suite_of(directory, config)
    digest = digest_of_trial(flagged[0].directory)
    with RunStore(directory) as store:
        if digest is None or key not in store.results:
            raise ConfigError(f"{directory}: the record of {key[0]}#{key[1]} is gone")
        store.review(
            Review(
                instance_id=key[0],
                attempt=key[1],
                decision=decision,
                note=note,
                reviewer=_reviewer(),
                reviewed_at=datetime.now(UTC).isoformat(timespec="seconds"),
                trajectory_sha256=digest,
            )
        )
        summary = summarise(config.model.name, suite, config.attempts, store.results.values())
        store.write("summary.json", to_json(summary.model_dump()))
        return store.results[key], summary


def _named(directory: Path, results: list[Result], trial: str) -> list[Result]:
    instance_id, hash_sign, number = trial.partition("#")
    attempts = [result for result in results if result.instance_id == instance_id and (not hash_sign or str(result.attempt) == number)]
    if not attempts:
        raise ConfigError(f"{directory} has no trial {trial!r}; its flagged ones are listed by: harness review {directory}")
    flagged = [result for result in attempts if result.flagged]
    if not flagged:
        raise ConfigError(f"{trial!r} is not flagged: there is nothing to review")
    return flagged


def _with_findings(directory: Path, result: Result, review: Review | None) -> FlaggedTrial:
    place = trial_directory(directory, result)
    grade = read_trajectory(place).grade
    valid = review is not None and review.trajectory_sha256 == digest_of_trial(place)
    return FlaggedTrial(result, place, grade.integrity if grade else (), review if valid else None)


def _suite_of(directory: Path, config: RunConfig) -> Suite:
    """The run's tasks. They group the numbers, so they must be those that it was made with."""
    suite = load_suite(config.suite).select(config.tasks, split=config.split)
    try:
        digest = json.loads((directory / "run.json").read_text(encoding="utf-8"))["suite"]["digest"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{directory / 'run.json'}: the suite's digest cannot be read from it") from error
    if digest != suite.digest:
        raise ConfigError(
            f"the suite {config.suite!r} is not the one any more that {directory} was made with: its numbers cannot be made again"
        )
    return suite


def _reviewer() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name
        return "unknown"
