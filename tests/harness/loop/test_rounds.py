"""The rounds, with all that they work with played by something small (see surroundings): what is done in which order, and what becomes of it when
something goes wrong."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.config import RunConfig
from harness.loop.account import account_of
from harness.loop.config import LoopConfig
from harness.loop.entry import Entry
from harness.loop.errors import LoopStoppedError
from harness.loop.ledger import read_ledger
from harness.loop.models import REMOVED
from harness.loop.numbers import Judged, Learnt, Trained
from harness.loop.removal import remove_unneeded
from leaderboard.anatomy import Outcome
from tests.harness.loop.files import TRAINING
from tests.harness.loop.surroundings import AdapterServer, Killed, Surroundings, surroundings, told

ORACLE = {"kind": "oracle"}


@pytest.fixture
def played(tmp_path: Path) -> Iterator[tuple[Surroundings, AdapterServer]]:
    with surroundings(tmp_path) as found:
        yield found


@pytest.fixture
def around(played: tuple[Surroundings, AdapterServer]) -> Surroundings:
    return played[0]


@pytest.fixture
def server(played: tuple[Surroundings, AdapterServer]) -> AdapterServer:
    return played[1]


def steps(entries: list[Entry]) -> list[str]:
    return [f"{entry.round} {entry.step}" for entry in entries]


def by_model(**resolved: bool) -> Callable[[str, str, int], Outcome]:
    """All tasks or none, by the model."""

    def solves(model: str, task: str, attempt: int) -> Outcome:
        return "resolved" if resolved.get(model.replace("-", "_"), True) else "wrong_fix"

    return solves


async def stopped(around: Surroundings, config: LoopConfig) -> str:
    """The line in which the loop says why it ends."""
    with pytest.raises(LoopStoppedError) as error:
        await around.run(config)
    assert "\n" not in str(error.value)
    return str(error.value)


async def test_a_loop_that_dies_at_any_line_comes_to_what_an_undisturbed_one_comes_to(around: Surroundings) -> None:
    whole = await around.run(around.config(directory="whole", cold_start=ORACLE, rounds=1))
    assert steps(whole) == [
        "0 base", "0 demonstrations", "0 rows", "0 train", "0 expect", "0 export", "0 evaluation", "0 verdict",
        "1 choose", "1 sample", "1 rows", "1 train", "1 expect", "1 export", "1 evaluation", "1 verdict",
    ]  # fmt: skip
    config = around.config(directory="killed", cold_start=ORACLE, rounds=1)
    for entry in whole:
        for moment in ("before", "after"):
            with pytest.raises(Killed):
                await around.run(config, dies=(entry.round, entry.step, moment))
    killed = await around.run(config)
    assert told(killed) == told(whole)
    assert not (config.directory / "stale").exists()
    calls = len(around.calls())
    assert await around.run(config) == killed, "what is done is done"
    assert len(around.calls()) == calls


async def test_a_run_that_breaks_off_goes_on_with_the_trials_that_it_has(around: Surroundings) -> None:
    config = around.config(rounds=1)

    def breaks(run: RunConfig, results: int) -> None:
        if results == 3 and len(around.ran) in (1, 3):
            raise Killed

    around.breaks = breaks
    for _ in range(2):  # in the base's evaluation, and in sampling
        with pytest.raises(Killed):
            await around.run(config)
    written = sorted(config.directory.glob("round-1/sample/0/trials/*/*/trajectory.json"))
    before = [file.stat().st_mtime_ns for file in written]
    await around.run(config)
    assert len(written) == 3
    assert [file.stat().st_mtime_ns for file in written] == before
    assert len(list(config.directory.glob("round-1/sample/0/trials/*/*/trajectory.json"))) == 8


async def test_what_is_worse_is_rolled_back_and_the_best_before_it_samples_and_is_compared_with(around: Surroundings) -> None:
    around.solves = by_model(base=False, round_2=False)
    config = around.config(rounds=3, promotion={"rule": "better"}, cold_start=ORACLE)
    entries = await around.run(config)
    verdicts = [(entry.round, entry.told(Judged)) for entry in entries if entry.step == "verdict"]
    assert [(number, each.promoted, each.against) for number, each in verdicts] == [
        (0, True, None),
        (1, False, 0),
        (2, False, 0),
        (3, False, 0),
    ]
    for number in (1, 2, 3):
        (run,) = (config.directory / f"round-{number}/sample").iterdir()
        assert tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))["model"]["name"].startswith("round-0-")
    assert account_of(config.directory).best == 0


async def test_what_gc_took_away_is_made_again_when_it_is_needed(around: Surroundings) -> None:
    around.solves = by_model(base=False)
    entries = await around.run(
        around.config(rounds=1, promotion={"rule": "not_worse", "margin": 0.0}, evaluate__attempts=1, cold_start=ORACLE)
    )
    config = around.config(rounds=1, promotion={"rule": "better"}, cold_start=ORACLE)
    directory = config.directory
    assert account_of(directory).best == 0, "round 1 is as good, and with a margin of 0 that is not enough"
    assert directory / "round-1/export" in {each.place for each in remove_unneeded(directory)}
    assert (directory / "round-1/export" / REMOVED).exists()
    config = around.config(rounds=2, evaluate__attempts=1, cold_start=ORACLE)
    again = await around.run(config)
    assert steps(again)[len(entries) :][:2] == ["0 verdict", "1 verdict"], "of a changed rule only the verdicts are made again"
    assert account_of(directory).best == 2
    (run,) = (directory / "round-2/sample").iterdir()
    assert tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))["model"]["name"].startswith("round-1-")
    assert (directory / "round-1/export/adapter_model.safetensors").exists()


async def test_what_is_served_and_is_not_what_was_trained_stops_the_round(around: Surroundings, server: AdapterServer) -> None:
    config = around.config(rounds=1)
    server.off = -0.5
    said = await stopped(around, config)
    assert said.startswith("round 1, evaluation: what is served is not what was trained: round-1-")
    assert "0.5 nats a token from what was trained" in said
    before = steps(read_ledger(config.directory))
    assert before[-1] == "1 export"
    server.off = 0.0
    assert steps(await around.run(config)) == [*before, "1 evaluation", "1 verdict"]
    assert any(line.startswith("parity: round-1-") and "is what was trained" in line for line in around.said)


async def test_rounds_go_on_from_the_best_adapter_and_every_second_learns_from_pairs(around: Surroundings) -> None:
    around.solves = lambda model, task, attempt: "resolved" if attempt == 0 else "wrong_fix"
    (around.place / "dpo.toml").write_text(TRAINING, encoding="utf-8")
    mix = [{"attempts": 2, "thinking": "off", "temperature": 0.5}, {"attempts": 1, "thinking": "on"}]
    config = around.config(
        rounds=3, training__begin="last", training__preference={"config": "dpo.toml", "every": 2}, sample__mix=mix, promotion__margin=0.99
    )
    entries = await around.run(config)
    trained = [entry.told(Trained) for entry in entries if entry.step == "train"]
    assert [each.method for each in trained] == ["sft", "dpo", "sft"]
    weights = [around.trained_from(config.directory, number) for number in (1, 2, 3)]
    assert [each["from"] for each in weights] == [None, *weights[:2]]
    assert [path.name for path in (config.directory / "round-2/rows").iterdir() if path.name != "selection"] == ["pairs"]
    runs = [run for run in around.ran if run.split == "train"]
    assert [(run.model.thinking.mode, run.attempts, run.model.sampling.temperature) for run in runs[:2] if run.model.thinking] == [
        ("off", 2, 0.5),
        ("on", 1, None),
    ]
    assert len({run.model.sampling.seed for run in runs}) == len(runs) == 6, "no two runs draw the same"
    learnt = [entry.told(Learnt) for entry in entries if entry.step == "rows"]
    assert learnt[1].replayed > 0


@pytest.mark.parametrize("kind", ["endpoint", "trajectories"])
async def test_round_0_learns_from_what_others_have_done(around: Surroundings, kind: str) -> None:
    strong = {"kind": "endpoint", "base_url": around.url, "name": "strong", "attempts": 2, "temperature": 0.3}
    config = around.config(rounds=1, cold_start=strong)
    if kind == "trajectories":
        await around.run(around.config(directory="elsewhere", rounds=1))
        config = around.config(rounds=1, cold_start={"kind": kind, "sources": ["elsewhere/round-1/sample/0"]})
    entries = {f"{entry.round} {entry.step}": entry for entry in await around.run(config)}
    learnt = entries["0 rows"].told(Learnt)
    assert learnt.new + sum(learnt.taken.values()) == 8
    assert learnt.new > 4
    assert entries["0 verdict"].told(Judged).promoted
    if kind == "endpoint":
        (run,) = (run for run in around.ran if run.model.name == "strong")
        assert (run.attempts, run.model.sampling.temperature, run.split) == (2, 0.3, "train")
        assert entries["0 demonstrations"].words == "8 of 8 trials are resolved"
    else:
        assert entries["0 demonstrations"].words == "8 recorded trajectories"


async def test_a_budget_ends_a_run_in_the_middle_and_raised_it_goes_on(around: Surroundings) -> None:
    prices = {"input": 1.0, "output": 1.0}
    first = await around.run(around.config(directory="measured", rounds=1, rollouts__prices=prices))
    one = first[0].tokens // 8
    for name, most in (("tokens", first[0].tokens + 2 * one), ("cost", (first[0].cost or 0.0) * 1.25)):
        config = around.config(directory=name, rounds=1, rollouts__prices=prices, budgets={name: most})
        for _ in range(2):  # started again, it begins no further trial
            said = await stopped(around, config)
            assert said.startswith(f"round 1, sample: the budget of {name} is spent: ")
            assert said.endswith(f"to go on, raise budgets.{name}")
            results = (config.directory / "round-1/sample/0/results.jsonl").read_bytes().splitlines()
            assert 1 <= len(results) < 5
        assert told(await around.run(around.config(directory=name, rounds=1, rollouts__prices=prices))) == told(first)


async def test_the_budget_of_time_ends_what_is_under_way_and_counts_what_was_broken_off(around: Surroundings) -> None:
    async def forever(*_: object, **how: Any) -> Any:
        await asyncio.Event().wait()

    around.evaluates = forever  # type: ignore[method-assign]
    config = around.config(rounds=1, budgets={"hours": 1e-4})
    words = "the budget of hours is spent: 0.00 of 0.00; to go on, raise budgets.hours"
    assert await stopped(around, config) == f"round 0, evaluation: {words}"
    seconds = json.loads((config.directory / "round-0/.evaluation.json").read_bytes())["seconds"]
    assert seconds >= 0.36
    assert await stopped(around, config) == f"round 0, evaluation: {words}"
    assert json.loads((config.directory / "round-0/.evaluation.json").read_bytes())["seconds"] < seconds + 0.36, "it was not begun again"


EDITS: dict[str, tuple[str, str, str, Callable[[Path], object]]] = {
    "another choice": ("choose", "1 sample", "is not the choice that was made", lambda place: place.write_text('{"tasks": ["amber-x"]}')),
    "a choice that is none": ("choose", "1 sample", "is not the choice that was made", lambda place: place.write_text("[" * 100_000)),
    "a choice of numbers": ("choose", "1 sample", "is not the choice that was made", lambda place: place.write_text('{"tasks": 3}')),
    "a trial less": ("sample", "1 rows", "is not the trials that were run", lambda place: _without_last_line(place / "0/results.jsonl")),
    "a run that is none": ("sample", "1 rows", "is not the trials that were run", lambda place: (place / "0/config.toml").unlink()),
    "a row more": ("rows", "1 train", "is not the rows that were chosen", lambda place: _twice(place / "chat/train.jsonl")),
    "other weights": ("train", "1 expect", "is not the adapter that was trained", lambda place: _twice(place / "adapter/adapter_model.safetensors")),
    "another expectation": ("expect", "1 evaluation", "is not what the trainer's model has answered", lambda place: _twice(place / "expectation.json", b" ")),
    "a trial less of the evaluation": ("evaluation", "1 verdict", "is not the trials that were run", lambda place: _without_last_line(place / "results.jsonl")),
}  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Surroundings, list[Entry]]]:
    with surroundings(tmp_path_factory.mktemp("undisturbed")) as (around, _):
        yield around, asyncio.run(around.run(around.config(rounds=1)))


@pytest.mark.parametrize("name", EDITS)
async def test_what_was_changed_after_its_line_is_not_used(undisturbed: tuple[Surroundings, list[Entry]], name: str) -> None:
    """As a loop that was stopped between the two steps has it."""
    around, whole = undisturbed
    step, after, words, edit = EDITS[name]
    config = around.config(rounds=1, directory=re.sub(r"\W", "-", name))
    shutil.copytree(around.place / "loop", config.directory)
    kept = steps(whole).index(after)
    lines = (config.directory / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    (config.directory / "ledger.jsonl").write_bytes(b"".join(lines[:kept]))
    for entry in whole[kept:]:
        _take_away(config.directory / f"round-{entry.round}/{entry.step}")
    place = config.directory / f"round-1/{step}"
    edit(place)
    said = await stopped(around, config)
    assert said.startswith(f"round {after.replace(' ', ', ')}: {place}")
    assert words in said
    assert said.endswith("again")
    _take_away(place)  # as it says
    entries = await around.run(config)
    assert steps(entries)[kept:] == [f"1 {step}", *steps(whole)[kept:]]


async def test_a_run_whose_settings_are_nonsense_is_named(around: Surroundings) -> None:
    def breaks(run: RunConfig, results: int) -> None:
        raise Killed

    config = around.config(rounds=1)
    around.breaks = breaks
    with pytest.raises(Killed):
        await around.run(config)
    file = config.directory / "round-0/evaluation/config.toml"
    for nonsense, words in (
        (b"= =", "not TOML"),
        (b"\xff", "not TOML"),
        (b"a = 1", "there are no settings of a model in it"),
        (b"model = 3", "there are no"),
    ):
        file.write_bytes(nonsense)
        assert (await stopped(around, config)).startswith(f"round 0, evaluation: {file}: {words}")


async def test_a_program_that_fails_is_told_by_its_last_words(around: Surroundings) -> None:
    (around.place / "broken").touch()
    with pytest.raises(LoopStoppedError, match=r"^round 1, train: training: the trainer is broken\n"):
        await around.run(around.config(rounds=1))


async def test_the_model_is_what_it_was_when_only_its_evaluation_has_changed(around: Surroundings) -> None:
    before = await around.run(around.config(rounds=1))
    entries = await around.run(around.config(rounds=1, evaluate__attempts=3))
    assert steps(entries)[len(before) :] == ["0 evaluation", "1 evaluation", "1 verdict"]
    again = await around.run(around.config(rounds=1))
    assert told(again[len(entries) :]) == [line for line in told(before) if line[1] in ("evaluation", "verdict")], "taken back"


def _take_away(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _without_last_line(file: Path) -> None:
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))


def _twice(file: Path, more: bytes | None = None) -> None:
    content = file.read_bytes()
    file.write_bytes(content + (content if more is None else more))
