"""`harness trajectories …` on the command line: what a person sees, what is written, and the exit codes."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.cli import NOT_AS_IT_SHOULD_BE, OK, WRONG_INPUT, main
from harness.options import build_parser
from tests.conftest import MINI
from tests.trajectories.test_convert import NEMOTRON, SWE_SMITH
from tests.trajectories.test_record import VERSION_1
from trajectories.source import Entry, find, load
from trajectories.store import RunStore, read_trajectory


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The run of version 1, as this version writes it: with digests, and a record with what a terminal might obey."""
    place = tmp_path / "a-run"
    with RunStore(place) as store:
        store.write("config.toml", "")
        for trial in sorted(VERSION_1.glob("trials/*/0")):
            trajectory = read_trajectory(trial)
            if trajectory.instance_id == "words-half":
                odd = trajectory.messages[1].model_copy(update={"content": "[bold]\x1b[2J\u202e" + "line\n" * 80})
                trajectory = trajectory.model_copy(update={"messages": (trajectory.messages[0], odd, *trajectory.messages[2:])})
            store.save(trajectory)
    return place


def harness(*words: object) -> int:
    return main(["trajectories", *map(str, words)])


def test_stats_are_of_the_index_alone(run: Path, capsys: Any) -> None:
    shutil.rmtree(run / "trials")
    assert harness("stats", run) == OK
    out = capsys.readouterr().out
    assert "8 trajectories of 8 tasks; 7 graded, 4 resolved, 2 flagged" in out
    assert "failed by the infrastructure: sandbox 1" in out


def test_stats_as_json_can_be_read(run: Path, capsys: Any) -> None:
    assert harness("stats", run, "--json", "--verify", "--workers", 1) == OK
    content = json.loads(capsys.readouterr().out)
    assert (content["runs"][0]["resolved"], content["unreadable"]) == (4, [])


def test_a_damaged_record_is_named_and_the_exit_code_says_so(run: Path, capsys: Any) -> None:
    file = run / "trials/words-half/0/trajectory.json"
    file.write_bytes(file.read_bytes()[:-1])
    assert harness("stats", run, "--verify", "--workers", 1) == NOT_AS_IT_SHOULD_BE
    seen = capsys.readouterr()
    assert "7 records are as they were written" in seen.out
    assert f"left out: {file}: its bytes are not those that were written" in seen.err
    assert harness("filter", run, "--workers", 1) == NOT_AS_IT_SHOULD_BE


def test_a_trajectory_is_shown_as_it_went(run: Path, capsys: Any) -> None:
    assert harness("show", run, "words-malformed") == OK
    out = capsys.readouterr().out
    for words in (
        "Let me see.",
        "malformed arguments",
        "(sent back as {})",
        "70,000 bytes cut",
        "diff --git a/x b/x",
        "resolved: 1 of 1 tests passed",
    ):
        assert words in out


def test_what_is_shown_obeys_nothing_of_what_it_shows(run: Path, capsys: Any) -> None:
    assert harness("show", run, "words-half#0") == OK
    out = capsys.readouterr().out
    assert "\x1b[2J" not in out
    assert "\u202e" not in out
    assert "[bold]\\x1b[2J\\u202eline" in out


def test_a_turn_is_shown_with_what_the_model_saw(run: Path, capsys: Any) -> None:
    assert harness("show", run, "words-malformed", "--turn", 1) == OK
    out = capsys.readouterr().out
    assert "turn 1: what the model saw" in out
    assert "src" in out
    assert "→ submit" not in out
    assert harness("show", run, "words-malformed", "--turn", 7) == WRONG_INPUT


def test_an_unknown_or_ambiguous_trial_is_said(run: Path, capsys: Any) -> None:
    assert harness("show", run, "nothing") == WRONG_INPUT
    assert "has no trajectory 'nothing'" in capsys.readouterr().err
    assert harness("show", run) == WRONG_INPUT
    assert "8 trajectories of that name" in capsys.readouterr().err


