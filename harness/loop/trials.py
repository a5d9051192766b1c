"""The runs of a step: how they are configured, taken over from a sitting that was broken off, and what came of them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from harness.config import ConfigError, ModelSettings, RunConfig, ThinkingSettings
from harness.loop.config import Evaluate, LoopConfig, Mix, Sample, Started
from harness.loop.digests import digest_of
from harness.loop.errors import LoopStoppedError
from harness.loop.numbers import Tried
from harness.summary import Summary
from tasks.toml_file import read_toml
from trajectories.disk import replace_file
from trajectories.store import read_index

_OF_A_SITTING = ("base_url", "api_key_variable", "request_timeout_seconds", "prices")
"""Of a model's settings."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Of the trials of one or several runs."""

    trials: int
    resolved: int
    tokens: int
    cost: float | None
    digest: str
    """sha256 in hex over which records there are."""

    @property
    def numbers(self) -> Tried:
        return Tried(trials=self.trials, resolved=self.resolved)


def tally(runs: Sequence[Path]) -> Tally:
    indices = [(run.name, read_index(run)[0]) for run in runs]
    results = [result for _, index in indices for result in index]
    costs = [result.cost for result in results if result.cost is not None]
    return Tally(
        trials=len(results),
        resolved=sum(bool(result.resolved) for result in results),
        tokens=sum((result.usage.input_tokens or 0) + (result.usage.output_tokens or 0) for result in results),
        cost=sum(costs) if costs else None,
        digest=digest_of([[name, [[each.instance_id, each.attempt, each.sha256] for each in index]] for name, index in indices]),
    )


def run_config(
    config: LoopConfig, part: Sample | Evaluate, model: ModelSettings, mix: Mix, *, tasks: tuple[str, ...], seed: int
) -> RunConfig:
    """Of one kind of attempts at tasks of one of the suites."""
    rollouts = config.rollouts
    sampling = model.sampling.model_copy(
        update={"temperature": mix.temperature, "top_p": mix.top_p, "max_tokens": rollouts.max_tokens, "seed": seed}
    )
    thinking = None if mix.thinking == "server" else ThinkingSettings(mode=mix.thinking)
    return RunConfig(
        suite=part.suite,
        split=part.split,
        tasks=tasks,
        attempts=mix.attempts,
        concurrency=rollouts.concurrency,
        model=model.model_copy(update={"sampling": sampling, "thinking": thinking}),
        limits=rollouts.limits,
        sandbox=rollouts.sandbox,
        context=rollouts.context,
    )


def what_decides(config: LoopConfig) -> dict[str, Any]:
    """What of rollouts, and of the server, decides results."""
    decided = config.rollouts.model_dump(mode="json", exclude={"concurrency", "request_timeout_seconds", "prices"})
    server = config.serve
    return decided | {"server": [server.engine, server.dtype, server.context] if isinstance(server, Started) else server.name}


def runs_in(place: Path) -> list[Path]:
    return sorted(run for run in place.iterdir() if (run / "config.toml").is_file())


def take_over(file: Path, config: RunConfig) -> None:
    """Into a run that was broken off: what may be another in this sitting, since it decides no result. All that does is in the step's inputs.

    ConfigError for a file that is none of a run.
    """
    if not file.exists():
        return
    written = read_toml(file, ConfigError)
    if not isinstance(written.get("model"), dict):
        raise ConfigError(f"{file}: there are no settings of a model in it: remove {file.parent} to run its trials again")
    now = tomllib.loads(config.to_toml())["model"]
    kept = {name: value for name, value in written["model"].items() if name not in _OF_A_SITTING}
    written["model"] = kept | {name: now[name] for name in _OF_A_SITTING if name in now}
    replace_file(file, tomli_w.dumps(written).encode())


def check_whole(summary: Summary, place: Path) -> None:
    missing = summary.total.attempts - summary.total.scored
    if missing:
        raise LoopStoppedError(
            f"{missing} of {summary.total.attempts} attempts have no grade, the infrastructure failed them: see {place}, and try again"
        )
