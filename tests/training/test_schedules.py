from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config import ScheduleSettings
from training.schedules import rate_at


def rates(steps: int, **settings: object) -> list[float]:
    made = ScheduleSettings.model_validate(settings)
    return [rate_at(step, steps, made) for step in range(steps)]


@given(st.integers(1, 200), st.sampled_from(["cosine", "wsd", "constant"]), st.floats(0, 0.9), st.floats(0.01, 1), st.floats(0, 1))
def test_rates_are_shares_that_rise_and_then_fall_and_none_is_wasted(
    steps: int, name: str, warmup: float, decay: float, floor: float
) -> None:
    made = rates(steps, name=name, warmup=warmup, decay=decay, floor=floor)
    assert all(0 < rate <= 1 + 1e-12 for rate in made)
    top = made.index(max(made))
    assert made[:top] == sorted(made[:top])
    assert made[top:] == sorted(made[top:], reverse=True)


def test_warmup_stable_decay() -> None:
    assert rates(10, name="wsd", warmup=0.2, decay=0.3) == pytest.approx([1 / 3, 2 / 3, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25])


def test_cosine_falls_to_half_in_the_middle_and_towards_the_floor() -> None:
    made = rates(100, name="cosine", warmup=0.0, floor=0.2)
    assert made[0] == 1
    assert made[50] == pytest.approx(0.6)
    assert 0.2 < made[99] < 0.201
