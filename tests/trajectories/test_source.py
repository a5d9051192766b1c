"""Records are found by their index, checked against their digests, and what cannot be believed is told and left out."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.task import Finding
from trajectories.disk import append
from trajectories.source import Entry, Unreadable, find, load, read_place, to_line
from trajectories.store import Review, RunStore, StoreError, digest_of_trial
from trajectories.trajectory import Message, Segment, Trajectory, Turn, Usage

Make = Callable[..., Trajectory]

FLAG = Finding(rule="process_exit", weight="flag", path="src/a.ts", line=1, excerpt="process.exit(0)")


@pytest.fixture
def run(tmp_path: Path, make_trajectory: Make) -> Path:
    place = tmp_path / "run"
    with RunStore(place) as store:
        store.write("config.toml", "")
        for name in ("a", "b", "c"):
            store.save(make_trajectory(name))
    return place


def entries(*paths: Path) -> list[Entry]:
    found = list(find(paths))
    assert not [each for each in found if isinstance(each, Unreadable)]
    return [each for each in found if isinstance(each, Entry)]


def reasons(*paths: Path) -> dict[str, str]:
    """Of what is left out, by trial or file name."""
    left_out = {}
    for each in find(paths):
        if isinstance(each, Unreadable):
            left_out[Path(each.file).parent.parent.name if each.file.endswith("trajectory.json") else Path(each.file).name] = each.reason
            continue
        try:
            load(each)
        except ValueError as error:
            left_out[Path(each.place.file).parent.parent.name] = str(error)
    return left_out


def test_every_record_of_a_run_is_found_once_and_read(run: Path, make_trajectory: Make) -> None:
    found = entries(run, run, run.parent / "run/../run")
    assert [load(entry).trajectory for entry in found] == [make_trajectory(name) for name in ("a", "b", "c")]
    assert {entry.run for entry in found} == {"run"}
    assert reasons(run) == {}


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="neither a run directory nor a file"):
        list(find([tmp_path]))


@pytest.mark.parametrize("place", [0.0, 0.3, 0.7, 0.999])
def test_one_flipped_bit_anywhere_is_found(run: Path, place: float) -> None:
    file = run / "trials/b/0/trajectory.json"
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 1
    file.write_bytes(content)
    assert reasons(run) == {"b": "its bytes are not those that were written (another sha256)"}


def test_a_record_that_is_cut_off_is_found(run: Path) -> None:
    file = run / "trials/b/0/trajectory.json"
    file.write_bytes(file.read_bytes()[:-100])
    assert reasons(run) == {"b": "its bytes are not those that were written (another sha256)"}


def test_a_record_in_the_place_of_another_is_found(run: Path) -> None:
    mine, other = str(digest_of_trial(run / "trials/b/0")), str(digest_of_trial(run / "trials/a/0"))
    shutil.copy(run / "trials/a/0/trajectory.json", run / "trials/b/0/trajectory.json")
    index = run / "results.jsonl"
    index.write_text(index.read_text().replace(mine, other))
    assert reasons(run) == {"b": "it is the record of a#0"}


def test_a_record_that_is_gone_or_not_in_the_index_is_told(run: Path) -> None:
    shutil.rmtree(run / "trials/a")
    shutil.copytree(run / "trials/b", run / "trials/d")
    assert reasons(run) == {"a": "no such file or directory", "d": "not in the run's index; the run's own command mends it"}


def test_an_index_line_that_cannot_be_read_is_told(run: Path) -> None:
    index = run / "results.jsonl"
    first, *rest = index.read_bytes().split(b"\n")
    index.write_bytes(b"\n".join([first[:40], *rest]))
    assert reasons(run) == {
        "results.jsonl": "a line cannot be read; the run's own command mends it",
        "a": "not in the run's index; the run's own command mends it",
    }


def test_a_line_that_is_being_written_and_a_trial_before_its_line_are_waited_for(run: Path) -> None:
    """As a reader finds them who comes between two pages of one write, or between a trial's place and its line."""
    index = run / "results.jsonl"
    lines = index.read_bytes()
    halves = lines[: len(lines) - 40], lines[-40:]
    for first, rest in (halves, (b"", lines), (lines[: lines.index(b"\n") + 1], lines[lines.index(b"\n") + 1 :])):
        index.write_bytes(first)
        writer = threading.Timer(0.1, append, (index, rest))
        writer.start()
        assert reasons(run) == {}
        writer.join()
        assert index.read_bytes() == lines


