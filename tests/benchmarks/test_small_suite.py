"""The small suites that loops are shown on."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.small_suite import write_suite
from tasks.overlap import refuse_shared
from tasks.suite import load_suite


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nothing_that_is_trained_on_is_held_out(tmp_path: Path, seed: int):
    write_suite(tmp_path / "suite", train=8, held_out=8, tasks=6, seed=seed)
    suite = load_suite(str(tmp_path / "suite"))
    train, held_out = suite.select((), split="train"), suite.select((), split="held-out")
    assert len(train.tasks) == len(held_out.tasks) == 48
    refuse_shared(train, held_out)
