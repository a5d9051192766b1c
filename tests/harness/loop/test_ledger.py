"""The ledger: what is done stays done, what its inputs left behind is put aside, and nothing that breaks it off breaks it."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.config import ConfigError
from harness.loop.digests import digest_of, digest_of_files
from harness.loop.entry import Done, Entry, Split
from harness.loop.errors import LoopStoppedError
from harness.loop.ledger import STEPS, Ledger, begun_with, current, place_of, read_ledger
from harness.loop.numbers import Step
from tests.harness.loop.files import NUMBERS


def told(place: Path, **done: Any) -> Done:
    """With the numbers that a step of its kind has."""
    return Done(numbers=NUMBERS[place.name], **done)  # type: ignore[index]


def write(text: str, **done: object) -> Callable[[Path], object]:
    async def work(place: Path) -> Done:
        place.write_text(text, encoding="utf-8")
        return told(place, outputs=digest_of(text), words=f"wrote {text}", **done)

    return work


async def never(place: Path) -> Done:
    raise AssertionError(f"{place} is done already")


async def do(ledger: Ledger, number: int, step: Step, inputs: object, work: Callable[[Path], object]) -> Entry:
    """As the loop does: only what is not done."""
    return ledger.done(number, step, inputs) or await ledger.do(number, step, inputs, work)  # type: ignore[arg-type]


async def test_what_is_done_is_done_once(tmp_path: Path) -> None:
    for work in (write("a"), never):
        with Ledger(tmp_path / "loop") as ledger:
            entry = await do(ledger, 1, "rows", {"filters": "sft"}, work)
            assert (entry.round, entry.step, entry.words, entry.outputs) == (1, "rows", "wrote a", digest_of("a"))
    assert len(read_ledger(tmp_path / "loop")) == 1


async def test_a_step_whose_place_is_gone_is_done_again(tmp_path: Path) -> None:
    with Ledger(tmp_path / "loop") as ledger:
        await do(ledger, 1, "rows", 1, write("a"))
        ledger.place(1, "rows").unlink()
        assert ledger.done(1, "rows", 1) is None
        await do(ledger, 1, "rows", 1, write("a"))
        assert ledger.place(1, "rows").read_text(encoding="utf-8") == "a"


async def test_what_other_inputs_have_made_is_put_aside_and_never_seen_by_the_work(tmp_path: Path) -> None:
    seen = []

    def looking(text: str) -> Callable[[Path], object]:
        async def work(place: Path) -> Done:
            seen.append(place.exists())
            place.mkdir()
            (place / "made").write_text(text, encoding="utf-8")
            return told(place, outputs=text, words=text)

        return work

    with Ledger(tmp_path / "loop") as ledger:
        for text in ("one", "two", "three"):
            await do(ledger, 2, "train", text, looking(text))
        assert ledger.done(2, "train", "four") is None
        assert ledger.done(2, "train", "three") is not None
    assert seen == [False] * 3
    aside = sorted((tmp_path / "loop/stale").glob("[!.]*"))
    assert [(place.name, (place / "made").read_text(encoding="utf-8")) for place in aside] == [
        ("round-2-train-1", "one"),
        ("round-2-train-2", "two"),
    ]


async def test_settings_that_are_changed_back_have_again_what_they_had(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    with Ledger(loop) as ledger:
        for text in ("one", "two", "one", "two"):
            work = never if len(ledger.entries) > 1 else write(text)
            assert (await do(ledger, 1, "rows", text, work)).outputs == digest_of(text)
            assert ledger.place(1, "rows").read_text(encoding="utf-8") == text
    assert [entry.words for entry in read_ledger(loop)] == ["wrote one", "wrote two", "wrote one", "wrote two"], "the last counts"
    assert [place.name for place in (loop / "stale").glob("[!.]*")] == ["round-1-rows-1"]
    with Ledger(loop) as ledger:  # what is put aside is gone, or nothing tells what it is: done again
        (loop / "stale/.round-1-rows-1.json").write_text("torn", encoding="utf-8")
        assert ledger.done(1, "rows", "one") is None
        assert (await do(ledger, 1, "rows", "one", write("one again"))).words == "wrote one again"


async def test_what_is_half_done_with_other_settings_is_not_taken_for_what_was_done(tmp_path: Path) -> None:
    async def broken(place: Path) -> Done:
        place.write_text("half", encoding="utf-8")
        raise LoopStoppedError("no")

    with Ledger(tmp_path / "loop") as ledger:
        await do(ledger, 1, "rows", "one", write("whole"))
        with pytest.raises(LoopStoppedError):
            await do(ledger, 1, "rows", "two", broken)
        await do(ledger, 1, "rows", "one", never)
        assert ledger.place(1, "rows").read_text(encoding="utf-8") == "whole"
        with pytest.raises(LoopStoppedError):  # and the half goes on as a half
            await do(ledger, 1, "rows", "two", broken)


async def test_what_was_spent_on_what_is_not_done_yet_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.loop.ledger._TICK_SECONDS", 0.01)
    loop = tmp_path / "loop"

    async def killed(place: Path) -> Done:
        while not (begun := begun_with(place)) or not begun.seconds:  # it is known while it goes on
            await asyncio.sleep(0.01)
        raise LoopStoppedError("no")

    with Ledger(loop) as ledger:
        await do(ledger, 1, "choose", 1, write("a"))
        assert ledger.unfinished_seconds() == 0
        with pytest.raises(LoopStoppedError):
            await do(ledger, 1, "sample", 1, killed)
        spent = ledger.unfinished_seconds()
        assert spent > 0
        (loop / "round-1/.rows.json").write_text("nonsense", encoding="utf-8")
        assert (await do(ledger, 1, "sample", 1, write("a"))).seconds >= spent
        assert ledger.unfinished_seconds() == 0, "it is in the line"
        ledger.place(1, "sample").unlink()
        assert (await do(ledger, 1, "sample", 1, write("a"))).seconds < spent, "and not in that of the next time"


@pytest.mark.parametrize(
    ("step", "change", "words"),
    [
        ("evaluation", {"numbers": {}}, "numbers: rate: field required"),
        ("evaluation", {"numbers": {"rate": "x", "low": None, "high": [], "trials": "many", "resolved": 1}}, "numbers: rate: input should be"),
        ("train", {"numbers": {}}, "numbers: method: field required"),
        ("rows", {"numbers": {"rows": 1, "new": None, "replayed": 1, "taken": {}}}, "numbers: new: input should be a valid integer"),
        ("verdict", {"numbers": [True]}, "numbers: input should be"),
        ("verdict", {"numbers": {"promoted": True}}, "numbers: against: field required"),
        ("verdict", {"round": -3}, "round: input should be greater than or equal to 0"),
        ("verdict", {"step": "verdicts"}, "step: input should be"),
        ("sample", {"tokens": -1}, "tokens: input should be greater than"),
        ("sample", {"seconds": float("nan")}, "seconds: input should be"),
    ],
    ids=str,
)  # fmt: skip
async def test_a_line_that_was_edited_into_none_is_named_in_one_line(
    tmp_path: Path, step: Step, change: dict[str, Any], words: str
) -> None:
    with Ledger(tmp_path / "loop") as ledger:
        await do(ledger, 1, step, 1, write("a"))
    file = tmp_path / "loop/ledger.jsonl"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | change) + "\n", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read_ledger(tmp_path / "loop")
    assert str(refused.value).startswith(f"{file}:1: not a line of a ledger ({words}")
    assert "\n" not in str(refused.value)


async def test_a_sitting_that_was_broken_off_goes_on_with_what_it_began_and_its_seconds_count(tmp_path: Path) -> None:
    async def broken(place: Path) -> Done:
        place.mkdir()
        (place / "half").touch()
        await asyncio.sleep(0.2)
        raise LoopStoppedError("the server ended")

    async def whole(place: Path) -> Done:
        assert (place / "half").exists()
        await asyncio.sleep(0.1)
        return told(place, outputs="o", words="w", split=Split(model=0.1))

    began = time.monotonic()
    with Ledger(tmp_path / "loop") as ledger, pytest.raises(LoopStoppedError, match=r"^the server ended$"):
        await ledger.do(1, "sample", "inputs", broken)
    with Ledger(tmp_path / "loop") as ledger:
        entry = await ledger.do(1, "sample", "inputs", whole)
    assert 0.3 <= entry.seconds <= time.monotonic() - began + 0.01
    assert entry.split.total == pytest.approx(entry.seconds, abs=0.01)
    assert entry.split.model > 0.1, "seconds of the broken sitting go where those of the whole one went"


async def test_the_seconds_of_other_inputs_do_not_count(tmp_path: Path) -> None:
    async def broken(place: Path) -> Done:
        await asyncio.sleep(0.3)
        raise LoopStoppedError("no")

    with Ledger(tmp_path / "loop") as ledger:
        with pytest.raises(LoopStoppedError):
            await ledger.do(1, "sample", "before", broken)
        began = time.monotonic()
        entry = await ledger.do(1, "sample", "after", write("a"))
        assert entry.seconds <= time.monotonic() - began + 0.001


async def test_what_a_step_does_not_know_of_its_time_is_the_loops_own(tmp_path: Path) -> None:
    async def work(place: Path) -> Done:
        await asyncio.sleep(0.2)
        return told(place, outputs="o", words="w", split=Split(tests=0.05, own=0.01))

    with Ledger(tmp_path / "loop") as ledger:
        entry = await ledger.do(0, "base", 0, work)
    assert entry.seconds >= 0.2
    assert entry.split.tests == pytest.approx(0.05, abs=0.005)
    assert entry.split.own == pytest.approx(entry.seconds - 0.05, abs=0.01)


@pytest.mark.parametrize("torn", [b'{"schema_version":1,"rou', b"\xff", b'{"a": 1}'])
async def test_a_torn_last_line_is_as_if_it_had_not_been_written(tmp_path: Path, torn: bytes) -> None:
    loop = tmp_path / "loop"
    with Ledger(loop) as ledger:
        await do(ledger, 1, "choose", 1, write("a"))
        await do(ledger, 1, "sample", 1, write("b"))
    whole = (loop / "ledger.jsonl").read_bytes()
    (loop / "ledger.jsonl").write_bytes(whole + torn)
    assert len(read_ledger(loop)) == 2, "whoever only reads is not disturbed"
    with Ledger(loop) as ledger:
        await do(ledger, 1, "sample", 1, never)
        await do(ledger, 1, "rows", 1, write("c"))
    assert (loop / "ledger.jsonl").read_bytes().startswith(whole)
    assert [entry.step for entry in read_ledger(loop)] == ["choose", "sample", "rows"]


async def test_a_last_line_that_lacks_only_its_end_counts(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    with Ledger(loop) as ledger:
        await do(ledger, 1, "choose", 1, write("a"))
    file = loop / "ledger.jsonl"
    file.write_bytes(file.read_bytes()[:-1])
    with Ledger(loop) as ledger:
        await do(ledger, 1, "choose", 1, never)
        await do(ledger, 1, "sample", 1, write("b"))
    assert [entry.step for entry in read_ledger(loop)] == ["choose", "sample"]


async def test_a_line_in_the_middle_that_is_none_is_named_and_nothing_is_changed(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    with Ledger(loop) as ledger:
        await do(ledger, 1, "choose", 1, write("a"))
        await do(ledger, 1, "sample", 1, write("b"))
    file = loop / "ledger.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    content = "\n".join([lines[0], lines[1].replace('"sample"', '"smple"'), lines[1]]) + "\n"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"ledger\.jsonl:2: not a line of a ledger"):
        Ledger(loop)
    assert file.read_text(encoding="utf-8") == content


async def test_of_two_lines_the_later_counts_and_all_are_in_the_order_of_rounds_and_steps(tmp_path: Path) -> None:
    done: tuple[tuple[int, Step, str], ...] = (
        (0, "base", "x"), (1, "verdict", "x"), (1, "choose", "x"), (0, "verdict", "x"), (1, "choose", "y"), (0, "train", "x"),
    )  # fmt: skip
    with Ledger(tmp_path / "loop") as ledger:
        for number, step, text in done:
            await do(ledger, number, step, text, write(text))
        assert len(ledger.entries) == 6
        found = [(entry.round, entry.step, entry.words[-1]) for entry in current(ledger.entries)]
    assert found == [(0, "base", "x"), (0, "train", "x"), (0, "verdict", "x"), (1, "choose", "y"), (1, "verdict", "x")]
    assert len(set(STEPS)) == len(STEPS)


def test_another_process_is_kept_out_and_let_in_after_it(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from harness.loop.ledger import Ledger\nLedger(Path(sys.argv[1]))"
    words = [sys.executable, "-c", program, str(tmp_path / "loop")]
    with Ledger(tmp_path / "loop"):
        refused = subprocess.run(words, capture_output=True, text=True, check=False)
        assert "another process is at work in this loop" in refused.stderr
        assert read_ledger(tmp_path / "loop") == [], "reading takes no lock"
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_a_directory_of_other_things_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ConfigError, match="is no loop's directory, and not empty"):
        Ledger(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.tex"]
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written to"):
        Ledger(tmp_path / "file/loop")
    with pytest.raises(ConfigError, match=r"file/ledger\.jsonl: not a directory"):
        read_ledger(tmp_path / "file")
    (tmp_path / "loop/ledger.jsonl").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"ledger\.jsonl: is a directory"):
        read_ledger(tmp_path / "loop")


async def test_a_full_disk_stops_the_loop_with_the_systems_words(tmp_path: Path) -> None:
    async def work(place: Path) -> Done:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(place))

    with Ledger(tmp_path / "loop") as ledger:
        with pytest.raises(LoopStoppedError) as stopped:
            await ledger.do(1, "export", 1, work)
        assert str(stopped.value) == f"No space left on device ({ledger.place(1, 'export')})"
        assert ledger.done(1, "export", 1) is None
        await do(ledger, 1, "export", 1, write("a"))


async def test_what_stopped_a_step_is_said_though_its_seconds_cannot_be_written(tmp_path: Path) -> None:
    async def work(place: Path) -> Done:
        note = place.parent / f".{place.name}.json"
        note.unlink()
        note.mkdir()  # nothing can take its place
        raise LoopStoppedError("training: the loss is not finite")

    with Ledger(tmp_path / "loop") as ledger, pytest.raises(LoopStoppedError, match="the loss is not finite"):
        await ledger.do(1, "train", 1, work)


async def test_an_interruption_stays_one(tmp_path: Path) -> None:
    async def work(place: Path) -> Done:
        place.touch()
        await asyncio.sleep(60)
        raise AssertionError

    with Ledger(tmp_path / "loop") as ledger:
        doing = asyncio.ensure_future(ledger.do(1, "sample", 1, work))
        await asyncio.sleep(0.05)
        doing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doing
        note = json.loads((tmp_path / "loop/round-1/.sample.json").read_text(encoding="utf-8"))
    assert note["seconds"] > 0
    assert read_ledger(tmp_path / "loop") == []


def test_digests_tell_contents_names_and_types_apart(tmp_path: Path) -> None:
    assert digest_of({"a": 1, "b": Path("x")}) == digest_of({"b": "x", "a": 1})
    assert len({digest_of(each) for each in (1, "1", [1], None, {"1": 1}, Split(), Split(own=1))}) == 7
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("x", encoding="utf-8")
    second.write_text("x", encoding="utf-8")
    assert digest_of_files(first) != digest_of_files(second)
    assert digest_of_files(first, second) == digest_of_files(tmp_path / "a", tmp_path / "b")
    before = digest_of_files(first, second)
    first.write_text("y", encoding="utf-8")
    assert digest_of_files(first, second) != before
    assert place_of(tmp_path, 3, "rows") == tmp_path / "round-3/rows"
