from __future__ import annotations

from pathlib import Path

import pytest

from training.errors import TrainingError
from training.new_directory import new_directory


def test_it_is_there_when_all_of_it_is(tmp_path: Path) -> None:
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial/left").write_text("by a command that was killed")
    (tmp_path / "out").mkdir()
    with new_directory(tmp_path / "out") as place:
        (place / "file").write_text("")
        assert not list((tmp_path / "out").iterdir())
    assert [file.name for file in tmp_path.rglob("*")] == ["out", "file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_of_one_that_was_not_finished(error: type[BaseException], tmp_path: Path) -> None:
    def fail() -> None:
        with new_directory(tmp_path / "deep/out") as place:
            (place / "file").write_text("")
            raise error

    with pytest.raises(error):
        fail()
    assert [file.name for file in tmp_path.rglob("*")] == ["deep"]


@pytest.mark.parametrize(
    ("name", "complaint"), [("full", "full is not empty; give a new"), ("full/file", "file is a file"), ("full/file/out", "cannot be made")]
)
def test_what_is_there_is_not_written_over(name: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("kept")
    with pytest.raises(TrainingError, match=complaint), new_directory(tmp_path / name):
        raise AssertionError
    assert (tmp_path / "full/file").read_text() == "kept"
