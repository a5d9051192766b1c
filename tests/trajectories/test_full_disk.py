"""A run directory on a disk that becomes full: what is at hand is still written, nothing is torn, and all of it is said by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.disks import fill, small_disk
from trajectories.store import RunStore, StoreError, read_results, read_trajectory
from trajectories.trajectory import Message, Trajectory
from trajectories.transcript import read_transcript

Make = Callable[..., Trajectory]

SAID = [Message(role="user", content="begin"), Message(role="assistant", content="I begin.")]
LONG = Message(role="assistant", content="ä" * 100_000)
MIB = 2**20


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small_disk(tmp_path_factory.mktemp("disk"), 24) as place:
        yield place


@pytest.fixture
def run(disk: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A run directory of the test's own, and afterwards the whole disk is free again."""
    yield disk / request.node.name
    (disk / "ballast").unlink(missing_ok=True)


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def begin(store: RunStore, ballast: Path, instance_id: str = "a") -> None:
    """A trial whose transcript is met by a disk that is full."""
    transcript = store.transcript(instance_id, 0)
    transcript.add(SAID)
    store.write("config.toml", "attempts = 1\n")
    fill(ballast)
    with pytest.raises(StoreError, match=r"no space left on the disk; free some and start the same command again$"):
        transcript.add([LONG])
    assert read_transcript(transcript.file) == SAID
    assert transcript.file.read_bytes().endswith(b"\n"), "what did not fit is not there in part"


def test_a_record_is_written_into_the_room_that_was_kept_and_nothing_more_is_to_be_begun(disk: Path, run: Path, make_trajectory: Make):
    trajectory = make_trajectory("a", messages=(*SAID, LONG), patch="diff\n" * 1000)
    with RunStore(run) as store:
        store.keep_room(8 * MIB)
        begin(store, disk)
        assert store.trouble is not None
        store.save(trajectory)
        assert read_trajectory(run / "trials/a/0") == trajectory
        assert names(run) == [".lock", "config.toml", "results.jsonl", "trials"], "the room is given up"
        store.save(make_trajectory("b"))
    assert [result.instance_id for result in read_results(run)] == ["a", "b"]


def test_what_finds_no_room_at_all_stays_as_its_transcript_beside_the_next_attempt(disk: Path, run: Path, make_trajectory: Make):
    with RunStore(run) as store:
        begin(store, disk)
        with pytest.raises(StoreError, match="no space left on the disk"):
            store.save(make_trajectory("a", messages=(*SAID, LONG)))
        with pytest.raises(StoreError, match="no space left on the disk"):
            store.transcript("b", 0)
        assert store.results == {}
    (disk / "ballast").unlink()
    with RunStore(run) as store:
        assert store.results == {}
        assert store.trouble is None
        assert read_transcript(run / "trials/a/0.cut-1/messages.jsonl") == SAID
        store.transcript("a", 0)
        store.save(make_trajectory("a"))
    assert names(run / "trials/a") == ["0", "0.cut-1"]
    assert [result.instance_id for result in read_results(run)] == ["a"]


def test_a_run_for_which_there_is_no_room_does_not_begin(disk: Path, run: Path):
    with RunStore(run) as store:
        with pytest.raises(StoreError, match="no space left on the disk"):
            store.keep_room(64 * MIB)
        assert names(run) == [".lock"]
    fill(disk)
    with pytest.raises(StoreError, match=r"no space left on device"):
        RunStore(run / "below")


def test_room_that_a_killed_run_had_kept_is_given_back(disk: Path, run: Path):
    store = RunStore(run)
    store.keep_room(8 * MIB)
    assert (run / ".room").stat().st_blocks * 512 >= 8 * MIB
    store._lock.close()  # as a kill does, without close()
    RunStore(run).close()
    assert names(run) == [".lock"]
