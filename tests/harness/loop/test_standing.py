"""What counts of a ledger, and which model is the best by it: the same for the loop, its status, its report and gc."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.loop.account import account_of, evaluations_of
from harness.loop.config import read_begun
from harness.loop.ledger import place_of, read_ledger
from harness.loop.numbers import Step
from harness.loop.removal import remove_unneeded
from harness.loop.standing import Standing, standing
from tests.harness.loop.files import NUMBERS, done, finished_loop

Key = tuple[int, Step]
AFTER_ROWS: tuple[Step, ...] = ("train", "expect", "export", "evaluation", "verdict")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(finished_loop(tmp_path_factory.mktemp("finished")))


@pytest.fixture
def loop(finished: Path, tmp_path: Path) -> Path:
    """Of this test alone."""
    return shutil.copytree(finished, tmp_path / "loop")


def found(loop: Path, **changes: Any) -> Standing:
    return standing(loop, read_ledger(loop), read_begun(loop).model_copy(update=changes))


def stale(loop: Path, **changes: Any) -> set[Key]:
    return set(found(loop, **changes).stale)


async def test_of_what_nothing_has_changed_all_counts(loop: Path) -> None:
    assert stale(loop) == set()
    assert found(loop).best == 1
    assert [found(loop).best_before(number) for number in (0, 1, 2, 3)] == [None, None, 1, 1]


async def test_what_comes_to_something_else_leaves_stale_what_was_made_from_it(loop: Path) -> None:
    await done(loop, 1, "rows", outputs="others")
    rest = {(1, step) for step in AFTER_ROWS}
    # Round 2 was sampled with round 1's model, and compared with it.
    assert stale(loop) == rest | {(2, step) for step in ("sample", "rows", *AFTER_ROWS)}
    for step in AFTER_ROWS:
        await done(
            loop,
            1,
            step,
            outputs=f"other {step}",
            numbers=NUMBERS[step].model_copy(update={"promoted": True}) if step == "verdict" else NUMBERS[step],
        )
    assert stale(loop) == {(2, step) for step in ("sample", "rows", *AFTER_ROWS)}
    assert found(loop).best == 1


async def test_what_comes_to_the_same_again_leaves_all_as_it_was(loop: Path) -> None:
    before = read_ledger(loop)
    (rows,) = (entry for entry in before if (entry.round, entry.step) == (1, "rows"))
    await done(loop, 1, "rows", outputs=rows.outputs)
    assert len(read_ledger(loop)) == len(before) + 1
    assert stale(loop) == set()


async def test_what_is_begun_again_or_gone_does_not_count(loop: Path) -> None:
    (loop / "round-2/.train.json").write_text('{"inputs": "others", "seconds": 3.0}', encoding="utf-8")
    rest: set[Key] = {(2, "train"), (2, "expect"), (2, "export"), (2, "evaluation"), (2, "verdict")}
    assert stale(loop) == rest
    gone = {each.place for each in remove_unneeded(loop, dry_run=True)}
    assert loop / "round-1/train/checkpoints" in gone
    assert loop / "round-2/train/checkpoints" not in gone, "they are of a training that goes on from them"
    place_of(loop, 2, "choose").rmdir()
    assert stale(loop) == rest | {(2, "choose"), (2, "sample"), (2, "rows")}
    assert found(loop).best == 1


async def test_the_choice_of_a_round_is_made_from_the_samples_before(loop: Path) -> None:
    await done(loop, 1, "sample", outputs="others")
    assert (2, "choose") in stale(loop)
    assert found(loop).best is None


async def test_rounds_that_the_configuration_has_no_more_do_not_count(loop: Path) -> None:
    assert {number for number, _ in stale(loop, rounds=1)} == {2}
    assert found(loop, rounds=1).best == 1
    without = found(loop, cold_start=None)
    assert {(0, "base"), (0, "demonstrations"), (0, "verdict")} == set(without.stale)
    assert (0, "evaluation") in without.counted


async def test_all_who_ask_for_the_best_are_told_the_same(loop: Path) -> None:
    for nonsense in (b"{", b"\xff\xfe\x00", None):  # the ledger decides, whatever becomes of the file
        verdict = loop / "round-1/verdict/verdict.json"
        verdict.write_bytes(nonsense) if nonsense is not None else verdict.unlink()
        account = account_of(loop)
        assert (account.best, account.rounds[1].promoted, account.rounds[1].verdict) == (1, True, None)
        assert account.rounds[1].words is not None
        assert loop / "round-1/export" not in {each.place for each in remove_unneeded(loop, dry_run=True)}
    await done(loop, 1, "rows", outputs="others")
    account = account_of(loop)
    assert account.best is None
    assert [each.promoted for each in account.rounds] == [False, None, None]
    assert [each.rate is None for each in account.rounds] == [True, True, True]
    assert {step.step for step in account.rounds[1].steps if step.stale} == set(AFTER_ROWS)
    assert account.rounds[2].seconds > 0, "spent is spent"
    gone = {str(each.place.relative_to(loop)) for each in remove_unneeded(loop, dry_run=True)}
    assert not {"round-1/export", "round-2/export"} & gone, "they may be the same again"
    assert [str(place.relative_to(loop)) for place in evaluations_of(loop)] == ["round-0/base", "round-0/evaluation"]


async def test_a_directory_of_another_name_is_no_round(loop: Path) -> None:
    (loop / "round-x/evaluation").mkdir(parents=True)
    (loop / "round-x/evaluation/results.jsonl").touch()
    assert len(evaluations_of(loop)) == 4
    assert account_of(loop).best == 1
