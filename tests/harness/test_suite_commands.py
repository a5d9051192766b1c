"""The commands on suites, as a person gives them: what they print, how they end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.cli import main
from tasks.suite import Suite, load_suite
from tasks.writing import Origin, save_origin


@pytest.fixture
def directory(mini: Suite, tmp_path: Path) -> Path:
    return Path(shutil.copytree(mini.directory, tmp_path / "suite"))


def test_split_stats_and_overlap_of_a_suite(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "split", "train=0.5", "held-out=0.5", "--suite", str(directory)]) == 0
    assert "sha256" in capsys.readouterr().out
    assert set(load_suite(str(directory)).splits) == {"train", "held-out"}
    assert main(["tasks", "overlap", f"{directory}:train", f"{directory}:held-out"]) == 0
    assert main(["tasks", "overlap", str(directory), f"{directory}:held-out"]) == 2
    assert "what is trained on cannot be held out" in capsys.readouterr().err
    assert main(["tasks", "stats", "--suite", str(directory), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["tasks"] == 3
    assert sum(counts["runner"].values()) == 3
    assert counts["made by"] == {"hand": 3}


@pytest.mark.parametrize("shares", [["train"], ["train=x"], ["=1"], ["train=0", "held-out=1"], ["a=1", "b=1", "c=1", "d=1"]])
def test_shares_that_are_none_are_refused_in_one_line(directory: Path, shares: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    before = (directory / "suite.toml").read_bytes()
    assert main(["tasks", "split", *shares, "--suite", str(directory)]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert (directory / "suite.toml").read_bytes() == before


def test_a_shipped_suite_is_not_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "split", "train=1", "--suite", "core"]) == 2
    assert "is a shipped suite" in capsys.readouterr().err


def test_the_core_suite_says_whence_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "stats"]) == 0
    assert "no provenance" not in capsys.readouterr().out


def test_difficulties_are_estimated_again_by_attempts(directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = load_suite(str(directory))
    names = [task.instance_id for task in suite.tasks]
    save_origin(directory / "tasks" / names[0], Origin(made_by="synth"))
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.toml").write_text("")
    common = {
        "verdict": "resolved",
        "stop_reason": "submitted",
        "failure": None,
        "turns": 1,
        "usage": {},
        "cost": None,
        "duration_seconds": 1.0,
        "tries": 1,
    }
    solved = {names[0]: (True, True, True, False), names[1]: (False, False, False, False), names[2]: (True, True)}
    lines = [
        json.dumps({"instance_id": name, "attempt": k, "resolved": one, **common})
        for name, each in solved.items()
        for k, one in enumerate(each)
    ]
    (run / "results.jsonl").write_text("\n".join(lines) + "\n")
    assert main(["tasks", "stats", "--suite", str(directory), "--runs", str(run)]) == 0
    again = {task.instance_id: task.difficulty for task in load_suite(str(directory)).tasks}
    assert (again[names[0]], again[names[1]]) == ("easy", "hard")
    assert again[names[2]] == suite.tasks[2].difficulty  # too few attempts
    origin = json.loads((directory / "tasks" / names[0] / "origin.json").read_text())
    assert (origin["attempts"], origin["solved"]) == (4, 3)


def test_a_suite_goes_out_as_rows_and_is_not_written_over(directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "rows.jsonl"
    assert main(["tasks", "export", "swe-bench", "--suite", str(directory), "--output", str(output)]) == 0
    assert len(output.read_text().splitlines()) == 3
    assert main(["tasks", "export", "swe-bench", "--suite", str(directory), "--output", str(output)]) == 2
    assert "there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["synth", "nowhere"], "there is no such directory"),
        (["mine", "nowhere"], "is no git repository"),
        (["import", "swe-bench", "rows.jsonl", "--output", "there"], "neither a list in JSON nor JSON lines"),
        (["import", "exercism", "nowhere", "--output", "there"], "not an Exercism track"),
        (["grade", "nowhere", "--suite", "core"], "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text("{")
    assert main(["tasks", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len([line for line in said.splitlines() if line.startswith("error: ")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.jsonl"]
