from __future__ import annotations

import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from training.checkpoints import State, load_latest, save  # noqa: E402
from training.errors import TrainingError  # noqa: E402


def state(step: int) -> State:
    return State(step=step, parameters={"a": torch.full((100,), float(step))}, fingerprint="f")


def names(directory: Path) -> list[str]:
    return sorted(place.name for place in directory.iterdir())


@pytest.mark.parametrize("left", [0, 3, 400, 1000])
def test_one_that_was_cut_off_is_passed_over_for_the_one_before_and_goes_when_the_run_is_past_it(tmp_path: Path, left: int) -> None:
    said: list[str] = []
    for step in (1, 2, 3):
        save(tmp_path, state(step), keep=2)
    assert names(tmp_path) == ["step-000002", "step-000003"]
    file = tmp_path / "step-000003/state.pt"
    file.write_bytes(file.read_bytes()[:left])
    found = load_latest(tmp_path, "f", say=said.append)
    assert found is not None
    assert (found.step, float(found.parameters["a"][0])) == (2, 2.0)
    assert len(said) == 1
    assert "step-000003 cannot be read (" in said[0]
    assert "\n" not in said[0]
    shutil.copytree(tmp_path / "step-000003", tmp_path / "step-000009")
    save(tmp_path, state(2), keep=1)
    assert names(tmp_path) == ["step-000002"]


def test_a_run_does_not_begin_anew_over_checkpoints_of_which_none_can_be_read_or_that_are_of_something_else(tmp_path: Path) -> None:
    assert load_latest(tmp_path / "none", "f", say=print) is None
    save(tmp_path, state(1), keep=2)
    with pytest.raises(TrainingError, match="other data or settings"):
        load_latest(tmp_path, "g", say=print)
    (tmp_path / "step-000001/state.pt").unlink()
    with pytest.raises(TrainingError, match=r"none of the checkpoints in .* remove it to begin anew"):
        load_latest(tmp_path, "f", say=print)