def test_a_selection_is_written_and_exported(run: Path, tmp_path: Path, capsys: Any) -> None:
    assert harness("filter", run, "--suite", MINI, "--output", tmp_path / "chosen", "--workers", 1) == OK
    out = capsys.readouterr().out
    assert "8 read; kept 4 of 4 tasks" in out
    assert harness("export", tmp_path / "chosen", "--format", "chat", "--output", tmp_path / "out", "--workers", 1) == OK
    rows = [json.loads(line) for line in (tmp_path / "out/train.jsonl").read_bytes().split(b"\n") if line]
    assert sorted(row["instance_id"] for row in rows) == ["sums-bigint", "sums-single", "words-malformed", "words-spaces"]
    assert harness("export", tmp_path / "chosen", run, "--format", "chat", "--output", tmp_path / "two") == WRONG_INPUT


def test_an_export_of_a_run_uses_the_recipe_that_goes_with_its_format(run: Path, tmp_path: Path, capsys: Any) -> None:
    assert harness("export", run, "--format", "predictions", "--output", tmp_path / "p", "--workers", 1) == OK
    lines = (tmp_path / "p/predictions.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 7
    assert set(json.loads(lines[0])) == {"instance_id", "model_name_or_path", "model_patch"}
    card = json.loads((tmp_path / "p/card.json").read_text())
    assert card["selection"]["recipe"] == "all"


def test_flagged_and_ungraded_attempts_reach_no_training_rows(run: Path, tmp_path: Path) -> None:
    assert harness("export", run, "--format", "chat", "--output", tmp_path / "out", "--workers", 1) == OK
    text = (tmp_path / "out/train.jsonl").read_text("utf-8")
    assert not [name for name in ("sums-flagged", "sums-cleared", "sums-failed", "words-half") if name in text], (
        "no review was carried over"
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--validation", "0.5"], "records have no repository"),
        (["--validation", "1.5"], "validation: input should be less than 1"),
        (["--container", "parquet", "--arguments", "objects"], "use strings, or JSON lines"),
        (["--recipe", "nothing"], "give a TOML, or one of all, pairs, sft"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(tmp_path: Path, capsys: Any, words: list[str], reason: str) -> None:
    assert harness("export", VERSION_1, "--format", "chat", "--output", tmp_path / "out", "--workers", 1, *words) == WRONG_INPUT
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_was_imported_is_filtered_shown_and_counted(tmp_path: Path, capsys: Any) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text("\n".join(json.dumps(row) for row in (NEMOTRON, SWE_SMITH, {"messages": []})) + "\n")
    output = tmp_path / "ours.jsonl"
    assert harness("import", source, "--output", output) == NOT_AS_IT_SHOULD_BE
    assert "ours.jsonl: 2 trajectories" in capsys.readouterr().out
    listed = [json.loads(line) for line in (tmp_path / "ours.left-out.jsonl").read_text().splitlines()]
    assert [(each["file"], each["offset"]) for each in listed] == [("rows.jsonl", 2)]
    made = [load(entry).trajectory.instance_id for entry in find([output]) if isinstance(entry, Entry)]
    assert made == ["u-1", "i"]
    assert harness("stats", output) == OK
    assert harness("show", output, "u-1") == OK
    assert "imported from rows.jsonl (rows, row 0, licence cc-by-4.0)" in capsys.readouterr().out
    recipe = tmp_path / "claims.toml"
    recipe.write_text('name = "claims"\n[[filters]]\nname = "resolved"\naccept_claims = true\n')
    assert harness("filter", output, "--recipe", recipe, "--json", "--workers", 1) == OK
    card = json.loads(capsys.readouterr().out)
    assert (card["kept"]["trajectories"], card["kept"]["imported"], card["kept"]["licences"]) == (1, {"rows": 1}, {"unknown": 1})
    assert harness("import", source, "--output", output) == WRONG_INPUT


def test_an_import_of_nothing_leaves_no_file(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "rows.jsonl").write_text("{\n")
    assert harness("import", tmp_path / "rows.jsonl", "--output", tmp_path / "out/ours.jsonl") == NOT_AS_IT_SHOULD_BE
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["ours.left-out.jsonl"]


def test_every_command_of_the_readme_is_one() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    commands = [line.split("  ")[0] for line in readme.splitlines() if line.startswith("harness trajectories ")]
    assert len(commands) > 4
    for command in commands:
        assert build_parser().parse_args(shlex.split(command)[1:]).command == "trajectories"


def test_help_loads_no_table_library() -> None:
    import subprocess
    import sys

    code = "import sys, harness.options; harness.options.build_parser(); print([n for n in sys.modules if n in ('pyarrow', 'rensa', 'pandas')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "[]\n"
