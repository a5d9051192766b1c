"""How hard a task is taken to be before anybody has tried it. That what is proven is a task is shown whole, in test_synth."""

from __future__ import annotations

import pytest

from tasks.synthesis.proof import difficulty_of
from tasks.writing import Origin


@pytest.mark.parametrize(
    ("origin", "kind", "difficulty"),
    [
        (Origin(made_by="synth", told="file", failing_tests=5), "bug", "easy"),
        (Origin(made_by="synth", told="symptom", failing_tests=5), "async", "medium"),
        (Origin(made_by="synth", told="symptom", failing_tests=1, combined=2, files=2), "bug", "hard"),
    ],
)
def test_difficulty_grows_with_what_is_combined_and_shrinks_with_what_is_told(origin: Origin, kind: str, difficulty: str) -> None:
    assert difficulty_of(origin, kind) == difficulty
