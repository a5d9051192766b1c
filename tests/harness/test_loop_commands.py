"""`harness loop …`: plans, tells, reports and tidies; and says in one line what it cannot do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from benchmarks.small_suite import write_suite
from harness.cli import main
from harness.loop.ledger import Ledger
from tests.harness.loop.files import finished_loop, loop_file

Said = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_suite(tmp_path / "suite", train=2, held_out=2, tasks=2)
    return loop_file(tmp_path)


@pytest.fixture
async def loop(tmp_path: Path) -> Path:
    return await finished_loop(tmp_path)


def refused(capsys: Said, *words: str, code: int = 2) -> str:
    """What it says, which is one line."""
    assert main(["loop", *words]) == code
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize("action", [[], ["run"], ["resume"]])
def test_a_plan_starts_nothing_and_writes_nothing(file: Path, capsys: Said, action: list[str]) -> None:
    before = sorted(file.parent.rglob("*"))
    assert main(["loop", *action, str(file), "--dry-run"]) == 0
    out = capsys.readouterr().out
    for words in (
        "2 rounds of ",
        "at most 8 trials a round",
        "million tokens",
        "smallest difference that an evaluation shows:",
        "promoted when",
    ):
        assert words in out
    assert sorted(file.parent.rglob("*")) == before


def test_the_options_may_stand_first(file: Path, capsys: Said) -> None:
    assert main(["loop", "--dry-run", str(file)]) == 0
    assert "2 rounds of " in capsys.readouterr().out


def test_what_is_wrong_with_the_file_is_one_line(tmp_path: Path, file: Path, capsys: Said) -> None:
    assert "nothing.toml: No such file or directory" in refused(capsys, str(tmp_path / "nothing.toml"))
    assert "rounds: input should be greater than 0" in refused(capsys, str(loop_file(tmp_path, rounds=0)))
    assert "no-such" in refused(capsys, str(loop_file(tmp_path, sample__suite="no-such")), "--dry-run")
    for dry in ([], ["--dry-run"]):
        assert "what is trained on cannot be held out" in refused(capsys, str(loop_file(tmp_path, evaluate__split="train")), *dry)
    (tmp_path / "sft.toml").unlink()
    assert "sft.toml: No such file or directory" in refused(capsys, str(loop_file(tmp_path / "other", training__config="../sft.toml", sample__suite=str(tmp_path / "suite"), evaluate__suite=str(tmp_path / "suite"))), "--dry-run")  # fmt: skip


def test_what_is_no_loop_is_one_line(tmp_path: Path, capsys: Said) -> None:
    for action in ("status", "report"):
        assert f"{tmp_path} is no loop's directory" in refused(capsys, action, str(tmp_path))
    (tmp_path / "thesis.tex").touch()
    assert f"{tmp_path} is no loop's directory" in refused(capsys, "gc", str(tmp_path))
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_directory_of_other_things_is_not_taken(file: Path, tmp_path: Path, capsys: Said) -> None:
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop/thesis.tex").touch()
    assert "is no loop's directory, and not empty" in refused(capsys, str(file))


def test_grammar_that_is_wrong_is_refused(capsys: Said) -> None:
    for words in (["loop"], ["loop", "status"], ["loop", "--what"], ["loop", "gc", "a", "b"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
        assert "usage: harness" in capsys.readouterr().err


async def test_the_status_of_a_loop_has_its_rounds(loop: Path, tmp_path: Path, capsys: Said) -> None:
    assert main(["loop", "status", str(loop)]) == 0
    out = capsys.readouterr().out
    assert "best so far: round 1:" in out
    assert "round 1: promoted: +93.8 points against the base on 8 tasks" in out
    assert "round 2: rolled back: -93.8 points against round 1" in out
    assert "15 of 16" in out
    assert "15 + 5" in out
    assert main(["loop", "status", str(tmp_path / "loop.toml")]) == 0, "by its file"
    assert capsys.readouterr().out == out
    assert main(["loop", "status", str(loop), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["best"], told["tokens"], len(told["rounds"])) == (1, 10_000, 3)


async def test_the_report_is_beside_the_rounds_or_where_it_is_wanted(loop: Path, tmp_path: Path, capsys: Said) -> None:
    assert main(["loop", "report", str(loop)]) == 0
    assert f"{loop / 'report/loop.html'}: 4 evaluations" in capsys.readouterr().out
    assert main(["loop", "report", str(loop), "-o", str(tmp_path / "pages")]) == 0
    assert (tmp_path / "pages/loop.html").read_bytes() == (loop / "report/loop.html").read_bytes()


async def test_what_is_removed_is_listed(loop: Path, capsys: Said) -> None:
    assert main(["loop", "gc", str(loop), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "round-2/export" in told
    assert "would be removed: 0.0 MiB" in told
    assert (loop / "round-2/export/model.safetensors").exists()
    assert main(["loop", "gc", str(loop)]) == 0
    assert not (loop / "round-2/export/model.safetensors").exists()
    assert main(["loop", "gc", str(loop)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "removed: 0.0 MiB"


async def test_a_loop_that_was_tampered_with_is_told_in_one_line(loop: Path, tmp_path: Path, capsys: Said) -> None:
    ledger = loop / "ledger.jsonl"
    whole = ledger.read_text(encoding="utf-8")
    ledger.write_text(whole.replace('"method":"sft"', '"method":"sfd"'), encoding="utf-8")
    for words in (["status", str(loop)], ["report", str(loop)], ["gc", str(loop)]):
        assert "ledger.jsonl:8: not a line of a ledger (numbers: method: input should be" in refused(capsys, *words)
    ledger.unlink()
    ledger.mkdir()
    for words in (["status", str(loop)], ["gc", str(loop)]):
        assert "ledger.jsonl: is a directory" in refused(capsys, *words)
    ledger.rmdir()
    ledger.write_text(whole, encoding="utf-8")
    (loop / "loop.toml").write_text("rounds = = 3", encoding="utf-8")
    for words in (["status", str(loop)], ["gc", str(loop)]):
        assert "loop.toml: not TOML" in refused(capsys, *words)


async def test_what_does_not_count_any_more_is_shown_as_such(loop: Path, capsys: Said) -> None:
    (loop / "round-1/verdict/verdict.json").unlink()
    assert main(["loop", "status", str(loop)]) == 0
    assert "best so far: round 1:" in capsys.readouterr().out, "by the ledger, as for the loop itself"
    assert main(["loop", "report", str(loop)]) == 0
    assert "Its file is not what was written" in (loop / "report/loop.html").read_text(encoding="utf-8")
    capsys.readouterr()
    (loop / "loop.toml").write_text((loop / "loop.toml").read_text(encoding="utf-8").replace("rounds = 2", "rounds = 1"), encoding="utf-8")
    assert main(["loop", "status", str(loop)]) == 0
    out = capsys.readouterr().out
    assert "round 2: made with other settings or from what has changed since, and not counted: choose, sample, rows" in out
    assert "round 2: rolled back" not in out


async def test_nothing_is_removed_while_the_loop_is_at_work(loop: Path, capsys: Said) -> None:
    with Ledger(loop):
        assert "another process is at work in this loop" in refused(capsys, "gc", str(loop))
        assert main(["loop", "status", str(loop)]) == 0
    assert (loop / "round-2/export/model.safetensors").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written_is_one_line(file: Path, capsys: Said) -> None:
    file.parent.chmod(0o500)
    try:
        assert "cannot be written to" in refused(capsys, str(file))
    finally:
        file.parent.chmod(0o700)
