"""What came of a loop so far, round by round: from its ledger and what lies beside it. Can be read while the loop is at work."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.config import ConfigError
from harness.loop.ledger import Entry, Split, current, place_of, read_ledger
from harness.loop.verdict import Verdict
from harness.parity import Parity


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StepAccount(_Part):
    step: str
    words: str
    seconds: float
    at: str


class Rate(_Part):
    value: float
    low: float
    high: float
    trials: int


class RoundAccount(_Part):
    number: int
    steps: tuple[StepAccount, ...]
    base: Rate | None
    """Of the base on the held-out suite, where the round has evaluated that."""
    rate: Rate | None
    """Of the round's own model."""
    sampled: int | None
    """Trials on the training suite."""
    resolved: int | None
    new: int | None
    """Trajectories that it was trained on."""
    replayed: int | None
    rows: int | None
    method: str | None
    verdict: Verdict | None
    parity: str | None
    seconds: float
    split: Split
    tokens: int
    cost: float | None


class LoopAccount(_Part):
    schema_version: Literal[1] = 1
    directory: str
    rounds: tuple[RoundAccount, ...]
    best: int | None
    """The round whose model is the best so far; None: the base."""
    seconds: float
    split: Split
    tokens: int
    cost: float | None


def account_of(directory: Path) -> LoopAccount:
    """ConfigError when no loop has begun there."""
    if not (directory / "loop.toml").is_file():
        raise ConfigError(f"{directory} is no loop's directory (there is no loop.toml in it)")
    entries = list(current(read_ledger(directory)))
    rounds = [
        _round(directory, number, [entry for entry in entries if entry.round == number]) for number in sorted({e.round for e in entries})
    ]
    promoted = [each.number for each in rounds if each.verdict is not None and each.verdict.promoted]
    costs = [each.cost for each in rounds if each.cost is not None]
    return LoopAccount(
        directory=str(directory),
        rounds=tuple(rounds),
        best=promoted[-1] if promoted else None,
        seconds=sum(each.seconds for each in rounds),
        split=sum((each.split for each in rounds), Split()),
        tokens=sum(each.tokens for each in rounds),
        cost=sum(costs) if costs else None,
    )


def evaluations_of(directory: Path) -> list[Path]:
    """The runs on the held-out suite, that of the base first."""
    places = [place_of(directory, 0, "base")]
    places += sorted(directory.glob("round-*/evaluation"), key=lambda place: int(place.parent.name.removeprefix("round-")))
    return [place for place in places if (place / "results.jsonl").is_file()]


def _round(directory: Path, number: int, entries: list[Entry]) -> RoundAccount:
    by_step = {entry.step: entry for entry in entries}

    def told(step: str, name: str) -> int | None:
        entry = next((entry for entry in entries if entry.step == step), None)
        return int(entry.numbers[name]) if entry is not None and name in entry.numbers else None

    source = "demonstrations" if number == 0 else "sample"
    # Without demonstrations the evaluation of round 0 is the base's.
    warm = number > 0 or "train" in by_step
    parity = place_of(directory, number, "export").parent / "parity.json"
    costs = [entry.cost for entry in entries if entry.cost is not None]
    return RoundAccount(
        number=number,
        steps=tuple(StepAccount(step=entry.step, words=entry.words, seconds=entry.seconds, at=entry.at) for entry in entries),
        base=_rate(by_step.get("base" if "base" in by_step else "evaluation")) if number == 0 else None,
        rate=_rate(by_step.get("evaluation")) if warm else None,
        sampled=told(source, "trials"),
        resolved=told(source, "resolved"),
        new=told("rows", "new"),
        replayed=told("rows", "replayed"),
        rows=told("rows", "rows"),
        method=str(by_step["train"].numbers["method"]) if "train" in by_step else None,
        verdict=_verdict(place_of(directory, number, "verdict") / "verdict.json") if "verdict" in by_step else None,
        parity=_parity(parity),
        seconds=sum(entry.seconds for entry in entries),
        split=sum((entry.split for entry in entries), Split()),
        tokens=sum(entry.tokens for entry in entries),
        cost=sum(costs) if costs else None,
    )


def _rate(entry: Entry | None) -> Rate | None:
    if entry is None:
        return None
    numbers = entry.numbers
    return Rate(value=numbers["rate"], low=numbers["low"], high=numbers["high"], trials=numbers["trials"])


def _verdict(file: Path) -> Verdict | None:
    with contextlib.suppress(OSError, ValidationError):
        return Verdict.model_validate_json(file.read_bytes())
    return None


def _parity(file: Path) -> str | None:
    with contextlib.suppress(OSError, ValidationError):
        return Parity.model_validate_json(file.read_bytes()).words
    return None
