"""What trials that were cut off leave: kept beside the next attempt where a model had answered, and never more than a few."""

from __future__ import annotations

from pathlib import Path

from trajectories.store import RunStore, read_results
from trajectories.trajectory import Message
from trajectories.transcript import KEPT, read_transcript

ASKED = Message(role="user", content='they wrote "role":"assistant" into the task')


def cut_off(run: Path, *answers: str) -> None:
    """As a process does that is killed in the middle of its first trial."""
    with RunStore(run) as store:
        store.write("config.toml", "attempts = 1\n")
        store.transcript("a", 0).add([ASKED, *(Message(role="assistant", content=answer) for answer in answers)])


def names(run: Path) -> list[str]:
    return sorted(entry.name for entry in (run / "trials/a").iterdir())


def test_what_a_model_had_said_is_kept_and_is_no_result(tmp_path: Path):
    cut_off(tmp_path, "first")
    cut_off(tmp_path)  # before an answer: nothing to keep
    cut_off(tmp_path, "second")
    with RunStore(tmp_path) as store:
        assert store.results == {}
    assert names(tmp_path) == ["0.cut-1", "0.cut-2"]
    kept = [read_transcript(tmp_path / f"trials/a/0.cut-{number}/messages.jsonl") for number in (1, 2)]
    assert [messages[1:] for messages in kept] == [[Message(role="assistant", content=answer)] for answer in ("first", "second")]
    assert read_results(tmp_path) == []


def test_only_the_last_few_are_kept(tmp_path: Path):
    for number in range(12):
        cut_off(tmp_path, str(number))
    RunStore(tmp_path).close()
    assert names(tmp_path) == sorted(f"0.cut-{number}" for number in range(13 - KEPT, 13))


def test_a_transcript_is_read_up_to_the_line_that_was_cut_off(tmp_path: Path):
    cut_off(tmp_path, "whole\u2028line")
    file = tmp_path / "trials/a/.0.partial/messages.jsonl"
    file.write_bytes(file.read_bytes() + b'{"role":"assistant","content":"to')
    assert [message.content for message in read_transcript(file)] == [ASKED.content, "whole\u2028line"]
