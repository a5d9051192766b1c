"""What came of a loop, from its ledger; what of it may go; and that its report and its plan say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.config import ConfigError
from harness.loop.account import account_of, evaluations_of
from harness.loop.entry import Split
from harness.loop.errors import LoopStoppedError
from harness.loop.models import REMOVED
from harness.loop.removal import remove_unneeded, size_of
from harness.loop.report import write_report
from tests.harness.loop.files import TASKS, done, evaluated, finished_loop, loop_config


@pytest.fixture
async def loop(tmp_path: Path) -> Path:
    return await finished_loop(tmp_path)


async def test_the_account_has_every_round_and_the_best(loop: Path) -> None:
    account = account_of(loop)
    assert [each.number for each in account.rounds] == [0, 1, 2]
    assert account.best == 1
    start, first, second = account.rounds
    assert start.base is not None
    assert (start.base.value, start.base.trials) == (0.0, 16)
    assert start.rate is None, "nothing was trained on the demonstrations"
    assert (start.sampled, start.resolved) == (16, 15)
    assert first.rate is not None
    assert first.rate.value == 15 / 16
    assert (first.sampled, first.resolved, first.new, first.replayed, first.rows, first.method) == (16, 15, 15, 5, 20, "sft")
    assert first.verdict is not None
    assert second.verdict is not None
    assert (first.verdict.promoted, first.verdict.champion_round) == (True, None)
    assert (second.verdict.promoted, second.verdict.champion_round) == (False, 1)
    assert account.tokens == 1000 + 1000 + 2 * (3000 + 1000)
    assert account.cost == pytest.approx(1.0)
    assert account.split.total == pytest.approx(account.seconds, abs=0.05)


async def test_the_evaluations_are_the_bases_and_the_rounds_in_their_order(loop: Path) -> None:
    (loop / "round-10/evaluation").mkdir(parents=True)
    (loop / "round-10/evaluation/results.jsonl").touch()
    assert [str(run.relative_to(loop)) for run in evaluations_of(loop)] == [
        "round-0/base", "round-0/evaluation", "round-1/evaluation", "round-2/evaluation", "round-10/evaluation",
    ]  # fmt: skip


async def test_a_loop_that_has_only_begun_has_an_account(tmp_path: Path) -> None:
    config = loop_config(tmp_path)
    with pytest.raises(ConfigError, match="is no loop's directory"):
        account_of(config.directory)
    config.directory.mkdir()
    (config.directory / "loop.toml").write_text(config.to_toml(), encoding="utf-8")
    assert (account_of(config.directory).rounds, account_of(config.directory).best) == ((), None)
    with pytest.raises(LoopStoppedError, match="nothing is evaluated yet"):
        write_report(config.directory, tmp_path / "report")
    await evaluated(config.directory, 0, "evaluation", {"a": ["resolved"]})
    (only,) = account_of(config.directory).rounds
    assert only.base is not None
    assert only.rate is None
    await done(config.directory, 1, "choose", split=Split(own=0.0))
    assert account_of(config.directory).rounds[1].steps[0].step == "choose"


async def test_the_report_has_the_curve_the_changes_and_the_time(loop: Path) -> None:
    page, rendered = write_report(loop, loop / "report")
    assert rendered.problems == []  # type: ignore[comparison-overlap]
    text = page.read_text(encoding="utf-8")
    assert "the best model is that of round 1" in text
    for task in TASKS:
        assert text.count(f"tasks/{task}.html") == 2, "better in round 1, worse in round 2"
    assert "promoted" in text
    assert "rolled back" in text
    assert "Where the time went" in text
    for run, name in (("base", "the base"), ("evaluation-2", "round 1"), ("evaluation-3", "round 2")):
        assert f'<a href="runs/{run}.html">{name}</a>' in text
    curve = text.partition('id="curve"')[2].partition("</section>")[0]
    told = re.findall(r"loop/evaluation, (the base|round \d): [\d.]+%", curve)
    assert list(dict.fromkeys(told)) == ["the base", "round 0", "round 1", "round 2"]
    for link in _links(text):
        assert (loop / "report" / link.partition("#")[0]).exists(), link
    assert (loop / "report/loop.json").exists()


def _links(page: str) -> Iterator[str]:
    for part in page.split('href="')[1:]:
        link = part.partition('"')[0]
        if not link.startswith(("#", "http", "data:")):
            yield link


async def test_what_the_best_is_served_from_stays_and_what_nobody_needs_goes(loop: Path) -> None:
    told = {str(each.place.relative_to(loop)): each.bytes for each in remove_unneeded(loop, dry_run=True)}
    assert told == {
        "stale/round-1-rows-1": 7,
        "round-1/train/checkpoints": 5000,
        "round-2/train/checkpoints": 5000,
        "round-2/export": 20_000,
        "adapters/round-2-bbbb": 50,
    }
    before = size_of(loop)
    removed = remove_unneeded(loop)
    assert {str(each.place.relative_to(loop)) for each in removed} == set(told)
    assert size_of(loop) < before - 29_000
    assert (loop / "round-1/export/model.safetensors").exists()
    assert (loop / "adapters/round-1-aaaa").exists()
    assert [place.name for place in (loop / "round-2/export").iterdir()] == [REMOVED]
    for number in (1, 2):
        assert (loop / f"round-{number}/train/adapter/adapter_model.safetensors").exists()
        assert (loop / f"round-{number}/evaluation/results.jsonl").exists()
    assert remove_unneeded(loop) == []


async def test_what_a_round_that_is_under_way_has_exported_stays(loop: Path) -> None:
    lines = (loop / "ledger.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (loop / "ledger.jsonl").write_text("".join(lines[:-2]), encoding="utf-8")
    assert loop / "round-2/export" not in {each.place for each in remove_unneeded(loop)}
    assert (loop / "round-2/export/model.safetensors").exists()
