"""A loop's file, and a loop's directory as it is when rounds are done, for the tests of what reads them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from harness.loop.config import LoopConfig, Promotion, read_loop
from harness.loop.digests import digest_of
from harness.loop.entry import Done, Entry, Split
from harness.loop.ledger import Ledger
from harness.loop.numbers import Chosen, Evaluated, Expected, Exported, Judged, Learnt, Numbers, Step, Trained, Tried
from harness.loop.verdict import judge, outcomes_of, rate_of
from leaderboard.anatomy import Outcome
from tests.leaderboard.synthetic import write_run

MINI = Path(__file__).parents[2] / "mini"
TRAINING = """\
adapters = {rank = 4}
base = {precision = "fp32"}
data = {max_tokens = 4096, too_long = "cut"}
packing = {tokens = 8192}
optimizer = {learning_rate = 0.001}
"""
"""For every method."""

NUMBERS: Mapping[Step, Numbers] = {
    "base": Evaluated(rate=0.5, low=0.25, high=0.75, trials=8, resolved=4),
    "choose": Chosen(tasks=3, unknown=1, between=1, revisited=1, always=2, never=2),
    "sample": Tried(trials=8, resolved=4),
    "demonstrations": Tried(trials=8, resolved=8),
    "rows": Learnt(rows=20, new=15, replayed=5, taken={"resolved": 3}),
    "train": Trained(method="sft", steps=3, tokens=99, loss=0.5),
    "expect": Expected(tokens=16),
    "export": Exported(merged=False),
    "evaluation": Evaluated(rate=0.5, low=0.25, high=0.75, trials=8, resolved=4),
    "verdict": Judged(promoted=False, against=None, difference=0.0, low=-0.25, gains=1, regressions=1),
}
"""Of a line of each kind."""


def loop_file(place: Path, **changes: Any) -> Path:
    """A loop.toml with what it names beside it. A change by dotted name; None takes the setting out."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "model").mkdir(exist_ok=True)
    if not (model := place / "model/config.json").exists():  # written again, it would be another model
        model.write_text('{"model_type": "qwen3"}', encoding="utf-8")
    (place / "sft.toml").write_text(TRAINING, encoding="utf-8")
    content: dict[str, Any] = {
        "directory": "loop",
        "rounds": 2,
        "base": {"model": "model", "recipe": "qwen3"},
        "serve": {"engine": "transformers", "port": 8123},
        "sample": {"suite": "suite", "split": "train", "mix": [{"attempts": 2}]},
        "evaluate": {"suite": "suite", "split": "held-out", "attempts": 2},
        "training": {"config": "sft.toml", "python": sys.executable},
    }
    for name, value in changes.items():
        *sections, last = name.split("__")
        section = content
        for each in sections:
            section = section.setdefault(each, {})
        if value is None:
            section.pop(last, None)
        else:
            section[last] = value
    file = place / "loop.toml"
    file.write_text(tomli_w.dumps(content), encoding="utf-8")
    return file


def loop_config(place: Path, **changes: Any) -> LoopConfig:
    return read_loop(loop_file(place, **changes))


async def done(directory: Path, number: int, step: Step, *, words: str = "done", outputs: str | None = None, **told: Any) -> Entry:
    """A step's line; what it made is there already, or becomes an empty directory."""

    async def work(place: Path) -> Done:
        place.mkdir(parents=True, exist_ok=True)
        return Done(**{"outputs": outputs or digest_of([number, step]), "words": words, "numbers": NUMBERS[step], **told})

    with Ledger(directory) as ledger:
        note = ledger.place(number, step).with_name(f".{step}.json")
        note.parent.mkdir(exist_ok=True)
        note.write_text(json.dumps({"inputs": digest_of("x"), "seconds": told.pop("before", 0.0)}), encoding="utf-8")
        return await ledger.do(number, step, "x", work)