def test_records_that_are_replaced_while_they_are_read_are_whole_or_told(run: Path, make_trajectory: Make) -> None:
    """A writer that puts new trials in the same place, as a run does after infrastructure failures."""
    stop = threading.Event()

    def write() -> None:
        with RunStore(run) as store:
            for number in range(1, 60):
                store.save(make_trajectory("b", tries=number))
            stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    read = []
    while not stop.is_set():
        for entry in find([run]):
            assert isinstance(entry, Entry)
            try:
                read.append(load(entry).trajectory)
            except ValueError as error:
                assert "another sha256" in str(error) or "no such file" in str(error)  # noqa: PT017 - both are right
    writer.join()
    assert {trajectory.instance_id for trajectory in read} == {"a", "b", "c"}


def test_a_decision_of_a_person_counts_even_where_the_index_does_not_have_it_yet(
    run: Path, make_trajectory: Make, make_grade: Make
) -> None:
    with RunStore(run) as store:
        for name in ("clear", "confirm", "none"):
            store.save(make_trajectory(name, grade=make_grade(integrity=(FLAG,))))
        before = (run / "results.jsonl").read_bytes()
        for name in ("clear", "confirm"):
            digest = digest_of_trial(run / f"trials/{name}/0")
            assert digest is not None
            store.review(
                Review(
                    instance_id=name, attempt=0, decision=name, note="n", reviewer="r", reviewed_at="2026-11-20", trajectory_sha256=digest
                )  # type: ignore[arg-type]
            )
    (run / "results.jsonl").write_bytes(before)
    found = {entry.result.instance_id: load(entry) for entry in entries(run) if entry.result}
    assert {name: (each.resolved, each.cleared) for name, each in found.items() if len(name) > 1} == {
        "clear": (True, True),
        "confirm": (False, False),
        "none": (False, False),
    }


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"turns": (Turn(message_index=1, finish_reason="", usage=Usage(), latency_seconds=0),)},
            "a turn names a message that is no answer",
        ),
        ({"turns": (Turn(message_index=-1, finish_reason="", usage=Usage(), latency_seconds=0),)}, "a turn names a message"),
        ({"turns": (Turn(message_index=99, finish_reason="", usage=Usage(), latency_seconds=0),)}, "a turn names a message"),
        ({"segments": (Segment(first_turn=0, start=2, opening=(0, 99)),)}, "a segment names a message that is not there"),
    ],
)
def test_a_record_whose_parts_do_not_fit_is_told(tmp_path: Path, make_trajectory: Make, fields: dict[str, object], reason: str) -> None:
    with RunStore(tmp_path / "run") as store:
        store.write("config.toml", "")
        store.save(make_trajectory("a", **fields))
    assert reason in reasons(tmp_path / "run")["a"]


def test_records_in_lines_come_back_and_each_damaged_one_is_told(tmp_path: Path, make_trajectory: Make) -> None:
    file = tmp_path / "rows.jsonl"
    made = [make_trajectory(name, messages=(Message(role="user", content="ä\u2028"), *make_trajectory().messages[1:])) for name in "abcd"]
    lines = [to_line(trajectory) for trajectory in made]
    file.write_bytes(b"".join(lines))
    assert [load(entry).trajectory for entry in entries(file)] == made
    assert all(load(entry).resolved is None for entry in entries(file))
    flipped = bytearray(lines[1])
    flipped[200] ^= 1
    file.write_bytes(lines[0] + bytes(flipped) + b"{}\n" + lines[2] + lines[3][:-30])
    found = list(find([file]))
    assert [type(each).__name__ for each in found] == ["Entry", "Entry", "Unreadable", "Entry", "Unreadable"]
    good, damaged, _, other, _ = found
    assert isinstance(good, Entry)
    assert isinstance(other, Entry)
    assert isinstance(damaged, Entry)
    assert (load(good).trajectory, load(other).trajectory) == (made[0], made[2])
    with pytest.raises(ValueError, match="another sha256"):
        load(damaged)


@settings(deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_line_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    trajectory = Trajectory.model_validate(
        {
            "instance_id": "a",
            "attempt": 0,
            "model": text,
            "sampling": {text: text},
            "tools": [],
            "messages": [],
            "turns": [],
            "started_at": "",
        }
        | {"duration_seconds": 0, "provenance": {}, "patch": text}
    )
    file = tmp_path_factory.mktemp("lines") / "rows.jsonl"
    file.write_bytes(to_line(trajectory))
    (entry,) = entries(file)
    assert read_place(entry.place) == trajectory
