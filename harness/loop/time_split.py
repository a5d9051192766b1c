"""Where the time of a run of rollouts went: the model's answers, boxes with their commands and grades, or the loop's own work."""

from __future__ import annotations

from pathlib import Path

from harness.loop.entry import Split
from trajectories.source import Unreadable, find, load


def split_of_run(directory: Path, seconds: float) -> Split:
    """`seconds` of the clock, in the proportions of what its rollouts record. What they record of nothing is the loop's own."""
    model = tests = whole = 0.0
    for entry in find([directory]):
        if isinstance(entry, Unreadable):
            continue
        try:
            trajectory = load(entry).trajectory
        except ValueError:  # its bytes are not those that were written: whoever selects it says so
            continue
        model += sum(turn.latency_seconds for turn in trajectory.turns)
        tests += sum(turn.tools_seconds for turn in trajectory.turns)
        tests += trajectory.box_seconds or 0.0  # as grading's own box is part of the grade
        tests += trajectory.grade.duration_seconds if trajectory.grade is not None else 0.0
        whole += trajectory.duration_seconds
    if not whole:
        return Split(own=seconds)
    return Split(model=seconds * model / whole, tests=seconds * tests / whole, own=seconds * max(0.0, 1 - (model + tests) / whole))
