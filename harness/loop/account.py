"""What came of a loop so far, round by round: from its ledger and what lies beside it. Can be read while the loop is at work."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.loop.config import read_begun
from harness.loop.digests import digest_of
from harness.loop.entry import Entry, Split
from harness.loop.ledger import current, place_of, read_ledger
from harness.loop.numbers import Evaluated, Judged, Learnt, Step, Trained, Tried
from harness.loop.standing import Standing, source_step, standing
from harness.loop.verdict import VERDICT, Verdict
from harness.parity import Parity


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StepAccount(_Part):
    step: str
    words: str
    seconds: float
    at: str
    stale: bool
    """What it was made from has changed since; all that is told of the round besides seconds and tokens is of steps that are not."""


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
    promoted: bool | None
    """None: that is not decided, or not any more."""
    words: str | None
    """Of the verdict."""
    verdict: Verdict | None
    """None also where its file is not what was written: what it decided is in the ledger."""
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
    config = read_begun(directory)
    entries = read_ledger(directory)
    found = standing(directory, entries, config)
    last = list(current(entries))
    rounds = [
        _round(directory, number, [entry for entry in last if entry.round == number], found)
        for number in sorted({entry.round for entry in last})
    ]
    costs = [each.cost for each in rounds if each.cost is not None]
    return LoopAccount(
        directory=str(directory),
        rounds=tuple(rounds),
        best=found.best,
        seconds=sum(each.seconds for each in rounds),
        split=sum((each.split for each in rounds), Split()),
        tokens=sum(each.tokens for each in rounds),
        cost=sum(costs) if costs else None,
    )


def evaluations_of(directory: Path) -> list[Path]:
    """The runs on the held-out suite, that of the base first; without those that are stale."""
    stale = standing(directory, read_ledger(directory), read_begun(directory)).stale
    numbers = sorted(
        int(number) for place in directory.glob("round-*/evaluation") if (number := place.parent.name.removeprefix("round-")).isdecimal()
    )
    steps: list[tuple[int, Step]] = [(0, "base"), *((number, "evaluation") for number in numbers)]
    places = [place_of(directory, *key) for key in steps if key not in stale]
    return [place for place in places if (place / "results.jsonl").is_file()]


def _round(directory: Path, number: int, entries: list[Entry], found: Standing) -> RoundAccount:
    counted = {entry.step: entry for entry in entries if (number, entry.step) in found.counted}
    tried = counted[source].told(Tried) if (source := source_step(number)) in counted else None
    learnt = counted["rows"].told(Learnt) if "rows" in counted else None
    judged = counted.get("verdict")
    # Without demonstrations the evaluation of round 0 is the base's.
    warm = number > 0 or "train" in counted
    costs = [entry.cost for entry in entries if entry.cost is not None]
    return RoundAccount(
        number=number,
        steps=tuple(
            StepAccount(step=entry.step, words=entry.words, seconds=entry.seconds, at=entry.at, stale=entry.step not in counted)
            for entry in entries
        ),
        base=_rate(counted.get("base" if "base" in counted else "evaluation")) if number == 0 else None,
        rate=_rate(counted.get("evaluation")) if warm else None,
        sampled=tried.trials if tried is not None else None,
        resolved=tried.resolved if tried is not None else None,
        new=learnt.new if learnt is not None else None,
        replayed=learnt.replayed if learnt is not None else None,
        rows=learnt.rows if learnt is not None else None,
        method=counted["train"].told(Trained).method if "train" in counted else None,
        promoted=judged.told(Judged).promoted if judged is not None else None,
        words=judged.words if judged is not None else None,
        verdict=_verdict(place_of(directory, number, "verdict") / VERDICT, judged.outputs) if judged is not None else None,
        parity=_parity(place_of(directory, number, "export").parent / "parity.json"),
        seconds=sum(entry.seconds for entry in entries),
        split=sum((entry.split for entry in entries), Split()),
        tokens=sum(entry.tokens for entry in entries),
        cost=sum(costs) if costs else None,
    )


def _rate(entry: Entry | None) -> Rate | None:
    if entry is None:
        return None
    numbers = entry.told(Evaluated)
    return Rate(value=numbers.rate, low=numbers.low, high=numbers.high, trials=numbers.trials)


def _verdict(file: Path, outputs: str) -> Verdict | None:
    with contextlib.suppress(OSError, ValidationError):
        verdict = Verdict.model_validate_json(file.read_bytes())
        return verdict if digest_of(verdict) == outputs else None
    return None


def _parity(file: Path) -> str | None:
    with contextlib.suppress(OSError, ValidationError):
        return Parity.model_validate_json(file.read_bytes()).words
    return None