async def evaluated(directory: Path, number: int, step: Step, outcomes: Mapping[str, Sequence[Outcome]], **told: Any) -> None:
    """A run in its place, and its line."""
    (directory / ".lock").parent.mkdir(parents=True, exist_ok=True)
    (directory / ".lock").touch()
    place = directory / f"round-{number}" / step
    write_run(place, model="base" if not number else f"round-{number}", outcomes=dict(outcomes), kilobytes=1)
    rate = rate_of(place)
    counts = outcomes_of(place).values()
    trials, resolved = sum(each[1] for each in counts), sum(each[0] for each in counts)
    numbers = (
        Tried(trials=trials, resolved=resolved)
        if step in ("sample", "demonstrations")
        else Evaluated(rate=rate.value, low=rate.low, high=rate.high, trials=trials, resolved=resolved)
    )
    await done(directory, number, step, numbers=numbers, **told)


async def judged(directory: Path, number: int, champion: int | None, rule: Promotion) -> bool:
    base = directory / "round-0/base"
    best = base if champion is None else directory / f"round-{champion}/evaluation"
    found = judge(best, directory / f"round-{number}/evaluation", champion_round=champion, round_number=number, rule=rule)
    place = directory / f"round-{number}/verdict"
    place.mkdir(parents=True, exist_ok=True)
    (place / "verdict.json").write_text(found.model_dump_json(indent=1), encoding="utf-8")
    numbers = NUMBERS["verdict"].model_copy(update={"promoted": found.promoted, "against": champion})
    await done(directory, number, "verdict", words=found.words, outputs=digest_of(found), numbers=numbers)
    return found.promoted


TASKS = [f"task-{number}" for number in range(8)]


async def finished_loop(place: Path) -> Path:
    """A directory with the base, a warm start that is no better, and two rounds of which the first is promoted."""
    config = loop_config(place, cold_start={"kind": "oracle"})
    directory = config.directory
    rule = Promotion(rule="better")
    none: dict[str, tuple[Outcome, ...]] = dict.fromkeys(TASKS, ("wrong_fix", "wrong_fix"))
    most: dict[str, tuple[Outcome, ...]] = dict.fromkeys(TASKS[:7], ("resolved", "resolved")) | {TASKS[7]: ("wrong_fix", "resolved")}
    await evaluated(directory, 0, "base", none, split=Split(model=0.01), tokens=1000, cost=0.5)
    await evaluated(directory, 0, "demonstrations", most)
    await evaluated(directory, 0, "evaluation", none, tokens=1000)
    assert not await judged(directory, 0, None, rule)
    for number, outcomes in ((1, most), (2, none)):
        await done(directory, number, "choose")
        await evaluated(directory, number, "sample", most, tokens=3000, cost=0.25)
        await done(directory, number, "rows")
        (directory / f"round-{number}/train/checkpoints/10").mkdir(parents=True)
        (directory / f"round-{number}/train/checkpoints/10/state").write_bytes(bytes(5000))
        (directory / f"round-{number}/train/adapter").mkdir()
        (directory / f"round-{number}/train/adapter/adapter_model.safetensors").write_bytes(bytes(100))
        await done(directory, number, "train", split=Split(training=0.01))
        await done(directory, number, "expect")
        (directory / f"round-{number}/export").mkdir()
        (directory / f"round-{number}/export/model.safetensors").write_bytes(bytes(10_000 * number))
        await done(directory, number, "export")
        await evaluated(directory, number, "evaluation", outcomes, tokens=1000)
        assert await judged(directory, number, None if number == 1 else 1, rule) == (number == 1)
    for name in ("round-1-aaaa", "round-2-bbbb"):
        (directory / "adapters" / name).mkdir(parents=True)
        (directory / "adapters" / name / "adapter_model.safetensors").write_bytes(bytes(50))
    (directory / "stale/round-1-rows-1").mkdir(parents=True)
    (directory / "stale/round-1-rows-1/x").write_bytes(bytes(7))
    (directory / "loop.toml").write_text(config.to_toml(), encoding="utf-8")
    return directory
